"""What each tenant can call by alias: upstreams as they were written, seen from every place in the tree.

Views are made anew when the file or the API has changed anything; connections stay where neither the upstream nor the
credential that goes along has. Nothing is looked up on the line to the root while a call runs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from msgspec.structs import replace

from dragoman import errors
from dragoman.config import AliasConfig, UpstreamConfig
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy.admission import Bounds
from dragoman.policy.aliases import NOT_SIGNED, Alias, Signed, compile_alias
from dragoman.policy.inheritance import Effective, Source, effective, visible
from dragoman.policy.plugins import Chain, joined
from dragoman.policy.resources import Endpoint
from dragoman.policy.tenants import ROOT, Tenants
from dragoman.ports import Pool

Signature = tuple[tuple[str, int], ...]
"""Upstream and credential, with their versions, that connections were made of."""
Connection = UpstreamConfig | AliasConfig
"""How an upstream is reached, in the words of the file."""
_log = structlog.get_logger("dragoman")


@dataclass(frozen=True, slots=True)
class Written:
    """An upstream as somebody wrote it, with what was made of that once for all who call it."""

    source: Source
    connection: Connection
    upstream: str = ""
    """The entry of `[upstreams]` whose connections it shares."""
    limits: tuple[Bounds, ...] = ()
    """Those of that entry."""
    setting: str = "none"
    """Its `credential`."""
    chains: Mapping[str, Chain | None] = field(default_factory=dict)
    """Its plugins, under `""`, and those of its routes, under their ids."""
    signing: Chain | None = None
    """The plugin that authenticates its calls."""


@dataclass(frozen=True, slots=True)
class Views:
    """By tenant and name, what may be called."""

    of: Mapping[str, Mapping[str, Alias]] = field(default_factory=dict)
    named: Mapping[str, Sequence[Alias]] = field(default_factory=dict)
    """By name alone, each once: of whoever has not said yet who calls."""
    callers_own: frozenset[str] = frozenset()
    """Names that take their caller's own credential, whoever calls."""
    made_of: Mapping[str, Signature] = field(default_factory=dict)
    """What the connections were made of that belong to aliases, by their names."""

    def find(self, tenant: str, name: str) -> Alias | None:
        view = self.of.get(tenant)
        return None if view is None else view.get(name)


Connect = Callable[[Connection, Source, Source], Pool]
"""Makes connections to an upstream, whose credential is the second's. Raises `ConfigError`, `GatewayError`."""
Unusable = Callable[[str, Sequence[Endpoint], GatewayError], Pool]


class ViewMaker:
    """Makes the views of one moment; `upstreams` are the connections of `[upstreams]`, and become those of all."""

    def __init__(self, tree: Tenants, written: Iterable[Written], connect: Connect, unusable: Unusable) -> None:
        self._tree = tree
        self._connect = connect
        self._unusable = unusable
        self._written: dict[str, Written] = {}
        self._by_tenant: defaultdict[str, dict[str, Source]] = defaultdict(dict)
        for one in written:
            source = one.source
            if source.made.name in self._by_tenant[source.tenant]:
                _log.warning("alias made twice", alias=source.made.name, note="the configuration file's is used")
                continue
            self._written[source.made.id] = one
            self._by_tenant[source.tenant][source.made.name] = source

    def make(self, upstreams: dict[str, Pool], old: Mapping[str, Pool], made_of: Mapping[str, Signature]) -> Views:
        """The views; to `upstreams` what they need is added, from `old` where that was made of the same."""
        views: dict[str, dict[str, Alias]] = {}
        named: defaultdict[str, list[Alias]] = defaultdict(list)
        signatures: dict[str, Signature] = {}
        for tenant in self._tree:
            view = views[tenant] = {}
            for name, sources in visible(self._tree.line(tenant), self._by_tenant).items():
                one = effective(tenant, sources)
                written = self._written[one.source.made.id]
                pool = _pool_of(written, one)
                if pool not in upstreams:
                    signatures[pool] = signature = _signature(one)
                    same = made_of.get(pool) == signature
                    upstreams[pool] = old[pool] if same else self._pool(written, one)
                view[name] = alias = self._alias(written, one, pool)
                named[name].append(alias)
        callers_own = frozenset(
            name for name, aliases in named.items() if all(alias.caller_credential for alias in aliases)
        )
        return Views(views, named, callers_own, signatures)

    def _pool(self, written: Written, one: Effective) -> Pool:
        source, signer, connection = one.source, one.signer, written.connection
        if signer is None:
            connection = replace(connection, credential="none", auth=_NO_AUTH)
        elif signer is not source:
            connection = replace(connection, credential="none", auth=signer.auth)
        try:
            return self._connect(connection, source, source if signer is None else signer)
        except GatewayError as error:
            reason = GatewayError(errors.LINK_UNAVAILABLE, error.message)
        except ConfigError as error:
            if source.made.origin == "file" and signer in (None, source):
                raise
            reason = GatewayError(errors.SECRET_NOT_FOUND, error.message)
        return self._unusable(source.made.name, source.made.endpoints, reason)

    def _alias(self, written: Written, one: Effective, pool: str) -> Alias:
        signer = None if one.signer is None else self._written[one.signer.made.id]
        chain = None if signer is None else signer.signing
        for source in one.plugged:
            chain = joined(chain, self._written[source.made.id].chains.get(""))
        chains = {"": chain}
        for route_id, route in one.made.routes:
            if route.plugins.items:
                chains[route_id] = written.chains.get(route_id)
        signed = NOT_SIGNED
        if signer is not None:
            signed = Signed(signer.setting, signer.source.auth, signer.source.tenant)
        return compile_alias(
            one.made,
            pool,
            written.connection.timeouts.parts(),
            caller_credential=signed.setting == "caller",
            limits=(*written.limits, *one.limits),
            bucket=one.bucket,
            chains=chains,
            tenant=one.source.tenant,
            signed=signed,
        )


def pool_name(alias: str, tenant: str = ROOT) -> str:
    """Where the connections of an alias's own endpoints are; no configured upstream can have a colon in its name."""
    return f"alias:{alias}" if tenant == ROOT else f"alias:{alias}@{tenant}"


def _pool_of(written: Written, one: Effective) -> str:
    """The name of the connections that a view needs: the same wherever the same credential goes along."""
    source, signer = one.source, one.signer
    name = written.upstream or pool_name(source.made.name, source.tenant)
    if signer is source or (signer is None and not source.authenticates):
        return name
    return f"{name}/{'' if signer is None else signer.tenant}"


def _signature(one: Effective) -> Signature:
    parts = [one.source.made] if one.signer is None else [one.source.made, one.signer.made]
    return tuple((made.id, made.version) for made in parts)


_NO_AUTH: Final = AliasConfig().auth
