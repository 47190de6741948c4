"""Which model the tests of seed 003 ask: the mock on a socket, or the real one where the environment says so."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dragoman.client.config import provider_from_env
from dragoman.mocks.app import MockApp, app
from dragoman.mocks.server import MockServer


@dataclass(frozen=True)
class OpenAIEndpoint:
    base_url: str
    api_key: str
    model: str = "gpt-4o-mini"
    mock: MockApp | None = None


def is_set(environ: Mapping[str, str], name: str, otherwise: bool = False) -> bool:
    said = environ.get(name)
    return otherwise if said is None else said.strip().lower() in ("1", "true", "yes", "on")


@asynccontextmanager
async def opened(environ: Mapping[str, str] = os.environ) -> AsyncIterator[OpenAIEndpoint]:
    """USE_REAL_OPENAI=true asks OPENAI_BASE_URL, or OpenAI itself, with OPENAI_API_KEY."""
    if is_set(environ, "USE_REAL_OPENAI"):
        url, key = provider_from_env(environ)
        assert key, "USE_REAL_OPENAI needs OPENAI_API_KEY"
        yield OpenAIEndpoint(url, key)
        return
    mock = app(timing="instant")
    async with MockServer(mock) as server:
        yield OpenAIEndpoint(f"{server.url}/v1", "sk-mock", mock=mock)
