"""What the end-to-end tests share: a running demo for each module, and clients of it that are closed again."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from hypothesis import settings

from tests.support.live import Live, running

# How long an example takes is the machine's affair; a budget of examples is each test's own.
settings.register_profile("dragoman", deadline=None)
settings.load_profile("dragoman")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs a Node installation, or twenty minutes, runs only where it is asked for by name."""
    for name in ("clients", "soak"):
        if collection_path == Path(__file__).parent / name:
            return not any(f"tests/{name}" in argument for argument in config.invocation_params.args) or None
    return None


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The demo, its mock upstreams at full speed. A module with other wishes defines its own."""
    with running(tmp_path_factory.mktemp("live"), timing="instant") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def http(live: Live) -> Iterator[httpx2.Client]:
    """A client with a key."""
    with httpx2.Client(base_url=live.url, headers=live.headers(), trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def anonymous(live: Live) -> Iterator[httpx2.Client]:
    """A client without one."""
    with httpx2.Client(base_url=live.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def sdk(live: Live) -> Iterator[openai.OpenAI]:
    """The official SDK, pointed at the gateway; each call is made once."""
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_sdk(live: Live) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0, timeout=30) as client:
        yield client
