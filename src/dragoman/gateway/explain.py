"""`POST /api/oagw/v1/explain`: what a call would meet on its way out, step by step, and nothing is sent.

For operators: it names endpoints and the reference of the credential, which callers are not told.
"""

from typing import Final

import msgspec

from dragoman import errors
from dragoman.config import Config
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.render import render_problem
from dragoman.gateway.runtime import Runtime
from dragoman.policy import aliases
from dragoman.policy.aliases import Alias
from dragoman.policy.matching import Rule
from dragoman.policy.resources import (
    Auth,
    Concurrency,
    Cors,
    Headers,
    Preset,
    RateLimit,
    Retry,
    RouteRules,
    base_url,
    masked,
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
    tenant_id: str
    """Whose upstream it is."""
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
    """Of the upstream, of those of its name above it, and then of the route."""
    concurrency: list[Concurrency]
    credential: Credential
    preset: Preset
    headers: Headers
    plugins: list[str]
    """The ids of those that it meets, in order."""
    retry: Retry
    timeouts: dict[str, float | None]
    max_body: int
    refusal: Problem | None
    """Why the call would be refused before it is sent; none if it would not be."""


async def explain(call: Call, runtime: Runtime, tenant: str) -> Explanation:
    """Raises `GatewayError` INVALID_REQUEST for a body that asks nothing, ROUTE_NOT_FOUND for an unknown alias."""
    try:
        asked = msgspec.json.decode(await call.read(MAX_BODY, runtime.config.server.body_timeout), type=Explained)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GatewayError(errors.INVALID_REQUEST, f"The body names no call: {error}") from None
    name = asked.alias.lower().removesuffix(".")
    alias = runtime.views.find(tenant, name)
    if alias is None:
        raise GatewayError(errors.ROUTE_NOT_FOUND, f"Unknown alias: {name}", extra={"alias": name})
    refusal, target, rule = None, "", None
    try:
        target = aliases.target(alias, asked.path.encode(), asked.query.encode())
        rule = alias.route(asked.method, target)
    except GatewayError as error:
        refusal = render_problem(error, call.route_path, call.request_id)
    upstream = runtime.upstreams[alias.upstream]
    timeouts = upstream.timeouts if rule is None else rule.timeouts
    return _render(alias, runtime.config, target, rule, timeouts, refusal, tenant)


def _render(
    alias: Alias,
    config: Config,
    target: str,
    rule: Rule | None,
    timeouts: Timeouts,
    refusal: Problem | None,
    tenant: str,
) -> Explanation:
    rules = alias.rules
    bounds, chain, cors = alias.bounds, alias.chain, rules.cors
    if rule is not None:
        bounds, chain = (*bounds, *rule.bounds), rule.chain
        cors = rule.rules.cors or cors
    return Explanation(
        alias=alias.name,
        upstream_id=alias.id,
        tenant_id=alias.tenant,
        origin=alias.origin,
        enabled=rules.enabled,
        endpoints=[base_url(endpoint) for endpoint in alias.endpoints],
        target=target,
        route=None if rule is None else MatchedRoute(rule.id, rule.rules),
        cors=cors,
        rate_limits=[bound.limit for bound in bounds if bound.limit is not None],
        concurrency=[bound.concurrency for bound in bounds if bound.concurrency is not None],
        credential=_credential(alias, tenant),
        preset=rules.preset,
        headers=rules.headers,
        plugins=[] if chain is None else [bound.id for bound in chain.all],
        retry=rules.retry,
        timeouts={name: getattr(timeouts, name) for name in ("connect", "first_byte", "idle", "total")},
        max_body=config.server.max_alias_body if rules.max_body is None else rules.max_body,
        refusal=refusal,
    )


def _credential(alias: Alias, tenant: str) -> Credential:
    """Where another tenant's goes along, nothing of it but its kind."""
    signed = alias.signed
    if signed.tenant == tenant:
        return Credential(signed.setting, signed.auth)
    return Credential(signed.setting.partition(" ")[0], masked(signed.auth))
