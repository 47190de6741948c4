"""Where the gateway is and how a client behaves; made once and never changed."""

import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman.client.errors import BuildError
from dragoman.client.retry import RetryPolicy
from dragoman.client.timeouts import Timeouts
from dragoman.wire import sse

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application; what its arguments are is for the ASGI specification to say, and each framework says it anew."""

URL: Final = "http://127.0.0.1:8088"
URL_NAMES: Final = ("DRAGOMAN_BASE_URL", "DRAGOMAN_URL", "OAGW_BASE_URL")
KEY_NAMES: Final = ("DRAGOMAN_KEY", "OAGW_AUTH_TOKEN")
PROVIDER_URL: Final = "https://api.openai.com/v1"
_IN_PROCESS: Final = "http://in-process"


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """All a client needs to know. Raises `BuildError` for what cannot stand."""

    base_url: str = URL
    """The gateway's root, without `/v1`."""
    key: str | None = field(default=None, repr=False)
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy | None = None
    """None: every call is made once."""
    app: App | None = field(default=None, repr=False)
    """An application that is called in this process, instead of over a socket."""
    tls: ssl.SSLContext | None = None
    """None: the system's authorities."""
    trust_env: bool = True
    """Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are heeded."""
    max_connections: int = 100
    max_event: int = sse.MAX_EVENT
    """Bytes of one event; a larger one is a `DecodeError`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BuildError(f"base_url must be http:// or https:// and a host, not {self.base_url!r}")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise BuildError("base_url must have no credentials, query or fragment; the key has its own place")
        if self.key is not None and not (self.key.isascii() and self.key.isprintable() and self.key.strip()):
            raise BuildError("the key has characters that no key has; look for a line end that was copied with it")

    @classmethod
    def remote(cls, base_url: str, key: str | None = None) -> "ClientConfig":
        """A gateway at an address."""
        return cls(base_url, key)

    @classmethod
    def in_process(cls, app: App, key: str | None = None) -> "ClientConfig":
        """A gateway, or the mocks, as an application in this process."""
        return cls(_IN_PROCESS, key, app=app)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "ClientConfig":
        """As the environment says: DRAGOMAN_BASE_URL (or DRAGOMAN_URL, OAGW_BASE_URL), 127.0.0.1:8088 without one,
        and DRAGOMAN_KEY (or OAGW_AUTH_TOKEN), which must be there."""
        names = os.environ if environ is None else environ  # noqa: TID251 - on request only, and here only
        url = next((names[name] for name in URL_NAMES if names.get(name)), URL)
        key = next((names[name] for name in KEY_NAMES if names.get(name)), None)
        if key is None:
            raise BuildError(f"no key in the environment; set {KEY_NAMES[0]} (or {KEY_NAMES[1]})")
        return cls(url, key)


def provider_from_env(environ: Mapping[str, str] | None = None) -> tuple[str, str | None]:
    """Where OpenAI's own clients would look for a model, and with what key: OPENAI_BASE_URL and OPENAI_API_KEY."""
    names = os.environ if environ is None else environ  # noqa: TID251 - on request only, and here only
    return names.get("OPENAI_BASE_URL") or PROVIDER_URL, names.get("OPENAI_API_KEY")
