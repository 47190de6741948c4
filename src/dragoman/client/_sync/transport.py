# Written by scripts/unasync.py from src/dragoman/client/_async/transport.py; change that instead.
"""Connections to a gateway, with deadlines that are late-bound.

httpx2's own transport takes a number of seconds for each operation when a phase of the request begins. A total
over a stream needs another number at each read; so the pool here is httpcore2's with a network backend of ours,
which asks at every operation what is left. A plain number of seconds means what it always does, so that an SDK
can share the connections.
"""

import ssl
from collections.abc import Iterable, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpcore2
import httpx2

from dragoman.client.config import ClientConfig
from dragoman.client.network import as_httpx2, pool_options, pool_request
from dragoman.client.timeouts import left
from dragoman.version import __version__

USER_AGENT: Final = f"dragoman-client/{__version__}"


def http_client(transport: httpx2.BaseTransport, timeout: httpx2.Timeout | None) -> httpx2.Client:
    """A client of the HTTP library that adds nothing of its own to a call."""
    return httpx2.Client(
        transport=transport,
        # An upstream's cookies are no business of the next one's.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        trust_env=False,
        timeout=timeout,
    )


class Transport(httpx2.BaseTransport):
    """A pool of connections to one gateway."""

    def __init__(self, config: ClientConfig) -> None:
        self._pool = httpcore2.ConnectionPool(**pool_options(config), network_backend=Backend())

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with as_httpx2():
            answer = self._pool.handle_request(pool_request(request))
        assert isinstance(answer.stream, Iterable)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


class Body(httpx2.SyncByteStream):
    """The body of an answer of the pool's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with as_httpx2():
            for part in self._stream:
                yield part

    def close(self) -> None:
        self._stream.close()


class Backend(httpcore2.NetworkBackend):
    """Opens connections whose operations ask what is left of their time."""

    def __init__(self) -> None:
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        remaining = left(timeout)
        if remaining == 0.0:
            raise httpcore2.ConnectTimeout
        return Timed(self._backend.connect_tcp(host, port, remaining, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class Timed(httpcore2.NetworkStream):
    """A connection. A timeout that has run out is told here: to a socket, 0 means not to wait."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        remaining = left(timeout)
        if remaining == 0.0:
            raise httpcore2.ReadTimeout
        return self._stream.read(max_bytes, remaining)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        remaining = left(timeout)
        if remaining == 0.0:
            raise httpcore2.WriteTimeout
        self._stream.write(buffer, remaining)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        try:
            remaining = left(timeout)
            if remaining == 0.0:
                raise httpcore2.ConnectTimeout
            return Timed(self._stream.start_tls(ssl_context, server_hostname, remaining))
        except BaseException:
            # The pool forgets a connection that did not come to be.
            self._stream.close()
            raise

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
