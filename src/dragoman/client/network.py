"""What both kinds of connection share: how the pool is set up, and whose errors it raises."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypedDict
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from dragoman.client.config import ClientConfig

KEEP_ALIVE: Final = 30.0
"""Seconds an idle connection is kept; the gateway keeps it for longer."""
_MAPPED: Final = {
    getattr(httpcore2, kind.__name__): kind
    for kind in (
        httpx2.ConnectTimeout, httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout, httpx2.ConnectError,
        httpx2.ReadError, httpx2.WriteError, httpx2.ProxyError, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError,
        httpx2.RemoteProtocolError,
    )
}  # fmt: skip
"""The two libraries name their errors alike."""


class PoolOptions(TypedDict):
    """Arguments of a pool of httpcore2."""

    ssl_context: ssl.SSLContext | None
    proxy: httpcore2.Proxy | None
    max_connections: int
    max_keepalive_connections: int
    keepalive_expiry: float


def pool_options(config: ClientConfig) -> PoolOptions:
    """The pool that a configuration asks for."""
    return {
        "ssl_context": config.tls,
        "proxy": _proxy(config),
        "max_connections": config.max_connections,
        "max_keepalive_connections": config.max_connections,
        "keepalive_expiry": KEEP_ALIVE,
    }


def _proxy(config: ClientConfig) -> httpcore2.Proxy | None:
    parts = urlsplit(config.base_url)
    if not config.trust_env or proxy_bypass(parts.hostname or ""):
        return None
    url = getproxies().get(parts.scheme) or getproxies().get("all")
    if not url:
        return None
    proxy = urlsplit(url if "://" in url else f"http://{url}")
    auth = None if proxy.username is None else (unquote(proxy.username), unquote(proxy.password or ""))
    host = f"[{proxy.hostname}]" if ":" in (proxy.hostname or "") else proxy.hostname
    port = "" if proxy.port is None else f":{proxy.port}"
    return httpcore2.Proxy(f"{proxy.scheme}://{host}{port}", auth=auth)


@contextmanager
def as_httpx2() -> Iterator[None]:
    """Errors of the pool become those that httpx2, and the SDKs on it, know."""
    try:
        yield
    except tuple(_MAPPED) as error:
        raise _MAPPED[type(error)](str(error)) from error


def pool_request(request: httpx2.Request) -> httpcore2.Request:
    """A request in the pool's terms."""
    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )
