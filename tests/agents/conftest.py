"""A mock of OpenAI's API on a real socket, at full speed."""

from collections.abc import AsyncIterator

import pytest

from dragoman.agents.openai import OpenAISkill
from dragoman.mocks.app import MockApp, app
from dragoman.mocks.server import MockServer


@pytest.fixture
def mock() -> MockApp:
    return app(timing="instant", models=["*"])


@pytest.fixture
async def url(mock: MockApp) -> AsyncIterator[str]:
    async with MockServer(mock) as server:
        yield f"{server.url}/v1"


@pytest.fixture
async def skill(url: str) -> AsyncIterator[OpenAISkill]:
    skill = OpenAISkill(api_key="sk-test", base_url=url)
    yield skill
    await skill.close()
