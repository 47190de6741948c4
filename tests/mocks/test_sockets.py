"""The echoing WebSocket, with a real client."""

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from dragoman.mocks.app import app
from dragoman.mocks.server import MockServer


@pytest.fixture
async def server() -> AsyncIterator[MockServer]:
    async with MockServer(app()) as server:
        yield server


OFFERED = [Subprotocol("b"), Subprotocol("a")]


def address(server: MockServer, path: str) -> str:
    return server.url.replace("http", "ws", 1) + path


async def test_it_says_back_what_it_hears(server: MockServer) -> None:
    async with connect(address(server, "/ws/echo"), proxy=None) as client:
        await client.send("text")
        await client.send(b"bytes")
        assert [await client.recv(), await client.recv()] == ["text", b"bytes"]


async def test_it_takes_the_first_subprotocol(server: MockServer) -> None:
    async with connect(address(server, "/any/ws/echo"), proxy=None, subprotocols=OFFERED) as client:
        assert client.subprotocol == "b"


async def test_it_begins_with_a_message_of_any_size(server: MockServer) -> None:
    async with connect(address(server, "/ws/echo?size=200000"), proxy=None) as client:
        assert len(await client.recv()) == 200_000


@pytest.mark.parametrize(("query", "code"), [("close=4001", 4001), ("drop=1", 1006)])
async def test_it_ends_as_it_is_asked(server: MockServer, query: str, code: int) -> None:
    async with connect(address(server, f"/ws/echo?{query}"), proxy=None) as client:
        await client.send("x")
        with pytest.raises(ConnectionClosed):
            while True:
                await client.recv()
        assert client.close_code == code


@pytest.mark.parametrize("path", ["/", "/ws", "/echo", "/v1/responses"])
async def test_other_paths_are_refused(server: MockServer, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(address(server, path), proxy=None)
    assert refused.value.response.status_code == 403


async def test_it_asks_for_the_token_and_keeps_a_journal() -> None:
    mock = app(token="secret")
    async with MockServer(mock) as server:
        with pytest.raises(InvalidStatus):
            await connect(address(server, "/ws/echo"), proxy=None)
        headers = {"Authorization": "Bearer secret"}
        async with connect(address(server, "/ws/echo?a=1"), proxy=None, additional_headers=headers):
            pass
    assert [(entry.method, entry.path, entry.query) for entry in mock.journal.entries] == [
        ("GET", "/ws/echo", ""),
        ("GET", "/ws/echo", "a=1"),
    ]


async def test_a_server_that_closes_breaks_its_connections() -> None:
    async with MockServer(app()) as server:
        client = await connect(address(server, "/ws/echo"), proxy=None)
    with pytest.raises(ConnectionClosed):
        await client.recv()
