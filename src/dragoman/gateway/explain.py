"""`POST /api/oagw/v1/explain`: what a call would meet on its way out, step by step, and nothing is sent.

For operators: it names endpoints and the reference of the credential, which callers are not told.
"""

from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.config import Config
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.render import render_problem
from dragoman.gateway.runtime import Runtime
from dragoman.policy import aliases
from dragoman.policy.aliases import Alias
from dragoman.policy.resources import (
    Auth,
    Concurrency,
    Cors,
    Headers,
    Plugins,
    Preset,
    RateLimit,
    Retry,
    RouteRules,
    base_url,
)
from dragoman.policy.routing import Timeouts
from dragoman.wire.problem import Problem

MAX_BODY: Final = 64 * 1024


class Explained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body; `path` is what would follow the alias, percent-encoded."""

    alias: str
    path: str = ""
    method: str = "GET"
    query: str = ""


class Credential(msgspec.Struct, frozen=True):
    """How the call would authenticate: never the secret."""

    setting: str
    """`credential` as the configuration file has it."""
    auth: Auth


class MatchedRoute(msgspec.Struct, frozen=True):
    id: str
    rules: RouteRules


class Explanation(msgspec.Struct, frozen=True):
    """What applies, in the order in which it does."""

    alias: str
    upstream_id: str
    origin: str
    enabled: bool
    endpoints: list[str]
    """Any of which may be called."""
    target: str
    """Path and query below an endpoint."""
    route: MatchedRoute | None
    """None where the upstream has no routes, or none that takes the call."""
    cors: Cors
    rate_limits: list[RateLimit]
    """Of the upstream, then of the route."""
    concurrency: list[Concurrency]
    credential: Credential
    preset: Preset
    headers: Headers
    plugins: list[Plugins]
    retry: Retry
    timeouts: dict[str, float | None]
    max_body: int
    refusal: Problem | None
    """Why the call would be refused before it is sent; none if it would not be."""


async def explain(call: Call, runtime: Runtime) -> Explanation:
    """Raises `GatewayError` INVALID_REQUEST for a body that asks nothing, ROUTE_NOT_FOUND for an unknown alias."""
    try:
        asked = msgspec.json.decode(await call.read(MAX_BODY, runtime.config.server.body_timeout), type=Explained)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GatewayError(errors.INVALID_REQUEST, f"The body names no call: {error}") from None
    name = asked.alias.lower().removesuffix(".")
    alias = runtime.aliases.get(name)
    if alias is None:
        raise GatewayError(errors.ROUTE_NOT_FOUND, f"Unknown alias: {name}", extra={"alias": name})
    refusal, target, rule = None, "", None
    try:
        target = aliases.target(alias, asked.path.encode(), asked.query.encode())
        rule = alias.route(asked.method, target)
    except GatewayError as error:
        refusal = render_problem(error, call.route_path, call.request_id)
    upstream = runtime.upstreams[alias.upstream]
    route = None if rule is None else MatchedRoute(rule.id, rule.rules)
    timeouts = upstream.timeouts if rule is None else rule.timeouts
    return _render(alias, runtime.config, target, route, timeouts, refusal)


def _render(
    alias: Alias, config: Config, target: str, route: MatchedRoute | None, timeouts: Timeouts, refusal: Problem | None
) -> Explanation:
    rules = alias.rules
    own: Any = route.rules if route is not None else None
    every = [rules] if own is None else [rules, own]
    return Explanation(
        alias=alias.name,
        upstream_id=alias.id,
        origin=alias.origin,
        enabled=rules.enabled,
        endpoints=[base_url(endpoint) for endpoint in alias.endpoints],
        target=target,
        route=route,
        cors=rules.cors if own is None or own.cors is None else own.cors,
        rate_limits=[one.rate_limit for one in every if one.rate_limit is not None],
        concurrency=[one.concurrency for one in every if one.concurrency is not None],
        credential=_credential(alias, config),
        preset=rules.preset,
        headers=rules.headers,
        plugins=[one.plugins for one in every if one.plugins.items],
        retry=rules.retry,
        timeouts={name: getattr(timeouts, name) for name in ("connect", "first_byte", "idle", "total")},
        max_body=config.server.max_alias_body if rules.max_body is None else rules.max_body,
        refusal=refusal,
    )


def _credential(alias: Alias, config: Config) -> Credential:
    """What the file says, or else the API, whose rules are the upstream itself."""
    if alias.origin == "file":
        item = config.aliases[alias.name]
        source = item if item.upstream is None else config.upstreams[item.upstream]
        return Credential(source.credential, source.auth)
    return Credential("none", getattr(alias.rules, "auth", Auth()))
