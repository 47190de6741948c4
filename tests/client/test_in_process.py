"""An application as the other end behaves as one behind a socket does."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dragoman.client import AsyncClient, Client, Request
from dragoman.client.errors import ConnectError, ConnectionClosed, StreamInterrupted
from tests.client import gateways
from tests.support.live import Live

GET = Request.get("/x")


class Scripted:
    """An application without a lifespan: sends what it is told to, and keeps what it saw."""

    def __init__(self, *messages: dict[str, Any] | Exception) -> None:
        self.messages = messages
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.sent = 0
        self.cancelled = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError("HTTP only")
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        try:
            for message in self.messages:
                if isinstance(message, Exception):
                    raise message
                await send(message)
                self.sent += 1
            await receive()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1"), (b"x-a", b"2")]}


def part(data: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def test_the_application_sees_the_request_as_a_server_would_give_it() -> None:
    app = Scripted(HEAD, part(b"ok", more=False))
    async with AsyncClient.in_process(app, "drg_k") as client:
        request = Request.put("/a%2Fb?q=%20").header("X-Mine", "2").body(b"body")
        response = await client.execute("alias", request)
    assert (response.content, response.headers.all("x-a")) == (b"ok", ("1", "2"))
    scope = app.scopes[0]
    assert (scope["method"], scope["raw_path"], scope["query_string"]) == (
        "PUT", b"/api/oagw/v1/proxy/alias/a%2Fb", b"q=%20",
    )  # fmt: skip
    assert scope["path"] == "/api/oagw/v1/proxy/alias/a/b"
    assert {(b"x-mine", b"2"), (b"content-length", b"4"), (b"authorization", b"Bearer drg_k")} <= set(scope["headers"])
    assert app.bodies == [b"body"]


async def test_an_application_waits_for_a_reader_that_does_not_read() -> None:
    app = Scripted(HEAD, *[part(b"x")] * 100, part(b"", more=False))
    async with AsyncClient.in_process(app) as client, client.stream("a", GET) as answer:
        for _ in range(20):
            await asyncio.sleep(0)
        assert app.sent < 5
        assert await answer.bytes() == b"x" * 100


async def test_an_application_is_cancelled_when_its_reader_leaves() -> None:
    app = Scripted(HEAD, *[part(b"x")] * 100)
    async with AsyncClient.in_process(app) as client:
        async with client.stream("a", GET) as answer:
            async for _ in answer.iter_bytes():
                break
        assert app.cancelled


@pytest.mark.parametrize("messages", [(), (HEAD, part(b"x"))])
async def test_a_caller_that_is_cancelled_cancels_the_application(messages: tuple[dict[str, Any], ...]) -> None:
    app = Scripted(*messages)
    async with AsyncClient.in_process(app) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.execute("a", GET)
        assert app.cancelled


async def test_an_application_that_goes_on_after_its_answer_is_let_go_and_ended_with_the_client() -> None:
    app = Scripted(HEAD, part(b"ok", more=False), HEAD)

    async def lingering(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        await asyncio.Event().wait()

    async with AsyncClient.in_process(lingering) as client:
        assert (await client.execute("a", GET)).content == b"ok"
    assert app.sent == 3  # what is sent after the end goes nowhere


@pytest.mark.parametrize("failure", [(), (LookupError("x"),)])
async def test_an_application_that_ends_before_its_answer_does(failure: tuple[Exception, ...]) -> None:
    class Ending(Scripted):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            for message in self.messages:
                if isinstance(message, Exception):
                    raise message
                await send(message)

    async with AsyncClient.in_process(Ending(*failure)) as client:
        with pytest.raises(ConnectionClosed) as raised:
            await client.execute("a", GET)
        if failure:
            assert raised.value.__cause__ is not None
            assert raised.value.__cause__.__cause__ is failure[0]
    async with AsyncClient.in_process(Ending(HEAD, part(b"x"), *failure)) as client:
        with pytest.raises(StreamInterrupted):
            await client.execute("a", GET)


async def test_a_head_request_has_no_body() -> None:
    async with AsyncClient.in_process(Scripted(HEAD, part(b"body", more=False))) as client:
        assert (await client.execute("a", Request.head("/x"))).content == b""


class Living(Scripted):
    """With a lifespan, whose state its requests see."""

    def __init__(self, *messages: dict[str, Any], startup: str = "complete") -> None:
        super().__init__(*messages)
        self.startup = startup
        self.said: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await super().__call__(scope, receive, send)
            return
        self.said.append((await receive())["type"])
        scope["state"]["opened"] = True
        await send({"type": f"lifespan.startup.{self.startup}", "message": "no disk"})
        self.said.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})


async def test_a_lifespan_begins_with_the_first_call_and_ends_with_the_client() -> None:
    app = Living(HEAD, part(b"ok", more=False))
    async with AsyncClient.in_process(app) as client:
        assert app.said == []
        await asyncio.gather(client.execute("a", GET), client.execute("a", GET))
        assert app.said == ["lifespan.startup"]
    assert app.said == ["lifespan.startup", "lifespan.shutdown"]
    assert [scope["state"] for scope in app.scopes] == [{"opened": True}] * 2


async def test_an_application_that_cannot_start_is_nothing_to_connect_to() -> None:
    async with AsyncClient.in_process(Living(startup="failed")) as client:
        for _ in range(2):
            with pytest.raises(ConnectError, match="no disk"):
                await client.execute("a", GET)


def test_a_synchronous_caller_uploads_from_its_own_thread_and_reads_as_it_likes() -> None:
    def parts() -> Iterator[bytes]:
        yield b"one "
        yield b"two"

    app = Living(HEAD, *[part(b"a")] * 4, part(b"b", more=False))
    with Client.in_process(app) as client:
        with client.stream("a", Request.post("/x").body(parts())) as answer:
            assert list(answer.iter_bytes()) == [b"a"] * 4 + [b"b"]
        assert app.bodies == [b"one two"]
        with client.stream("a", GET) as answer:
            assert next(answer.iter_bytes()) == b"a"
    assert app.cancelled
    assert app.said == ["lifespan.startup", "lifespan.shutdown"]


def test_a_client_that_was_never_used_starts_nothing() -> None:
    app = Living()
    with Client.in_process(app):
        pass
    assert app.said == []


@pytest.mark.parametrize("mode", gateways.MODES)
def test_many_threads_share_a_synchronous_client(mode: str, live: Live, tmp_path: Path) -> None:
    def ask(number: int) -> int:
        order = Request.post("/x").json({"operation": "add", "a": number, "b": 1})
        return int(client.execute("calculator", order).json()["result"])

    with Client(gateways.config(mode, live, tmp_path)) as client, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(64))) == list(range(1, 65))
