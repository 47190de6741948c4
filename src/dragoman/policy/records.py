"""Upstreams and routes as they are kept: what somebody wrote, whose it is, and which version of it this is.

What the API may write is judged here on top of what `resources` judges: it chooses no private address, no secret that
the operator has not released.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import Final

import msgspec

from dragoman.errors import GatewayError
from dragoman.policy import egress
from dragoman.policy.aliases import Made, check_made
from dragoman.policy.auth import parse as parse_auth
from dragoman.policy.resources import (
    DEFAULT_PORTS,
    Auth,
    Endpoint,
    Origin,
    PluginBinding,
    Plugins,
    PluginSetup,
    Route,
    Upstream,
    bindings,
    check_route,
    check_upstream,
    invalid,
    port,
)
from dragoman.policy.tenants import ROOT

# Below a country's domain these are registries, not somebody's: no common suffix to call a pool by.
_REGISTRIES: Final = frozenset(("ac", "co", "com", "edu", "go", "gob", "gov", "mil", "ne", "net", "nom", "or", "org"))


class UpstreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One upstream. Times are Unix time in seconds."""

    id: str
    value: Upstream
    """With its alias, derived or given."""
    tenant: str = ROOT
    origin: Origin = "api"
    version: int = 1
    """Counts the changes."""
    created_at: float = 0.0
    updated_at: float = 0.0


class RouteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One route, as `UpstreamRecord`."""

    id: str
    value: Route
    tenant: str = ROOT
    origin: Origin = "api"
    version: int = 1
    created_at: float = 0.0
    updated_at: float = 0.0


class PluginRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin that is set up, as `UpstreamRecord`."""

    id: str
    value: PluginSetup
    tenant: str = ROOT
    created_at: float = 0.0


Record = UpstreamRecord | RouteRecord | PluginRecord


@dataclass(frozen=True, slots=True)
class Contents:
    """All that the API has made, at one moment; every change gives the next `revision`."""

    revision: int = -1
    upstreams: Sequence[UpstreamRecord] = field(default=())
    routes: Sequence[RouteRecord] = field(default=())
    plugins: Sequence[PluginRecord] = field(default=())

    def setups(self, line: Sequence[str]) -> Mapping[str, PluginSetup]:
        """The plugins that are set up, by id, as far as the first of `line` has them or is given them."""
        return {record.id: record.value for record in self.plugins if reaches(record, line)}

    def users(self, plugin_id: str) -> Sequence[str]:
        """The ids of what is bound to a plugin."""
        every: Sequence[UpstreamRecord | RouteRecord] = [*self.upstreams, *self.routes]
        return [one.id for one in every if any(binding.id == plugin_id for binding in bindings(one.value))]


class OutboundConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What upstreams may be that are made through the API."""

    allow_cidrs: tuple[str, ...] = ()
    """Addresses they may have, beside public ones."""
    allow_http: bool = False
    """Whether they may be called without TLS."""
    secrets: tuple[str, ...] = ()
    """Patterns of the references that their credentials may name, such as `env:OUTBOUND_*`; of the root tenant's."""


def reaches(record: UpstreamRecord | PluginRecord, line: Sequence[str]) -> bool:
    """Whether a tenant has something, or is given it by one above; `line` leads from it to the root."""
    return record.tenant == line[0] or (record.tenant in line and record.value.sharing == "inherit")


def made(upstream: UpstreamRecord, routes: Iterable[RouteRecord]) -> Made:
    """An upstream and its routes in the form that is compiled for calls."""
    value, below = upstream.value, [(route.id, route.value) for route in routes]
    return Made(value.alias, upstream.id, value.endpoints, value, below, upstream.origin, upstream.version)


def check_record(value: Upstream, leave: OutboundConfig) -> Upstream:
    """`value` with its alias, if the API may write it. Raises `GatewayError` INVALID_REQUEST naming the member."""
    alias = value.alias.lower().removesuffix(".") or derive(value.endpoints)
    value = msgspec.structs.replace(value, alias=alias)
    check_upstream(value)
    check_made(Made(alias, "", value.endpoints, value, origin="api"))
    cidrs = [ip_network(cidr) for cidr in leave.allow_cidrs]
    for number, endpoint in enumerate(value.endpoints):
        at = f"endpoints[{number}]"
        if endpoint.scheme in ("http", "ws") and not leave.allow_http:
            raise invalid(f"{at}.scheme", "Only https and wss are permitted here ('outbound.allow_http').")
        if egress.is_address(endpoint.host) and egress.verdict(endpoint.host, "public", cidrs):
            raise invalid(f"{at}.host", "The address is not a public one, nor permitted by 'outbound.allow_cidrs'.")
    try:
        parse_auth(value.auth)
    except GatewayError as error:
        raise invalid(f"auth.{error.param}", error.message) from None
    for member, reference in references(value.auth):
        _check_released(f"auth.{member}", reference, leave)
    if value.auth.plugin is not None:
        _check_binding("auth.plugin", value.auth.plugin, leave)
    check_bindings(value.plugins, leave)
    return value


def check_route_record(value: Route, leave: OutboundConfig) -> None:
    """As `check_record`, of a route."""
    check_route(value)
    check_bindings(value.plugins, leave)


def check_setup(value: PluginSetup, leave: OutboundConfig) -> None:
    """As `check_record`, of a plugin that is set up."""
    for member, reference in PluginBinding(id=value.plugin, config=value.config).references:
        _check_released(f"config.{member}", reference, leave)


def check_bindings(plugins: Plugins, leave: OutboundConfig) -> None:
    """Refuses references that are not released. Raises `GatewayError` INVALID_REQUEST naming the member."""
    for number, binding in enumerate(plugins.items):
        _check_binding(f"plugins.items[{number}]", binding, leave)


def _check_binding(at: str, binding: PluginBinding, leave: OutboundConfig) -> None:
    for member, reference in binding.references:
        _check_released(f"{at}.config.{member}", reference, leave)


def _check_released(member: str, reference: str, leave: OutboundConfig) -> None:
    if not any(fnmatchcase(reference, pattern) for pattern in leave.secrets):
        message = "The reference is not among those that the operator releases in 'outbound.secrets'."
        raise invalid(member, message)


def references(auth: Auth) -> Sequence[tuple[str, str]]:
    """The references into the vault that a credential has, by member."""
    members = [name for name in auth.__struct_fields__ if name.endswith("_ref")]
    return [(name, getattr(auth, name)) for name in members if getattr(auth, name)]


def derive(endpoints: Sequence[Endpoint]) -> str:
    """The alias of a pool that was given none: its host, or what its hosts' names end in alike, and an odd port.

    Raises `GatewayError` INVALID_REQUEST where there is nothing to call it by.
    """
    hosts = [endpoint.host.lower().removesuffix(".") for endpoint in endpoints]
    if any(egress.is_address(host) for host in hosts):
        raise invalid("alias", "An alias cannot be derived from an IP address: give one.")
    labels = hosts[0].split(".")
    for host in hosts[1:]:
        labels = _common(labels, host.split("."))
    registry = len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _REGISTRIES
    if len(set(hosts)) > 1 and (len(labels) < 2 or registry):
        raise invalid("alias", "The hosts have no domain in common to derive an alias from: give one.")
    name = ".".join(labels)
    first = endpoints[0]
    return name if port(first) == DEFAULT_PORTS[first.scheme] else f"{name}:{port(first)}"


def _common(one: list[str], other: list[str]) -> list[str]:
    shared: list[str] = []
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        shared.insert(0, left)
    return shared
