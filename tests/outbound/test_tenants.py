"""Tenants and what they share.

Scenarios N1.3, N2.6, P2.8, P4.6, N5.2, P5.3, P6.1, N6.2, P9.8, N9.9, N9.10, P18.6, P18.7 and 21.2.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.outbound.acme import installing
from tests.outbound.api import Api, made, problem
from tests.outbound.conftest import change as permit
from tests.support.live import Live, running

TENANTS = ("default", "retail", "shop", "bank")
KEY = {"type": "api_key", "header": "X-Key", "secret_ref": "env:OUTBOUND_KEY"}
PAGE, OTHER = "https://app.example.com", "https://other.example.com"


def change(values: dict[str, Any], mock_url: str) -> None:
    permit(values, mock_url)
    own = {"secrets": ["env:OUTBOUND_KEY"]}
    values["tenants"] = {"retail": own, "shop": {"parent": "retail", **own}, "bank": own}
    values["aliases"] |= {
        "of-the-shop": {"base_url": f"{mock_url}/echo", "tenant": "shop"},
        "of-all": {"base_url": f"{mock_url}/echo", "sharing": "inherit", "credential": "header X-Key env:OUTBOUND_KEY"},
        "closed": {"base_url": f"{mock_url}/echo", "sharing": "inherit", "auth": KEY},
        "cors-of-the-shop": {
            "base_url": f"{mock_url}/echo", "tenant": "shop", "cors": {"enabled": True, "origins": [PAGE]},
        },
    }  # fmt: skip


class Tenant(Api):
    """The management API and calls with keys of one tenant."""

    def __init__(self, live: Live, name: str) -> None:
        super().__init__(live)
        self.name = name
        self.admin = live.headers(live.issue(tenant=name, admin=True))
        self.caller = live.headers(live.issue(tenant=name))

    def proxy(self, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
        headers = {**self.caller, **options.pop("headers", {})}
        return self.client.request(method, f"/proxy{path}", headers=headers, **options)

    def at(self, alias: str, path: str, **members: Any) -> dict[str, Any]:
        """A new upstream at a path of the mock's echo."""
        endpoint = {**self.endpoint(), "path": f"/echo{path}"}
        return made(self.request("POST", "/upstreams", json={"alias": alias, "endpoints": [endpoint], **members}))


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tenant]]:
    path = tmp_path_factory.mktemp("tenants")
    with installing(path / "site"), running(path, change, timing="instant", environ={"OUTBOUND_KEY": "k1"}) as live:
        every = {name: Tenant(live, name) for name in TENANTS}
        yield every
        for tenant in every.values():
            tenant.client.close()


@pytest.fixture
def root(tenants: dict[str, Tenant]) -> Tenant:
    return tenants["default"]


@pytest.fixture
def retail(tenants: dict[str, Tenant]) -> Tenant:
    return tenants["retail"]


@pytest.fixture
def shop(tenants: dict[str, Tenant]) -> Tenant:
    return tenants["shop"]


@pytest.fixture
def bank(tenants: dict[str, Tenant]) -> Tenant:
    return tenants["bank"]


def echoed(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {name.lower(): value for name, value in answer.json()["headers"]} | {"path": answer.json()["path"]}


def names(tenant: Tenant) -> set[str]:
    return {item["alias"] for item in tenant.request("GET", "/upstreams?$top=100").json()["items"]}


def limit(rate: int, sharing: str, scope: str = "global") -> dict[str, Any]:
    return {"rate_limit": {"sustained": {"rate": rate, "window": "day"}, "scope": scope, "sharing": sharing}}


def statuses(tenant: Tenant, alias: str, count: int) -> list[int]:
    return [tenant.proxy(f"/{alias}/x").status_code for _ in range(count)]


def test_n1_3_and_n5_2_what_a_tenant_keeps_to_itself_does_not_exist_for_others(
    root: Tenant, retail: Tenant, shop: Tenant, bank: Tenant
) -> None:
    upstream = retail.at("kept", "")
    assert retail.proxy("/kept/x").status_code == 200
    for other in (root, shop, bank):
        assert problem(other.proxy("/kept/x")) == problem(other.proxy("/never-made/x")) == (404, "route_not_found")
        assert "kept" not in names(other)
        for method, body in (("GET", None), ("PUT", upstream), ("DELETE", None)):
            answer = other.request(method, f"/upstreams/{upstream['id']}", json=body)
            assert problem(answer) == (404, "resource_not_found")
        route = {"upstream_id": upstream["id"], "match": {"methods": ["GET"]}}
        refused, unknown = (
            other.request("POST", "/routes", json={**route, "upstream_id": name}) for name in (upstream["id"], "x")
        )
        assert problem(refused) == problem(unknown) == (400, "invalid_request")
        resolved = other.request("POST", "/resolve", json={"alias": "kept"})
        assert problem(resolved) == (404, "route_not_found")
        assert problem(other.request("POST", "/explain", json={"alias": "kept"})) == (404, "route_not_found")
        told = other.client.get("/status", headers=other.caller).json()["registered_aliases"]
        assert "kept" not in told
    assert retail.request("GET", f"/upstreams/{upstream['id']}").json()["tenant_id"] == "retail"


def test_n1_3_routes_are_their_tenants(retail: Tenant, shop: Tenant) -> None:
    upstream = retail.at("with-routes", "", sharing="inherit")
    route = retail.route(upstream, "/a")
    assert shop.proxy("/with-routes/a").status_code == 200
    assert problem(shop.proxy("/with-routes/b")) == (404, "route_not_found")
    assert problem(shop.request("GET", f"/routes/{route['id']}")) == (404, "resource_not_found")
    assert route["id"] not in {item["id"] for item in shop.request("GET", "/routes?$top=100").json()["items"]}


def test_p5_3_what_is_shared_reaches_those_below_and_nobody_else(
    root: Tenant, retail: Tenant, shop: Tenant, bank: Tenant
) -> None:
    upstream = retail.at("given", "", sharing="inherit", auth=KEY, headers={"request": {"set": {"x-of": "retail"}}})
    assert echoed(shop.proxy("/given/x"))["x-of"] == "retail"
    for other in (root, bank):
        assert problem(other.proxy("/given/x")) == (404, "route_not_found")
    assert "given" in names(shop) and "given" not in names(bank)
    shown = shop.request("GET", f"/upstreams/{upstream['id']}").json()
    assert (shown["tenant_id"], shown["auth"], shown["headers"]) == ("retail", {}, {})
    assert "OUTBOUND_KEY" not in str(shown)
    for method in ("PUT", "DELETE"):
        answer = shop.request(method, f"/upstreams/{upstream['id']}", json=shown)
        assert problem(answer) == (404, "resource_not_found")


def test_p5_3_an_alias_of_the_file_is_its_tenants_and_shared_if_it_says_so(
    root: Tenant, shop: Tenant, bank: Tenant
) -> None:
    assert shop.proxy("/of-the-shop/x").status_code == 200
    assert problem(root.proxy("/of-the-shop/x")) == problem(bank.proxy("/of-the-shop/x")) == (404, "route_not_found")
    assert echoed(bank.proxy("/of-all/x"))["x-key"] == "k1"
    assert problem(bank.proxy("/routed/echo")) == (404, "route_not_found")
    assert root.proxy("/routed/echo").status_code == 200
    listed = root.request("GET", "/upstreams?$filter=alias eq 'of-the-shop'").json()
    assert listed["total"] == 0


def test_p2_8_an_alias_is_one_upstreams_in_a_tenant(retail: Tenant, bank: Tenant) -> None:
    retail.at("twice", "/retail")
    bank.at("twice", "/bank")
    again = retail.request("POST", "/upstreams", json={"alias": "twice", "endpoints": [retail.endpoint()]})
    assert problem(again) == (409, "conflict")
    assert echoed(retail.proxy("/twice/x"))["path"] == "/echo/retail/x"
    assert echoed(bank.proxy("/twice/x"))["path"] == "/echo/bank/x"


def test_p6_1_the_nearest_upstream_of_a_name_is_called(
    root: Tenant, retail: Tenant, shop: Tenant, bank: Tenant
) -> None:
    root.at("shadowed", "/root", sharing="inherit")
    own = retail.at("shadowed", "/retail", sharing="inherit")
    paths = {tenant.name: echoed(tenant.proxy("/shadowed/x"))["path"] for tenant in (root, retail, shop, bank)}
    assert paths == {
        "default": "/echo/root/x", "retail": "/echo/retail/x", "shop": "/echo/retail/x", "bank": "/echo/root/x"
    }  # fmt: skip
    retail.request("DELETE", f"/upstreams/{own['id']}")
    assert echoed(shop.proxy("/shadowed/x"))["path"] == "/echo/root/x"


def test_p6_1_what_is_not_shared_shadows_nothing(root: Tenant, retail: Tenant, shop: Tenant) -> None:
    root.at("past", "/root", sharing="inherit")
    retail.at("past", "/retail")
    assert echoed(retail.proxy("/past/x"))["path"] == "/echo/retail/x"
    assert echoed(shop.proxy("/past/x"))["path"] == "/echo/root/x"


def test_n2_6_what_is_switched_off_is_so_for_all_below(root: Tenant, retail: Tenant, shop: Tenant) -> None:
    upstream = root.at("off", "", sharing="inherit")
    retail.at("off", "/retail")
    upstream = root.replace("upstreams", upstream, enabled=False)
    for tenant in (root, retail, shop):
        assert problem(tenant.proxy("/off/x")) == (503, "upstream_disabled")
    root.replace("upstreams", upstream, enabled=False, sharing="private")
    assert retail.proxy("/off/x").status_code == 200
    assert problem(shop.proxy("/off/x")) == (404, "route_not_found")


def test_n6_2_an_enforced_limit_survives_a_shadow_and_is_one_for_all(
    root: Tenant, retail: Tenant, shop: Tenant
) -> None:
    root.at("bounded", "", sharing="inherit", **limit(3, "enforce"))
    retail.at("bounded", "/retail", **limit(100, "private"))
    assert statuses(retail, "bounded", 2) == [200, 200]
    assert statuses(shop, "bounded", 2) == [200, 429]
    assert statuses(root, "bounded", 1) == [429]
    assert problem(retail.proxy("/bounded/x")) == (429, "rate_limit_exceeded")


def test_p18_6_an_inherited_limit_holds_for_each_tenant_by_itself_and_the_tightest_wins(
    root: Tenant, retail: Tenant, shop: Tenant
) -> None:
    root.at("tight", "", sharing="inherit", **limit(2, "inherit"))
    retail.at("tight", "/retail", sharing="inherit", **limit(1, "inherit"))
    assert statuses(root, "tight", 3) == [200, 200, 429]
    assert statuses(retail, "tight", 2) == [200, 429]
    assert statuses(shop, "tight", 2) == [200, 429]
    tight = shop.request("POST", "/explain", json={"alias": "tight", "path": "/x"}).json()
    assert [one["sustained"]["rate"] for one in tight["rate_limits"]] == [1, 2]


def test_p18_6_a_private_limit_is_its_owners(root: Tenant, bank: Tenant) -> None:
    upstream = root.at("own-limit", "", sharing="inherit", **limit(1, "private"))
    root.route(upstream, "/r", **limit(1, "private"))
    root.route(upstream)
    assert statuses(root, "own-limit", 2) == [200, 429]
    assert statuses(bank, "own-limit", 3) == [200, 200, 200]
    assert statuses(bank, "own-limit", 1) == [200]
    assert [bank.proxy("/own-limit/r").status_code for _ in range(2)] == [200, 200]


def test_p18_6_by_tenant_each_tenant_has_its_bucket_even_of_an_enforced_limit(root: Tenant, bank: Tenant) -> None:
    root.at("by-tenant", "", sharing="inherit", **limit(1, "enforce", "tenant"))
    assert statuses(root, "by-tenant", 2) == statuses(bank, "by-tenant", 2) == [200, 429]


def test_p18_7_an_allocated_budget_is_not_overdrawn(root: Tenant, retail: Tenant, shop: Tenant, bank: Tenant) -> None:
    given = limit(10, "inherit")
    given["rate_limit"]["budget"] = {"mode": "allocated", "total": 100, "overcommit": 1.2}
    upstream = root.at("divided", "", sharing="inherit", **given)
    own = retail.at("divided", "", sharing="inherit", **limit(70, "inherit"))
    body = {"alias": "divided", "endpoints": [bank.endpoint()]}
    hourly = {"rate_limit": {"sustained": {"rate": 3, "window": "hour"}}}
    assert problem(bank.request("POST", "/upstreams", json={**body, **limit(51, "private")})) == (
        400,
        "invalid_request",
    )
    assert problem(bank.request("POST", "/upstreams", json={**body, **hourly})) == (400, "invalid_request")
    bank.at("divided", "", **limit(50, "private"))
    shop.at("divided", "", **limit(1000, "private"))  # that is of what retail has, which allocates nothing
    refused = retail.request("PUT", f"/upstreams/{own['id']}", json={**own, **limit(71, "inherit")})
    assert problem(refused) == (400, "invalid_request")
    given["rate_limit"]["budget"]["total"] = 99
    assert problem(root.request("PUT", f"/upstreams/{upstream['id']}", json={**upstream, **given})) == (
        400, "invalid_request"
    )  # fmt: skip


def test_p18_7_a_shared_budget_is_one_count_for_all(root: Tenant, retail: Tenant, bank: Tenant) -> None:
    given = limit(3, "inherit", "tenant")
    given["rate_limit"]["budget"] = {"mode": "shared"}
    root.at("pooled", "", sharing="inherit", **given)
    assert [statuses(tenant, "pooled", 1) for tenant in (root, retail, bank, root, bank)] == [[200]] * 3 + [[429]] * 2


@pytest.mark.parametrize(
    ("sharing", "budget"),
    [("private", {"mode": "shared"}), ("inherit", {"total": 5}), ("inherit", {"mode": "shared", "overcommit": 1.5}),
     ("inherit", {"mode": "allocated", "overcommit": 2.1}), ("inherit", {"mode": "lent"})],
)  # fmt: skip
def test_p18_7_a_budget_that_means_nothing_is_refused(root: Tenant, sharing: str, budget: dict[str, Any]) -> None:
    given = limit(1, sharing)
    given["rate_limit"]["budget"] = budget
    body = {"alias": "meaningless", "endpoints": [root.endpoint()], **given}
    assert problem(root.request("POST", "/upstreams", json=body)) == (400, "invalid_request")


def test_p9_8_a_private_credential_is_its_owners(root: Tenant, bank: Tenant) -> None:
    root.at("own-key", "", sharing="inherit", auth=KEY)
    assert echoed(root.proxy("/own-key/x"))["x-key"] == "k1"
    assert "x-key" not in echoed(bank.proxy("/own-key/x"))
    assert "x-key" not in echoed(bank.proxy("/closed/x"))
    assert echoed(root.proxy("/closed/x"))["x-key"] == "k1"


def test_p9_8_an_inherited_credential_goes_where_there_is_none_nearer(
    root: Tenant, retail: Tenant, shop: Tenant, bank: Tenant
) -> None:
    root.at("one-key", "", sharing="inherit", auth={**KEY, "sharing": "inherit"})
    retail.at("one-key", "", sharing="inherit")
    shop.at("one-key", "", auth={**KEY, "header": "X-Own"})
    assert echoed(bank.proxy("/one-key/x"))["x-key"] == "k1"
    assert echoed(retail.proxy("/one-key/x"))["x-key"] == "k1"
    own = echoed(shop.proxy("/one-key/x"))
    assert own["x-own"] == "k1" and "x-key" not in own


@pytest.mark.parametrize("sharing", ["inherit", "enforce"])
def test_p9_8_no_credential_goes_to_another_place_than_its_owners(root: Tenant, bank: Tenant, sharing: str) -> None:
    root.at(f"lure-{sharing}", "", sharing="inherit", auth={**KEY, "sharing": sharing})
    bank.at(f"lure-{sharing}", "/elsewhere")
    assert "k1" not in echoed(bank.proxy(f"/lure-{sharing}/x")).values()
    assert echoed(root.proxy(f"/lure-{sharing}/x"))["x-key"] == "k1"


def test_p9_8_a_tenant_names_no_secret_of_another(root: Tenant, shop: Tenant, bank: Tenant) -> None:
    auth = {"type": "bearer", "secret_ref": "env:OUTBOUND_OTHER"}
    setup = {"type": "auth", "plugin": "acme_keyed", "config": {"token_ref": "env:OUTBOUND_OTHER"}}
    signer = {"type": "plugin", "plugin": {"id": "acme_keyed", "config": {"token_ref": "env:OUTBOUND_OTHER"}}}
    assert root.upstream("names-it", auth=auth)["auth"]["secret_ref"] == "env:OUTBOUND_OTHER"
    for tenant in (shop, bank):
        for given in (auth, signer):
            body = {"alias": "names-it", "endpoints": [tenant.endpoint()], "auth": given}
            assert problem(tenant.request("POST", "/upstreams", json=body)) == (400, "invalid_request")
        assert problem(tenant.request("POST", "/plugins", json=setup)) == (400, "invalid_request")


def test_n9_9_a_credential_that_is_enforced_cannot_be_overridden(root: Tenant, bank: Tenant) -> None:
    upstream = root.at("forced", "", sharing="inherit")
    own = bank.at("forced", "", auth={**KEY, "header": "X-Own"})
    assert echoed(bank.proxy("/forced/x"))["x-own"] == "k1"
    root.replace("upstreams", upstream, auth={**KEY, "sharing": "enforce"})
    forced = echoed(bank.proxy("/forced/x"))
    assert forced["x-key"] == "k1" and "x-own" not in forced
    refused = bank.request("PUT", f"/upstreams/{own['id']}", json=own)
    assert problem(refused) == (403, "permission_denied")
    bank.replace("upstreams", own, auth={})
    told = bank.request("POST", "/explain", json={"alias": "forced", "path": "/x"}).json()
    assert told["credential"]["auth"]["type"] == "api_key" and "OUTBOUND_KEY" not in str(told)


def test_n9_10_a_token_is_fetched_for_each_tenant(root: Tenant, bank: Tenant) -> None:
    grant = {
        "type": "oauth2", "token_endpoint": f"{root.live.mock_url}/oauth2/token", "client_id_ref": "env:OUTBOUND_KEY",
        "client_secret_ref": "env:OUTBOUND_KEY",
    }  # fmt: skip
    tokens = set()
    for tenant in (root, bank):
        tenant.at("granted", "", auth=grant)
        first, second = (echoed(tenant.proxy("/granted/x"))["authorization"] for _ in range(2))
        assert first == second
        tokens.add(first)
    assert len(tokens) == 2


def stamp(word: str, sharing: str) -> dict[str, Any]:
    return {"plugins": {"sharing": sharing, "items": [{"id": "acme_stamp", "config": {"word": word}}]}}


def test_p4_6_shared_plugins_come_before_those_nearer(root: Tenant, retail: Tenant, shop: Tenant, bank: Tenant) -> None:
    root.at("stamped", "", sharing="inherit", **stamp("R", "inherit"))
    retail.at("stamped", "/retail", sharing="inherit", **stamp("T", "enforce"))
    shop.at("stamped", "/shop", **stamp("S", "private"))
    stamps = {tenant.name: echoed(tenant.proxy("/stamped/x"))["x-stamps"] for tenant in (root, retail, shop, bank)}
    assert stamps == {"default": "R", "retail": "RT", "shop": "RTS", "bank": "R"}


def test_p4_6_private_plugins_are_their_owners(root: Tenant, bank: Tenant) -> None:
    upstream = root.at("own-stamp", "", sharing="inherit", **stamp("R", "private"))
    root.route(upstream, "/r", **stamp("r", "inherit"))
    root.route(upstream, "/p", **stamp("p", "private"))
    assert echoed(root.proxy("/own-stamp/r"))["x-stamps"] == "Rr"
    assert echoed(bank.proxy("/own-stamp/r"))["x-stamps"] == "r"
    assert "x-stamps" not in echoed(bank.proxy("/own-stamp/p"))


def test_p4_6_a_plugin_that_is_set_up_is_bound_below_if_it_is_shared(root: Tenant, bank: Tenant) -> None:
    kept = root.plugin("transform", "acme_stamp", config={"word": "K"})
    given = root.plugin("transform", "acme_stamp", config={"word": "G"}, sharing="inherit")
    listed = {item["id"]: item for item in bank.request("GET", "/plugins?$top=100").json()["items"]}
    assert kept["id"] not in listed and listed[given["id"]]["config"] == {}
    body = {"alias": "bound-below", "endpoints": [bank.endpoint()]}
    refused = bank.request("POST", "/upstreams", json={**body, "plugins": {"items": [{"id": kept["id"]}]}})
    assert problem(refused) == (400, "invalid_request")
    bank.upstream("bound-below", plugins={"items": [{"id": given["id"]}]})
    assert echoed(bank.proxy("/bound-below/echo"))["x-stamps"] == "G"
    assert problem(bank.request("DELETE", f"/plugins/{given['id']}")) == (404, "resource_not_found")
    in_use = root.request("DELETE", f"/plugins/{given['id']}")
    assert problem(in_use) == (409, "plugin_in_use") and "a tenant below" in in_use.json()["detail"]
    assert root.request("GET", f"/plugins/{given['id']}").json()["referenced_by"] == []


def allowed(tenant: Tenant, alias: str, origin: str) -> int:
    return tenant.proxy(f"/{alias}/x", headers={"Origin": origin}).status_code


def test_21_2_rules_for_other_origins_are_joined_or_forced(root: Tenant, retail: Tenant, bank: Tenant) -> None:
    def cors(origin: str, sharing: str) -> dict[str, Any]:
        return {"cors": {"enabled": True, "origins": [origin], "sharing": sharing}}

    upstream = root.at("paged", "", sharing="inherit", **cors(PAGE, "inherit"))
    own = retail.at("paged", "/retail", **cors(OTHER, "private"))
    retail.route(own, **cors(OTHER, "private"))
    assert [allowed(retail, "paged", origin) for origin in (PAGE, OTHER)] == [403, 200]  # the route's own rule
    assert [allowed(bank, "paged", origin) for origin in (PAGE, OTHER)] == [200, 403]
    without = bank.at("paged", "/bank", **cors(OTHER, "private"))
    assert [allowed(bank, "paged", origin) for origin in (PAGE, OTHER)] == [200, 200]
    upstream = root.replace("upstreams", upstream, **cors(PAGE, "enforce"))
    for tenant in (retail, bank):
        assert [allowed(tenant, "paged", origin) for origin in (PAGE, OTHER)] == [200, 403]
    root.replace("upstreams", upstream, **cors(PAGE, "private"))
    assert [allowed(bank, "paged", origin) for origin in (PAGE, OTHER)] == [403, 200]
    bank.request("DELETE", f"/upstreams/{without['id']}")
    assert allowed(bank, "paged", OTHER) == 200  # no rule reaches it, and origins mean nothing


def test_21_2_a_preflight_is_answered_by_the_rule_of_any_tenant(root: Tenant) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    assert root.client.request("OPTIONS", "/proxy/cors-of-the-shop/x", headers=asked).status_code == 204
    other = root.client.request("OPTIONS", "/proxy/cors-of-the-shop/x", headers={**asked, "Origin": OTHER})
    assert problem(other) == (403, "cors_origin_not_allowed")


def test_what_a_tenant_changes_leaves_the_connections_of_others(root: Tenant, bank: Tenant) -> None:
    root.at("steady", "", sharing="inherit", auth={**KEY, "sharing": "inherit"})
    pools = root.live.gateway.runtime.upstreams
    bank.at("unrelated", "")
    after = root.live.gateway.runtime.upstreams
    assert all(after[name] is pool for name, pool in pools.items())
    assert root.live.gateway.runtime.views.of["bank"]["steady"].upstream == "alias:steady"


def test_a_tenant_that_is_taken_out_has_nothing(tmp_path: Path) -> None:
    def without(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        del values["tenants"]["bank"]

    with installing(tmp_path / "site"):
        with running(tmp_path, change, timing="instant", environ={"OUTBOUND_KEY": "k1"}) as live:
            bank = Tenant(live, "bank")
            with bank.client:
                bank.at("left", "", sharing="inherit")
                assert bank.proxy("/left/x").status_code == bank.proxy("/of-all/x").status_code == 200
        with running(tmp_path, without, timing="instant", environ={"OUTBOUND_KEY": "k1"}) as live:
            api = Api(live)
            with api.client:
                for alias in ("left", "of-all"):
                    answer = api.client.get(f"/proxy/{alias}/x", headers=bank.caller)
                    assert problem(answer) == (404, "route_not_found")
                for path in ("/upstreams", "/routes", "/plugins"):
                    assert problem(api.client.get(path, headers=bank.admin)) == (403, "permission_denied")
                assert problem(api.proxy("/left/x")) == (404, "route_not_found")
