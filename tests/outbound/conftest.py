"""A gateway whose management API may reach the mock upstreams, which are on loopback."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.outbound.api import Api
from tests.support.live import Live, running


def change(values: dict[str, Any], mock_url: str) -> None:
    values["outbound"] = {"allow_cidrs": ["127.0.0.1/32"], "allow_http": True, "secrets": ["env:OUTBOUND_*"]}
    values["aliases"]["routed"] = {
        "base_url": mock_url,
        "tags": ["of-the-file"],
        "routes": [{"match": {"methods": ["GET"], "path": "/echo"}}],
    }


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("managed"), change, timing="instant", environ={"OUTBOUND_KEY": "k1"}) as live:
        yield live


@pytest.fixture(scope="module")
def api(managed: Live) -> Iterator[Api]:
    api = Api(managed)
    with api.client:
        yield api
