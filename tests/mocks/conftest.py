"""A mock on a real socket, at full speed, and clients for it that are closed again."""

from collections.abc import AsyncIterator

import anthropic
import httpx2
import openai
import pytest

from dragoman.mocks.app import MockApp, app
from dragoman.mocks.server import MockServer


@pytest.fixture
def mock() -> MockApp:
    return app(timing="instant")


@pytest.fixture
async def server(mock: MockApp) -> AsyncIterator[MockServer]:
    async with MockServer(mock) as running:
        yield running


@pytest.fixture
async def http_client(server: MockServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.fixture
async def sdk(server: MockServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.fixture
async def claude(server: MockServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key="sk-test", max_retries=0) as client:
        yield client
