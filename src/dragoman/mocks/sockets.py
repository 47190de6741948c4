"""A WebSocket that says back what it hears, `/ws/echo`, below any prefix.

It takes the first subprotocol it is offered. In the query, `close=CODE` makes it close with that code after the first
message, `drop=1` break the connection instead, and `size=N` begin with a binary message of N bytes.
"""

import asyncio
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from dragoman.mocks.delivery import SCOPE_TRANSPORT
from dragoman.mocks.request import Request, segments

PATH: Final = ("ws", "echo")
MAX_SIZE: Final = 64 * 1024 * 1024


def read(scope: Scope) -> Request:
    """The handshake as a request."""
    path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    return Request(
        method="GET",
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]),
        rest=segments(path),
    )


async def answer(request: Request, scope: Scope, receive: Receive, send: Send) -> None:
    """Carries the conversation to its end; refuses other paths, which is a 403."""
    await receive()
    if request.rest[-len(PATH) :] != PATH:
        await send({"type": "websocket.close"})
        return
    offered = scope.get("subprotocols") or [None]
    await send({"type": "websocket.accept", "subprotocol": offered[0]})
    size = request.parameter("size")
    if size:
        await send({"type": "websocket.send", "bytes": b"x" * min(int(size), MAX_SIZE)})
    while (heard := await receive())["type"] == "websocket.receive":
        if request.parameter("drop"):
            transport: asyncio.Transport = scope[SCOPE_TRANSPORT]
            transport.abort()
            return
        await send({"type": "websocket.send", **_said(heard)})
        code = request.parameter("close")
        if code:
            await send({"type": "websocket.close", "code": int(code), "reason": "as asked"})
            return


def _said(heard: Any) -> dict[str, object]:
    text = heard.get("text")
    return {"text": text} if text is not None else {"bytes": heard["bytes"]}
