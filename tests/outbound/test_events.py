"""Event streams by alias: scenarios 13.1 and 13.2."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.outbound.door import Door, door
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
ALL = b"data: come\n\ndata: go\n\n"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Door]]:
    with door() as upstream:

        def change(values: dict[str, Any], mock_url: str) -> None:
            limit = {"sustained": {"rate": 100, "window": "day"}}
            values["aliases"] = {"held": {"base_url": upstream.url, "rate_limit": limit}}

        with running(tmp_path_factory.mktemp("events"), change, timing="instant") as live:
            yield live, upstream


def test_p13_1_and_p_ex_02_each_event_passes_as_it_comes(parts: tuple[Live, Door]) -> None:
    live, upstream = parts
    upstream.close()
    with httpx2.stream("GET", f"{live.url}{PROXY}/held/x", headers=live.headers(), timeout=20) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-oagw-error-source"] == "upstream"
        assert answer.headers["x-ratelimit-limit"] == "100"
        pieces = answer.iter_raw()
        received = next(pieces)
        assert received == b"data: come\n\n"  # and the upstream has said no more yet
        assert upstream.inside == 1
        upstream.open()
        received += b"".join(pieces)
    assert received == ALL


def test_p13_2_a_caller_that_leaves_ends_the_call_at_the_upstream(parts: tuple[Live, Door]) -> None:
    live, upstream = parts
    upstream.close()
    with httpx2.stream("GET", f"{live.url}{PROXY}/held/x", headers=live.headers(), timeout=20) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"data: come\n\n"
        assert upstream.inside == 1
    live.until(lambda: upstream.inside == 0, "the upstream's connection is closed")
    upstream.open()
