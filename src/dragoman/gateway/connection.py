"""One client connection: uvicorn's HTTP/1.1 protocol, made safe to face the network.

What it adds: a head must come whole, small and in time; a request that is not plainly one thing is
refused from the error table (`head.py` says what that means); a lost connection cancels the call that
runs on it; and at every moment somebody owns the connection, by a deadline here or by the call:

    state     the connection waits for         when `deadline` passes
    --------  -------------------------------  ----------------------------------------
    new       the first head, since connect    408, or silence if no byte came
    head      the rest of a later head         408
    call      the application                  (none: the application keeps its own deadlines)
      full    a caller that does not read      dropped, unless bytes still move
    early     the body of an answered request  closed
    idle      the next request                 closed
    ending    unsent bytes, the client's close dropped, unless bytes still move

A call may `switch` its connection to another protocol; it then is in the state "call" until the call lets go.
It reads no header but those that frame the request, and knows no route. A client that half-closes has
left: no SDK, browser or curl does so, and otherwise a caller that is gone could not be told from one
that waits.
"""

import asyncio
import logging
import math
import select
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import unquote

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from dragoman.errors import BAD_HTTP, HEAD_TIMEOUT, HEAD_TOO_LARGE, INTERNAL_ERROR, OVERLOADED, GatewayError
from dragoman.gateway.head import ORIGIN_FORM, check_fields, origin_form, path_of, size_of
from dragoman.gateway.tunnel import Guest, Tunnel

_log = logging.getLogger(__name__)
_PEER_CLOSED: Final = getattr(select, "POLLRDHUP", select.POLLHUP)  # the former on Linux only
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close sends RST


class RenderError(Protocol):
    """Writes an error as status, headers (with framing and X-Request-ID) and body."""

    def __call__(
        self, error: GatewayError, *, path: str, request_id: str
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]: ...


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds of one connection, times in seconds; and how many connections there may be."""

    head_timeout: float = 10.0
    head_bytes: int = 32 * 1024  # nginx 4 x 8 KiB, Apache 8 KiB a line, Node 16 KiB
    head_fields: int = 100  # Apache LimitRequestFields
    keep_alive: float = 75.0  # nginx keepalive_timeout
    linger: float = 5.0  # nginx lingering_timeout
    stall: float = 120.0
    """How long the client may leave our side full, or leave an answer's tail unread."""
    pipelined: int = 16
    connections: int = 10_000


@dataclass(slots=True)
class Edge:
    """What all connections of one server share."""

    render: RenderError
    new_id: Callable[[], str]
    limits: ConnectionLimits
    draining: bool = False
    """Each answer is the last on its connection."""


@dataclass(frozen=True, slots=True)
class _Outlet:
    """Stands for the transport while a body is still coming in: closing must not reset the connection
    under an answer that the client has not read yet (RFC 9112 section 9.6)."""

    write: Callable[[bytes], None]
    is_closing: Callable[[], bool]
    close: Callable[[], None]


class _Cycle(RequestResponseCycle):
    """uvicorn's request-response cycle, whose own 500 is one of ours."""

    unframed = False

    async def send_500_response(self) -> None:
        connection: Connection = self.scope["dragoman.connection"]  # type: ignore[typeddict-item]
        edge = connection.edge
        error = GatewayError(INTERNAL_ERROR, "The gateway failed to answer this request.")
        status, headers, body = edge.render(error, path=self.scope["path"], request_id=edge.new_id())
        headers = [*headers, (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


class _OldCycle(_Cycle):
    """An answer to HTTP/1.0, which knows no chunks: without Content-Length it ends with the connection."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            self.unframed = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            if self.unframed:
                self.chunked_encoding = False
        elif message["type"] == "http.response.body" and self.unframed:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


class Connection(HttpToolsProtocol):
    """Made by the server for each connection; the application finds it in `scope["dragoman.connection"]`."""

    edge: ClassVar[Edge]
    remembers: ClassVar[bool] = False

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.parser = _strict_parser(self)
        self.limits = self.edge.limits
        self.url = b""
        self.method = ""
        self.disconnected = False
        """Whether nobody can be answered any more: the client left, broke its own request, or was dropped.
        A call that is cancelled while this is false was cancelled by somebody else."""
        self.deadline = math.inf
        """In the loop's time; looked at ten times a second."""
        self._in_head = False
        self._head_timed = True
        self._known: tuple[bytes, int, tuple[bytes, bytes]] | None = None
        """Of the last plain head that was found good: all names, where Host is among them, and its field."""
        self._piece = 0
        self._swallowed = 0
        """Bytes the parser took since it last gave anything complete: part of a head, chunk sizes, trailers."""
        self._uncounted = 0
        """How many more these can be: a head may have begun in the piece that the message before it ended in."""
        self._latest: _Cycle | None = None
        """Of the request whose head came last; uvicorn's own `cycle` stays unused, for it takes this for the
        one that runs."""
        self._running: _Cycle | None = None
        self._task: asyncio.Task[None] | None = None
        self._refusal: GatewayError | None = None
        self._guest: Guest | None = None
        """Whom the bytes are for, once the connection has left HTTP."""
        self._deaf = False
        self._unsent = 0

    # What the application may use

    def abort(self) -> None:
        """Ends an answer short: what was sent goes out, then the connection closes, so that the client
        sees it truncated. A call that says so of itself is not cancelled by it; said by anyone else
        (a timer, say), the call is cancelled as if the client had left."""
        cycle = self._running
        if asyncio.current_task() is self._task:
            self._task = None
        if cycle is not None and cycle.unframed:
            # Nothing but a reset tells an HTTP/1.0 client that this end is not the end.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()
        elif self.flow.write_paused:
            self.transport.abort()
        else:
            self._hang_up(told=False)
        self._leave()

    def switch(self, head: bytes, guest: Guest) -> Tunnel:
        """Answers the running call's request with `head`, a 101, and gives all that comes after to `guest`.

        The connection ends when the call closes the tunnel, or with the call. Raises `GatewayError` BAD_HTTP for
        a client that has already sent something else.
        """
        cycle, task = self._running, self._task
        if cycle is None or task is None:
            raise GatewayError(BAD_HTTP, "The caller has left.")
        waiting = self._in_head or self._deaf or cycle is not self._latest or bool(self.pipeline)
        if waiting or cycle.more_body or cycle.body:
            raise GatewayError(
                BAD_HTTP, "A request to switch protocols has no body, and is answered before more is sent."
            )
        cycle.response_started = cycle.response_complete = True
        self._deaf = True
        self._guest = guest
        self.server_state.total_requests += 1
        self.transport.write(head)
        task.add_done_callback(lambda _: self._let_go())
        return Tunnel(self.transport, self.flow, self._let_go)

    # What the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.deadline = self.loop.time() + self.limits.head_timeout
        excess = len(self.connections) - self.limits.connections
        if excess > self.limits.connections // 10 + 1:
            transport.abort()  # so many are being refused that even refusals must be bounded
        elif excess > 0:
            self._answer(GatewayError(OVERLOADED, "Too many connections are open."))

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            if self._guest is not None:
                self._guest.receive(data)
            return
        limit = self.limits.head_bytes
        if len(data) > limit and not self._in_body():
            # One read can be larger than a head may be: the parser buffers no more of it than that.
            self.data_received(data[:limit])
            self.data_received(data[limit:])
            return
        self._piece = len(data)
        self._swallowed += self._piece
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as pause:
            self._ignore_upgrade(data[pause.args[0] :])
            return
        except HttpParserError as exc:
            self._refuse(_explain(exc))
            return
        if self._swallowed > limit:
            self._refuse(self._too_large())
        elif self._in_head:
            self._await_head()
        else:
            cycle = self._latest
            if cycle is not None and cycle.more_body and cycle.transport is self.transport:
                outlet = _Outlet(self.transport.write, self.transport.is_closing, self._hang_up)
                cycle.transport = outlet  # type: ignore[assignment]

    def eof_received(self) -> None:
        self._leave()  # the loop closes the transport, because this returns nothing

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)
        # The scope names the connection: undo the circle, so that neither waits for the collector.
        self.scope = self.headers = None  # type: ignore[assignment]
        self._latest = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._running is not None:
            self.deadline = self.loop.time() + self.limits.stall

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._running is not None:
            self.deadline = math.inf
        if self._guest is not None:
            self._guest.writable()

    # What the server calls

    def tick(self, now: float) -> None:
        """Called ten times a second: a deadline may have passed, or a client have left unseen."""
        if self.deadline <= now:
            self._expire()
        elif self.flow.read_paused and _peer_closed(self.transport):
            self._leave()
            self.transport.abort()

    def _expire(self) -> None:
        """Ends what `deadline` bounded, as the table above says."""
        limits, transport = self.limits, self.transport
        unsent = transport.get_write_buffer_size()
        if unsent and unsent != self._unsent:
            self._unsent = unsent
            self.deadline = self.loop.time() + limits.stall
        elif unsent or transport.is_closing():
            transport.abort()
        elif self._in_head and not self._deaf:
            self._refuse(GatewayError(HEAD_TIMEOUT, f"The request head took over {limits.head_timeout:g} s."))
        else:
            self.deadline = self.loop.time() + limits.linger
            transport.close()

    def shutdown(self) -> None:
        """Ends the connection once what it has begun is done: the call, the calls behind it, a half head."""
        if self._guest is not None:
            self._guest.drain()
        elif self._running is not None and self._latest is not None:
            self._latest.keep_alive = False
        elif not self._in_head and not self._deaf:
            self.transport.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.method = ""
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = self.parser
        self.method = self.scope["method"] = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        self._check_head(version)
        if parser.should_upgrade():
            return  # parsed once more without it: see _ignore_upgrade
        self._in_head = False
        self._swallowed = 0
        self._begin(version, version == "1.1" and parser.should_keep_alive() and not self.edge.draining)

    def on_body(self, body: bytes) -> None:
        self._swallowed = 0
        cycle = self._latest
        if cycle is None or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        cycle = self._latest
        if self._in_head or cycle is None:  # an upgrade, to be parsed once more
            return
        self._swallowed = 0
        self._uncounted = self._piece
        cycle.more_body = False
        cycle.transport = self.transport
        cycle.message_event.set()
        # A paused transport would not notice that the client leaves. What may come now is bounded.
        self.flow.resume_reading()
        if cycle.response_complete and not self.transport.is_closing():
            self.deadline = self.loop.time() + self.limits.keep_alive

    # What the cycle calls

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._running = self._task = None
        limits = self.limits
        if self.transport.is_closing():
            self.deadline = self.loop.time() + limits.linger
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self._answer(self._refusal)
        else:
            self._head_timed = self._in_head
            wait = limits.linger if self._in_body() else limits.head_timeout if self._in_head else limits.keep_alive
            self.deadline = self.loop.time() + wait

    # From head to call

    def _in_body(self) -> bool:
        return not self._in_head and self._latest is not None and self._latest.more_body

    def _await_head(self) -> None:
        if len(self.headers) > self.limits.head_fields:
            self._refuse(self._too_large())
        elif not self._head_timed and self._running is None:
            self._head_timed = True
            self.deadline = self.loop.time() + self.limits.head_timeout

    def _check_head(self, version: str) -> None:
        limits = self.limits
        if len(self.pipeline) >= limits.pipelined:
            raise GatewayError(BAD_HTTP, f"Over {limits.pipelined} requests wait for an answer on this connection.")
        if len(self.headers) > limits.head_fields:
            raise self._too_large()
        bound = limits.head_bytes
        if self._swallowed + self._uncounted > bound and size_of(self.method, self.url, self.headers) > bound:
            raise self._too_large()
        # Nearly every request has the names, and the Host, of the one before it: nothing new to judge.
        names = b"\n".join([name for name, _ in self.headers])
        known = self._known
        if known is None or known[0] != names or self.headers[known[1]] != known[2] or version != "1.1":
            self.expect_100_continue = check_fields(version, self.headers)
            self._remember(names)
        if self.method == "CONNECT" or not ORIGIN_FORM.fullmatch(self.url):
            host = [value for name, value in self.headers if name == b"host"]
            self.url = origin_form(self.method, self.url, host[0] if host else None)

    def _remember(self, names: bytes) -> None:
        listed = names.split(b"\n")
        if b"host" in listed and b"transfer-encoding" not in listed and b"expect" not in listed:
            place = listed.index(b"host")
            self._known = names, place, self.headers[place]
        else:
            self._known = None

    def _too_large(self) -> GatewayError:
        limits = self.limits
        text = f"Header fields may take {limits.head_bytes} bytes and number {limits.head_fields} at most."
        return GatewayError(HEAD_TOO_LARGE, text)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Parses the head again without Upgrade (RFC 9110 section 7.8 lets a server ignore it), then its body,
        which the parser would have left unframed. A call that could `switch` still finds what it was asked for."""
        version = self.parser.get_http_version()
        asked = [(name, value) for name, value in self.headers if name == b"upgrade" and value.lower() == b"websocket"]
        before = self._latest
        head = [self.method.encode("ascii"), b" ", self.url, b" HTTP/", version.encode("ascii"), b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [name, b": ", value, b"\r\n"]
        self.parser = _strict_parser(self)
        self._swallowed = 0
        self.data_received(b"".join([*head, b"\r\n"]))
        cycle = self._latest
        if cycle is not None and cycle is not before and self.method == "GET" and version == "1.1":
            cycle.scope["headers"] = [*cycle.scope["headers"], *asked]
        if rest:
            self.data_received(rest)

    def _begin(self, version: str, keep_alive: bool) -> None:
        """Starts the call whose head is complete, or queues it behind the one that runs."""
        scope = self.scope
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        scope["dragoman.connection"] = self  # type: ignore[typeddict-unknown-key]
        if version != "1.1":
            scope["http_version"] = version
        self.headers = []  # for trailers, which are dropped: the scope keeps what was judged
        cycle_class = _Cycle if version == "1.1" else _OldCycle
        self._latest = cycle = cycle_class(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if self._running is None:
            self._start_asgi_task(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        assert isinstance(cycle, _Cycle)
        self.deadline = math.inf
        self._running = cycle
        self._task = task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(task)  # the server waits for them, and in the end cancels them
        task.add_done_callback(self.tasks.discard)

    # The ends of a connection

    def _leave(self) -> None:
        """Nobody can be answered any more: cancels the call, and what waits behind it never starts."""
        self.disconnected = True
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.lose()
        self.pipeline.clear()
        self._refusal = None
        self.deadline = self.loop.time() + self.limits.linger
        cycle, task = self._running, self._task
        self._running = self._task = None
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
            if task is not None:
                task.cancel()

    def _refuse(self, error: GatewayError) -> None:
        """Answers a broken request in its turn, after those before it, and listens to nothing more."""
        self._deaf = True
        broken = self._latest if self._in_body() else None
        if broken is not None and broken is self._running:
            self._leave()
        elif broken is not None and not broken.response_complete:
            self.pipeline.popleft()  # its refusal takes its place
        if broken is not None and broken.response_started:
            self._hang_up(told=False)
            return
        if self._running is None:
            self._answer(error)
        else:
            self._refusal = error

    def _answer(self, error: GatewayError) -> None:
        """Writes an error as the last answer of the connection."""
        edge = self.edge
        status, headers, body = edge.render(error, path=path_of(self.url), request_id=edge.new_id())
        content = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            if name != b"connection":
                content += [name, b": ", value, b"\r\n"]
        content.append(b"connection: close\r\n\r\n")
        if self.method != "HEAD":
            content.append(body)
        self.transport.write(b"".join(content))
        self._refusal = None
        self._hang_up()

    def _let_go(self) -> None:
        """Ends a connection that was switched."""
        if self._guest is not None:
            self._guest = self._running = self._task = None
            self._hang_up(told=False)

    def _hang_up(self, *, told: bool = True) -> None:
        """Ends our side after what was written, and for a while takes in what the client still sends:
        closing at once would make the kernel answer that with a reset, which destroys our answer.

        `told` is whether the answer itself says that it is the last."""
        self._deaf = True
        self.deadline = self.loop.time() + self.limits.linger
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            with suppress(OSError):  # asyncio's own loop raises where the peer has just reset the connection
                self.transport.write_eof()
        elif not told:
            self.transport.close()  # TLS cannot end one side alone


def bind(edge: Edge) -> type[Connection]:
    """The class whose instances are connections of one server; uvicorn makes them without our arguments."""
    return type("BoundConnection", (Connection,), {"edge": edge})


def _strict_parser(protocol: Connection) -> HttpRequestParser:
    parser = HttpRequestParser(protocol)
    # uvicorn lets requests follow `Connection: close`; RFC 9112 section 9.6 says to process none.
    parser.set_dangerous_leniencies(lenient_data_after_close=False)
    return parser


def _peer_closed(transport: asyncio.Transport) -> bool:
    """Whether the client has closed its side, although nobody reads far enough to come upon it."""
    poller = select.poll()
    poller.register(transport.get_extra_info("socket").fileno(), _PEER_CLOSED)
    return bool(poller.poll(0))


def _explain(exc: HttpParserError) -> GatewayError:
    """What a parser's exception says; our own refusals travel as the context of one."""
    cause = exc.__context__
    if isinstance(cause, GatewayError):
        return cause
    if isinstance(exc, HttpParserCallbackError):
        _log.error("A request head could not be judged", exc_info=exc)
        return GatewayError(INTERNAL_ERROR, "The gateway failed to read the request.")
    return GatewayError(BAD_HTTP, f"The request is not valid HTTP: {exc}.")
