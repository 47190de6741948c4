"""An alias, what its calls are held to, and where below the upstream's base URL a caller's path leads.

The alias fixes scheme, host and base path; the caller contributes only what comes after the alias, and
it can never leave the base path. Nothing here reads Host.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.admission import Bounds
from dragoman.policy.cors import CorsRule
from dragoman.policy.headers import RequestRule, ResponseRule, check_rules
from dragoman.policy.matching import Routes, Rule
from dragoman.policy.matching import split as segments
from dragoman.policy.plugins import Chain, joined
from dragoman.policy.resources import (
    Auth,
    Endpoint,
    Origin,
    RouteRules,
    Rules,
    check_cors,
    check_pool,
    check_rate_limit,
    check_route,
    invalid,
)
from dragoman.policy.routing import Timeouts
from dragoman.policy.tenants import ROOT

NO_CHAINS: Final[Mapping[str, Chain | None]] = {}
PREFIX: Final = b"/api/oagw/v1/proxy/"
# RFC 3986, 3.3: pchar and "/", which leaves out control characters, blanks, quotes and raw non-ASCII.
_PATH: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/|]|%[0-9A-Fa-f]{2})*")
_QUERY: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?|\[\]{}^`]|%[0-9A-Fa-f]{2})*")
_ROUNDS: Final = 3
"""How often a path is decoded in search of dots: what is harmless after three rounds stays as it is."""
# A decoded slash or backslash may hide further segments from us but not from the upstream; a semicolon begins a
# segment's parameters.
_SEPARATOR: Final = re.compile(rb"[/\\;]")
# Overlong forms of '.', '/' and '\' are not UTF-8 (RFC 3629, 3), but some decoders take them for it.
_OVERLONG: Final = ((b"\xc0\xae", b"."), (b"\xe0\x80\xae", b"."), (b"\xc0\xaf", b"/"), (b"\xe0\x80\xaf", b"/"),
                    (b"\xc1\x9c", b"\\"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signed:
    """How the calls of an alias authenticate, in the words of whoever said so."""

    setting: str = "none"
    """`credential` as the configuration file has it."""
    auth: Auth = Auth()
    tenant: str = ROOT
    """Whose credential it is."""


NOT_SIGNED: Final = Signed()


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias, ready to be called, whether the file or the API made it."""

    name: str
    id: str
    """Of its upstream, as the management API shows it."""
    upstream: str
    """Its key in `Runtime.upstreams`, and what the ledger and the log call it."""
    endpoints: tuple[Endpoint, ...]
    base_path: bytes
    """The path of every endpoint, without a final slash."""
    rules: Rules
    request_headers: RequestRule
    response_headers: ResponseRule
    routes: Routes | None = None
    """None where every call is taken."""
    cors: CorsRule | None = None
    caller_credential: bool = False
    origin: Origin = "file"
    version: int = 0
    bounds: tuple[Bounds, ...] = ()
    """Its limits, those that reach it from above, and those of the upstream it shares."""
    chain: Chain | None = None
    """The plugins of its calls; None where there are none."""
    tenant: str = ROOT
    """Whose upstream it is; the alias may be another's view of it."""
    signed: Signed = NOT_SIGNED

    def route(self, method: str, target: str) -> Rule | None:
        """The route of a call to `target`, which is what `target()` gives.

        Raises `GatewayError` UPSTREAM_DISABLED, and as `Routes.find`.
        """
        if not self.rules.enabled:
            message = f"The alias {self.name!r} is switched off."
            raise GatewayError(errors.UPSTREAM_DISABLED, message, extra={"alias": self.name})
        if self.routes is None:
            return None
        path, _, query = target.encode().partition(b"?")
        return self.routes.find(method, path, query)


@dataclass(frozen=True, slots=True)
class Made:
    """The parts of an `Alias` that somebody wrote."""

    name: str
    id: str
    endpoints: tuple[Endpoint, ...]
    rules: Rules
    routes: Sequence[tuple[str, RouteRules]] = ()
    """With their ids."""
    origin: Origin = "file"
    version: int = 0
    """Of an upstream that the API has made."""


def compile_alias(
    made: Made,
    upstream: str,
    timeouts: Timeouts,
    *,
    caller_credential: bool = False,
    limits: tuple[Bounds, ...] = (),
    bucket: str = "",
    chains: Mapping[str, Chain | None] = NO_CHAINS,
    tenant: str = ROOT,
    signed: Signed = NOT_SIGNED,
) -> Alias:
    """`made`, once it has been checked; `timeouts` are those of its upstream.

    `limits` are those of its calls, and `bucket` says where those of its routes are counted. `chains` are the plugins
    of the alias, under `""`, and of its routes, under their ids.
    """
    rules = made.rules
    cors = CorsRule.of(rules.cors)
    own = chains.get("")
    routes = None
    if made.routes:
        routes = Routes(
            Rule.of(route_id, route, timeouts, cors, joined(own, chains.get(route_id)), bucket)
            for route_id, route in made.routes
        )
    return Alias(
        made.name,
        made.id,
        upstream,
        made.endpoints,
        made.endpoints[0].path.rstrip("/").encode(),
        rules,
        RequestRule(rules.headers.request, rules.preset, credentials=caller_credential),
        ResponseRule(rules.headers.response),
        routes,
        cors,
        caller_credential,
        made.origin,
        made.version,
        limits,
        own,
        tenant,
        signed,
    )


def check_made(made: Made) -> None:
    """Refuses what cannot be said together. Raises `GatewayError` INVALID_REQUEST naming the member."""
    check_pool(made.endpoints)
    check_rules(made.rules.headers)
    check_cors(made.rules.cors)
    if made.rules.rate_limit is not None:
        check_rate_limit(made.rules.rate_limit)
    for number, (_, route) in enumerate(made.routes):
        try:
            check_route(route)
        except GatewayError as error:
            raise invalid(f"routes[{number}].{error.param}", error.message) from None
    check_unique([route for _, route in made.routes])


def check_unique(routes: Sequence[RouteRules]) -> None:
    """Two routes of one path, priority and method leave open which is taken. Raises as `check_made`."""
    seen: dict[tuple[tuple[bytes, ...], int, str], int] = {}
    for number, route in enumerate(routes):
        for method in route.match.methods:
            other = seen.setdefault((segments(route.match.path.encode()), route.priority, method), number)
            if other != number:
                message = f"It takes {method} of {route.match.path!r} at the same priority as routes[{other}]."
                raise invalid(f"routes[{number}].match", message)


def split(raw_path: bytes) -> tuple[str, bytes]:
    """Alias name and the rest of the path after it, of a raw path that starts with `PREFIX`.

    The rest is empty or starts with a slash and is still percent-encoded. Aliases are case-insensitive as hosts
    are, and like them may end in a dot.
    """
    name, slash, rest = raw_path[len(PREFIX) :].partition(b"/")
    return unquote_to_bytes(name).decode("utf-8", "replace").lower().removesuffix("."), slash + rest


def target(alias: Alias, path: bytes, query: bytes) -> str:
    """The raw target below the upstream's base URL; percent-encoding is kept as received.

    A path that already begins with the base path does not get it twice, so that `/v1/models` under an
    upstream at `https://host/v1` means what it says. Raises `GatewayError` INVALID_REQUEST.
    """
    check(path, query)
    base = alias.base_path
    if base and (path == base or path.startswith(base + b"/")):
        path = path[len(base) :]
    return (path + b"?" + query if query else path).decode("ascii")


def check(path: bytes, query: bytes) -> None:
    """Refuses what an upstream might read differently. Raises `GatewayError` INVALID_REQUEST."""
    if not _PATH.fullmatch(path):
        raise GatewayError(errors.INVALID_REQUEST, "The path holds a character that must be percent-encoded.")
    if not _QUERY.fullmatch(query):
        raise GatewayError(errors.INVALID_REQUEST, "The query holds a character that must be percent-encoded.")
    if b"." in path or b"%" in path:
        _refuse_traversal(path)


def _refuse_traversal(path: bytes) -> None:
    plain = path
    for _ in range(_ROUNDS + 1):
        if any(segment.strip() in (b".", b"..") for segment in _SEPARATOR.split(plain)):
            raise GatewayError(errors.INVALID_REQUEST, "The path must not contain '.' or '..' segments.")
        if b"\0" in plain or b"\r" in plain or b"\n" in plain:
            raise GatewayError(errors.INVALID_REQUEST, "The path must not contain control characters.")
        decoded = unquote_to_bytes(plain)
        if decoded == plain:
            return
        for overlong, character in _OVERLONG:
            decoded = decoded.replace(overlong, character)
        plain = decoded
