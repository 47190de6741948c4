"""Upstreams through the management API: scenarios 1 and 2 of the outbound contract, and the ids of 27."""

import re
from typing import Any

import httpx2
import pytest

from tests.outbound.api import BASE, Api, made, problem

PUBLIC = {"host": "api.example.com"}


def create(api: Api, *endpoints: dict[str, Any], **members: Any) -> httpx2.Response:
    return api.request("POST", "/upstreams", json={"endpoints": list(endpoints or (PUBLIC,)), **members})


@pytest.mark.parametrize("path", ["/upstreams", "/upstreams/x", "/routes", "/routes/x", "/explain"])
def test_n1_1_without_a_valid_key_is_a_401(api: Api, path: str) -> None:
    method = "POST" if path == "/explain" else "GET"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        response = api.client.request(method, path, headers=headers)
        assert response.status_code == 401 and response.headers["www-authenticate"] == "Bearer"
        assert problem(response)[0] == 401


def test_n1_2_a_key_that_is_no_admins_is_a_403(api: Api) -> None:
    for method, path in (("GET", "/upstreams"), ("POST", "/routes"), ("DELETE", "/upstreams/x"), ("POST", "/explain")):
        response = api.client.request(method, path, headers=api.live.headers())
        assert problem(response) == (403, "permission_denied")


def test_p2_1_an_upstream_needs_a_host_and_is_called_by_it(api: Api) -> None:
    response = create(api, {"host": "Minimal.example.com"})
    body = made(response)
    assert (body["alias"], body["enabled"], body["origin"], body["version"]) == ("minimal.example.com", True, "api", 1)
    assert response.headers["location"] == f"{BASE}/upstreams/{body['id']}"
    assert response.headers["etag"] == '"1"'
    assert api.request("GET", f"/upstreams/{body['id']}").json() == body


def test_p27_1_ids_are_of_their_kind(api: Api) -> None:
    upstream = api.upstream("ids")
    route = api.route(upstream)
    uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"gts\.cf\.core\.oagw\.upstream\.v1~{uuid}", upstream["id"])
    assert re.fullmatch(rf"gts\.cf\.core\.oagw\.route\.v1~{uuid}", route["id"])


@pytest.mark.parametrize(
    ("hosts", "members", "alias"),
    [
        (["p22.example.com"], {"port": 8443}, "p22.example.com:8443"),
        (["p22b.example.com"], {"port": 443}, "p22b.example.com"),
        (["eu.pool.example.net", "us.pool.example.net"], {}, "pool.example.net"),
        (["eu.odd.example.net", "us.odd.example.net"], {"port": 9443}, "odd.example.net:9443"),
    ],
)
def test_p2_2_an_alias_is_derived_from_hosts_and_an_odd_port(
    api: Api, hosts: list[str], members: dict[str, Any], alias: str
) -> None:
    assert made(create(api, *({"host": host, **members} for host in hosts)))["alias"] == alias


@pytest.mark.parametrize("hosts", [["93.184.215.14"], ["a.example.com", "a.example.org"], ["a.co.uk", "b.co.uk"]])
def test_n2_3_what_gives_no_alias_needs_one(api: Api, hosts: list[str]) -> None:
    endpoints = [{"host": host} for host in hosts]
    response = create(api, *endpoints)
    assert problem(response) == (400, "invalid_request")
    assert made(create(api, *endpoints, alias=f"named-{len(hosts)}-{hosts[0]}"))["alias"].startswith("named-")


@pytest.mark.parametrize(
    "odd", [{"port": 8443}, {"scheme": "wss", "port": 444}, {"scheme": "http"}, {"path": "/v2"}, {"scheme": "grpc"}]
)
def test_n2_4_a_pool_is_of_one_kind(api: Api, odd: dict[str, Any]) -> None:
    response = create(api, {"host": "a.example.com"}, {"host": "b.example.com", **odd})
    assert problem(response) == (400, "invalid_request")


def test_p2_5_put_replaces_the_whole_and_clears_what_is_left_out(api: Api) -> None:
    before = api.upstream("replaced", tags=["one"], max_body=10)
    response = api.request("PUT", f"/upstreams/{before['id']}", json={"endpoints": [PUBLIC], "preset": "github"})
    after = response.json()
    assert response.status_code == 200 and response.headers["etag"] == '"2"'
    assert (after["alias"], after["tags"], after["max_body"], after["preset"]) == ("replaced", [], None, "github")
    assert (after["id"], after["created_at"], after["version"]) == (before["id"], before["created_at"], 2)
    assert after["updated_at"] >= before["updated_at"]


def test_what_is_fixed_cannot_be_changed_but_may_be_repeated(api: Api) -> None:
    upstream = api.upstream("fixed")
    assert api.replace("upstreams", upstream)["version"] == 2
    for member, value in (("id", "other"), ("tenant_id", "other"), ("alias", "other")):
        response = api.request("PUT", f"/upstreams/{upstream['id']}", json={**upstream, member: value})
        assert problem(response) == (400, "invalid_request")
    assert problem(create(api, id="mine")) == (400, "invalid_request")


def test_a_version_that_is_no_longer_there_is_a_412(api: Api) -> None:
    upstream = api.upstream("versioned")
    at = f"/upstreams/{upstream['id']}"
    api.replace("upstreams", upstream)
    for method in ("PUT", "DELETE"):
        stale = api.request(method, at, json=upstream, headers={"If-Match": '"1"'})
        assert problem(stale) == (412, "precondition_failed")
    assert api.request("PUT", at, json=upstream, headers={"If-Match": '"1", "2"'}).status_code == 200
    assert api.request("DELETE", at, headers={"If-Match": '"3"'}).status_code == 204


def test_n2_6_and_p2_11_an_upstream_is_switched_off_and_on(api: Api) -> None:
    upstream = api.upstream("switched")
    assert api.proxy("/switched/echo").status_code == 200
    upstream = api.replace("upstreams", upstream, enabled=False)
    refused = api.proxy("/switched/echo")
    assert problem(refused) == (503, "upstream_disabled") and refused.headers["retry-after"]
    api.replace("upstreams", upstream, enabled=True)
    assert api.proxy("/switched/echo").status_code == 200


def test_p2_7_what_is_deleted_is_gone_with_its_routes(api: Api) -> None:
    upstream = api.upstream("deleted")
    route = api.route(upstream)
    response = api.request("DELETE", f"/upstreams/{upstream['id']}")
    assert (response.status_code, response.content) == (204, b"")
    for path in (f"/upstreams/{upstream['id']}", f"/routes/{route['id']}"):
        for method in ("GET", "DELETE"):
            assert problem(api.request(method, path)) == (404, "resource_not_found")
    assert problem(api.proxy("/deleted/echo")) == (404, "route_not_found")
    assert api.upstream("deleted")["id"] != upstream["id"]


@pytest.mark.parametrize("alias", ["taken", "Taken."])
def test_n2_8_an_alias_is_given_once(api: Api, alias: str) -> None:
    if alias == "taken":
        api.upstream("taken")
    assert problem(create(api, alias=alias)) == (409, "conflict")


def test_p2_9_upstreams_are_found_by_tag(api: Api) -> None:
    first, second = api.upstream("tag-a", tags=["p29", "x"]), api.upstream("tag-b", tags=["p29"])
    listed = api.request("GET", "/upstreams", params={"$filter": "tags eq 'p29'"}).json()
    assert [item["id"] for item in listed["items"]] == [first["id"], second["id"]] and listed["total"] == 2
    both = api.request("GET", "/upstreams", params={"$filter": "tags eq 'p29' and tags eq 'x'"}).json()
    assert [item["alias"] for item in both["items"]] == ["tag-a"]


def test_p2_12_the_list_shows_what_is_switched_off(api: Api) -> None:
    api.upstream("listed-off", enabled=False)
    listed = api.request("GET", "/upstreams", params={"$filter": "alias eq 'listed-off'"}).json()
    assert [item["enabled"] for item in listed["items"]] == [False]


def test_p2_13_a_changed_endpoint_is_called_at_once(api: Api) -> None:
    upstream = api.upstream("moved", endpoints=[{**api.endpoint(), "path": "/weather"}])
    assert "temperature" in api.proxy("/moved/current").text
    api.replace("upstreams", upstream, endpoints=[{**api.endpoint(), "path": "/echo"}])
    assert api.proxy("/moved/current").json()["path"] == "/echo/current"


@pytest.mark.parametrize(("option", "param"), [("$top", "$skip"), ("limit", "offset")])
def test_25_1_to_25_5_lists_are_cut_ordered_and_narrowed(api: Api, option: str, param: str) -> None:
    for name in ("b", "a", "c"):
        api.request("POST", "/upstreams", json={"endpoints": [PUBLIC], "alias": f"p25{name}", "tags": ["p25"]})
    asked = {"$filter": "tags eq 'p25'", "$orderby": "alias desc", "$select": "alias", option: "2", param: "1"}
    listed = api.request("GET", "/upstreams", params=asked).json()
    assert listed == {"items": [{"alias": "p25b"}, {"alias": "p25a"}], "total": 3}


@pytest.mark.parametrize(
    "query", ["$top=0", "$top=101", "$skip=-1", "$filter=alias", "$filter=nope eq 1", "$orderby=nope", "$expand=x",
              "$select=nope", "limit=1&$top=1", "$filter=alias eq 'x' or alias eq 'y'"]
)  # fmt: skip
def test_25_6_and_25_7_what_a_list_does_not_understand_is_refused(api: Api, query: str) -> None:
    assert problem(api.request("GET", f"/upstreams?{query}")) == (400, "invalid_request")


def test_what_the_file_made_is_shown_and_read_only(api: Api) -> None:
    listed = api.request("GET", "/upstreams", params={"$filter": "tags eq 'of-the-file'"}).json()["items"]
    assert [(item["alias"], item["origin"]) for item in listed] == [("routed", "file")]
    at = f"/upstreams/{listed[0]['id']}"
    assert api.request("GET", at).json() == listed[0]
    routes = api.request("GET", "/routes", params={"$filter": "origin eq 'file'"}).json()["items"]
    assert [route["match"]["path"] for route in routes] == ["/echo"]
    for method, path in (("PUT", at), ("DELETE", at), ("DELETE", f"/routes/{routes[0]['id']}")):
        assert problem(api.request(method, path, json=listed[0])) == (409, "read_only")
    below = {"upstream_id": listed[0]["id"], "match": {"methods": ["GET"]}}
    assert problem(api.request("POST", "/routes", json=below)) == (409, "read_only")
    assert problem(create(api, alias="routed")) == (409, "conflict")


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS"])
def test_a_wrong_method_is_a_405(api: Api, method: str) -> None:
    response = api.request(method, "/upstreams/x")
    assert problem(response) == (405, "method_not_allowed") and response.headers["allow"] == "GET, HEAD, PUT, DELETE"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"endpoints":[{"host":"a.example"}],"x":1}', b'"\xff"'])
def test_a_body_that_is_no_upstream_is_a_400(api: Api, content: bytes) -> None:
    assert problem(api.request("POST", "/upstreams", content=content)) == (400, "invalid_request")
