"""Which route of an upstream a call takes, by method, path and query.

Among the routes that are enabled, have the method and whose path the call's begins with, the longest path wins and
then the higher priority. Paths are compared by whole segments, decoded and without empty ones, as an upstream may read
them; what is sent stays as it was written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus, unquote_to_bytes

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.admission import Bounds, bounds
from dragoman.policy.cors import CorsRule
from dragoman.policy.plugins import Chain
from dragoman.policy.resources import RouteRules
from dragoman.policy.routing import Timeouts

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One route, ready to be matched."""

    id: str
    rules: RouteRules
    timeouts: Timeouts
    """Its own where it has any, else its upstream's."""
    segments: tuple[bytes, ...]
    methods: frozenset[str]
    query: frozenset[str] | None
    """Names of the parameters that may be given; None permits any."""
    cors: CorsRule | None = None
    """Its own where it says something, else its upstream's."""
    bounds: tuple[Bounds, ...] = ()
    """The limits of its own."""
    chain: Chain | None = None
    """The plugins of its upstream, and then its own."""

    @classmethod
    def of(
        cls,
        route_id: str,
        rules: RouteRules,
        timeouts: Timeouts,
        cors: CorsRule | None = None,
        chain: Chain | None = None,
        bucket: str = "",
    ) -> "Rule":
        """`bucket` says where its rate limit is counted, unless that is one count for all tenants."""
        match, own = rules.match, rules.timeouts
        deadlines = Timeouts(
            timeouts.connect,
            timeouts.first_byte if own.first_byte is None else own.first_byte,
            timeouts.idle if own.idle is None else own.idle,
            timeouts.total if own.total is None else own.total,
        )
        query = None if ANY in match.query_allowlist else frozenset(match.query_allowlist)
        cors = cors if rules.cors is None else CorsRule.of(rules.cors)
        limits = bounds("route", match.path, rules.rate_limit, rules.concurrency, route_id, bucket)
        segments, methods = split(match.path.encode()), frozenset(match.methods)
        return cls(route_id, rules, deadlines, segments, methods, query, cors, limits, chain)


class Routes:
    """The routes of one upstream, those that win before those that lose."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Iterable[Rule]) -> None:
        usable = [rule for rule in rules if rule.rules.enabled]
        # The id last, so that every gateway orders equals alike.
        self._rules = sorted(usable, key=lambda rule: (-len(rule.segments), -rule.rules.priority, rule.id))

    def find(self, method: str, path: bytes, query: bytes) -> Rule:
        """The route of a call; `path` is below the upstream's base path.

        Raises `GatewayError` ROUTE_NOT_FOUND, PATH_SUFFIX_NOT_ALLOWED, QUERY_NOT_ALLOWED.
        """
        segments = split(path)
        for rule in self._rules:
            if method in rule.methods and segments[: len(rule.segments)] == rule.segments:
                self._admit(rule, segments, query)
                return rule
        raise GatewayError(errors.ROUTE_NOT_FOUND, f"No route of this alias takes {method} {path.decode()!r}.")

    def _admit(self, rule: Rule, segments: tuple[bytes, ...], query: bytes) -> None:
        match = rule.rules.match
        if match.suffix == "disabled" and len(segments) > len(rule.segments):
            message = f"The route {match.path!r} takes no longer path."
            raise GatewayError(errors.PATH_SUFFIX_NOT_ALLOWED, message)
        if rule.query is None or not query:
            return
        for name in names(query):
            if name not in rule.query:
                allowed = ", ".join(sorted(rule.query)) or "none"
                message = f"The query parameter {name!r} may not be given here; allowed: {allowed}."
                raise GatewayError(errors.QUERY_NOT_ALLOWED, message, param=name)


def split(path: bytes) -> tuple[bytes, ...]:
    """A path as its segments. A slash that is encoded separates nothing here; it may not equal one that does."""
    return tuple(unquote_to_bytes(segment) for segment in path.split(b"/") if segment)


def names(query: bytes) -> Iterable[str]:
    """The names of a query's parameters, decoded; a semicolon separates, too, as it does for some upstreams."""
    for pair in query.replace(b";", b"&").split(b"&"):
        if pair:
            yield unquote_plus(pair.partition(b"=")[0].decode("latin-1"))
