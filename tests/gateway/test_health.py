from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.version import __version__
from tests.redis_server import RedisServer
from tests.support.live import Change, Live, running


@pytest.mark.parametrize("path", ["/health", "/healthz", "/readyz", "/status", "/version"])
def test_probes_need_no_key_and_name_nothing(live: Live, path: str) -> None:
    response = httpx2.get(live.url + path)
    assert response.status_code == 200
    assert response.headers["x-oagw-error-source"] == "gateway" and response.headers["x-request-id"]
    for secret in ("weather", "mock-chat", "/tmp", "sqlite"):
        assert secret not in response.text


def test_health_is_as_seed_002_has_it(live: Live) -> None:
    assert httpx2.get(f"{live.url}/health").json() == {"status": "healthy", "service": "dragoman"}


def test_the_outbound_status_takes_any_key(live: Live) -> None:
    url = f"{live.url}/api/oagw/v1/status"
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, headers=live.headers("wrong")).status_code == 403
    status = httpx2.get(url, headers=live.headers()).json()
    assert (status["status"], status["version"]) == ("operational", __version__)
    assert status["uptime"] < 600
    assert status["registered_aliases"] == ["openai", "github", "weather", "calculator", "stream-test"]


def test_metrics_take_an_admin_key_unless_made_public(tmp_path: Path, live: Live) -> None:
    assert httpx2.get(f"{live.url}/metrics").status_code == 401
    assert httpx2.get(f"{live.url}/metrics", headers=live.headers()).status_code == 403
    text = httpx2.get(f"{live.url}/metrics", headers=live.headers(live.admin_key)).text
    assert "dragoman_requests_in_flight 1.0" in text

    def public(values: dict[str, Any], mock_url: str) -> None:
        values["server"]["metrics_public"] = True

    with running(tmp_path, public) as live:
        assert httpx2.get(f"{live.url}/metrics").status_code == 200


def test_readiness_ends_when_the_drain_begins(tmp_path: Path) -> None:
    with running(tmp_path) as live:
        live.gateway.begin_drain()
        ready = httpx2.get(f"{live.url}/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "shutting_down")
        assert ready.headers["retry-after"]
        assert httpx2.get(f"{live.url}/healthz").status_code == 200


def counting(url: str, *, fail_open: bool = False) -> Change:
    def change(values: dict[str, Any], mock_url: str) -> None:
        values["store"] |= {"counters": url, "counters_fail_open": fail_open}

    return change


def test_readiness_takes_the_counters_that_limits_need(
    tmp_path: Path, redis_server: RedisServer, redis_url: str
) -> None:
    with running(tmp_path, counting(redis_url)) as live:
        assert httpx2.get(f"{live.url}/readyz").status_code == 200
        redis_server.stop()
        ready = httpx2.get(f"{live.url}/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "store_unavailable")
        redis_server.start()
        assert httpx2.get(f"{live.url}/readyz").status_code == 200


def test_readiness_does_without_counters_that_calls_may_do_without(tmp_path: Path) -> None:
    with running(tmp_path, counting("redis://127.0.0.1:1/0", fail_open=True)) as live:
        assert httpx2.get(f"{live.url}/readyz").status_code == 200
