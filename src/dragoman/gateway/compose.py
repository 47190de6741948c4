"""The composition root: the only place that names adapters."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from dragoman import errors
from dragoman.config import (
    AliasConfig,
    Config,
    JobsConfig,
    ServerConfig,
    TimeoutsConfig,
    UpstreamConfig,
    endpoints_of,
    model_of,
)
from dragoman.config import made as config_made
from dragoman.config.sections import Limited
from dragoman.dialects.sealing import Sealer
from dragoman.errors import ConfigError, GatewayError
from dragoman.gateway.agents import Roster
from dragoman.gateway.agents import upstreams as upstreams_of
from dragoman.gateway.alias_views import Connection, ViewMaker, Views, Written
from dragoman.gateway.call import Receive, Scope, Send
from dragoman.gateway.clock import SystemClock, new_id
from dragoman.gateway.inside import Inside
from dragoman.gateway.runtime import VIA, Pools, Runtime
from dragoman.gateway.settings import Settings
from dragoman.plugins import binding, installed
from dragoman.plugins.binding import Binder
from dragoman.policy import admission, auth, credentials
from dragoman.policy.auth import ClientCredentials
from dragoman.policy.credentials import Credential
from dragoman.policy.egress import Network, default_network, split_base_url
from dragoman.policy.inheritance import Source
from dragoman.policy.plugins import Chain, Kind
from dragoman.policy.records import (
    Contents,
    PluginRecord,
    RouteRecord,
    UpstreamRecord,
    check_bindings,
    check_record,
    check_setup,
    made,
    reaches,
)
from dragoman.policy.resources import Auth, Endpoint, Plugins, PluginSetup, Retry, base_url, breaker_of
from dragoman.policy.resources import Route as ApiRoute
from dragoman.policy.resources import Upstream as ApiUpstream
from dragoman.policy.routing import Route, RouteTable, Target
from dragoman.policy.tenants import ROOT, Tenants
from dragoman.ports import (
    Clock,
    ConversationStore,
    Counters,
    Jobs,
    KeyStore,
    Ledger,
    Pool,
    ResponseStore,
    Tokenizer,
    TurnUpstream,
    Upstream,
    Vault,
)
from dragoman.ports.resources import ResourceStore
from dragoman.ports.turns import App
from dragoman.stores.conversations import SqlConversationStore
from dragoman.stores.counters.memory import MemoryCounters
from dragoman.stores.database import Database
from dragoman.stores.engine import parse_url, prepare_file
from dragoman.stores.jobs.core import Bounds
from dragoman.stores.jobs.embedded import open_embedded
from dragoman.stores.keys import SqlKeyStore
from dragoman.stores.ledger import SqlLedger
from dragoman.stores.resources import SqlResourceStore
from dragoman.stores.responses import SqlResponseStore
from dragoman.tokenizer import TiktokenTokenizer
from dragoman.upstreams.http import HttpUpstream
from dragoman.upstreams.oauth import TokenFetch
from dragoman.upstreams.pool import UpstreamPool
from dragoman.upstreams.tokens import TokenCache, TokenUpstream
from dragoman.upstreams.unusable import UnusableUpstream
from dragoman.vault.by_scheme import SchemeVault
from dragoman.vault.env import EnvVault
from dragoman.vault.file import FileVault
from dragoman.vault.sealer import AesSealer, keep_secret

if TYPE_CHECKING:
    from dragoman.gateway.commands import Commands

_log = structlog.get_logger("dragoman")
_ANY: Final = ("0.0.0.0", "::")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_AS_GIVEN: Final = Credential("caller", dropped=frozenset())
"""Nothing of our own is added, and an Authorization that the request has goes out."""


@dataclass(frozen=True)
class Store:
    """What is kept, behind its ports."""

    keys: KeyStore
    ledger: Ledger
    responses: ResponseStore
    conversations: ConversationStore
    resources: ResourceStore
    jobs: Jobs
    counters: Counters
    sealer: Sealer
    ping: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


def open_store(settings: Settings, config: Config, clock: Clock) -> Store:
    """Opens the store as its owner. Raises `ConfigError`."""
    url = settings.store_url(config)
    sealer = AesSealer(_secret(settings, config, url))
    strict = config.store.strict
    database = Database.open(url, now=clock.now, owner=True, instance_id=new_id("gw_"), strict=strict)
    try:
        jobs = _open_jobs(database, config.jobs)
        counters = open_counters(config.store.counters, clock)
    except ConfigError:
        database.close()
        raise
    ledger = SqlLedger(database, flush_interval=config.store.flush_interval)

    lane = database.lane("responses", threads=2)
    responses, conversations = SqlResponseStore(database, lane), SqlConversationStore(database, lane)

    async def close() -> None:
        await counters.close()
        await responses.close()
        await ledger.close()
        await asyncio.to_thread(database.close)

    resources = SqlResourceStore(database)
    return Store(
        SqlKeyStore(database), ledger, responses, conversations, resources, jobs, counters, sealer, database.ping, close
    )


def _open_jobs(database: Database, config: JobsConfig) -> Jobs:
    bounds = Bounds(config.max_concurrency, config.max_queue, config.heartbeat, config.keep)
    if database.engine.dialect.name == "sqlite":
        return open_embedded(database, bounds)
    try:
        # Imported here alone: a start on SQLite has no use for Procrastinate and what it brings along.
        from dragoman.stores.jobs.shared import open_shared  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = "pip install 'dragoman[postgres]'"
        raise ConfigError("store.url", f"PostgreSQL needs {error.name!r} for its jobs", hint) from None
    return open_shared(database, bounds)


def open_counters(url: str, clock: Clock) -> Counters:
    """The counters of limits. Raises `ConfigError`."""
    if url == "memory":
        return MemoryCounters(clock.monotonic)
    try:
        # Imported here alone: only gateways that share their limits need the driver.
        from dragoman.stores.counters.redis import RedisCounters  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = "pip install 'dragoman[redis]'"
        raise ConfigError("store.counters", f"Redis needs {error.name!r}", hint) from None
    try:
        return RedisCounters.open(url)
    except ValueError as error:
        raise ConfigError(
            "store.counters", f"this URL cannot be: {type(error).__name__}", "redis://HOST:PORT/0"
        ) from None


def _secret(settings: Settings, config: Config, url: str) -> str:
    if config.store.secret is not None:
        try:
            return open_vault(settings).reveal(config.store.secret)
        except GatewayError as error:
            raise ConfigError("store.secret", error.message) from None
    parsed = parse_url(url)
    if parsed.drivername != "sqlite":
        hint = 'secret = "env:DRAGOMAN_SECRET", the same for every gateway; openssl rand -hex 32 makes one'
        raise ConfigError("store.secret", "is required with a database that gateways share", hint)
    path = prepare_file(parsed)
    return keep_secret(path.with_name(path.name + ".secret"))


def open_vault(settings: Settings) -> Vault:
    return SchemeVault({"env": EnvVault(settings.environ), "file": FileVault()})


class Composer:
    """Builds a `Runtime` from a configuration. `via` is this process's own name in `Via`.

    `app` is the gateway that serves it, if one does.
    """

    def __init__(
        self, settings: Settings, clock: Clock | None = None, agents: Sequence[object] = (), app: App | None = None
    ) -> None:
        self._roster = Roster(agents, Inside(app or _nowhere), settings.cwd)
        self._vault = open_vault(settings)
        self._tokens = TokenCache((clock or SystemClock()).monotonic)
        self._pools = Pools()
        self._binder = Binder(self._vault.reveal)
        self._settings = settings
        self._clock = clock or SystemClock()
        self._commands: Commands | None = None
        self._serves = app is not None
        self.via = VIA + secrets.token_hex(6)

    def build(self, config: Config) -> Runtime:
        """Everything that follows from the configuration. Raises `ConfigError`."""
        upstreams: dict[str, Pool] = {
            name: self._pool(config, "upstreams", name, item, endpoints_of(item))
            for name, item in config.upstreams.items()
        }
        written = tuple(self._of_file(config, name) for name in config.aliases)
        agents = self._roster.hosted(config)
        turns: dict[str, TurnUpstream] = {**upstreams_of(agents)}
        routed = {name: Route((Target(name, name),)) for name in turns}
        if config.commands or self._commands is not None:
            turns |= self._open_commands(config)
        direct = [name for name, item in config.upstreams.items() if item.direct]
        direct += [name for name, command in config.commands.items() if command.direct]
        default = config.server.default_upstream or next(iter(config.upstreams), None)
        profiles = {name: item.adapted(f"upstreams.{name}") for name, item in config.upstreams.items()}
        models = config.routes()
        # The operator's names come first, and where an agent has the same they count.
        routes = RouteTable({**models, **routed, **models}, direct, default)
        _check_default_model(config, routes)
        trusted = tuple(ip_network(cidr) for cidr in config.server.trusted_proxies)
        bounded: dict[str, Limited] = {
            **config.upstreams, **config.commands, **{model_of(name): item for name, item in config.agents.items()}
        }  # fmt: skip
        bounds_of = {name: found for name, item in bounded.items() if (found := _bounds(name, item))}
        pools = self._pools
        runtime = Runtime(
            config,
            routes,
            written,
            config.tree(),
            Views(),
            upstreams,
            turns,
            agents,
            profiles,
            pools,
            bounds_of,
            trusted,
            _tokenizer(config.server),
        )
        return self.revise(runtime, Contents())

    def _open_commands(self, config: Config) -> Mapping[str, TurnUpstream]:
        """The command upstreams, if this serves. Raises `ConfigError`."""
        # Imported here alone: most gateways run no programs.
        from dragoman.gateway.commands import Commands  # noqa: PLC0415

        if not self._serves:
            return {}
        if self._commands is None:
            self._commands = Commands(self._settings.environ, self._settings.state_dir, self._clock.now)
        return self._commands.open(config)

    def revise(self, runtime: Runtime, contents: Contents) -> Runtime:
        """`runtime` with what the API has made by now, connections kept where their upstream has not changed.

        What the file has made stays, and stands before anything of the same alias. Raises `ConfigError` for a fault of
        the file.
        """
        config, tree = runtime.config, runtime.tree
        written = (*runtime.written, *self._of_api(config, tree, contents))

        def connect(item: Connection, source: Source, signer: Source) -> Pool:
            for one in (source, signer):
                if isinstance(one.made.rules, ApiUpstream):
                    check_record(one.made.rules, config.leave(one.tenant))
            table = "upstreams" if isinstance(item, UpstreamConfig) else "aliases"
            return self._pool(config, table, source.made.name, item, source.made.endpoints, signer.tenant)

        upstreams = {name: runtime.upstreams[name] for name in config.upstreams}
        maker = ViewMaker(tree, written, connect, _unusable)
        views = maker.make(upstreams, runtime.upstreams, runtime.views.made_of)
        return replace(runtime, views=views, upstreams=upstreams, calls=0, retired=False)

    def _of_file(self, config: Config, name: str) -> Written:
        """An alias of the file. Raises `ConfigError`."""
        item, made = config.aliases[name], config_made(config, name)
        connection: Connection = item
        limits: tuple[admission.Bounds, ...] = ()
        if item.upstream is not None:
            connection = upstream = config.upstreams[item.upstream]
            limits = _bounds(item.upstream, upstream)
            if item.retry == Retry():
                made = replace(made, rules=msgspec.structs.replace(made.rules, retry=upstream.retry))
        along = connection.credential != "none" or (item.upstream is not None and connection.auth != Auth())
        try:
            chains, signing = self._binder.chains(made), self._binder.signing(made, item.auth)
        except GatewayError as error:
            raise ConfigError(f"aliases.{name}.{error.param}", error.message) from None
        source = Source(made, item.tenant, connection.auth, along)
        return Written(source, connection, item.upstream or "", limits, connection.credential, chains, signing)

    def _of_api(self, config: Config, tree: Tenants, contents: Contents) -> Iterator[Written]:
        """The upstreams of the API; of what cannot be had of them calls are told, and none passes without it."""
        below = defaultdict(list)
        for route in contents.routes:
            below[route.value.upstream_id].append(route)
        usable = _released(contents.plugins, config)
        for record in contents.upstreams:
            line = tree.line(record.tenant)
            if not line:
                continue  # its tenant has been taken out of the configuration
            setups = {plugin.id: plugin.value for plugin in usable if reaches(plugin, line)}
            yield self._written(record, below[record.id], setups, config)

    def _written(
        self,
        record: UpstreamRecord,
        routes: Sequence[RouteRecord],
        setups: Mapping[str, PluginSetup],
        config: Config,
    ) -> Written:
        value, leave, bind = record.value, config.leave(record.tenant), self._binder

        def chain(plugins: Plugins, whose: str) -> Chain | None:
            check_bindings(plugins, leave)
            return bind.chain(plugins, setups, whose)

        chains = {"": _tolerant(partial(chain, value.plugins, record.id))}
        for route in routes:
            chains[route.id] = _tolerant(partial(chain, route.value.plugins, route.id))
        written = made(record, routes)
        signing = _tolerant(partial(bind.signing, written, value.auth, setups))
        source = Source(written, record.tenant, value.auth)
        return Written(source, _as_config(config, value), chains=chains, signing=signing)

    def plugins(self) -> Sequence[tuple[str, Kind]]:
        """The plugins that are installed, by name, with their kinds."""
        return installed.kinds()

    def check_plugins(self, value: ApiUpstream | ApiRoute, setups: Mapping[str, PluginSetup]) -> None:
        """Whether the plugins of what somebody writes can be had. Raises `GatewayError` INVALID_REQUEST."""
        binding.check(value, setups)

    def check_setup(self, value: PluginSetup) -> None:
        """The same of a plugin that is set up."""
        binding.check_setup(value)

    async def close(self) -> None:
        """Ends what is being fetched for upstreams, and what still runs or is held open."""
        self._tokens.close()
        if self._commands is not None:
            await self._commands.close()
        await self._roster.close()

    def _pool(
        self,
        config: Config,
        table: str,
        name: str,
        item: UpstreamConfig | AliasConfig,
        endpoints: Sequence[Endpoint],
        tenant: str = ROOT,
    ) -> UpstreamPool:
        at_hosts = {
            endpoint.host.lower(): self._upstream(config, table, name, item, base_url(endpoint), tenant)
            for endpoint in endpoints
        }
        breaker, now = breaker_of(item.breaker), SystemClock().monotonic
        return UpstreamPool(name, at_hosts, breaker=breaker, now=now, health=item.health)

    def _upstream(
        self, config: Config, table: str, name: str, item: UpstreamConfig | AliasConfig, url: str, tenant: str
    ) -> Upstream:
        at = f"{table}.{name}"
        _refuse_self(config, at, url)
        rule = credentials.parse(item.credential) if item.auth == Auth() else auth.parse(item.auth)
        network = item.network or default_network(split_base_url(url).host)
        try:
            if isinstance(rule, ClientCredentials):
                return self._with_tokens(name, url, item, rule, network, tenant)
            credential = credentials.reveal(rule, self._vault.reveal)
            return self._connect(name, url, item, network, credential)
        except GatewayError as error:
            member = "credential" if item.auth == Auth() else "auth"
            raise ConfigError(f"{at}.{member}", error.message) from None
        except ConfigError as error:
            # The adapter knows upstreams only; an inline one stands in the table of aliases.
            raise ConfigError(error.key.replace("upstreams", table, 1), error.message, error.hint) from None

    def _with_tokens(
        self,
        name: str,
        url: str,
        item: UpstreamConfig | AliasConfig,
        grant: ClientCredentials,
        network: Network,
        tenant: str,
    ) -> Upstream:
        for reference in (grant.client_id_ref, grant.client_secret_ref):
            self._vault.reveal(reference)  # that it is there is known from the start, as with every credential
        # What an issuer's document names is dialled under the issuer's own rule.
        its_network = item.network or default_network(split_base_url(grant.token_endpoint or grant.issuer_url).host)

        def connect(endpoint: str) -> Upstream:
            return self._connect(f"{name} (token endpoint)", endpoint, item, its_network, _AS_GIVEN)

        tokens = self._tokens.source(grant.key(tenant), TokenFetch(grant, self._vault.reveal, connect))
        inner = self._connect(name, url, item, network, _AS_GIVEN)
        return TokenUpstream(inner, tokens)

    def _connect(
        self, name: str, url: str, item: UpstreamConfig | AliasConfig, network: Network, credential: Credential
    ) -> HttpUpstream:
        return HttpUpstream(
            name,
            url,
            via=self.via,
            network=network,
            allow_cidrs=tuple(ip_network(cidr) for cidr in item.allow_cidrs),
            credential=credential,
            timeouts=item.timeouts.parts(),
            max_connections=item.max_connections,
            keepalive=item.keepalive,
            ca_bundle=Path(item.ca_bundle) if item.ca_bundle else None,
            proxy=item.proxy,
        )


def _check_default_model(config: Config, routes: RouteTable) -> None:
    name = config.server.default_model
    if name is not None and routes.find(name) is None:
        raise ConfigError("server.default_model", f"no model {name!r}", "a name of [models], or UPSTREAM/MODEL")


def _bounds(name: str, item: Limited) -> tuple[admission.Bounds, ...]:
    return admission.bounds("upstream", name, item.rate_limit, item.concurrency)


def _as_config(config: Config, value: ApiUpstream) -> AliasConfig:
    """An upstream of the API in the words of the file. It reaches public addresses and what `[outbound]` permits."""
    own = value.timeouts
    given = {name: getattr(own, name) for name in own.__struct_fields__ if getattr(own, name) is not None}
    cidrs = config.outbound.allow_cidrs
    return AliasConfig(
        network="public",
        allow_cidrs=cidrs,
        auth=value.auth,
        breaker=value.breaker,
        health=value.health,
        timeouts=TimeoutsConfig(**given),
    )


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("what nobody serves makes no calls")


def _released(plugins: Sequence[PluginRecord], config: Config) -> Sequence[PluginRecord]:
    """The plugins that are set up, but for those whose secrets the operator has taken back."""
    usable = []
    for record in plugins:
        try:
            check_setup(record.value, config.leave(record.tenant))
        except GatewayError as error:
            _log.warning("plugin not usable", plugin=record.id, reason=error.message)
        else:
            usable.append(record)
    return usable


def _tolerant(bind: Callable[[], Chain | None]) -> Chain | None:
    try:
        return bind()
    except GatewayError as error:
        kind = errors.SECRET_NOT_FOUND if error.kind is errors.SECRET_NOT_FOUND else errors.PLUGIN_NOT_FOUND
        return Chain(fault=GatewayError(kind, error.message, extra=error.extra))


def _unusable(name: str, endpoints: Sequence[Endpoint], reason: GatewayError) -> Pool:
    """Connections of an upstream that cannot be called; its calls say why."""
    return UpstreamPool(
        name, {endpoints[0].host: UnusableUpstream(name, reason)}, breaker=None, now=SystemClock().monotonic
    )


def _tokenizer(server: ServerConfig) -> Tokenizer | None:
    if server.encoding is not None:
        return TiktokenTokenizer.load(server.encoding)
    if server.estimate_usage:
        raise ConfigError("server.estimate_usage", "needs an encoding to count with", 'server.encoding = "o200k_base"')
    return None


def _refuse_self(config: Config, at: str, base: str) -> None:
    server = config.server
    url = split_base_url(base)
    own = {server.host}
    if server.host in _ANY or server.host in _LOOPBACK:
        own.update(_LOOPBACK)
    if url.port == server.port and url.host in own:
        raise ConfigError(f"{at}.base_url", f"{base!r} is this gateway itself", "calls would go in circles")
