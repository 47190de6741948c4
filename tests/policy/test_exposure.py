from typing import Any

import pytest

from dragoman.errors import GatewayError
from dragoman.policy import exposure
from dragoman.policy.records import PluginRecord, RouteRecord, UpstreamRecord
from dragoman.policy.resources import (
    Auth,
    Cors,
    Endpoint,
    HeaderRules,
    Headers,
    Match,
    PluginBinding,
    Plugins,
    PluginSetup,
    Rate,
    RateLimit,
    Route,
    Sharing,
    Upstream,
)

LINE = ("shop", "default")


def upstream(tenant: str, **members: Any) -> UpstreamRecord:
    value = Upstream(**{"endpoints": (Endpoint(host="a"),), "alias": "maps", "sharing": "inherit", **members})
    return UpstreamRecord(id=f"u-{tenant}", value=value, tenant=tenant)


def full(sharing: Sharing) -> UpstreamRecord:
    return upstream(
        "default",
        auth=Auth(type="bearer", secret_ref="env:KEY", sharing=sharing),
        headers=Headers(request=HeaderRules(set={"x": "secret"})),
        plugins=Plugins(items=(PluginBinding(id="p", config={"a_ref": "env:KEY"}, timeout=2),), sharing=sharing),
        rate_limit=RateLimit(sustained=Rate(rate=1), sharing=sharing),
        cors=Cors(enabled=True, origins=("https://a",), sharing=sharing),
    )


def test_an_owner_is_shown_everything() -> None:
    record = full("private")
    assert exposure.upstreams([record], ("default",)) == [record]


def test_those_below_are_shown_what_reaches_them_and_no_reference() -> None:
    (shown,) = exposure.upstreams([full("inherit")], LINE)
    value = shown.value
    assert value.auth == Auth(type="bearer", sharing="inherit") and value.headers == Headers()
    assert value.plugins == Plugins(items=(PluginBinding(id="p", timeout=2),), sharing="inherit")
    assert value.rate_limit is not None and value.cors.enabled
    (kept,) = exposure.upstreams([full("private")], LINE)
    assert kept.value == Upstream(endpoints=(Endpoint(host="a"),), alias="maps", sharing="inherit")


def test_others_are_shown_nothing() -> None:
    assert exposure.upstreams([upstream("bank"), upstream("default", sharing="private")], LINE) == []


def test_routes_are_their_owners() -> None:
    route = RouteRecord(id="r", value=Route(upstream_id="u", match=Match(methods=("GET",))), tenant="default")
    assert exposure.routes([route], ("default",)) == [route]
    assert exposure.routes([route], LINE) == []


def test_a_plugin_is_shown_without_its_settings() -> None:
    setup = PluginSetup(type="guard", plugin="p", config={"a": 1}, sharing="inherit")
    given = PluginRecord(id="p", value=setup, tenant="default")
    private = PluginRecord(id="q", value=PluginSetup(type="guard", plugin="p"), tenant="default")
    assert exposure.plugins([given, private], ("default",)) == [given, private]
    (shown,) = exposure.plugins([given, private], LINE)
    assert (shown.id, shown.value.config) == ("p", {})


def test_a_credential_that_is_enforced_cannot_be_replaced() -> None:
    own = upstream("shop", auth=Auth(type="bearer", secret_ref="env:OWN"))
    with pytest.raises(GatewayError, match="enforced by a tenant above"):
        exposure.check_override(own, [full("enforce"), own], LINE)
    for harmless in (full("inherit"), upstream("bank"), upstream("default", alias="other"), own):
        exposure.check_override(own, [harmless], LINE)
    exposure.check_override(upstream("shop"), [full("enforce")], LINE)
    exposure.check_override(upstream("shop", endpoints=(Endpoint(host="b"),), auth=own.value.auth),
                            [full("enforce")], LINE)  # fmt: skip
