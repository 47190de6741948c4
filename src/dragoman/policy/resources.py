"""What an outbound upstream and its routes are made of, by configuration file or by API: one vocabulary for both.

Shapes as in the outbound contract's JSON schemas. A struct says what may be written; what must fit together
(a pool of one scheme, credentials beside a wildcard) is checked by `check_upstream` and `check_route`. Unknown members
are refused. Nothing here says how a rule is applied; each kind of rule has a module of its own in this package.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.egress import check_host, split_base_url

Sharing = Literal["private", "inherit", "enforce"]
"""Whether descendants of the owning tenant see a rule: not at all, unless they have their own, or always."""
Scheme = Literal["http", "https", "ws", "wss"]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Origin = Literal["file", "api"]
Preset = Literal["rest", "openai", "anthropic", "github"]
Tag = Annotated[str, Meta(pattern="^[a-z0-9_-]{1,64}$")]
HeaderName = Annotated[str, Meta(pattern="^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")]
HeaderValue = Annotated[str, Meta(pattern="^[\\t\\x20-\\x7e\\x80-\\xff]{0,4096}$")]

UPSTREAM_ID: Final = "gts.cf.core.oagw.upstream.v1~"
ROUTE_ID: Final = "gts.cf.core.oagw.route.v1~"
"""What ids begin with; a UUID follows."""
_OF_THE_FILE: Final = UUID("0f6c1f0a-6c7b-5d7e-9a51-3a7c1f2be0d4")
DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
MAX_ENDPOINTS: Final = 32
ALIAS: Final = re.compile(r"[a-z0-9](?:[a-z0-9.:_-]{0,253}[a-z0-9])?")


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Anything that is written by a person."""


class Endpoint(_Part, frozen=True, kw_only=True):
    """One server of an upstream; `port` 0 is the scheme's own."""

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    scheme: Scheme = "https"
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    path: str = ""
    """What every path begins with."""


class HeaderRules(_Part, frozen=True, kw_only=True):
    """What becomes of headers in one direction: some pass, then remove, set and add, in this order."""

    set: dict[HeaderName, HeaderValue] = {}
    add: dict[HeaderName, HeaderValue] = {}
    remove: tuple[HeaderName, ...] = ()
    passthrough: Literal["none", "allowlist", "preset", "all"] = "preset"
    """Of a caller's headers; `preset` is what REST and the model SDKs need. Some never pass whatever is said."""
    passthrough_allowlist: tuple[str, ...] = ()
    """Names or patterns."""


class Headers(_Part, frozen=True, kw_only=True):
    request: HeaderRules = HeaderRules()
    response: HeaderRules = HeaderRules()


class Rate(_Part, frozen=True, kw_only=True):
    rate: Annotated[int, Meta(ge=1, le=10**9)]
    window: Literal["second", "minute", "hour", "day"] = "second"


class Budget(_Part, frozen=True, kw_only=True):
    """How a limit that is shared is divided among the tenants below."""

    mode: Literal["unlimited", "allocated", "shared"] = "unlimited"
    """Not at all; by limits of their own that together take `total` at most; or by one count that all take from."""
    total: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    """Of `allocated`: calls in the window of the limit; default its rate."""
    overcommit: Annotated[float, Meta(ge=1, le=2)] = 1.0
    """Of `allocated`: how many times over it may be given away."""


class RateLimit(_Part, frozen=True, kw_only=True):
    """How many calls may be made: `sustained` on the long run, `burst` at once."""

    sustained: Rate
    """`{ rate, window }`: so many in each `second`, `minute`, `hour` or `day`."""
    algorithm: Literal["token_bucket", "sliding_window"] = "token_bucket"
    """A bucket that refills steadily, or a window that slides and never holds more than `rate`."""
    burst: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    """How much a bucket holds; default what one window adds."""
    scope: Literal["global", "tenant", "user", "ip", "route"] = "tenant"
    """Who shares it: all callers, those of one tenant, key or address, or those of one route."""
    strategy: Literal["reject", "queue"] = "reject"
    """Whether a call beyond it is refused with a 429 or waits its turn."""
    cost: Annotated[int, Meta(ge=1, le=10**6)] = 1
    """What one call takes."""
    response_headers: bool = True
    """Whether answers carry `X-RateLimit-*`; a refusal has `Retry-After` in any case."""
    sharing: Sharing = "private"
    """Whether it holds for tenants below: counted for each by itself, or for all together."""
    budget: Budget = Budget()
    """How it is divided among them; see `[aliases.NAME.rate_limit.budget]`."""


class Concurrency(_Part, frozen=True, kw_only=True):
    """How many calls may be under way at once, each to the end of its answer, and how many may wait."""

    max: Annotated[int, Meta(ge=1, le=10**6)]
    """Calls at once, in each gateway process."""
    per_tenant: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    """How many of them may be one tenant's."""
    max_queue: Annotated[int, Meta(ge=0, le=10**5)] = 0
    """Calls that may wait beyond that; further ones are refused with a 503."""
    queue_timeout: Annotated[float, Meta(gt=0, le=300)] = 5.0
    """Seconds that one of them waits."""


class Breaker(_Part, frozen=True, kw_only=True):
    """When an endpoint is given a rest: `failures` in a row, for `open_for` seconds, then a few probes."""

    failures: Annotated[int, Meta(ge=1, le=1000)] = 5
    """Failures in a row: no connection, no answer in time, no HTTP, or a 500, 502, 503 or 504."""
    open_for: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """Seconds without a call."""
    probes: Annotated[int, Meta(ge=1, le=100)] = 3
    """Calls at a time after that, and how many must succeed."""


class Health(_Part, frozen=True, kw_only=True):
    """An active check of each endpoint: a GET that must answer below 500."""

    path: Annotated[str, Meta(pattern="^/[!-~]*$")] = "/"
    """Below the endpoint's own path."""
    interval: Annotated[float, Meta(ge=0.05, le=3600)] = 10.0
    """Seconds between two checks."""
    timeout: Annotated[float, Meta(gt=0, le=60)] = 3.0
    """Seconds for an answer."""
    unhealthy_after: Annotated[int, Meta(ge=1, le=100)] = 3
    """Bad checks in a row after which it gets no call."""
    healthy_after: Annotated[int, Meta(ge=1, le=100)] = 2
    """Good ones in a row after which it does again."""


class Retry(_Part, frozen=True, kw_only=True):
    """Opt-in repeats before the first byte, of methods that may be repeated; `Retry-After` is honoured."""

    attempts: Annotated[int, Meta(ge=1, le=5)] = 1
    """How often a call is sent at most; 1 repeats nothing."""
    statuses: tuple[Annotated[int, Meta(ge=400, le=599)], ...] = (502, 503, 504)
    """Answers after which it is sent again, as it is where none came."""
    max_wait: Annotated[float, Meta(ge=0, le=60)] = 5.0
    """Seconds of a pause at most; an answer that asks for a longer one stands."""


class Cors(_Part, frozen=True, kw_only=True):
    enabled: bool = False
    origins: tuple[str, ...] = ()
    """`scheme://host[:port]` exactly, or `*`."""
    methods: tuple[Method, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    headers: tuple[HeaderName, ...] = ("authorization", "content-type")
    expose: tuple[HeaderName, ...] = ()
    credentials: bool = False
    max_age: Annotated[int, Meta(ge=0, le=86400)] = 600
    sharing: Sharing = "private"
    """Whether it holds for tenants below: beside their own, or in place of it."""


class PluginBinding(_Part, frozen=True, kw_only=True):
    """A plugin and what it is told."""

    id: Annotated[str, Meta(min_length=1, max_length=256)]
    """The name under which it is installed, or its id in the API."""
    config: dict[str, Any] = {}
    """Its settings; those that end in `_ref` are references into the vault."""
    timeout: Annotated[float, Meta(gt=0, le=60)] = 1.0
    """Seconds that it has each time it is asked; after that the call fails."""

    @property
    def references(self) -> Sequence[tuple[str, str]]:
        """The references into the vault that its settings have, by member."""
        return [
            (name, value) for name, value in self.config.items() if name.endswith("_ref") and isinstance(value, str)
        ]


class PluginSetup(_Part, frozen=True, kw_only=True):
    """An installed plugin with its settings, to be bound by id in many places. It never changes."""

    type: Literal["auth", "guard", "transform"]
    plugin: Annotated[str, Meta(min_length=1, max_length=256)]
    """The name under which it is installed."""
    name: Annotated[str, Meta(max_length=200)] = ""
    """What people call this."""
    config: dict[str, Any] = {}
    """As in a binding, which then has none."""
    tags: tuple[Tag, ...] = ()
    sharing: Literal["private", "inherit"] = "private"
    """Whether tenants below may bind it."""


class Auth(_Part, frozen=True, kw_only=True):
    """The credential that goes to the upstream; every `*_ref` is a reference into the vault, never a secret."""

    type: Literal["none", "api_key", "basic", "bearer", "oauth2", "plugin"] = "none"
    """How it is sent; `oauth2` is the client credentials grant, `plugin` whatever a plugin says."""
    header: HeaderName = "Authorization"
    """Of an API key: the header it goes in."""
    query: str = ""
    """Of an API key: the query parameter it goes in, instead of a header."""
    prefix: str = ""
    """Of an API key in a header: what stands before it."""
    secret_ref: str = ""
    """Of an API key or a bearer token."""
    username_ref: str = ""
    """Of basic authentication."""
    password_ref: str = ""
    """Of basic authentication."""
    token_endpoint: str = ""
    """Of OAuth 2: where tokens are asked for."""
    issuer_url: str = ""
    """Instead of `token_endpoint`: where OpenID Connect Discovery finds it."""
    client_id_ref: str = ""
    """Of OAuth 2."""
    client_secret_ref: str = ""
    """Of OAuth 2."""
    client_auth: Literal["form", "basic"] = "form"
    """Whether id and secret of the client go into the form or into Authorization."""
    scopes: tuple[str, ...] = ()
    """Of OAuth 2: what is asked for."""
    plugin: PluginBinding | None = None
    """Of a plugin: which, as `{ id, config, timeout }`."""
    sharing: Sharing = "private"
    """Whether calls of tenants below take it: where they have none, or in any case."""


class Plugins(_Part, frozen=True, kw_only=True):
    """Guards and transforms, in the order in which they are asked."""

    items: Annotated[tuple[PluginBinding, ...], Meta(max_length=32)] = ()
    """`{ id, config, timeout }` each."""
    sharing: Sharing = "private"
    """Whether calls of tenants below meet them, too, before those of their own."""


class Timeouts(_Part, frozen=True, kw_only=True):
    """Seconds; None takes the gateway's defaults."""

    connect: Annotated[float, Meta(gt=0)] | None = None
    first_byte: Annotated[float, Meta(gt=0)] | None = None
    idle: Annotated[float, Meta(gt=0)] | None = None
    total: Annotated[float, Meta(gt=0)] | None = None


class Rules(_Part, frozen=True, kw_only=True):
    """What calls of one alias are held to, whoever wrote it."""

    enabled: bool = True
    """Whether it may be called; calls of one that may not are answered 503."""
    tags: tuple[Tag, ...] = ()
    """Words to find it by."""
    preset: Preset = "rest"
    """Which headers pass by default: those of REST and of every model SDK, or those of one provider."""
    headers: Headers = Headers()
    """What becomes of headers: `request` and `response`, each with `passthrough`, `remove`, `set` and `add`."""
    plugins: Plugins = Plugins()
    """What looks at its calls, in order."""
    rate_limit: RateLimit | None = None
    """How many calls may be made."""
    concurrency: Concurrency | None = None
    """How many calls may be under way at once."""
    breaker: Breaker | bool = Breaker()
    """When an endpoint that fails is given a rest; `false` for never."""
    health: Health | None = None
    """How its endpoints are checked."""
    retry: Retry = Retry()
    """Which calls are repeated."""
    cors: Cors = Cors()
    """Which pages of other origins may call it from a browser."""
    max_body: Annotated[int, Meta(ge=0)] | None = None
    """Bytes of a request; none takes the gateway's bound."""
    sharing: Literal["private", "inherit"] = "private"
    """Whether tenants below may call it."""


class Upstream(Rules, frozen=True, kw_only=True):
    """An HTTP API that is called by `alias`; derived from the endpoints' hosts where it is empty."""

    endpoints: Annotated[tuple[Endpoint, ...], Meta(min_length=1, max_length=MAX_ENDPOINTS)]
    alias: str = ""
    auth: Auth = Auth()
    timeouts: Timeouts = Timeouts()


class Match(_Part, frozen=True, kw_only=True):
    """Which calls a route takes: `path` by whole segments, the longest first."""

    methods: Annotated[tuple[Method, ...], Meta(min_length=1)]
    path: Annotated[str, Meta(pattern="^/[^?#]*$", max_length=2048)] = "/"
    suffix: Literal["append", "disabled"] = "append"
    """Whether a path may go on after `path`."""
    query_allowlist: tuple[str, ...] = ("*",)
    """Names of query parameters; `*` is any, none is none."""


class RouteRules(_Part, frozen=True, kw_only=True):
    """Calls of one upstream that have rules of their own. An upstream without routes takes every call."""

    match: Match
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    """Among routes of equal path the higher wins."""
    enabled: bool = True
    tags: tuple[Tag, ...] = ()
    plugins: Plugins = Plugins()
    rate_limit: RateLimit | None = None
    concurrency: Concurrency | None = None
    cors: Cors | None = None
    timeouts: Timeouts = Timeouts()
    """All but `connect`, which is the upstream's."""


class Route(RouteRules, frozen=True, kw_only=True):
    """The same with the upstream that it belongs to."""

    upstream_id: str


def check_upstream(upstream: Upstream) -> None:
    """Refuses what its parts cannot say together. Raises `GatewayError` INVALID_REQUEST naming the member."""
    check_pool(upstream.endpoints)
    if upstream.alias and not ALIAS.fullmatch(upstream.alias):
        raise invalid("alias", f"{upstream.alias!r} is no alias: lower-case letters, digits, '.', ':', '_' and '-'.")
    check_cors(upstream.cors)
    if upstream.rate_limit is not None:
        check_rate_limit(upstream.rate_limit)


def check_pool(endpoints: Sequence[Endpoint]) -> None:
    """As `check_upstream`, of the endpoints alone."""
    if len(endpoints) > MAX_ENDPOINTS:
        raise invalid("endpoints", f"A pool has at most {MAX_ENDPOINTS} endpoints.")
    first = endpoints[0]
    hosts: set[str] = set()
    for number, endpoint in enumerate(endpoints):
        here = (endpoint.scheme, port(endpoint), endpoint.path.rstrip("/"))
        if here != (first.scheme, port(first), first.path.rstrip("/")):
            raise invalid(f"endpoints[{number}]", "The endpoints of a pool share scheme, port and path.")
        # The host by itself first: one with a slash or a colon in it would read as another host in a URL.
        if fault := check_host(endpoint.host):
            raise invalid(f"endpoints[{number}].host", f"The endpoint {fault}.")
        try:
            if split_base_url(base_url(endpoint)).host != endpoint.host.lower():
                raise ValueError("has more in its host than a host")
        except ValueError as error:
            raise invalid(f"endpoints[{number}]", f"The endpoint {error}.") from None
        if endpoint.host.lower() in hosts:
            raise invalid(f"endpoints[{number}]", f"The host {endpoint.host!r} is there already.")
        hosts.add(endpoint.host.lower())


def check_route(route: RouteRules) -> None:
    """As `check_upstream`."""
    if route.rate_limit is not None:
        check_rate_limit(route.rate_limit)
    if route.cors is not None:
        check_cors(route.cors)
    if route.timeouts.connect is not None:
        raise invalid("timeouts.connect", "Connections belong to the upstream: set `connect` there.")


def check_rate_limit(limit: RateLimit) -> None:
    if limit.algorithm == "sliding_window" and limit.burst is not None:
        raise invalid("rate_limit.burst", "A sliding window lets all of its rate pass at once: leave out the burst.")
    most = limit.sustained.rate if limit.burst is None else limit.burst
    if limit.cost > most:
        raise invalid("rate_limit.cost", f"No call could ever pay {limit.cost}: the limit never has more than {most}.")
    budget = limit.budget
    if limit.sharing == "private" and budget.mode != "unlimited":
        raise invalid("rate_limit.budget", "A limit that is shared with nobody has nothing to divide: set its sharing.")
    if budget.mode != "allocated" and (budget.total is not None or budget.overcommit != 1):
        raise invalid("rate_limit.budget", "Only what is allocated has a total, and an overcommit.")


def check_cors(cors: Cors) -> None:
    if cors.credentials and "*" in cors.origins:
        raise invalid("cors.origins", "Credentials cannot be allowed to every origin: name the origins.")


def upstream_id(name: str) -> str:
    """The id of an upstream that the file made: it has the same one at every gateway and after every start."""
    return f"{UPSTREAM_ID}{uuid5(_OF_THE_FILE, name)}"


def route_id(name: str) -> str:
    """As `upstream_id`."""
    return f"{ROUTE_ID}{uuid5(_OF_THE_FILE, name)}"


def bindings(value: "Upstream | Route") -> Sequence[PluginBinding]:
    """Every plugin that an upstream or a route is bound to."""
    auth = value.auth.plugin if isinstance(value, Upstream) else None
    return value.plugins.items if auth is None else (auth, *value.plugins.items)


def masked(auth: Auth) -> Auth:
    """A credential as those see it whom it only reaches: of what kind it is."""
    return Auth(type=auth.type, sharing=auth.sharing)


def port(endpoint: Endpoint) -> int:
    return endpoint.port or DEFAULT_PORTS[endpoint.scheme]


def base_url(endpoint: Endpoint) -> str:
    """Where an endpoint is, as HTTP names it: a WebSocket begins as a request."""
    scheme = "https" if endpoint.scheme in ("https", "wss") else "http"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{scheme}://{host}:{port(endpoint)}{endpoint.path}"


def breaker_of(given: Breaker | bool) -> Breaker | None:
    """What `breaker` says: a rule, `true` for the default one, `false` for none."""
    return given if isinstance(given, Breaker) else Breaker() if given else None


def invalid(param: str, message: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, message, param=param)
