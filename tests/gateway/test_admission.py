"""Where limits are counted, and what becomes of calls while no one can count."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.errors import ConfigError
from tests.redis_server import RedisServer, redis_server, redis_url
from tests.support.live import Live, running

__all__ = ["redis_server", "redis_url"]

PROXY = "/api/oagw/v1/proxy"
THREE_A_DAY = {"sustained": {"rate": 3, "window": "day"}, "scope": "global"}


def configured(url: str, **store: Any) -> Any:
    def change(values: dict[str, Any], mock_url: str) -> None:
        values["store"] |= {"counters": url, **store}
        values["aliases"]["limited"] = {"base_url": f"{mock_url}/echo", "rate_limit": THREE_A_DAY}
        values["aliases"]["free"] = {"base_url": f"{mock_url}/echo"}

    return change


def call(live: Live, alias: str = "limited") -> httpx2.Response:
    return httpx2.get(f"{live.url}{PROXY}/{alias}/x", headers=live.headers(), timeout=30)


def test_gateways_on_one_redis_share_their_limits(tmp_path: Path, redis_url: str) -> None:
    with (
        running(tmp_path / "a", configured(redis_url), timing="instant") as first,
        running(tmp_path / "b", configured(redis_url), timing="instant") as second,
    ):
        seen = [call(live) for live in (first, second, first, second, first)]
    assert [response.status_code for response in seen] == [200, 200, 200, 429, 429]
    assert [response.headers["x-ratelimit-remaining"] for response in seen] == ["2", "1", "0", "0", "0"]


def test_while_no_one_can_count_limited_calls_are_refused(
    tmp_path: Path, redis_url: str, redis_server: RedisServer
) -> None:
    with running(tmp_path, configured(redis_url), timing="instant") as live:
        redis_server.stop()
        refused = call(live)
        assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
        assert refused.headers["retry-after"] == "5"
        assert call(live, "free").status_code == 200
        redis_server.start()
        assert call(live).status_code == 200


def test_while_no_one_can_count_calls_pass_if_that_is_wished(
    tmp_path: Path, redis_url: str, redis_server: RedisServer
) -> None:
    with running(tmp_path, configured(redis_url, counters_fail_open=True), timing="instant") as live:
        redis_server.stop()
        for _ in range(5):
            passed = call(live)
            assert passed.status_code == 200
            assert "x-ratelimit-limit" not in passed.headers
        redis_server.start()
        assert [call(live).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("url", ["redis:127.0.0.1", "http://127.0.0.1", "memcached", "memory2", ""])
def test_a_store_that_cannot_be_is_an_error_at_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"store\.counters"), running(tmp_path, configured(url)):
        pass


def test_a_reload_changes_rules_and_forgets_no_bucket_and_no_place(tmp_path: Path) -> None:
    shared: dict[str, Any] = {}

    def change(values: dict[str, Any], mock_url: str) -> None:
        shared["values"] = values
        values["aliases"]["limited"] = {"base_url": f"{mock_url}/echo", "rate_limit": THREE_A_DAY}
        stalling = f"{mock_url}/scenario/stall-after:1/stream-test"
        values["aliases"]["held"] = {"base_url": stalling, "concurrency": {"max": 1}}

    with running(tmp_path, change, timing="instant") as live:
        assert [call(live).status_code for _ in range(2)] == [200, 200]
        with httpx2.stream("GET", f"{live.url}{PROXY}/held/events", headers=live.headers()):
            shared["values"]["aliases"]["limited"]["rate_limit"] = {**THREE_A_DAY, "burst": 3, "cost": 2}
            shared["values"]["aliases"]["extra"] = {"base_url": f"{live.mock_url}/echo"}
            assert httpx2.post(f"{live.url}/admin/reload", headers=live.headers(live.admin_key)).status_code == 200
            assert call(live).status_code == 429, "one is left, and a call costs two now"
            held = httpx2.get(f"{live.url}{PROXY}/held/events", headers=live.headers())
            assert held.json()["code"] == "concurrency_limit_exceeded"
