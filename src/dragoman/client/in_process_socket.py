"""A WebSocket to an ASGI application in this process.

The caller's side speaks bytes, as to any server; they are turned into the messages of ASGI here and back, so that
one kind of `WebSocket` serves all ways of connecting. The application must take WebSockets from its server, as ASGI
has it; the gateway takes them as HTTP, from its own server alone.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, MutableMapping
from typing import Any, Final

import httpcore2
import httpx2
from websockets.protocol import Side
from websockets.utils import accept_key

from dragoman.client.config import App
from dragoman.client.conversation import ABNORMAL, NORMAL, Conversation
from dragoman.client.timeouts import left

Message = MutableMapping[str, Any]
REFUSED: Final = 403
"""ASGI, WebSocket: what a close before the handshake is accepted stands for."""
_log = logging.getLogger(__name__)


class AppSocket(httpcore2.AsyncNetworkStream, httpx2.AsyncByteStream):
    """The connection to the application, and the answer to the handshake."""

    def __init__(self, app: App, scope: Message, key: str) -> None:
        self._app = app
        self._scope = scope
        self._accept = accept_key(key)
        self._conversation = Conversation(side=Side.SERVER)
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = asyncio.Event()
        """Set while all that was said has been read: until then the application waits, but no answer to a ping does."""
        self._room.set()
        self._unread = b""
        self._decided: asyncio.Future[httpx2.Response] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """The application's side."""
        self._inbox.put_nowait({"type": "websocket.connect"})
        failure: Exception | None = None
        try:
            await self._app(self._scope, self._inbox.get, self._send)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller sees a connection that broke
            failure = error
            _log.debug("the application failed", exc_info=error)
        if not self._decided.done():
            broken = httpx2.ReadError("the application broke off")
            broken.__cause__ = failure
            self._decided.set_exception(broken)
        self._outbox.put_nowait(b"")

    async def head(self, task: "asyncio.Task[None]", timeout: float | None) -> httpx2.Response:
        """What the application makes of the handshake; `task` is the one that runs it."""
        self._task = task
        try:
            async with asyncio.timeout(left(timeout)):
                return await asyncio.shield(self._decided)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, TimeoutError):
                raise httpx2.ReadTimeout("the application did not decide") from None
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in list[bytes]():  # the answer to a handshake has no body
            yield part

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._unread:
            try:
                async with asyncio.timeout(left(timeout)):
                    self._unread = await self._outbox.get()
            except TimeoutError:
                raise httpcore2.ReadTimeout from None
            if self._outbox.empty():
                self._room.set()
        data, self._unread = self._unread[:max_bytes], self._unread[max_bytes:]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        conversation = self._conversation
        conversation.receive(buffer)
        while (message := conversation.take()) is not None:
            kind = "text" if isinstance(message, str) else "bytes"
            self._inbox.put_nowait({"type": "websocket.receive", kind: message})
        if conversation.over:
            closed = conversation.closed
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason})
        if data := conversation.outgoing():
            self._outbox.put_nowait(data)

    async def aclose(self) -> None:
        """The caller leaves. The application hears of it, and is cancelled if that does not end it at once."""
        if self._task is not None and not self._task.done():
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": ABNORMAL, "reason": ""})
            await asyncio.sleep(0)
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self._decide(101, self._agreement(message), {"network_stream": self})
            case "websocket.send":
                text = message.get("text")
                self._conversation.send(message["bytes"] if text is None else text)
                await self._say()
            case "websocket.close" if self._decided.done():
                self._conversation.close(message.get("code", NORMAL), message.get("reason") or "")
                await self._say()
            case "websocket.close":
                self._decide(REFUSED, [], {})
            case other:
                raise ValueError(f"an application may not send {other!r} on a WebSocket")

    async def _say(self) -> None:
        await self._room.wait()
        if data := self._conversation.outgoing():
            self._room.clear()
            self._outbox.put_nowait(data)

    def _agreement(self, message: Message) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"connection", b"Upgrade"),
            (b"upgrade", b"websocket"),
            (b"sec-websocket-accept", self._accept.encode("ascii")),
            *((bytes(name), bytes(value)) for name, value in message.get("headers") or ()),
        ]
        chosen = message.get("subprotocol")
        return [*headers, (b"sec-websocket-protocol", chosen.encode("ascii"))] if chosen else headers

    def _decide(self, status: int, headers: list[tuple[bytes, bytes]], extensions: dict[str, Any]) -> None:
        self._decided.set_result(httpx2.Response(status, headers=headers, stream=self, extensions=extensions))
