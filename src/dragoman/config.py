"""The configuration: typed settings from layered mappings, every error naming its key.

It reads nothing itself; `gateway/settings.py` hands it what the file, `.env`, the environment and the
flags say, lowest layer first. An unknown key is an error with a suggestion.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal

import msgspec

from dragoman.dialects.profile import PROFILES, Profile, Quirk, adapt
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy import admission, auth, credentials, egress, precedence, resources
from dragoman.policy.aliases import Made, check_made
from dragoman.policy.precedence import Layer as Layer
from dragoman.policy.precedence import Tree as Tree
from dragoman.policy.records import OutboundConfig
from dragoman.policy.resources import (
    Auth,
    Breaker,
    Concurrency,
    Endpoint,
    RateLimit,
    RouteRules,
    Rules,
    check_pool,
    route_id,
    upstream_id,
)  # fmt: skip
from dragoman.policy.routing import Route, Target, Timeouts, is_glob

RESERVED: Final = frozenset(
    ("v1", "api", "admin", "agent", "health", "status", "healthz", "readyz", "metrics", "version", "convert", "jobs",
     "execute", "dashboard", "static", "docs", "openapi.json", "favicon.ico", "keys", "models")
)  # fmt: skip
"""First path segments of our own; nothing a user names may shadow them."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_MIB: Final = 1024 * 1024


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration."""


class _Limited(_Section, frozen=True, kw_only=True):
    """Something whose calls may be limited."""

    rate_limit: RateLimit | None = None
    """How often it may be called; see `[aliases.NAME.rate_limit]`."""
    concurrency: Concurrency | None = None
    """How many calls to it may be under way; see `[aliases.NAME.concurrency]`."""


class TimeoutsConfig(_Section, frozen=True, kw_only=True):
    """Deadlines of an upstream's calls, in seconds. `total` is none unless set."""

    connect: float = 5.0
    """Until the connection stands, TLS included."""
    first_byte: float = 120.0
    """From the request being sent to the first content."""
    idle: float = 120.0
    """The longest silence after that."""
    total: float | None = None
    """Over the whole call."""

    def parts(self) -> Timeouts:
        return Timeouts(self.connect, self.first_byte, self.idle, self.total)


class ServerConfig(_Section, frozen=True, kw_only=True):
    """How the gateway listens and what it bears."""

    host: str = "127.0.0.1"
    """The address to listen on. Anything but loopback needs a key to exist."""
    port: int = 8088
    """0 takes a free one."""
    ssl_cert: str | None = None
    """A PEM file, with `ssl_key`: TLS towards callers."""
    ssl_key: str | None = None
    """The PEM file of its key."""
    head_timeout: float = 10.0
    """Seconds for a request's head to arrive."""
    body_timeout: float = 30.0
    """Longest silence, in seconds, while a request's body arrives."""
    max_body: int = 32 * _MIB
    """Bytes of a JSON model call."""
    max_alias_body: int = 100 * _MIB
    """Bytes of a request body to an alias."""
    max_upload: int = 512 * _MIB
    """Bytes of a file or audio upload."""
    max_event: int = _MIB
    """Bytes of one event of an upstream's stream."""
    max_connections: int = 10_000
    """Connections of callers at once."""
    max_in_flight: int = 5_000
    """Calls at once; beyond, 503 with Retry-After."""
    ping_interval: float = 15.0
    """Seconds of silence after which a stream gets a comment; also between the pings of a WebSocket."""
    max_message: int = 16 * _MIB
    """Bytes of one message that passes through a WebSocket of an alias."""
    websocket_idle: float = 300.0
    """Seconds without a frame in either direction after which a WebSocket of an alias is closed."""
    websocket_lifetime: float = 3600.0
    """Seconds that a WebSocket of `/v1/responses` may be used."""
    shutdown_delay: float = 0.0
    """Seconds between /readyz turning 503 and the listener closing."""
    drain: float = 300.0
    """Seconds that calls in flight have to finish."""
    metrics_public: bool = False
    """Whether `/metrics` takes no key."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of our own proxies: what they write into `X-Forwarded-For` is believed, by limits of scope `ip`."""
    default_upstream: str | None = None
    """Where calls that name no model go, such as /v1/files; default the first upstream."""
    encoding: str | None = None
    """An encoding of tiktoken's, such as `o200k_base`, to estimate tokens with instead of by characters. Needs the
    extra `tokens`, and the encoding's file in the directory that TIKTOKEN_CACHE_DIR names."""
    estimate_usage: bool = False
    """Whether the ledger gets an estimate, marked as one, where an upstream reports no usage; needs `encoding`."""


class UpstreamConfig(_Limited, frozen=True, kw_only=True):
    """Something that answers calls over HTTP."""

    base_url: str
    """Where it is, path included; what is called is appended to it."""
    dialects: tuple[Literal["chat", "responses", "messages"], ...] = ("chat",)
    """What it speaks; the caller's own dialect is preferred, then the first."""
    profile: Literal["openai", "anthropic", "vllm", "ollama", "llamacpp", "deepseek", "openrouter", "gemini"] = "openai"
    """The quirks of its kind, where a call is translated for it."""
    quirks: dict[str, Quirk] = {}
    """Those in which it differs from its profile; see `[upstreams.NAME.quirks]`."""
    credential: str = "none"
    """`bearer REF`, `header NAME REF`, `query NAME REF`, `basic REF REF`, `caller` or `none`."""
    auth: Auth = Auth()
    """Instead of `credential`, where a table says it better or a token is fetched; see `[aliases.NAME.auth]`."""
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """Deadlines of its calls."""
    direct: bool = False
    """Whether callers may name `upstream/any-model`."""
    network: Literal["public", "private", "any"] | None = None
    """Which addresses it may resolve to; default by the host of `base_url`."""
    allow_cidrs: tuple[str, ...] = ()
    """Addresses permitted whatever `network` says."""
    max_connections: int = 1000
    """Connections to it at once."""
    keepalive: float = 15.0
    """Seconds an idle connection is kept."""
    proxy: str | None = None
    """An HTTP proxy to reach it by; its address is what is judged."""
    ca_bundle: str | None = None
    """A PEM file of authorities, instead of the system's."""
    include_usage: bool = True
    """Whether to ask for usage in streams; false for upstreams that refuse `stream_options`."""
    hosts: tuple[str, ...] = ()
    """Further hosts that answer as the one of `base_url` does, under the same scheme, port and path."""
    breaker: Breaker | bool = Breaker()
    """When an endpoint that fails is given a rest; `false` for never."""

    def adapted(self, at: str) -> Profile:
        """Its profile with its own quirks. Raises `ConfigError`; `at` is the key of its table."""
        for name in self.quirks:
            if name not in Profile.__struct_fields__:
                raise ConfigError(f"{at}.quirks.{name}", "unknown quirk", _hint(name, Profile.__struct_fields__))
        try:
            profile = adapt(PROFILES[self.profile], self.quirks)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            key = f"{at}.quirks{path.rstrip('`')}"
            raise ConfigError(key, message[:1].lower() + message[1:].replace("`", "'")) from None
        _check_numbers(f"{at}.quirks", profile, more_than_0=("default_max_tokens",))
        return profile


class ModelConfig(_Limited, frozen=True, kw_only=True):
    """A public model name: where it goes and what may stand in."""

    upstream: str
    """An entry of `[upstreams]`."""
    model: str = ""
    """The upstream's own name; default the name asked for."""
    fallback: tuple[str, ...] = ()
    """`upstream/model` each, tried in order until the first content."""
    timeouts: TimeoutsConfig | None = None
    """Deadlines of this route instead of its upstreams'."""
    strict: bool = False
    """Whether a call that cannot be translated without loss is refused with a 400."""
    allow_unknown: bool = False
    """Whether a translation drops parameters that the upstream does not know, with a loss, instead of refusing them."""


class AliasConfig(Rules, frozen=True, kw_only=True):
    """A public name for raw HTTP: either an upstream of the configuration or one of its own."""

    upstream: str | None = None
    """An entry of `[upstreams]`, whose connections and credential it shares."""
    base_url: str | None = None
    """Or a place of its own."""
    endpoints: tuple[Endpoint, ...] = ()
    """Or several that stand for one another, each with `scheme`, `host`, `port` and `path`."""
    credential: str = "none"
    """As for an upstream."""
    auth: Auth = Auth()
    """Instead of `credential`, where a table says it better or a token is fetched."""
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """Deadlines of its calls."""
    network: Literal["public", "private", "any"] | None = None
    """As for an upstream."""
    allow_cidrs: tuple[str, ...] = ()
    """Addresses permitted whatever `network` says."""
    max_connections: int = 1000
    """Connections to it at once."""
    keepalive: float = 15.0
    """Seconds an idle connection is kept."""
    proxy: str | None = None
    """An HTTP proxy to reach it by; its address is what is judged."""
    ca_bundle: str | None = None
    """A PEM file of authorities, instead of the system's."""
    routes: tuple[RouteRules, ...] = ()
    """Which calls it takes, and what those are held to; every one where there are none."""


class StoreConfig(_Section, frozen=True, kw_only=True):
    """Where keys, the ledger and responses are kept."""

    url: str = ""
    """`sqlite:///path` or `postgresql://...`; default a file under the state directory."""
    strict: bool = False
    """Whether a call waits until its reservation is on disk."""
    flush_interval: float = 0.1
    """Seconds of ledger rows that a crash may lose, when not strict."""
    secret: str | None = None
    """Where the secret is under which reasoning is sealed, `env:NAME` or `file:/path`; default a file beside SQLite.

    PostgreSQL needs one: every gateway on it must have the same.
    """
    counters: Annotated[str, msgspec.Meta(pattern="^(memory$|(redis|rediss|unix)://)")] = "memory"
    """Where limits are counted: `memory`, each gateway for itself, or `redis://...`, all together. Needs the extra
    `redis`."""
    counters_fail_open: bool = False
    """Whether calls pass unlimited while Redis cannot be asked; else they are refused with a 503."""
    keep_responses: float = 30 * 86_400.0
    """Seconds for which responses are kept; 0 keeps none, and leaves it to upstreams that can."""


class JobsConfig(_Section, frozen=True, kw_only=True):
    """How long work is run: background responses."""

    max_concurrency: int = 16
    """Jobs that this gateway runs at once."""
    max_queue: int = 1000
    """Jobs that may wait; further ones are refused with a 503."""
    heartbeat: float = 5.0
    """Seconds within which a gateway that died is noticed by the others."""
    keep: float = 86_400.0
    """Seconds for which jobs that have ended are kept, with their output event by event."""


class LogConfig(_Section, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""
    format: Literal["auto", "json", "console"] = "auto"
    """`auto` writes lines for people on a terminal and JSON elsewhere."""


class Config(_Section, frozen=True, kw_only=True):
    """Everything an operator can set."""

    server: ServerConfig = ServerConfig()
    upstreams: dict[str, UpstreamConfig] = {}
    models: dict[str, str | ModelConfig] = {}
    aliases: dict[str, AliasConfig] = {}
    outbound: OutboundConfig = OutboundConfig()
    store: StoreConfig = StoreConfig()
    jobs: JobsConfig = JobsConfig()
    log: LogConfig = LogConfig()

    def routes(self) -> dict[str, Route]:
        """The routes of `[models]`, a plain string read as `upstream` or `upstream/model`."""
        return {name: _route(name, value, self.upstreams) for name, value in self.models.items()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where each of its set keys came from."""

    config: Config
    origins: Mapping[str, str]


def parse(layers: Sequence[Layer]) -> Loaded:
    """The configuration that the layers, lowest first, make. Raises `ConfigError`."""
    merged: Tree = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _check_names(layer.values, Config, "")
        precedence.merge(merged, layer.values, origins, layer.origin, "", lax=layer.lax)
    try:
        config = msgspec.convert(merged, Config)
    except msgspec.ValidationError as error:
        raise _config_error(error, merged) from None
    _check(config)
    return Loaded(config, origins)


def schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, for editors."""
    (root, quirks), definitions = msgspec.json.schema_components((Config, Profile), ref_template="#/$defs/{name}")
    definitions["UpstreamConfig"]["properties"]["quirks"] |= quirks
    return {**root, "$defs": definitions}


def _hint(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(known))}"


def _check_names(values: Mapping[str, Any], section: type[msgspec.Struct], at: str) -> None:
    known = {field.name: field for field in msgspec.structs.fields(section)}
    for name, value in values.items():
        key = f"{at}.{name}" if at else name
        if name not in known:
            raise ConfigError(key, "unknown key", _hint(name, known))
        below = _SECTIONS.get((section, name))
        if below is None or not isinstance(value, Mapping):
            continue
        if known[name].type in (below, below | None, below | bool):
            _check_names(value, below, key)
        else:
            for item, inner in value.items():
                if isinstance(inner, Mapping):
                    _check_names(inner, below, f"{key}.{item}")


_SECTIONS: Final[dict[tuple[type[msgspec.Struct], str], type[msgspec.Struct]]] = {
    (Config, "server"): ServerConfig,
    (Config, "upstreams"): UpstreamConfig,
    (Config, "models"): ModelConfig,
    (Config, "aliases"): AliasConfig,
    (Config, "outbound"): OutboundConfig,
    (Config, "store"): StoreConfig,
    (Config, "jobs"): JobsConfig,
    (Config, "log"): LogConfig,
    (ModelConfig, "timeouts"): TimeoutsConfig,
    (UpstreamConfig, "timeouts"): TimeoutsConfig,
    (AliasConfig, "timeouts"): TimeoutsConfig,
    (UpstreamConfig, "auth"): Auth,
    (AliasConfig, "auth"): Auth,
    (UpstreamConfig, "breaker"): Breaker,
    (AliasConfig, "breaker"): Breaker,
    (RateLimit, "sustained"): resources.Rate,
    **{(table, "rate_limit"): RateLimit for table in (UpstreamConfig, ModelConfig, AliasConfig)},
    **{(table, "concurrency"): Concurrency for table in (UpstreamConfig, ModelConfig, AliasConfig)},
}


_ENTRIES: Final[dict[str, Any]] = {
    "upstreams": UpstreamConfig,
    "models": str | ModelConfig,
    "aliases": AliasConfig,
}


def _config_error(error: msgspec.ValidationError, values: Tree) -> ConfigError:
    """msgspec says `Expected ..., got ... - at `$.server.port``; a key reads `server.port`.

    Of a table's entries it says `$.upstreams[...]`, so the one at fault is looked for.
    """
    message, _, path = str(error).partition(" - at `$")
    key = path.rstrip("`").removeprefix(".")
    table, anonymous, _ = key.partition("[...]")
    for name, value in values[table].items() if anonymous else ():
        try:
            msgspec.convert(value, _ENTRIES[table])
        except msgspec.ValidationError as inner:
            message, _, path = str(inner).partition(" - at `$")
            key = f"{table}.{name}{path.rstrip('`')}"
            break
    return ConfigError(key, message[:1].lower() + message[1:].replace("`", "'"))


_NO_ALIAS: Final = AliasConfig()
_OF_THE_UPSTREAM: Final = (
    "credential", "auth", "timeouts", "network", "allow_cidrs", "max_connections", "keepalive", "proxy", "ca_bundle",
    "breaker", "health",
)  # fmt: skip


def _check(config: Config) -> None:
    _check_server(config)
    for name, upstream in config.upstreams.items():
        at = f"upstreams.{name}"
        _check_name(at, name)
        check_endpoint(at, upstream.base_url, upstream.credential, upstream.allow_cidrs)
        _check_connection(at, upstream)
        try:
            check_pool(endpoints_of(upstream))
        except GatewayError as error:
            raise ConfigError(f"{at}.hosts", error.message, "hosts alone: the rest is as in base_url") from None
        upstream.adapted(at)
        _check_limit(at, upstream.rate_limit)
    for name, alias in config.aliases.items():
        _check_alias(config, name, alias)
    _check_cidrs("outbound.allow_cidrs", config.outbound.allow_cidrs)
    _check_numbers("store", config.store, more_than_0=("flush_interval",), not_negative=("keep_responses",))
    _check_numbers("jobs", config.jobs, more_than_0=("max_concurrency", "max_queue", "heartbeat", "keep"))
    config.routes()


def _check_limit(at: str, limit: RateLimit | None) -> None:
    if limit is not None:
        try:
            resources.check_rate_limit(limit)
        except GatewayError as error:
            raise ConfigError(f"{at}.{error.param}", error.message) from None


def _check_server(config: Config) -> None:
    server = config.server
    if not 0 <= server.port <= 65535:
        raise ConfigError("server.port", f"{server.port} is no port", "0 to 65535; 0 takes a free one")
    if (server.ssl_cert is None) != (server.ssl_key is None):
        raise ConfigError("server.ssl_cert", "ssl_cert and ssl_key go together")
    _check_numbers(
        "server",
        server,
        more_than_0=("head_timeout", "body_timeout", "max_body", "max_alias_body", "max_upload", "max_event",
                     "max_connections", "max_in_flight", "ping_interval", "max_message", "websocket_idle",
                     "websocket_lifetime"),
        not_negative=("shutdown_delay", "drain"),
    )  # fmt: skip
    _check_cidrs("server.trusted_proxies", server.trusted_proxies)
    if server.default_upstream is not None:
        _known("server.default_upstream", server.default_upstream, config.upstreams)


def _check_alias(config: Config, name: str, alias: AliasConfig) -> None:
    at = f"aliases.{name}"
    _check_name(at, name)
    if [alias.upstream is None, alias.base_url is None, not alias.endpoints].count(False) != 1:
        raise ConfigError(at, "needs either upstream, base_url or endpoints")
    if alias.upstream is not None:
        _known(f"{at}.upstream", alias.upstream, config.upstreams)
        for field in _OF_THE_UPSTREAM:
            if getattr(alias, field) != getattr(_NO_ALIAS, field):
                raise ConfigError(f"{at}.{field}", "an alias of an upstream takes its connection settings from there")
    elif name in config.upstreams:
        raise ConfigError(at, "an upstream has this name already", f'write upstream = "{name}"')
    if alias.base_url is not None:
        check_endpoint(at, alias.base_url, alias.credential, alias.allow_cidrs)
    _check_connection(at, alias)
    try:
        check_made(made(config, name))
    except GatewayError as error:
        raise ConfigError(f"{at}.{error.param}", error.message) from None


def made(config: Config, name: str) -> Made:
    """An alias of the file in the words of the management API. Its ids follow from its name and its routes'."""
    alias = config.aliases[name]
    if alias.upstream is not None:
        endpoints = endpoints_of(config.upstreams[alias.upstream])
    else:
        endpoints = alias.endpoints or _at(alias.base_url or "", ())
    routes = [(route_id(f"{name} {msgspec.json.encode(route.match).decode()} {route.priority}"), route)
              for route in alias.routes]  # fmt: skip
    return Made(name, upstream_id(name), endpoints, alias, routes)


def endpoints_of(upstream: UpstreamConfig) -> tuple[Endpoint, ...]:
    return _at(upstream.base_url, upstream.hosts)


def _at(base_url: str, hosts: Sequence[str]) -> tuple[Endpoint, ...]:
    url = egress.split_base_url(base_url)
    return tuple(Endpoint(scheme=url.scheme, host=host, port=url.port, path=url.path) for host in (url.host, *hosts))


def _check_name(at: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(at, f"{name!r} is no name", "lower-case letters, digits, '.', '_' and '-', at most 64")
    if name in RESERVED:
        raise ConfigError(at, f"{name!r} is a path of the gateway's own")


def check_endpoint(at: str, base_url: str, credential: str, allow_cidrs: Sequence[str]) -> None:
    """Whether an endpoint could be called at all; `at` is the key of the table it stands in."""
    try:
        egress.split_base_url(base_url)
    except ValueError as error:
        raise ConfigError(f"{at}.base_url", str(error)) from None
    _check_credential(at, credential)
    _check_cidrs(f"{at}.allow_cidrs", allow_cidrs)


def _check_cidrs(key: str, cidrs: Sequence[str]) -> None:
    for cidr in cidrs:
        try:
            ip_network(cidr)
        except ValueError as error:
            raise ConfigError(key, str(error)) from None


def _check_credential(at: str, credential: str) -> None:
    """Whether a credential is one; as `check_endpoint`."""
    try:
        credentials.parse(credential)
    except ValueError as error:
        raise ConfigError(f"{at}.credential", str(error)) from None


def _check_connection(at: str, endpoint: UpstreamConfig | AliasConfig) -> None:
    _check_credential(at, endpoint.credential)
    _check_auth(at, endpoint)
    _check_numbers(at, endpoint, more_than_0=("max_connections",), not_negative=("keepalive",))
    _check_timeouts(at, endpoint.timeouts)


def _check_auth(at: str, endpoint: UpstreamConfig | AliasConfig) -> None:
    if endpoint.credential != "none" and endpoint.auth != Auth():
        raise ConfigError(f"{at}.auth", "there is a `credential` as well", "keep one of the two")
    try:
        auth.parse(endpoint.auth)
    except GatewayError as error:
        raise ConfigError(f"{at}.auth.{error.param}", error.message) from None


def _check_timeouts(at: str, timeouts: TimeoutsConfig) -> None:
    _check_numbers(f"{at}.timeouts", timeouts, more_than_0=("connect", "first_byte", "idle", "total"))


def _check_numbers(
    at: str, section: msgspec.Struct, *, more_than_0: tuple[str, ...], not_negative: tuple[str, ...] = ()
) -> None:
    """`None` is no number; TOML has a NaN, which is neither."""
    for field in more_than_0:
        value: float | None = getattr(section, field)
        if value is not None and not value > 0:
            raise ConfigError(f"{at}.{field}", "must be more than 0")
    for field in not_negative:
        if not getattr(section, field) >= 0:
            raise ConfigError(f"{at}.{field}", "must not be negative")


def _route(name: str, value: str | ModelConfig, upstreams: Mapping[str, UpstreamConfig]) -> Route:
    at = f"models.{name}"
    if isinstance(value, str):
        target = _target(at, value, upstreams)
        _check_pattern(at, name, target.model)
        return Route((target,))
    _check_pattern(f"{at}.model", name, value.model)
    _known(f"{at}.upstream", value.upstream, upstreams)
    timeouts = None
    if value.timeouts is not None:
        _check_timeouts(at, value.timeouts)
        timeouts = value.timeouts.parts()
    _check_limit(at, value.rate_limit)
    limits = admission.bounds("model", name, value.rate_limit, value.concurrency)
    first = Target(value.upstream, value.model, timeouts, value.strict, value.allow_unknown, limits)
    rest = tuple(
        replace(
            _target(f"{at}.fallback", text, upstreams),
            timeouts=timeouts,
            strict=value.strict,
            allow_unknown=value.allow_unknown,
            bounds=limits,
        )  # fmt: skip
        for text in value.fallback
    )
    for target in rest:
        if upstreams[target.upstream].credential == "caller":
            message = f"{target.upstream!r} takes the caller's own credential, which goes to one upstream only"
            raise ConfigError(f"{at}.fallback", message, "give that upstream a credential of its own")
    return Route((first, *rest))


def _check_pattern(at: str, name: str, model: str) -> None:
    if is_glob(name) and model:
        raise ConfigError(at, "a pattern hands on the name asked for", "give each name its own entry")


def _target(at: str, text: str, upstreams: Mapping[str, UpstreamConfig]) -> Target:
    upstream, _, model = text.partition("/")
    _known(at, upstream, upstreams)
    return Target(upstream, model)


def _known(at: str, name: str, upstreams: Mapping[str, UpstreamConfig]) -> None:
    if name not in upstreams:
        close = get_close_matches(name, upstreams, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "define [upstreams." + name + "]"
        raise ConfigError(at, f"no upstream {name!r}", hint)
