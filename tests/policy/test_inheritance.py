from typing import Any

import pytest

from dragoman.policy.aliases import Made
from dragoman.policy.inheritance import Source, covers, effective, union, visible
from dragoman.policy.resources import (
    Auth,
    Concurrency,
    Cors,
    Endpoint,
    Match,
    PluginBinding,
    Plugins,
    Rate,
    RateLimit,
    RouteRules,
    Rules,
    Sharing,
)

HOST = Endpoint(host="api.example.com")
LINE = ("shop", "retail", "default")
SHARINGS: tuple[Sharing, ...] = ("private", "inherit", "enforce")


def source(tenant: str, *, host: str = "api.example.com", auth: Auth | None = None, **members: Any) -> Source:
    routes = members.pop("routes", ())
    rules = Rules(**{"sharing": "inherit", **members})
    numbered = [(f"{tenant}-r{number}", route) for number, route in enumerate(routes)]
    return Source(Made("maps", f"u-{tenant}", (Endpoint(host=host),), rules, numbered), tenant, auth or Auth())


def limited(rate: int, sharing: Sharing) -> dict[str, Any]:
    return {"rate_limit": RateLimit(sustained=Rate(rate=rate), sharing=sharing)}


def plugged(sharing: Sharing) -> dict[str, Any]:
    return {"plugins": Plugins(items=(PluginBinding(id="p"),), sharing=sharing)}


def paged(origin: str, sharing: Sharing, **members: Any) -> dict[str, Any]:
    return {"cors": Cors(enabled=True, origins=(origin,), sharing=sharing, **members)}


def key(sharing: Sharing) -> Auth:
    return Auth(type="bearer", secret_ref="env:KEY", sharing=sharing)


def test_what_is_private_is_seen_by_its_owner_alone() -> None:
    own, above = source("shop", sharing="private"), source("retail", sharing="private")
    shared = source("default")
    by_tenant = {"shop": {"maps": own}, "retail": {"maps": above}, "default": {"maps": shared, "x": shared}}
    assert visible(LINE, by_tenant) == {"maps": [own, shared], "x": [shared]}
    assert visible(LINE[1:], by_tenant) == {"maps": [above, shared], "x": [shared]}
    assert visible(("bank", "default"), {"retail": {"maps": shared}}) == {}


def test_the_nearest_is_called_as_long_as_none_above_is_switched_off() -> None:
    one = effective("shop", [source("shop", tags=("a",)), source("default", tags=("b", "a"))])
    assert (one.source.tenant, one.made.id, one.made.rules.enabled) == ("shop", "u-shop", True)
    assert one.made.rules.tags == ("a", "b")
    assert not effective("shop", [source("shop"), source("default", enabled=False)]).made.rules.enabled


@pytest.mark.parametrize(
    ("tenant", "sharing", "found"),
    [("default", "private", [(5, "")]), ("default", "enforce", [(5, "")]), ("shop", "private", []),
     ("shop", "inherit", [(5, "|shop")]), ("shop", "enforce", [(5, "")])],
)  # fmt: skip
def test_a_limit_reaches_those_below_in_a_bucket_of_theirs_or_of_its_own(
    tenant: str, sharing: Sharing, found: list[tuple[int, str]]
) -> None:
    one = effective(tenant, [source("default", **limited(5, sharing))])
    assert [(bound.limit and bound.limit.sustained.rate, bound.bucket) for bound in one.limits] == found


def test_limits_add_up_and_places_are_those_of_the_upstream_that_is_called() -> None:
    places = Concurrency(max=1)
    above = [source("retail", **limited(2, "inherit")), source("default", concurrency=places, **limited(3, "enforce"))]
    one = effective("shop", [source("shop", concurrency=places, **limited(1, "private")), *above])
    assert [(bound.id, bound.bucket, bound.concurrency) for bound in one.limits] == [
        ("u-shop", "", places), ("u-retail", "|shop", None), ("u-default", "", None)
    ]  # fmt: skip
    (given,) = effective("shop", above[1:]).limits
    assert (given.id, given.bucket, given.concurrency) == ("u-default", "", places)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_credential_is_its_owners_or_goes_where_there_is_none_or_in_any_case(sharing: Sharing) -> None:
    above = source("default", auth=key(sharing))
    bare, own = source("shop"), source("shop", auth=key("private"))
    assert effective("default", [above]).signer is above
    expected = {"private": (None, None, own), "inherit": (above, above, own), "enforce": (above, above, above)}
    signers = tuple(effective("shop", sources).signer for sources in ([above], [bare, above], [own, above]))
    assert signers == expected[sharing]


def test_the_outermost_of_those_that_enforce_theirs_wins() -> None:
    top, middle = source("default", auth=key("enforce")), source("retail", auth=key("enforce"))
    assert effective("shop", [source("shop"), middle, top]).signer is top


@pytest.mark.parametrize("sharing", ["inherit", "enforce"])
def test_a_credential_goes_to_no_other_place(sharing: Sharing) -> None:
    above, elsewhere = source("default", auth=key(sharing)), source("shop", host="evil.example.com")
    assert effective("shop", [elsewhere, above]).signer is None


def test_what_goes_along_with_its_upstream_goes_with_it_alone() -> None:
    made = source("default").made
    above = Source(made, "default", Auth(), credential=True)
    assert effective("shop", [above]).signer is above
    assert effective("shop", [source("shop"), above]).signer is None


@pytest.mark.parametrize(
    ("other", "covered"),
    [(Endpoint(host="API.example.com.", port=443), True), (Endpoint(host="api.example.com", path="/"), True),
     (Endpoint(host="api.example.com", path="/v2"), False), (Endpoint(host="api.example.com", port=8443), False),
     (Endpoint(host="api.example.com", scheme="http"), False), (Endpoint(host="b.example.com"), False)],
)  # fmt: skip
def test_a_place_is_scheme_host_port_and_path(other: Endpoint, covered: bool) -> None:
    shadow = Source(Made("maps", "u", (other,), Rules()), "shop")
    assert covers(source("default"), shadow) is covered
    both = Source(Made("maps", "u", (HOST, other), Rules()), "shop")
    assert covers(both, shadow) and covers(source("default"), both) is covered


def test_plugins_come_from_the_root_on_and_private_ones_not_at_all() -> None:
    top, middle = source("default", **plugged("inherit")), source("retail", **plugged("private"))
    own, enforced = source("shop", **plugged("private")), source("retail", **plugged("enforce"))
    assert effective("shop", [own, middle, top]).plugged == (top, own)
    assert effective("shop", [own, enforced, top]).plugged == (top, enforced, own)
    assert effective("shop", [middle]).plugged == ()
    assert effective("shop", [source("shop"), source("default")]).plugged == ()


def test_rules_for_other_origins_are_joined_or_forced() -> None:
    own = source("shop", **paged("https://own", "private", credentials=True, max_age=5))
    joined = effective("shop", [own, source("default", **paged("https://top", "inherit"))]).made.rules.cors
    assert (joined.origins, joined.credentials, joined.max_age) == (("https://own", "https://top"), False, 5)
    forced = effective("shop", [own, source("default", **paged("https://top", "enforce"))]).made.rules.cors
    assert forced.origins == ("https://top",)
    kept = effective("shop", [own, source("default", **paged("https://top", "private"))]).made.rules.cors
    assert kept.origins == ("https://own",)
    given = effective("shop", [source("shop"), source("default", **paged("https://top", "inherit"))]).made.rules.cors
    assert given.origins == ("https://top",)
    assert not effective("shop", [source("default", **paged("https://top", "private"))]).made.rules.cors.enabled


def test_credentials_never_stand_beside_every_origin() -> None:
    one = Cors(enabled=True, origins=("https://a",), credentials=True)
    assert union(one, Cors(enabled=True, origins=("https://b",), credentials=True)).credentials
    assert not union(one, Cors(enabled=True, origins=("*",))).credentials


@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_route_shares_its_rules_piece_by_piece(sharing: Sharing) -> None:
    members = {**limited(1, sharing), **plugged(sharing), **paged("https://r", sharing)}
    above = source("default", routes=[RouteRules(match=Match(methods=("GET",)), **members)])
    ((name, own),) = effective("default", [above]).made.routes
    assert (name, own) == above.made.routes[0]
    one = effective("shop", [above])
    ((_, seen),) = one.made.routes
    reached = [bool(seen.plugins.items), seen.rate_limit is not None, seen.cors is not None]
    assert reached == [sharing != "private"] * 3
    assert one.bucket == "|shop"


def test_no_route_has_another_rule_for_origins_than_one_that_is_forced() -> None:
    own = source("shop", routes=[RouteRules(match=Match(methods=("GET",)), **paged("https://r", "private"))])
    ((_, seen),) = effective("shop", [own, source("default", **paged("https://top", "enforce"))]).made.routes
    assert seen.cors is None
