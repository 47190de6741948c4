"""The tables of the configuration that stand alone."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Annotated, Final, Literal

import msgspec

from dragoman.policy.resources import Concurrency, RateLimit
from dragoman.policy.routing import Timeouts

_MIB: Final = 1024 * 1024


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration."""


class Limited(Section, frozen=True, kw_only=True):
    """Something whose calls may be limited."""

    rate_limit: RateLimit | None = None
    """How often it may be called; see `[aliases.NAME.rate_limit]`."""
    concurrency: Concurrency | None = None
    """How many calls to it may be under way; see `[aliases.NAME.concurrency]`."""


class TimeoutsConfig(Section, frozen=True, kw_only=True):
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


class ServerConfig(Section, frozen=True, kw_only=True):
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
    default_model: str | None = None
    """The model of conversations and completions that name none; without it they are refused."""
    error_style: Literal["openai", "flat"] = "openai"
    """The form of the gateway's own errors under `/v1` (but for `/v1/messages`), and for jobs if it is `flat`:
    `{"error": "execution failed", "detail": ...}`."""
    encoding: str | None = None
    """An encoding of tiktoken's, such as `o200k_base`, to estimate tokens with instead of by characters. Needs the
    extra `tokens`, and the encoding's file in the directory that TIKTOKEN_CACHE_DIR names."""
    estimate_usage: bool = False
    """Whether the ledger gets an estimate, marked as one, where an upstream reports no usage; needs `encoding`."""


class StoreConfig(Section, frozen=True, kw_only=True):
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


class JobsConfig(Section, frozen=True, kw_only=True):
    """How long work is run: background responses, and what `/execute` is given."""

    max_concurrency: int = 16
    """Jobs that this gateway runs at once."""
    max_queue: int = 1000
    """Jobs that may wait; further ones are refused with a 503."""
    heartbeat: float = 5.0
    """Seconds within which a gateway that died is noticed by the others."""
    keep: float = 86_400.0
    """Seconds for which jobs that have ended are kept, with their output event by event."""
    default_agent: str | None = None
    """What `/execute` runs if it is not told: an upstream with a `command`, or `agent/NAME`, `/MODEL` behind it or not;
    default the first there is."""
    timeout: float = 2700.0
    """Seconds that a run of `/execute` may take, from its begin; a caller may ask for less."""
    max_wait: float = 3600.0
    """Seconds that such a job whose turn has come waits at most for room at its agent."""
    when_busy: Literal["queue", "refuse"] = "queue"
    """What `/execute` does while its agent has a job: have the new one wait, or refuse it with a 409."""


class LogConfig(Section, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""
    format: Literal["auto", "json", "console"] = "auto"
    """`auto` writes lines for people on a terminal and JSON elsewhere."""


def hint(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(known))}"
