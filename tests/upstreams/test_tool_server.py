"""`dragoman.upstreams.tool_server`, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest

from dragoman.turn import Tool
from dragoman.upstreams.tool_server import Offer, ToolServer
from dragoman.wire import mcp

CLOCK = Tool("clock", "Tells the time.", msgspec.Raw(b'{"type":"object","properties":{"zone":{"type":"string"}}}'))
BARE = Tool("bare")


class Caller:
    """Whoever has the tools: he answers when he is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.is_called = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def called(self, name: str, arguments: str) -> mcp.ToolResult:
        self.calls.append((name, arguments))
        self.is_called.set()
        await self.may_answer.wait()
        return mcp.ToolResult((mcp.Content("12:00"),))


@pytest.fixture
async def server() -> AsyncIterator[ToolServer]:
    server = ToolServer()
    yield server
    await server.close()


async def post(offer: Offer, method: str, params: object = None, **headers: str) -> httpx2.Response:
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
    if params is not None:
        message["params"] = params
    async with httpx2.AsyncClient() as client:
        return await client.post(offer.url, json=message, headers=headers)


async def test_it_greets_and_lists_the_tools_of_its_run(server: ToolServer) -> None:
    offer = await server.offer([CLOCK, BARE], Caller().called)
    hello = (await post(offer, "initialize", {"protocolVersion": "2025-06-18"})).json()["result"]
    listed = (await post(offer, "tools/list")).json()["result"]["tools"]

    assert hello["protocolVersion"] == "2025-06-18"
    assert hello["capabilities"] == {"tools": {}}
    assert listed == [
        {"name": "clock", "description": "Tells the time.",
         "inputSchema": {"type": "object", "properties": {"zone": {"type": "string"}}}},
        {"name": "bare", "inputSchema": {"type": "object", "properties": {}}},
    ]  # fmt: skip
    assert (await post(offer, "ping")).json()["result"] == {}


async def test_a_call_waits_for_its_caller(server: ToolServer) -> None:
    caller = Caller()
    offer = await server.offer([CLOCK], caller.called)
    asked = asyncio.create_task(post(offer, "tools/call", {"name": "clock", "arguments": {"zone": "UTC"}}))
    await caller.is_called.wait()
    assert not asked.done()
    caller.may_answer.set()
    answer = await asked

    assert caller.calls == [("clock", '{"zone":"UTC"}')]
    assert answer.headers["content-type"] == "text/event-stream"
    assert '"text":"12:00"' in answer.text


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("tools/call", {"name": "rm"}, mcp.INVALID_PARAMS),
        ("tools/call", {}, mcp.INVALID_PARAMS),
        ("initialize", [], mcp.INVALID_PARAMS),
        ("resources/list", None, mcp.METHOD_NOT_FOUND),
    ],
)
async def test_what_is_not_there_is_an_error_of_the_protocol(
    server: ToolServer, method: str, params: object, code: int
) -> None:
    offer = await server.offer([CLOCK], Caller().called)

    assert (await post(offer, method, params)).json()["error"]["code"] == code


async def test_a_notification_is_taken_and_nonsense_is_not(server: ToolServer) -> None:
    offer = await server.offer([CLOCK], Caller().called)
    async with httpx2.AsyncClient() as client:
        notified = await client.post(offer.url, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        nonsense = await client.post(offer.url, content=b"{")
        read = await client.get(offer.url)

    assert (notified.status_code, notified.content) == (202, b"")
    assert nonsense.json()["error"]["code"] == mcp.PARSE_ERROR
    assert read.status_code == 405


async def test_nobody_else_gets_in(server: ToolServer) -> None:
    offer = await server.offer([CLOCK], Caller().called)
    other = await server.offer([BARE], Caller().called)
    gone = await server.offer([CLOCK], Caller().called)
    gone.close()
    async with httpx2.AsyncClient() as client:
        guessed = await client.post(offer.url[:-1], json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})

    assert offer.token != other.token
    assert guessed.status_code == 404
    assert (await post(gone, "tools/list")).status_code == 404
    assert (await post(offer, "tools/list", Origin="http://evil.example")).status_code == 404
    assert offer.url.startswith("http://127.0.0.1:")


async def test_a_server_that_closes_ends_what_waits() -> None:
    server = ToolServer()
    caller = Caller()
    offer = await server.offer([CLOCK], caller.called)
    asked = asyncio.create_task(post(offer, "tools/call", {"name": "clock"}))
    await caller.is_called.wait()
    await server.close()

    with pytest.raises(httpx2.HTTPError):
        await asked
