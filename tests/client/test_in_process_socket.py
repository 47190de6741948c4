"""An application that takes WebSockets, as the other end."""

import asyncio
from typing import Any

import pytest

from dragoman.client import AsyncClient, Client, Request
from dragoman.client.errors import CallTimeout, ConnectionClosed, UpstreamError, WebSocketClosed

GET = Request.get("/live?x=1")
ACCEPT = {"type": "websocket.accept", "subprotocol": "b", "headers": [(b"x-a", b"1")]}


class Scripted:
    """Sends what it is told to, and keeps what it saw."""

    def __init__(self, *messages: dict[str, Any] | Exception, wait: bool = False) -> None:
        self.messages = messages
        self.wait = wait
        self.scope: dict[str, Any] = {}
        self.heard: list[dict[str, Any]] = []
        self.sent = 0
        self.cancelled = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            raise ValueError("WebSocket only")
        self.scope = scope
        self.heard.append(await receive())
        try:
            for message in self.messages:
                if isinstance(message, Exception):
                    raise message
                await send(message)
                self.sent += 1
            while self.wait:
                self.heard.append(await receive())
                if self.heard[-1]["type"] == "websocket.disconnect":
                    await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_the_application_sees_the_handshake_as_a_server_would_give_it() -> None:
    app = Scripted(ACCEPT, wait=True)
    async with AsyncClient.in_process(app, "drg_k") as client:
        async with client.websocket("feed", GET, subprotocols=("a", "b")) as socket:
            assert socket.subprotocol == "b"
            await socket.send("\u20ac")
            await socket.send(b"\x00")
    assert (app.scope["type"], app.scope["scheme"], app.scope["subprotocols"]) == ("websocket", "ws", ["a", "b"])
    assert (app.scope["raw_path"], app.scope["query_string"]) == (b"/api/oagw/v1/proxy/feed/live", b"x=1")
    assert (b"authorization", b"Bearer drg_k") in app.scope["headers"]
    assert app.heard == [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "\u20ac"},
        {"type": "websocket.receive", "bytes": b"\x00"},
        {"type": "websocket.disconnect", "code": 1000, "reason": ""},
    ]
    assert app.cancelled


async def test_an_application_that_ends_or_fails_has_broken_off() -> None:
    for messages in ((ACCEPT,), (ACCEPT, LookupError("x"))):
        async with AsyncClient.in_process(Scripted(*messages)) as client:
            async with client.websocket("a", GET, subprotocols=("b",)) as socket:
                with pytest.raises(WebSocketClosed) as raised:
                    await socket.receive()
        assert raised.value.code == 1006


@pytest.mark.parametrize("messages", [(), (LookupError("x"),), ({"type": "http.response.start", "status": 200},)])
async def test_an_application_that_does_not_take_it(messages: tuple[Any, ...]) -> None:
    async with AsyncClient.in_process(Scripted(*messages)) as client:
        with pytest.raises(ConnectionClosed):
            async with client.websocket("a", GET):
                pass


async def test_an_application_that_refuses() -> None:
    async with AsyncClient.in_process(Scripted({"type": "websocket.close"})) as client:
        with pytest.raises(UpstreamError, match="403"):
            async with client.websocket("a", GET):
                pass


async def test_an_application_that_closes() -> None:
    close = {"type": "websocket.close", "code": 4000, "reason": None}
    async with AsyncClient.in_process(Scripted(ACCEPT, {"type": "websocket.send", "text": "last"}, close)) as client:
        async with client.websocket("a", GET, subprotocols=("b",)) as socket:
            assert await socket.receive() == "last"
            with pytest.raises(WebSocketClosed, match="4000"):
                await socket.receive()


async def test_an_application_waits_for_a_reader_that_does_not_read() -> None:
    said = {"type": "websocket.send", "bytes": b"x"}
    app = Scripted(ACCEPT, *[said] * 100, wait=True)
    async with AsyncClient.in_process(app) as client:
        async with client.websocket("a", GET, subprotocols=("b",)) as socket:
            for _ in range(20):
                await asyncio.sleep(0)
            assert app.sent < 5
            for _ in range(100):
                assert await socket.receive() == b"x"
    assert app.cancelled


async def test_an_application_that_does_not_decide() -> None:
    app = Scripted(wait=True)
    async with AsyncClient.in_process(app) as client:
        with pytest.raises(CallTimeout) as raised:
            async with client.websocket("a", GET.timeout(first_byte=0.05)):
                pass
    assert raised.value.phase == "first_byte"
    assert app.cancelled


def test_a_synchronous_caller_has_it_as_well() -> None:
    app = Scripted(ACCEPT, {"type": "websocket.send", "text": "hello"}, wait=True)
    with Client.in_process(app) as client, client.websocket("a", GET, subprotocols=("b",)) as socket:
        assert socket.receive() == "hello"
        socket.send("bye")
    assert app.heard[1:] == [
        {"type": "websocket.receive", "text": "bye"},
        {"type": "websocket.disconnect", "code": 1000, "reason": ""},
    ]
