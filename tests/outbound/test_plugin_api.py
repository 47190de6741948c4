"""Plugins of the management API: scenarios P4.1 to P4.5, P4.7 and N11.8."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.outbound.acme import installing
from tests.outbound.api import Api, problem
from tests.outbound.conftest import change
from tests.support.live import running

NEEDS = {"request": ["X-Tenant"]}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    path = tmp_path_factory.mktemp("plugin-api")
    with (
        installing(path / "site"),
        running(path, change, timing="instant", environ={"OUTBOUND_KEY": "k1"}) as live,
    ):
        api = Api(live)
        with api.client:
            yield api


def bound(*items: dict[str, Any]) -> dict[str, Any]:
    return {"plugins": {"items": list(items)}}


def test_p4_1_a_guard_is_set_up_and_bound_by_its_id(api: Api) -> None:
    guard = api.plugin("guard", "required_headers", name="who is it", config=NEEDS, tags=["t"])
    assert guard["id"].startswith("gts.cf.core.oagw.guard_plugin.v1~") and guard["origin"] == "api"
    assert (guard["config"], guard["tags"], guard["referenced_by"]) == (NEEDS, ["t"], [])
    upstream = api.upstream("guarded", **bound({"id": guard["id"]}))
    refused = api.proxy("/guarded/echo")
    assert (*problem(refused), refused.json()["reason"]) == (400, "invalid_request", "REQUIRED_HEADER_MISSING")
    assert refused.json()["plugin"] == guard["id"]
    api.replace("upstreams", upstream, plugins={})
    assert api.proxy("/guarded/echo").status_code == 200


def test_p4_1_a_route_is_bound_too(api: Api) -> None:
    upstream = api.upstream("by-route")
    api.route(upstream, "/echo", **bound({"id": "required_headers", "config": NEEDS}))
    api.route(upstream, "/status")
    assert api.proxy("/by-route/echo").status_code == 400
    assert api.proxy("/by-route/status/200").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_n4_2_a_plugin_never_changes(api: Api, method: str) -> None:
    guard = api.plugin("guard", "size_guard")
    answer = api.request(method, f"/plugins/{guard['id']}", json=guard)
    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, DELETE"


def test_p4_3_one_that_is_bound_cannot_be_removed(api: Api) -> None:
    guard = api.plugin("guard", "size_guard")
    signer = api.plugin("auth", "acme_keyed", config={"token_ref": "env:OUTBOUND_KEY"})
    upstream = api.upstream("holds", auth={"type": "plugin", "plugin": {"id": signer["id"]}})
    route = api.route(upstream, **bound({"id": guard["id"]}))
    assert ["authorization", "Acme k1"] in [[n.lower(), v] for n, v in api.proxy("/holds/echo").json()["headers"]]
    for plugin, by in ((guard, route), (signer, upstream)):
        refused = api.request("DELETE", f"/plugins/{plugin['id']}")
        assert problem(refused) == (409, "plugin_in_use")
        assert by["id"] in refused.json()["detail"]
    assert api.request("DELETE", f"/upstreams/{upstream['id']}").status_code == 204
    for plugin in (guard, signer):
        assert api.request("DELETE", f"/plugins/{plugin['id']}").status_code == 204
        assert problem(api.request("GET", f"/plugins/{plugin['id']}")) == (404, "resource_not_found")
        assert problem(api.request("DELETE", f"/plugins/{plugin['id']}")) == (404, "resource_not_found")


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"type": "transform", "plugin": "size_guard"}, "plugin"),
        ({"type": "guard", "plugin": "never_heard_of"}, "plugin"),
        ({"type": "starlark", "plugin": "size_guard"}, "type"),
        ({"type": "guard", "plugin": "size_guard", "config": {"max": 1}}, "config"),
        ({"type": "auth", "plugin": "acme_keyed", "config": {"token_ref": "env:HOME"}}, "config.token_ref"),
        ({"type": "guard", "plugin": "size_guard", "id": "x"}, "id"),
    ],
)
def test_n4_4_what_is_no_plugin_cannot_be_set_up(api: Api, members: dict[str, Any], param: str) -> None:
    answer = api.request("POST", "/plugins", json=members)
    assert problem(answer) == (400, "invalid_request")


def test_n11_8_no_code_comes_through_the_api(api: Api) -> None:
    answer = api.request("POST", "/plugins", json={"type": "guard", "plugin": "size_guard", "source": "def f(): pass"})
    assert problem(answer) == (400, "invalid_request") and "source" in answer.json()["detail"]


@pytest.mark.parametrize(
    "members",
    [
        bound({"id": "never_heard_of"}),
        bound({"id": "acme_keyed", "config": {"token_ref": "env:OUTBOUND_KEY"}}),
        bound({"id": "gts.cf.core.oagw.guard_plugin.v1~00000000-0000-4000-8000-000000000000"}),
        bound({"id": "gts.cf.core.oagw.transform_plugin.v1~size_guard"}),
        bound({"id": "size_guard", "config": {"max_request": "many"}}),
        bound({"id": "size_guard", "config": {"any_ref": "env:HOME"}}),
        bound({"id": "size_guard", "timeout": 0}),
        {"auth": {"type": "plugin"}},
        {"auth": {"type": "plugin", "plugin": {"id": "size_guard"}}},
        {"auth": {"type": "plugin", "plugin": {"id": "acme_keyed", "config": {"token_ref": "env:HOME"}}}},
        {"auth": {"type": "bearer", "secret_ref": "env:OUTBOUND_KEY", "plugin": {"id": "acme_keyed"}}},
    ],
)
def test_n4_4_what_cannot_be_bound_is_a_400(api: Api, members: dict[str, Any]) -> None:
    body = {"alias": "never", "endpoints": [api.endpoint()], **members}
    assert problem(api.request("POST", "/upstreams", json=body)) == (400, "invalid_request")


def test_n4_4_a_plugin_that_is_set_up_takes_no_settings_from_a_binding(api: Api) -> None:
    guard = api.plugin("guard", "size_guard", config={"max_request": 1})
    body = {"alias": "never", "endpoints": [api.endpoint()], **bound({"id": guard["id"], "config": {"max_request": 9}})}
    assert problem(api.request("POST", "/upstreams", json=body)) == (400, "invalid_request")


def test_p4_5_a_plugin_is_bound_by_name_or_by_id(api: Api) -> None:
    for number, name in enumerate(("required_headers", "gts.cf.core.oagw.guard_plugin.v1~required_headers")):
        api.upstream(f"named-{number}", **bound({"id": name, "config": NEEDS}))
        assert problem(api.proxy(f"/named-{number}/echo")) == (400, "invalid_request")


def test_p4_5_without_its_plugin_a_call_is_a_503_and_is_not_sent(tmp_path: Path) -> None:
    once = {"acme_once": "tests.outbound.acme:Stamp"}
    with installing(tmp_path / "site", **once), running(tmp_path, change, timing="instant") as live:
        api = Api(live)
        with api.client:
            api.upstream("stamped", **bound({"id": "acme_once"}))
            assert api.proxy("/stamped/echo").status_code == 200
    with running(tmp_path, change, timing="instant") as live:
        api = Api(live)
        with api.client:
            port = api.endpoint()["port"]
            (upstream,) = api.request("GET", "/upstreams?$filter=alias eq 'stamped'").json()["items"]
            assert upstream["endpoints"][0]["port"] != port
            before = live.received
            refused = api.proxy("/stamped/echo")
            assert problem(refused) == (503, "plugin_not_found") and "acme_once" in refused.json()["detail"]
            assert live.received == before
            assert api.proxy("/routed/echo").status_code == 200


def test_p4_7_a_list_tells_what_is_installed_and_what_uses_it(api: Api) -> None:
    guard = api.plugin("guard", "size_guard", name="listed")
    upstream = api.upstream("uses", **bound({"id": guard["id"]}))
    page = api.request("GET", "/plugins?$filter=name eq 'listed'").json()
    assert page["total"] == 1 and page["items"][0]["referenced_by"] == [upstream["id"]]
    installed = api.request("GET", "/plugins?$filter=origin eq 'installed'&$top=100").json()["items"]
    assert {"size_guard", "required_headers", "request_id", "json_redaction", "acme_stamp"} <= {
        item["plugin"] for item in installed
    }
    assert "acme_nothing" not in {item["plugin"] for item in installed}
    one = api.request("GET", f"/plugins/{installed[0]['id']}").json()
    assert one == installed[0]
    assert problem(api.request("DELETE", f"/plugins/{installed[0]['id']}")) == (409, "read_only")


def test_a_plugin_whose_secret_is_taken_back_lets_nothing_pass(tmp_path: Path) -> None:
    def stricter(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        values["outbound"]["secrets"] = []

    environ = {"OUTBOUND_KEY": "k1"}
    with installing(tmp_path / "site"):
        with running(tmp_path, change, timing="instant", environ=environ) as live:
            api = Api(live)
            with api.client:
                signer = api.plugin("auth", "acme_keyed", config={"token_ref": "env:OUTBOUND_KEY"})
                api.upstream("signed", auth={"type": "plugin", "plugin": {"id": signer["id"]}})
        with running(tmp_path, stricter, timing="instant", environ=environ) as live:
            api = Api(live)
            with api.client:
                assert problem(api.proxy("/signed/echo")) == (503, "plugin_not_found")


def test_p23_3_set_up_and_removal_are_audited(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    guard = api.plugin("guard", "size_guard")
    api.request("DELETE", f"/plugins/{guard['id']}")
    said = capfd.readouterr()
    assert "plugin created" in said.out + said.err and "plugin deleted" in said.out + said.err
