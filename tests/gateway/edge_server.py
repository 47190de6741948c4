"""A gateway server in a thread of its own, an application that records, and a client of raw bytes."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import uvloop

from dragoman.errors import GatewayError
from dragoman.gateway.connection import Connection, ConnectionLimits
from dragoman.gateway.server import GatewayServer

WAIT = 5.0
"""Seconds after which something that must happen counts as not happening."""

SHORT = ConnectionLimits(head_timeout=0.3, keep_alive=0.3, linger=0.3, stall=0.3)

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}

Headers = list[tuple[bytes, bytes]]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Route = Callable[[Scope, Receive, Send], Awaitable[None]]


def render(error: GatewayError, *, path: str, request_id: str) -> tuple[int, Headers, bytes]:
    body = json.dumps({"code": error.kind.code, "message": error.message, "path": path}).encode()
    headers = [
        (b"x-request-id", request_id.encode()),
        (b"x-oagw-error-source", b"gateway"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    return error.kind.status, headers, body


@dataclass
class Seen:
    """A request as the application saw it."""

    method: str
    target: bytes
    headers: Headers
    body: bytes
    http_version: str


@dataclass
class App:
    """Records every request whose body came whole, and answers from `routes`, or `ok`."""

    routes: dict[str, Route] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    begun: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)
    disconnected_when_cancelled: bool | None = None
    closed: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.closed.set()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.begun += 1
        route = self.routes.get(scope["path"], self.answer)
        try:
            await route(scope, receive, send)
        except asyncio.CancelledError:
            self.disconnected_when_cancelled = scope["dragoman.connection"].disconnected
            self.cancelled.set()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        self.seen.append(Seen(scope["method"], target, list(scope["headers"]), body, scope["http_version"]))
        await respond(send, b"ok")


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Waits for what another thread brings about and has no event for."""
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


async def wait_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """A route that takes its request and never answers."""
    await read_body(receive)
    await asyncio.Event().wait()


async def read_body(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        body += message["body"]
        more = message["more_body"]
    return body


async def respond(send: Send, body: bytes, status: int = 200, headers: Headers | None = None) -> None:
    head = [(b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@dataclass
class Gate:
    """A route that tells when a call has begun and lets it go on when told; for the test's thread."""

    begun: threading.Event = field(default_factory=threading.Event)
    _go: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.wait()
        await respond(send, scope["raw_path"])

    async def wait(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun.set()
        await self._go.wait()

    def open(self) -> None:
        assert self.begun.wait(WAIT)
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._go.set)


class Running:
    """A server that runs; `stop` waits for its end and raises what ended it."""

    def __init__(self, server: GatewayServer, loop: str) -> None:
        self.server = server
        self.error: BaseException | None = None
        self._loop = loop
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=LOOPS[self._loop]) as runner:
                runner.run(self.server.serve())
        except BaseException as exc:  # noqa: BLE001 - carried over to the test's thread
            self.error = exc

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.server.request_stop()
        self.join()

    def join(self) -> None:
        self._thread.join(WAIT * 2)
        assert not self._thread.is_alive(), "the server did not stop"
        if self.error is not None:
            raise self.error

    @property
    def connections(self) -> list[Connection]:
        return [item for item in list(self.server.server_state.connections) if isinstance(item, Connection)]

    def client(self) -> "Client":
        return Client(self.server.port)


@contextlib.contextmanager
def serving(app: Any, *, loop: str = "uvloop", **options: Any) -> Iterator[Running]:
    """Runs a server on a free port; by default it does not drain for longer than a test may take."""
    ready = threading.Event()
    numbers = iter(range(1, 1_000_000))
    limits = options.pop("limits", ConnectionLimits())
    defaults: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "render": render,
        "new_id": lambda: f"req-{next(numbers)}",
        "limits": limits,
        "drain": 0.0,
        "grace": 0.0,
        "on_ready": lambda port: ready.set(),
    }
    running = Running(GatewayServer(app, **(defaults | options)), loop)
    running.start()
    assert ready.wait(WAIT), running.error
    try:
        yield running
    finally:
        running.stop()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        code = json.loads(self.body)["code"]
        assert isinstance(code, str)
        return code


class Client:
    """One connection that sends exactly the bytes it is told."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(WAIT)
        try:
            self.socket.connect((host, port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes, *, bytewise: bool = False) -> None:
        if not bytewise:
            self.socket.sendall(data)
            return
        for byte in data:
            self.socket.sendall(bytes((byte,)))

    def head(self) -> tuple[int, dict[str, str]]:
        """The status and headers of the next answer."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers: dict[str, str] = {}
        while (field_line := self._file.readline()) != b"\r\n":
            name, _, value = field_line.decode("latin-1").partition(":")
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value.strip()
        return int(line[9:12]), headers

    def chunk(self) -> bytes:
        """The next chunk of a chunked body, empty at its end."""
        size = int(self._file.readline(), 16)
        data = self._file.read(size)
        assert self._file.readline() == b"\r\n"
        return data

    def answer(self) -> Answer:
        """The next answer, whole."""
        status, headers = self.head()
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        elif "content-length" in headers:
            body = self._file.read(int(headers["content-length"]))
        else:
            body = self._file.read()
        return Answer(status, headers, body)

    def line(self) -> bytes:
        return self._file.readline()

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        return self._file.read()


def get(path: str = "/", *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: gateway", *headers, "", ""]).encode("latin-1")


def post(path: str, body: bytes, *headers: str) -> bytes:
    return get(path, f"Content-Length: {len(body)}", *headers, method="POST") + body
