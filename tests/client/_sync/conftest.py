"""Clients of each kind, one for all tests of a module."""

from collections.abc import Iterator

import pytest

from dragoman.client import Client
from tests.client import gateways
from tests.support.live import Live


@pytest.fixture(scope="module", params=gateways.MODES)
def client(request: pytest.FixtureRequest, live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(gateways.config(request.param, live, tmp_path_factory.mktemp("client"))) as made:
        yield made


@pytest.fixture(scope="module", params=gateways.MODES[:2])
def gateway(request: pytest.FixtureRequest, live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of a gateway only."""
    with Client(gateways.config(request.param, live, tmp_path_factory.mktemp("client"))) as made:
        yield made


@pytest.fixture(scope="module", params=gateways.SOCKETED)
def socketed(request: pytest.FixtureRequest, live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of what takes WebSockets: the gateway does from its own server alone."""
    with Client(gateways.config(request.param, live, tmp_path_factory.mktemp("client"))) as made:
        yield made
