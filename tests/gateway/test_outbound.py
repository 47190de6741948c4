"""Alias calls through a whole gateway: what reaches the upstream, what comes back."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.gateway.connection import ConnectionLimits
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"


def change(values: dict[str, Any], mock_url: str) -> None:
    values["server"]["max_alias_body"] = 3_000_000
    values["aliases"]["echo"] = {"base_url": f"{mock_url}/echo", "headers": {"request": {"passthrough": "all"}}}
    values["aliases"]["generic"] = {"base_url": f"{mock_url}/echo"}
    values["aliases"]["based"] = {"base_url": f"{mock_url}/echo/v1"}
    values["aliases"]["keyed"] = {"base_url": f"{mock_url}/echo", "credential": "query api_key env:UPSTREAM_KEY"}
    values["aliases"]["shared"] = {"upstream": "mock-chat"}
    values["aliases"]["off"] = {"base_url": mock_url, "enabled": False}
    values["aliases"]["small"] = {"base_url": mock_url, "max_body": 10}
    values["aliases"]["routed"] = {
        "base_url": f"{mock_url}/echo",
        "headers": {
            "request": {"set": {"X-Set": "ours"}, "add": {"X-Added": "1"}, "remove": ["User-Agent"]},
            "response": {"set": {"X-Answer": "ours"}, "remove": ["content-type"]},
        },
        "routes": [
            {"match": {"methods": ["GET"], "path": "/v1/items", "query_allowlist": ["page"]}},
            {"match": {"methods": ["POST"], "path": "/v1/items", "suffix": "disabled"}},
            {"match": {"methods": ["GET"], "path": "/hidden"}, "enabled": False},
        ],
    }
    values["aliases"]["loop"] = {"base_url": f"{mock_url}/echo"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    state = tmp_path_factory.mktemp("outbound")
    with running(state, change, timing="instant", environ={"UPSTREAM_KEY": "k&1"}) as live:
        yield live


def call(live: Live, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
    headers = {**live.headers(), **options.pop("headers", {})}
    return httpx2.request(method, f"{live.url}{PROXY}{path}", headers=headers, timeout=20, **options)


def sent(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    assert response.headers["x-oagw-error-source"] == "upstream"
    return dict(response.json())


def names(echo: dict[str, Any]) -> set[str]:
    return {name.lower() for name, _ in echo["headers"]}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_any_method_passes(live: Live, method: str) -> None:
    assert sent(call(live, "/echo/x", method))["method"] == method


def test_head_passes_without_a_body(live: Live) -> None:
    response = call(live, "/echo/x", "HEAD")
    assert response.status_code == 200 and response.content == b""


@pytest.mark.parametrize(
    "target",
    ["/a%2Fb", "/a//b", "/a;x=1", "/?a=b+c&d=%20", "/x?", "/x?a&a=1&=", "/%E2%82%AC", "/a%3Fb", "/~!$'()*,", "/"],
)
def test_path_and_query_reach_the_upstream_as_written(live: Live, target: str) -> None:
    raw = live.raw(f"GET {PROXY}/echo{target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n\r\n".encode())
    echo = json.loads(raw.partition(b"\r\n\r\n")[2])
    path, mark, query = target.partition("?")
    assert echo["path"].endswith("/echo" + path)
    assert echo["query"] == query


@pytest.mark.parametrize(
    "path",
    ["/../x", "/a/../../x", "/%2e%2e/x", "/%2E./x", "/.%2e/x", "/%252e%252e/x", "/a/%2e%2e%2fx", "/a/..%5cx", "/..;/x",
     "/./x", "/%00", "/%0d%0aX:1", "/a%0a"],
)  # fmt: skip
def test_a_path_that_could_leave_its_base_is_refused(live: Live, path: str) -> None:
    before = live.received
    raw = live.raw(f"GET {PROXY}/echo{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 400 "), raw[:200]
    assert live.received == before


def test_a_base_path_is_not_doubled_and_not_left(live: Live) -> None:
    assert sent(call(live, "/based/echo/v1/models"))["path"] == "/echo/v1/models"
    assert sent(call(live, "/based/models"))["path"] == "/echo/v1/models"
    assert sent(call(live, "/based/echo/v1x"))["path"] == "/echo/v1/echo/v1x"


def test_an_alias_shares_its_upstream(live: Live) -> None:
    for path in ("/shared/v1/models", "/shared/models"):
        assert call(live, path).json()["object"] == "list"


def test_hop_by_hop_and_callers_secrets_stay_here(live: Live) -> None:
    echo = sent(
        call(
            live, "/echo/x",
            headers={
                "Connection": "close, X-Named", "X-Named": "1", "Keep-Alive": "1", "TE": "trailers", "Upgrade": "h2c",
                "Proxy-Authorization": "p", "Cookie": "c=1", "X-Api-Key": "k", "X-OAGW-Error-Source": "upstream",
                "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "X-Real-IP": "1.2.3.4", "X-Custom": "kept",
            },
        )
    )  # fmt: skip
    assert "x-custom" in names(echo)
    assert not names(echo) & {
        "connection", "x-named", "keep-alive", "te", "upgrade", "proxy-authorization", "authorization", "cookie",
        "x-api-key", "x-oagw-error-source", "x-forwarded-for", "forwarded", "x-real-ip",
    }  # fmt: skip
    assert live.key not in json.dumps(echo)


def test_by_default_only_headers_with_a_meaning_pass(live: Live) -> None:
    echo = sent(call(live, "/generic/x", headers={"X-Custom": "no", "Accept": "text/plain", "If-None-Match": '"a"'}))
    assert {"accept", "if-none-match"} <= names(echo) and "x-custom" not in names(echo)


def test_nothing_is_invented_but_via_the_request_id_and_a_trace(live: Live) -> None:
    raw = live.raw(f"GET {PROXY}/echo/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n\r\n".encode())
    echo = json.loads(raw.partition(b"\r\n\r\n")[2])
    assert names(echo) == {"host", "via", "x-request-id", "traceparent"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/routed/v1/items/7?page=2", 200, None),
        ("POST", "/routed/v1/items", 200, None),
        ("DELETE", "/routed/v1/items", 404, "route_not_found"),
        ("GET", "/routed/v1/itemsX", 404, "route_not_found"),
        ("GET", "/routed/hidden", 404, "route_not_found"),
        ("GET", "/routed/v1/items?size=2", 400, "query_not_allowed"),
        ("POST", "/routed/v1/items/7", 400, "path_suffix_not_allowed"),
        ("GET", "/off/x", 503, "upstream_disabled"),
    ],
)
def test_routes_take_what_they_match(live: Live, method: str, path: str, status: int, code: str | None) -> None:
    before = live.received
    response = call(live, path, method)
    assert response.status_code == status
    if code is not None:
        assert response.json()["code"] == code
        assert response.headers["x-oagw-error-source"] == "gateway"
        assert live.received == before


def test_header_rules_apply_both_ways(live: Live) -> None:
    response = call(live, "/routed/v1/items", headers={"X-Set": "theirs", "User-Agent": "theirs", "X-Other": "o"})
    headers = {name.lower(): value for name, value in response.json()["headers"]}
    assert (headers["x-set"], headers["x-added"]) == ("ours", "1")
    assert not headers.keys() & {"user-agent", "x-other"}
    assert response.headers["x-answer"] == "ours" and "content-type" not in response.headers


def test_an_alias_may_have_a_smaller_cap(live: Live) -> None:
    assert call(live, "/small/echo", "POST", content=b"0123456789").status_code == 200
    assert call(live, "/small/echo", "POST", content=b"0123456789a").status_code == 413


def test_a_request_that_comes_back_is_a_508(live: Live) -> None:
    via = dict((name.lower(), value) for name, value in sent(call(live, "/loop/x"))["headers"])["via"]
    response = call(live, "/loop/x", headers={"Via": f"1.1 other, {via}"})
    assert response.status_code == 508
    assert response.json()["code"] == "loop_detected"


def test_a_query_credential_is_added_and_cannot_be_overridden(live: Live) -> None:
    assert sent(call(live, "/keyed/x?a=1&api_key=mine"))["query"] == "a=1&api_key=k%261"


@pytest.mark.parametrize("size", [0, 1, 70_000, 2_900_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_pass_whole_both_ways(live: Live, size: int, chunked: bool) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    echo = sent(call(live, "/echo/x", "POST", content=pieces() if chunked else body))
    assert echo["body_length"] == size
    assert echo["body_sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_cap_is_a_413(live: Live, chunked: bool) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(100_000)

    try:
        response = call(live, "/echo/x", "POST", content=pieces() if chunked else bytes(5_000_000))
    except httpx2.WriteError:
        return  # refused so early that the client was still sending
    assert response.status_code == 413
    assert response.json()["code"] == "payload_too_large"


def test_unknown_and_forbidden_aliases_look_alike(live: Live) -> None:
    scoped = live.headers(live.issue(aliases=["weather"]))
    unknown = httpx2.get(f"{live.url}{PROXY}/nothing/x", headers=scoped)
    forbidden = httpx2.get(f"{live.url}{PROXY}/echo/x", headers=scoped)
    assert unknown.status_code == forbidden.status_code == 404
    assert unknown.json()["error"] == "Unknown alias: nothing"
    assert forbidden.json()["error"] == "Unknown alias: echo"
    assert httpx2.get(f"{live.url}{PROXY}/weather/current", headers=scoped).status_code == 200
    status = httpx2.get(f"{live.url}/api/oagw/v1/status", headers=scoped).json()
    assert status["registered_aliases"] == ["weather"]


def test_a_missing_key_is_401_and_a_wrong_one_403(live: Live) -> None:
    missing = httpx2.get(f"{live.url}{PROXY}/weather/current")
    wrong = httpx2.get(f"{live.url}{PROXY}/weather/current", headers=live.headers("nope"))
    assert (missing.status_code, wrong.status_code) == (401, 403)
    for response in (missing, wrong):
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["x-oagw-error-source"] == "gateway"
        assert response.json()["type"] == "gts.cf.core.errors.err.v1~cf.oagw.auth.failed.v1"


def test_an_alias_call_is_booked(live: Live) -> None:
    call(live, "/echo/x")
    row = live.rows(1)[0]
    assert (row.reservation.kind, row.reservation.name, row.state) == ("alias", "echo", "settled")


def test_a_slow_body_is_cut_off(tmp_path: Path) -> None:
    def impatient(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        values["server"]["body_timeout"] = 0.3

    with running(tmp_path, impatient, environ={"UPSTREAM_KEY": "k"}, limits=ConnectionLimits()) as live:
        for path, length in ((f"{PROXY}/echo/x", 10), (f"{PROXY}/echo/x", 2_000_000), ("/v1/chat/completions", 10)):
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n"
            answer = live.raw(f"{head}Content-Length: {length}\r\n\r\nabc".encode())
            assert answer.startswith(b"HTTP/1.1 408 "), path
