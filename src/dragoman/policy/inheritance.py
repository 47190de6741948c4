"""What an alias is to one tenant: the nearest upstream of that name on the line to the root, and what reaches it from
above.

An upstream of a tenant above is there for those below if its `sharing` is `inherit`; one of their own shadows it. What
a shared upstream says further is shared piece by piece, and holds for an upstream that shadows it as well:

    piece        private          inherit                               enforce
    -----------  ---------------  ------------------------------------  ----------------------------------------
    credential   its owner's      where there is none nearer            in place of any nearer one
    rate limit   its owner's      counted for each tenant by itself     one count for the owner and all below
    plugins      its owner's      before the nearer ones                the same
    cors         its owner's      joined with the nearer rule           in place of any nearer one

Limits only ever add up, so that the tightest holds. A credential goes to endpoints of its owner's alone, whoever
shadows the alias. An upstream that is switched off is so for everybody below, who cannot switch it on again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from dragoman.policy.admission import Bounds, bounds
from dragoman.policy.aliases import Made
from dragoman.policy.resources import Auth, Cors, Endpoint, Plugins, RouteRules, Rules, port
from dragoman.policy.tenants import ROOT

_NOTHING: Final = Plugins()


@dataclass(frozen=True, slots=True)
class Source:
    """An upstream as its owner has made it."""

    made: Made
    tenant: str = ROOT
    auth: Auth = Auth()
    credential: bool = False
    """Whether it has one that `auth` says nothing of, which goes along with the upstream."""

    @property
    def shared(self) -> bool:
        return self.made.rules.sharing == "inherit"

    @property
    def authenticates(self) -> bool:
        return self.credential or self.auth.type != "none"


@dataclass(frozen=True, slots=True)
class Effective:
    """What one tenant has under one name."""

    source: Source
    """The nearest."""
    made: Made
    """That one as this tenant meets it; its plugins are in `plugged`."""
    signer: Source | None
    """Whose credential goes along; None for none."""
    plugged: tuple[Source, ...]
    """Whose plugins calls meet, in order."""
    limits: tuple[Bounds, ...]
    bucket: str
    """Added to the ids under which the limits of its routes are counted."""


def visible(line: Sequence[str], by_tenant: Mapping[str, Mapping[str, Source]]) -> Mapping[str, Sequence[Source]]:
    """By name, the upstreams that a tenant has or is given, the nearest first; `line` leads from it to the root."""
    found: dict[str, list[Source]] = {}
    for tenant in line:
        for name, source in by_tenant.get(tenant, {}).items():
            if tenant == line[0] or source.shared:
                found.setdefault(name, []).append(source)
    return found


def effective(tenant: str, sources: Sequence[Source]) -> Effective:
    """What the upstreams of one name come to for `tenant`; `sources` as `visible` gives them."""
    nearest, above = sources[0], sources[1:]
    own = nearest.tenant == tenant
    cors, forced = _cors(nearest, above, own=own)
    rules = _seen(nearest.made.rules, own=own)
    rules = replace(
        rules,
        enabled=all(source.made.rules.enabled for source in sources),
        tags=tuple(dict.fromkeys(tag for source in sources for tag in source.made.rules.tags)),
        cors=cors,
    )
    routes = [(name, _seen_route(route, own=own, forced=forced)) for name, route in nearest.made.routes]
    plugged = [source for source in reversed(above) if _reaches(source.made.rules.plugins.sharing)]
    if own or _reaches(nearest.made.rules.plugins.sharing):
        plugged.append(nearest)
    return Effective(
        nearest,
        Made(
            nearest.made.name, nearest.made.id, nearest.made.endpoints, rules, routes, nearest.made.origin,
            nearest.made.version,
        ),
        _signer(nearest, above, own=own),
        tuple(source for source in plugged if source.made.rules.plugins.items),
        _limits(tenant, sources),
        "" if own else f"|{tenant}",
    )  # fmt: skip


def covers(owner: Source, other: Source) -> bool:
    """Whether every endpoint of `other` is one of `owner`'s, so that its credential may go there."""
    return {_place(one) for one in other.made.endpoints} <= {_place(one) for one in owner.made.endpoints}


def _place(endpoint: Endpoint) -> tuple[str, str, int, str]:
    return endpoint.scheme, endpoint.host.lower().removesuffix("."), port(endpoint), endpoint.path.rstrip("/")


def _reaches(sharing: str) -> bool:
    return sharing != "private"


def _signer(nearest: Source, above: Sequence[Source], *, own: bool) -> Source | None:
    signer = (
        nearest if nearest.authenticates and (own or nearest.credential or _reaches(nearest.auth.sharing)) else None
    )
    for source in above:
        if not source.authenticates or source.credential or not covers(source, nearest):
            continue
        if source.auth.sharing == "enforce" or (source.auth.sharing == "inherit" and signer is None):
            signer = source
    return signer


def _limits(tenant: str, sources: Sequence[Source]) -> tuple[Bounds, ...]:
    """Those that the calls of a tenant take from, the nearest first."""
    found: list[Bounds] = []
    for source in sources:
        made, limit = source.made, source.made.rules.rate_limit
        if limit is not None and source.tenant != tenant and limit.sharing == "private":
            limit = None
        # Places are those of the upstream that is called, whoever calls it.
        places = made.rules.concurrency if source is sources[0] else None
        found += bounds("alias", made.name, limit, places, made.id, "" if source.tenant == tenant else f"|{tenant}")
    return tuple(found)


def _cors(nearest: Source, above: Sequence[Source], *, own: bool) -> tuple[Cors, bool]:
    """The rule, and whether it was forced, so that no route has another."""
    given = nearest.made.rules.cors
    rule = given if own or _reaches(given.sharing) else Cors()
    forced = False
    for source in above:
        said = source.made.rules.cors
        if said.sharing == "enforce":
            rule, forced = said, True
        elif said.sharing == "inherit" and said.enabled:
            rule = union(rule, said) if rule.enabled else said
    return rule, forced


def union(one: Cors, other: Cors) -> Cors:
    """What either permits; credentials only where both do, and never to every origin."""
    origins = tuple(dict.fromkeys((*one.origins, *other.origins)))
    return Cors(
        enabled=True,
        origins=origins,
        methods=tuple(dict.fromkeys((*one.methods, *other.methods))),
        headers=tuple(dict.fromkeys((*one.headers, *other.headers))),
        expose=tuple(dict.fromkeys((*one.expose, *other.expose))),
        credentials=one.credentials and other.credentials and "*" not in origins,
        max_age=min(one.max_age, other.max_age),
        sharing=one.sharing,
    )


def _seen(rules: Rules, *, own: bool) -> Rules:
    """The rules of an upstream without what its owner keeps to itself."""
    if own:
        return rules
    plugins, limit = rules.plugins, rules.rate_limit
    return replace(
        rules,
        plugins=plugins if _reaches(plugins.sharing) else _NOTHING,
        rate_limit=limit if limit is not None and _reaches(limit.sharing) else None,
    )


def _seen_route(route: RouteRules, *, own: bool, forced: bool) -> RouteRules:
    """The same of a route."""
    plugins, limit, cors = route.plugins, route.rate_limit, route.cors
    if not own:
        plugins = plugins if _reaches(plugins.sharing) else _NOTHING
        limit = limit if limit is not None and _reaches(limit.sharing) else None
        cors = cors if cors is not None and _reaches(cors.sharing) else None
    return replace(route, plugins=plugins, rate_limit=limit, cors=None if forced else cors)
