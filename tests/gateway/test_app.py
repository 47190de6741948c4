"""What holds for every call: admission, the two headers, the outermost handler, reload."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.errors import ConfigError
from tests.support.live import Live, running


@pytest.mark.parametrize(
    ("path", "family"),
    [("/", "problem"), ("/nope", "problem"), ("/v1/nope", "openai"), ("/v1/filesystem", "openai"), ("/v1", "problem"),
     ("/api/oagw/v1/nope", "problem"), ("/V1/chat/completions", "problem"), ("/v1/chat/completions/", "openai"),
     ("/v1/%63hat/completions", "openai"), ("//v1/chat/completions", "problem"), ("/v1//chat/completions", "openai")],
)  # fmt: skip
def test_what_no_route_takes_is_a_404_of_its_family(live: Live, path: str, family: str) -> None:
    response = httpx2.get(f"{live.url}{path}", headers=live.headers())
    assert response.status_code == 404
    assert response.headers["x-oagw-error-source"] == "gateway" and response.headers["x-request-id"]
    if family == "problem":
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "not_found"
    else:
        assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("GET", "/v1/chat/completions", "POST"), ("POST", "/v1/models", "GET, HEAD"), ("DELETE", "/health", "GET, HEAD"),
])  # fmt: skip
def test_a_wrong_method_is_a_405_that_says_which_are_right(live: Live, method: str, path: str, allow: str) -> None:
    response = httpx2.request(method, f"{live.url}{path}", headers=live.headers())
    assert response.status_code == 405
    assert response.headers["allow"] == allow


@pytest.mark.parametrize("given", ["abc-123", "a" * 128])
def test_a_callers_request_id_is_kept(live: Live, given: str) -> None:
    assert httpx2.get(f"{live.url}/health", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "<script>", "a\tb"])
def test_an_unsafe_request_id_is_replaced(live: Live, given: str) -> None:
    answered = httpx2.get(f"{live.url}/health", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert answered.startswith("req_")


def test_a_repeated_request_id_books_two_calls(live: Live) -> None:
    for _ in range(2):
        httpx2.get(
            f"{live.url}/api/oagw/v1/proxy/weather/current",
            headers={**live.headers(), "X-Request-ID": "same"},
        )
    rows = live.rows(2)
    assert [row.reservation.request_id for row in rows] == ["same", "same"]
    assert rows[0].reservation.call_id != rows[1].reservation.call_id


def test_two_values_of_a_header_that_decides_are_refused(live: Live) -> None:
    key = live.key
    twice = f"Authorization: Bearer {key}\r\nAuthorization: Bearer other\r\n"
    answer = live.raw(f"GET /v1/models HTTP/1.1\r\nHost: x\r\n{twice}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_host_decides_nothing(live: Live) -> None:
    for host in ("evil.example", "127.0.0.1", "admin.internal:8088"):
        answer = live.raw(f"GET /admin/keys HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 401 ")


def test_calls_beyond_the_cap_are_turned_away_and_told_when_to_come_back(tmp_path: Path) -> None:
    def one_at_a_time(values: dict[str, Any], mock_url: str) -> None:
        values["server"]["max_in_flight"] = 1
        values["upstreams"]["stalled"] = {"base_url": f"{mock_url}/scenario/stall/v1", "direct": True}

    with running(tmp_path, one_at_a_time) as live:
        body = {"model": "stalled/gpt-4", "messages": []}

        def occupy() -> None:
            with pytest.raises(httpx2.ReadTimeout):
                httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(), timeout=1.5)

        thread = threading.Thread(target=occupy)
        thread.start()
        live.until(lambda: live.gateway.in_flight == 1, "the first call is in flight")
        response = httpx2.get(f"{live.url}/api/oagw/v1/proxy/weather/current", headers=live.headers())
        assert response.status_code == 503
        assert response.json()["code"] == "overloaded"
        assert response.headers["retry-after"] == "1"
        thread.join()
        live.until(lambda: live.gateway.in_flight == 0, "the call has ended")


def test_a_defect_is_a_500_that_tells_nothing_but_its_id(tmp_path: Path) -> None:
    with running(tmp_path) as live:
        del live.gateway.runtime.upstreams["mock-chat"]  # type: ignore[attr-defined]
        body = {"model": "gpt-4", "messages": [{"role": "user", "content": "x"}]}
        response = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers())
        assert response.status_code == 500
        assert response.json()["error"]["code"] == "internal_error"
        assert "mock-chat" not in response.text
        assert live.rows(1)[0].state == "failed"


def test_a_reload_swaps_everything_or_nothing(tmp_path: Path) -> None:
    shared: dict[str, Any] = {}

    def keep(values: dict[str, Any], mock_url: str) -> None:
        shared["values"] = values

    with running(tmp_path, keep) as live:
        reload = f"{live.url}/admin/reload"
        admin = live.headers(live.admin_key)
        values = shared["values"]
        values["aliases"]["extra"] = {"base_url": f"{live.mock_url}/weather"}
        assert httpx2.post(reload, headers=admin).json() == {"reloaded": True, "needs_restart": []}
        assert httpx2.get(f"{live.url}/api/oagw/v1/proxy/extra/current", headers=live.headers()).status_code == 200

        values["aliases"]["broken"] = {"base_url": "ftp://nope"}
        del values["aliases"]["extra"]
        refused = httpx2.post(reload, headers=admin)
        assert refused.status_code == 400
        assert "aliases.broken.base_url" in refused.json()["error"]
        assert httpx2.get(f"{live.url}/api/oagw/v1/proxy/extra/current", headers=live.headers()).status_code == 200

        del values["aliases"]["broken"]
        values["server"]["port"] = 1234
        values["store"]["strict"] = True
        assert httpx2.post(reload, headers=admin).json()["needs_restart"] == ["server.port", "store.strict"]
        assert httpx2.get(f"{live.url}/api/oagw/v1/proxy/extra/current", headers=live.headers()).status_code == 404


def test_a_call_in_flight_finishes_with_the_configuration_it_began_with(tmp_path: Path) -> None:
    def slow(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["slow"] = {"base_url": f"{mock_url}/scenario/delay:40/v1", "direct": True}

    with running(tmp_path, slow) as live:
        body = {"model": "slow/gpt-4", "stream": True, "messages": [{"role": "user", "content": "a b c d e"}]}
        with httpx2.stream("POST", f"{live.url}/v1/chat/completions", json=body, headers=live.headers()) as response:
            lines = response.iter_lines()
            next(lines)
            httpx2.post(f"{live.url}/admin/reload", headers=live.headers(live.admin_key)).raise_for_status()
            rest = "\n".join(lines)
        assert rest.rstrip().endswith("data: [DONE]") and '"finish_reason":"stop"' in rest


def test_an_upstream_that_is_this_gateway_is_refused_at_the_start(tmp_path: Path) -> None:
    def circle(values: dict[str, Any], mock_url: str) -> None:
        values["server"]["port"] = 18088
        values["upstreams"]["me"] = {"base_url": "http://localhost:18088/v1"}

    with pytest.raises(ConfigError, match=r"upstreams\.me\.base_url.*this gateway itself"), running(tmp_path, circle):
        pass


def test_each_call_leaves_one_log_line_without_a_secret(tmp_path: Path) -> None:
    canary = "canary-4711"
    with running(tmp_path) as live:
        body = {"model": "gpt-4", "messages": [{"role": "user", "content": canary}]}
        headers = {**live.headers(), "X-Api-Key": canary, "Cookie": canary}
        httpx2.post(f"{live.url}/v1/chat/completions?q={canary}", json=body, headers=headers)
        httpx2.get(f"{live.url}/api/oagw/v1/proxy/weather/current?city={canary}", headers=headers)
        key = live.key
    text = b"".join(live.log).decode()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["family"] for line in lines] == ["chat", "proxy"]
    assert canary not in text and key not in text
