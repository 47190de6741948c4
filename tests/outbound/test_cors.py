"""Calls from pages of other origins: scenarios P10.2, N10.3, 21.1 and 21.2."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from dragoman.config import Layer, parse
from dragoman.errors import ConfigError
from tests.support.live import Live, running

PAGE = "https://app.example.com"
ASKED = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def change(values: dict[str, Any], mock_url: str) -> None:
    echo = {"base_url": f"{mock_url}/echo"}
    cors = {"enabled": True, "origins": [PAGE], "methods": ["GET", "POST"], "expose": ["x-request-id"]}
    values["aliases"]["open"] = {**echo, "cors": cors}
    values["aliases"]["plain"] = echo
    other = {**cors, "origins": ["https://other.example.com"]}
    routes = [
        {"match": {"methods": ["GET"], "path": "/mine"}},
        {"match": {"methods": ["GET"], "path": "/other"}, "cors": other},
        {"match": {"methods": ["GET"], "path": "/off"}, "cors": {"enabled": False}},
    ]
    values["aliases"]["routed"] = {**echo, "cors": cors, "routes": routes}
    values["aliases"]["down"] = {"base_url": "http://127.0.0.1:1", "cors": cors}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("cors"), change, timing="instant") as live:
        yield live


def preflight(live: Live, path: str, **headers: str) -> httpx2.Response:
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.request("OPTIONS", f"{live.url}/api/oagw/v1/proxy/{path}", headers={**ASKED, **asked}, timeout=20)


def call(live: Live, path: str, origin: str | None, method: str = "GET") -> httpx2.Response:
    headers = live.headers() if origin is None else {**live.headers(), "Origin": origin}
    return httpx2.request(method, f"{live.url}/api/oagw/v1/proxy/{path}", headers=headers, timeout=20)


def allows(answer: httpx2.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


def test_p10_2_a_preflight_is_answered_without_a_key_and_without_the_upstream(live: Live) -> None:
    before = live.received
    answer = preflight(live, "open/x")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "content-type"
    assert answer.headers["access-control-max-age"] == "600"
    assert "Origin" in answer.headers["vary"]
    assert answer.headers["x-oagw-error-source"] == "gateway"
    assert live.received == before


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("open/x", {"Origin": "https://evil.example.com"}),
        ("nowhere/x", {}),
        ("plain/x", {}),
        ("routed/none", {}),
        ("routed/off", {"Access_Control_Request_Method": "GET"}),
    ],
)
def test_p10_2_every_preflight_that_is_not_permitted_gets_the_same_refusal(
    live: Live, path: str, changed: dict[str, str]
) -> None:
    answer = preflight(live, path, **changed)
    assert (answer.status_code, answer.json()["code"]) == (403, "cors_origin_not_allowed")
    assert answer.json()["detail"] == "Pages of this origin may not call this alias."
    assert allows(answer) == []
    assert answer.headers["vary"] == "Origin"


def test_p10_2_a_preflight_for_another_method_or_header_is_refused(live: Live) -> None:
    method = preflight(live, "open/x", Access_Control_Request_Method="DELETE")
    assert (method.status_code, method.json()["type"].split(".oagw.")[1]) == (403, "cors.method_not_allowed.v1")
    header = preflight(live, "open/x", Access_Control_Request_Headers="x-secret")
    assert (header.status_code, header.json()["code"]) == (403, "cors_header_not_allowed")
    assert allows(method) == allows(header) == []


def test_p10_2_a_call_from_another_origin_or_by_another_method_is_a_403_before_anything_goes_out(live: Live) -> None:
    before = live.received
    origin, method = call(live, "open/x", "https://evil.example.com"), call(live, "open/x", PAGE, "DELETE")
    assert (origin.status_code, origin.json()["code"]) == (403, "cors_origin_not_allowed")
    assert (method.status_code, method.json()["code"]) == (403, "cors_method_not_allowed")
    assert allows(origin) == allows(method) == []
    assert live.received == before


def test_21_1_an_answer_names_the_origin_and_varies_by_it(live: Live) -> None:
    answer = call(live, "open/x", PAGE)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == "x-request-id"
    assert answer.headers["vary"] == "Origin"
    without = call(live, "open/x", None)
    assert (without.status_code, without.headers["vary"], allows(without)) == (200, "Origin", [])


def test_21_1_a_page_can_read_the_gateways_own_errors(live: Live) -> None:
    answer = call(live, "down/x", PAGE)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (502, PAGE)


def test_21_1_an_alias_without_a_rule_leaves_origins_to_its_upstream(live: Live) -> None:
    answer = call(live, "plain/x", PAGE)
    assert answer.status_code == 200 and "vary" not in answer.headers
    options = httpx2.request(
        "OPTIONS", f"{live.url}/api/oagw/v1/proxy/plain/x", headers={**ASKED, **live.headers()}, timeout=20
    )
    assert options.json()["method"] == "OPTIONS"


def test_21_2_a_routes_own_rule_stands_for_its_upstreams(live: Live) -> None:
    assert call(live, "routed/mine", PAGE).status_code == 200
    assert call(live, "routed/other", PAGE).status_code == 403
    assert call(live, "routed/other", "https://other.example.com").status_code == 200
    assert allows(call(live, "routed/off", PAGE)) == []


def test_n10_3_credentials_for_every_origin_are_refused_at_the_start() -> None:
    cors = {"enabled": True, "origins": ["*"], "credentials": True}
    with pytest.raises(ConfigError) as refused:
        parse([Layer("file", {"aliases": {"a": {"base_url": "https://a.example.com", "cors": cors}}})])
    assert refused.value.key == "aliases.a.cors.origins"
