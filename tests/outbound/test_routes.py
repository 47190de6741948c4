"""Routes through the management API: scenario 3 of the outbound contract, and `explain`."""

import re
from typing import Any

import pytest

from tests.outbound.api import Api, problem


def test_p3_1_a_route_is_made_and_taken(api: Api) -> None:
    upstream = api.upstream("p31")
    route = api.route(upstream, "/echo", "GET", "POST", tags=["t"])
    assert (route["enabled"], route["priority"], route["match"]["methods"]) == (True, 0, ["GET", "POST"])
    assert route["upstream_id"] == upstream["id"]
    assert api.proxy("/p31/echo/x").json()["path"] == "/echo/x"
    assert problem(api.proxy("/p31/weather/current")) == (404, "route_not_found")


def test_n3_2_a_method_that_is_not_listed_is_a_404(api: Api) -> None:
    api.route(api.upstream("n32"), "/echo", "GET")
    assert problem(api.proxy("/n32/echo", "DELETE")) == (404, "route_not_found")
    assert api.proxy("/n32/echo").status_code == 200


def test_n3_3_an_unknown_query_parameter_is_a_400(api: Api) -> None:
    upstream = api.upstream("n33")
    api.route(upstream, "/echo/some", match={"query_allowlist": ["page"]})
    api.route(upstream, "/echo/none", match={"query_allowlist": []})
    assert api.proxy("/n33/echo/some?page=1").json()["query"] == "page=1"
    assert problem(api.proxy("/n33/echo/some?page=1&size=2")) == (400, "query_not_allowed")
    assert problem(api.proxy("/n33/echo/none?page=1")) == (400, "query_not_allowed")


def test_n3_4_and_p3_5_a_path_goes_on_only_where_it_may(api: Api) -> None:
    upstream = api.upstream("n34")
    api.route(upstream, "/echo/exact", match={"suffix": "disabled"})
    api.route(upstream, "/echo/open", match={"suffix": "append"})
    assert api.proxy("/n34/echo/exact").status_code == 200
    assert problem(api.proxy("/n34/echo/exact/more")) == (400, "path_suffix_not_allowed")
    assert api.proxy("/n34/echo/open/users/123").json()["path"] == "/echo/open/users/123"
    assert problem(api.proxy("/n34/echo/opener")) == (404, "route_not_found")


def test_p3_6_the_higher_priority_wins(api: Api) -> None:
    upstream = api.upstream("p36")
    api.route(upstream, "/echo", priority=0)
    high = api.route(upstream, "/echo", priority=10, match={"query_allowlist": []})
    assert problem(api.proxy("/p36/echo?x=1")) == (400, "query_not_allowed")
    api.request("DELETE", f"/routes/{high['id']}")
    assert api.proxy("/p36/echo?x=1").status_code == 200


def test_n3_7_p3_9_and_p3_10_a_route_is_switched_off_listed_and_on(api: Api) -> None:
    upstream = api.upstream("n37")
    route = api.replace("routes", api.route(upstream, "/echo"), enabled=False)
    assert problem(api.proxy("/n37/echo")) == (404, "route_not_found")
    listed = api.request("GET", "/routes", params={"$filter": f"upstream_id eq '{upstream['id']}'"}).json()
    assert [item["enabled"] for item in listed["items"]] == [False]
    api.replace("routes", route, enabled=True)
    assert api.proxy("/n37/echo").status_code == 200


def test_p7_1_path_and_query_reach_the_endpoint_below_its_path(api: Api) -> None:
    api.upstream("p71", endpoints=[{**api.endpoint(), "path": "/echo/v1"}])
    echo = api.proxy("/p71/users/1?a=%20b&c").json()
    assert (echo["path"], echo["query"]) == ("/echo/v1/users/1", "a=%20b&c")


def test_p7_5_header_rules_of_the_api_apply_both_ways(api: Api) -> None:
    rules = {
        "request": {"set": {"X-Set": "1"}, "remove": ["User-Agent"], "passthrough": "none"},
        "response": {"add": {"X-Added": "2"}},
    }
    api.upstream("p75", headers=rules)
    response = api.proxy("/p75/echo", headers={"Accept": "text/plain", "X-Set": "theirs"})
    names = {name.lower(): value for name, value in response.json()["headers"]}
    assert names["x-set"] == "1" and not names.keys() & {"user-agent", "accept"}
    assert response.headers["x-added"] == "2"


def test_p7_6_request_id_and_trace_context_go_on_whatever_passes(api: Api) -> None:
    api.upstream("p76", headers={"request": {"passthrough": "none"}})
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    response = api.proxy("/p76/echo", headers={"X-Request-ID": "mine-1", "traceparent": trace})
    names = {name.lower(): value for name, value in response.json()["headers"]}
    assert (names["x-request-id"], names["traceparent"]) == ("mine-1", trace)
    assert (response.headers["x-request-id"], response.headers["traceparent"]) == ("mine-1", trace)


@pytest.mark.parametrize("given", [None, "canary", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"])
def test_p7_6_a_trace_begins_where_none_can_be_read(api: Api, given: str | None) -> None:
    upstream = "p76-begins" if given is None else f"p76-begins-{len(given)}"
    api.upstream(upstream)
    headers = {} if given is None else {"traceparent": given, "tracestate": "theirs=1"}
    response = api.proxy(f"/{upstream}/echo", headers=headers)
    names = {name.lower(): value for name, value in response.json()["headers"]}
    begun = response.headers["traceparent"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", begun)
    assert names["traceparent"] == begun and "tracestate" not in names
    assert api.proxy(f"/{upstream}/echo").headers["traceparent"] != begun


def test_p7_6_a_problem_names_its_trace(api: Api) -> None:
    answer = api.proxy("/p76-nowhere/x")
    assert problem(answer) == (404, "route_not_found")
    assert answer.json()["trace_id"] == answer.headers["traceparent"].split("-")[1]


@pytest.mark.parametrize(
    ("path", "methods", "priority", "status"),
    [("/echo/", ["GET", "PUT"], 0, 409), ("//ech%6f", ["GET"], 0, 409), ("/echo", ["PUT"], 0, 201),
     ("/echo", ["GET"], 1, 201), ("/echo/x", ["GET"], 0, 201)],
)  # fmt: skip
def test_a_match_is_one_routes(api: Api, path: str, methods: list[str], priority: int, status: int) -> None:
    upstream = api.upstream(f"match-{abs(hash((path, tuple(methods), priority)))}")
    api.route(upstream, "/echo")
    body = {"upstream_id": upstream["id"], "match": {"methods": methods, "path": path}, "priority": priority}
    assert api.request("POST", "/routes", json=body).status_code == status


def test_a_route_belongs_to_an_upstream_for_good(api: Api) -> None:
    first, second = api.upstream("owner-a"), api.upstream("owner-b")
    route = api.route(first)
    moved = api.request("PUT", f"/routes/{route['id']}", json={**route, "upstream_id": second["id"]})
    assert problem(moved) == (400, "invalid_request")
    nowhere = {"upstream_id": "gts.cf.core.oagw.upstream.v1~none", "match": {"methods": ["GET"]}}
    assert problem(api.request("POST", "/routes", json=nowhere)) == (400, "invalid_request")


def explain(api: Api, **asked: Any) -> dict[str, Any]:
    response = api.request("POST", "/explain", json=asked)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_explain_tells_what_a_call_would_meet_and_sends_nothing(api: Api) -> None:
    auth = {"type": "bearer", "secret_ref": "env:OUTBOUND_KEY"}
    upstream = api.upstream("explained", auth=auth, timeouts={"idle": 7})
    route = api.route(upstream, "/echo", "GET", timeouts={"first_byte": 3})
    before = api.live.received
    told = explain(api, alias="Explained.", path="/echo/x", query="a=1")
    assert api.live.received == before
    assert (told["alias"], told["upstream_id"], told["origin"], told["target"]) == (
        "explained", upstream["id"], "api", "/echo/x?a=1"
    )  # fmt: skip
    assert told["endpoints"] == [api.live.mock_url]
    assert told["route"]["id"] == route["id"] and told["refusal"] is None
    assert (told["timeouts"]["first_byte"], told["timeouts"]["idle"]) == (3, 7)
    assert told["credential"]["auth"] == auth and "k1" not in str(told)


def test_explain_tells_why_a_call_would_be_refused(api: Api) -> None:
    api.route(api.upstream("refusing"), "/echo", match={"query_allowlist": []})
    assert explain(api, alias="refusing", path="/echo", query="x=1")["refusal"]["code"] == "query_not_allowed"
    assert explain(api, alias="refusing", path="/echo", method="PUT")["refusal"]["status"] == 404
    assert explain(api, alias="refusing", path="/../x")["refusal"]["code"] == "invalid_request"
    assert problem(api.request("POST", "/explain", json={"alias": "nobody"})) == (404, "route_not_found")
    assert problem(api.request("POST", "/explain", json={})) == (400, "invalid_request")


def test_explain_names_the_credential_of_the_file(api: Api) -> None:
    told = explain(api, alias="routed", path="/echo")
    assert (told["origin"], told["credential"]["setting"], told["endpoints"]) == ("file", "none", [api.live.mock_url])


def test_p23_3_changes_are_audited_without_secrets(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    upstream = api.upstream("audited", auth={"type": "bearer", "secret_ref": "env:OUTBOUND_KEY"})
    api.replace("upstreams", upstream)
    api.request("DELETE", f"/upstreams/{upstream['id']}")
    logged = capfd.readouterr().out
    for what in ("upstream created", "upstream changed", "upstream deleted"):
        assert what in logged
    assert upstream["id"] in logged and "env-admin" in logged and "k1" not in logged.replace("OUTBOUND_KEY", "")
