"""An ASGI application as the other end, without a socket between.

What goes over a socket goes here: an answer is streamed, a reader that stops reads makes the application wait, a
reader that leaves cancels it, and an application that ends or fails in the middle of an answer has broken off.
Its lifespan begins with the first call and ends with the client. `InProcess` is the same for synchronous callers:
the application then runs in an event loop of its own, in a thread that the client owns.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator, MutableMapping
from typing import Any, Final

import httpcore2
import httpx2

from dragoman.client.config import App
from dragoman.client.in_process_socket import AppSocket
from dragoman.client.portal import Portal
from dragoman.client.timeouts import left

Message = MutableMapping[str, Any]
ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
CLIENT: Final = ("127.0.0.1", 0)
_log = logging.getLogger(__name__)


class AsyncInProcess(httpx2.AsyncBaseTransport):
    """Calls an application in the caller's event loop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lifespan: Lifespan | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._lifespan is None:
            self._lifespan = Lifespan(self._app)
        await self._lifespan.begin()
        scope = scope_of(request, self._lifespan.state)
        if request.headers.get("upgrade", "").lower() == "websocket":
            key = request.headers.get("sec-websocket-key", "")
            socket = AppSocket(self._app, {**scope, **_websocket(request)}, key)
            return await socket.head(self._own(socket.run()), request.extensions.get("timeout", {}).get("read"))
        exchange = Exchange(self._app, request, scope)
        return await exchange.head(self._own(exchange.run()))

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._lifespan is not None:
            await self._lifespan.end()

    def _own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Lifespan:
    """The application's startup and shutdown. One that has none says so by failing, or by returning at once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.state: dict[str, Any] = {}
        self._received: asyncio.Queue[Message] = asyncio.Queue()
        self._said: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def begin(self) -> None:
        """Returns once the application is ready. Raises `httpx2.ConnectError` if it says that it cannot start."""
        message = await asyncio.shield(self._said)
        if message is not None and message["type"] == "lifespan.startup.failed":
            raise httpx2.ConnectError(f"the application did not start: {message.get('message', '')}")

    async def end(self) -> None:
        """Returns once the application has shut down; raises what it raised then."""
        self._received.put_nowait({"type": "lifespan.shutdown"})
        await self._task

    async def _run(self) -> None:
        self._received.put_nowait({"type": "lifespan.startup"})
        scope = {"type": "lifespan", "asgi": ASGI, "state": self.state}
        try:
            await self._app(scope, self._received.get, self._send)
        except Exception:
            if self._said.done() and self._said.result() == {"type": "lifespan.startup.complete"}:
                raise
            _log.debug("the application has no lifespan, or could not start", exc_info=True)
        finally:
            if not self._said.done():
                self._said.set_result(None)

    async def _send(self, message: Message) -> None:
        if message["type"].startswith("lifespan.startup") and not self._said.done():
            self._said.set_result(message)


class Exchange(httpx2.AsyncByteStream):
    """One request and its answer; as a stream, the answer's body."""

    def __init__(self, app: App, request: httpx2.Request, scope: Message) -> None:
        self._app = app
        self._request = request
        self._scope = scope
        self._timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        self._body = aiter(request.stream)  # type: ignore[arg-type] # the client made it for this transport
        self._taken = False
        """Whether the application has the whole of the request."""
        self._over = asyncio.Event()
        """Set when nothing more will be read: the answer is complete, or the caller has left."""
        # One message at a time: the application waits until it is read, as it would on a full socket.
        self._answer: asyncio.Queue[Message | None] = asyncio.Queue(1)
        self._failure: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    async def run(self) -> None:
        """The application's side, from the request to whatever it does after its answer."""
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller sees a connection that broke
            self._failure = error
            _log.debug("the application failed", exc_info=error)
        if not self._over.is_set():
            await self._answer.put(None)

    async def head(self, task: "asyncio.Task[None]") -> httpx2.Response:
        """Waits for the head of the answer; `task` is the one that runs the application."""
        self._task = task
        try:
            head = await self._next()
        except BaseException:
            await self.aclose()
            raise
        headers = [(bytes(name), bytes(value)) for name, value in head.get("headers", ())]
        return httpx2.Response(head["status"], headers=headers, stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._ended:
            message = await self._next()
            self._ended = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def aclose(self) -> None:
        """The caller leaves. An application that is not done with its answer is cancelled, as a server would."""
        self._over.set()
        if self._task is not None and not self._ended:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(left(self._timeouts.get("read"))):
                message = await self._answer.get()
        except TimeoutError:
            raise httpx2.ReadTimeout("the application did not go on") from None
        if message is None:
            raise httpx2.ReadError("the application broke off") from self._failure
        return message

    async def _receive(self) -> Message:
        if self._taken:
            await self._over.wait()
            return {"type": "http.disconnect"}
        part = await anext(self._body, None)
        self._taken = part is None
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def _send(self, message: Message) -> None:
        if self._over.is_set():
            return
        if message["type"] == "http.response.body":
            if self._request.method == "HEAD":
                message = {**message, "body": b""}
            await self._answer.put(message)
            if not message.get("more_body", False):
                self._over.set()
        else:
            await self._answer.put(message)


def scope_of(request: httpx2.Request, state: dict[str, Any]) -> Message:
    """The connection as ASGI describes it."""
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": CLIENT,
        "server": (request.url.host, request.url.port),
        "state": state.copy(),
    }


def _websocket(request: httpx2.Request) -> Message:
    """What is different where a WebSocket is asked for."""
    offered = request.headers.get("sec-websocket-protocol", "")
    return {
        "type": "websocket",
        "scheme": {"http": "ws", "https": "wss"}[request.url.scheme],
        "subprotocols": [name.strip() for name in offered.split(",") if name.strip()],
    }


class InProcess(httpx2.BaseTransport):
    """Calls an application for callers without an event loop."""

    def __init__(self, app: App) -> None:
        self._portal = Portal("dragoman-client")
        self._transport = AsyncInProcess(app)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        drawn = httpx2.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=Drawn(request.stream),
            extensions=request.extensions,
        )
        answer = self._portal.run(self._transport.handle_async_request(drawn))
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        network = answer.extensions.get("network_stream")
        extensions = {} if network is None else {"network_stream": Stream(self._portal, network)}
        stream = Pulled(self._portal, answer.stream)
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=stream, extensions=extensions)

    def close(self) -> None:
        if self._portal.running:
            self._portal.run(self._transport.aclose())
        self._portal.close()


class Drawn(httpx2.AsyncByteStream):
    """A body that is drawn from a blocking iterable, in a thread of its own so that the loop goes on."""

    def __init__(self, stream: Any) -> None:
        self._parts: Iterator[bytes] = iter(stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (part := await asyncio.to_thread(next, self._parts, None)) is not None:
            yield part


class Pulled(httpx2.SyncByteStream):
    """A body that is pulled out of the application's event loop."""

    def __init__(self, portal: Portal, stream: httpx2.AsyncByteStream) -> None:
        self._portal = portal
        self._stream = stream
        self._parts = aiter(stream)

    def __iter__(self) -> Iterator[bytes]:
        while (part := self._portal.run(self._pull())) is not None:
            yield part

    def close(self) -> None:
        self._portal.run(self._stream.aclose())

    async def _pull(self) -> bytes | None:
        return await anext(self._parts, None)


class Stream(httpcore2.NetworkStream):
    """A connection whose other end is in the application's event loop."""

    def __init__(self, portal: Portal, stream: httpcore2.AsyncNetworkStream) -> None:
        self._portal = portal
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._portal.run(self._stream.read(max_bytes, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._portal.run(self._stream.write(buffer, timeout))

    def close(self) -> None:
        self._portal.run(self._stream.aclose())
