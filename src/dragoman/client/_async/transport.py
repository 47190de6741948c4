"""Connections to a gateway, with deadlines that are late-bound.

httpx2's own transport takes a number of seconds for each operation when a phase of the request begins. A total
over a stream needs another number at each read; so the pool here is httpcore2's with a network backend of ours,
which asks at every operation what is left. A plain number of seconds means what it always does, so that an SDK
can share the connections.
"""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpcore2
import httpx2

from dragoman.client.config import ClientConfig
from dragoman.client.network import as_httpx2, pool_options, pool_request
from dragoman.client.timeouts import left
from dragoman.version import __version__

USER_AGENT: Final = f"dragoman-client/{__version__}"


def http_client(transport: httpx2.AsyncBaseTransport, timeout: httpx2.Timeout | None) -> httpx2.AsyncClient:
    """A client of the HTTP library that adds nothing of its own to a call."""
    return httpx2.AsyncClient(
        transport=transport,
        # An upstream's cookies are no business of the next one's.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        trust_env=False,
        timeout=timeout,
    )


class AsyncTransport(httpx2.AsyncBaseTransport):
    """A pool of connections to one gateway."""

    def __init__(self, config: ClientConfig) -> None:
        self._pool = httpcore2.AsyncConnectionPool(**pool_options(config), network_backend=AsyncBackend())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with as_httpx2():
            answer = await self._pool.handle_async_request(pool_request(request))
        assert isinstance(answer.stream, AsyncIterable)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=AsyncBody(answer.stream), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class AsyncBody(httpx2.AsyncByteStream):
    """The body of an answer of the pool's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with as_httpx2():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class AsyncBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections whose operations ask what is left of their time."""

    def __init__(self) -> None:
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        remaining = left(timeout)
        if remaining == 0.0:
            raise httpcore2.ConnectTimeout
        return AsyncTimed(await self._backend.connect_tcp(host, port, remaining, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class AsyncTimed(httpcore2.AsyncNetworkStream):
    """A connection. A timeout that has run out is told here: to a socket, 0 means not to wait."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        remaining = left(timeout)
        if remaining == 0.0:
            raise httpcore2.ReadTimeout
        return await self._stream.read(max_bytes, remaining)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        remaining = left(timeout)
        if remaining == 0.0:
            raise httpcore2.WriteTimeout
        await self._stream.write(buffer, remaining)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            remaining = left(timeout)
            if remaining == 0.0:
                raise httpcore2.ConnectTimeout
            return AsyncTimed(await self._stream.start_tls(ssl_context, server_hostname, remaining))
        except BaseException:
            # The pool forgets a connection that did not come to be.
            await self._stream.aclose()
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
