"""Clients of each kind, one for all tests of a module; so these share an event loop, too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dragoman.client import AsyncClient
from tests.client import gateways
from tests.support.live import Live


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=gateways.MODES)
async def client(
    request: pytest.FixtureRequest, live: Live, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AsyncClient]:
    config = gateways.config(request.param, live, tmp_path_factory.mktemp("client"))
    async with AsyncClient(config) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=gateways.MODES[:2])
async def gateway(
    request: pytest.FixtureRequest, live: Live, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AsyncClient]:
    """Of a gateway only."""
    config = gateways.config(request.param, live, tmp_path_factory.mktemp("client"))
    async with AsyncClient(config) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=gateways.SOCKETED)
async def socketed(
    request: pytest.FixtureRequest, live: Live, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AsyncClient]:
    """Of what takes WebSockets: the gateway does from its own server alone."""
    config = gateways.config(request.param, live, tmp_path_factory.mktemp("client"))
    async with AsyncClient(config) as made:
        yield made
