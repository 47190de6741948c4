"""aiohttp's client with the gaps closed that a gateway cannot leave open.

`open_session` makes a session that adds nothing, follows nothing, decodes nothing, repeats nothing and
reads no environment. Beyond what aiohttp has options for, and each held by a test on real sockets:

- a message that no request waits for (a 408 on an idle connection, a second answer to one request) is
  not handed to the *next* request, which might be another caller's: the connection is dropped;
- a body that can no longer be completed wakes whoever reads it: after a bad chunk size, or when our
  own request body fails half-way, aiohttp leaves the reader waiting for ever;
- a body that ends with its connection, and whose connection is reset, has not ended cleanly;
- closing a connection drops it at once, also when what we sent was not yet read and when TLS would
  wait half a minute for the peer's goodbye.

Private names used, each with a test that fails if it is gone: `ClientSession._retry_connection`,
`BaseConnector._factory`, and in `http` `StreamReader._read_nowait`.
"""

import asyncio
import functools
import ssl
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any, Final

from aiohttp import ClientOSError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader
from yarl import URL

from dragoman.upstreams.dial import Gate

READ_BUFFER_BYTES: Final = 64 * 1024  # reading pauses at twice this for a caller that does not keep up
MAX_STATUS_LINE_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES: Final = 32 * 1024  # of one field; some content security policies are long
MAX_HEADERS: Final = 128
_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Line(ResponseHandler):
    """One connection to an upstream."""

    _answered = True
    """Whether the request in hand, if any, has had its final head."""
    _body: StreamReader | None = None
    on_writable: Callable[[], None] | None = None
    """Called when the peer has made room again, once the connection has left HTTP."""

    def set_response_params(self, **params: Any) -> None:  # aiohttp's own keywords, passed on unread
        """Called when a request takes the connection."""
        self._answered = False
        super().set_response_params(**params)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Called with each head; its body follows in the stream beside it."""
        if self._answered:
            self.abort()
            return
        message, body = data
        if message.code >= 200 or message.code == 101:
            self._answered = True
            self._body = body
        super().feed_data(data, size)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Called when the connection is no longer of use, whoever is to blame."""
        super().set_exception(exc, *cause)
        body = self._body
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()

    def close(self) -> None:
        """Called when the connection is not to be used again: nothing that is still unsent matters."""
        self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        body = self._body
        if exc is not None and body is not None and not body.is_eof():
            # Without a length the end of the connection ends the body, but only an orderly end does.
            body.set_exception(ClientOSError("connection reset"))
        super().connection_lost(exc)


class NoCookies(DummyCookieJar):
    """Neither keeps nor sends cookies, and makes nothing per call to say so."""

    _none: Final[SimpleCookie] = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:
        return self._none


def open_session(
    gate: Gate,
    resolver: AbstractResolver,
    *,
    dns_ttl: int,
    connect_timeout: float,
    max_connections: int,
    keepalive: float,
    tls: ssl.SSLContext | None,
    proxy: str | None,
) -> ClientSession:
    """A session for one upstream; must be called inside the event loop that uses it."""
    connector = TCPConnector(
        resolver=resolver,
        socket_factory=gate.make_socket,
        ttl_dns_cache=dns_ttl,
        limit=max_connections,
        keepalive_timeout=keepalive,
        ssl=True if tls is None else tls,
    )
    # A `Line` is a `ResponseHandler`, but `partial` is invariant.
    connector._factory = functools.partial(Line, loop=asyncio.get_running_loop())  # type: ignore[assignment]
    session = ClientSession(
        connector=connector,
        cookie_jar=NoCookies(),
        skip_auto_headers=_AUTOMATIC,
        auto_decompress=False,
        trust_env=False,
        proxy=proxy,
        timeout=ClientTimeout(connect=connect_timeout),  # the other deadlines are the caller's
        read_bufsize=READ_BUFFER_BYTES,
        max_line_size=MAX_STATUS_LINE_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )
    # An upstream must see a call once: whether to repeat it is policy, and the ledger has to know.
    session._retry_connection = False
    return session
