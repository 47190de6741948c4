"""WebSockets against the server of the `websockets` library."""

import time

import pytest
from websockets.sync.server import ServerConnection

from dragoman.client import AsyncClient, ClientConfig, Request, Timeouts
from dragoman.client.errors import CallTimeout, ProtocolError, StatusError, UpstreamError, WebSocketClosed
from tests.client.sockets import OK, answering, serving, sockets

GET = Request.get("/live?x=1")


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


async def test_messages_both_ways_and_the_key_on_the_handshake() -> None:
    with sockets(echo) as server:
        async with AsyncClient(server.url, "drg_k") as client:
            async with client.websocket("feed", GET.header("X-Mine", "1")) as socket:
                for message in ("\u20ac", b"\x00\xff", "", "x" * 200_000):
                    await socket.send(message)
                    assert await socket.receive() == message
    request = server.handshakes[0]
    assert request.path == "/api/oagw/v1/proxy/feed/live?x=1"
    assert (request.headers["Authorization"], request.headers["X-Mine"]) == ("Bearer drg_k", "1")
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert server.closes == [1000]


async def test_iteration_ends_where_the_other_side_closes_in_order() -> None:
    def counts(connection: ServerConnection) -> None:
        for number in range(3):
            connection.send(str(number))
        connection.ping()
        connection.send(iter(["fr", "ag", "ments"]))

    with sockets(counts) as server:
        async with AsyncClient(server.url) as client, client.websocket("a", GET) as socket:
            assert [message async for message in socket] == ["0", "1", "2", "fragments"]
            with pytest.raises(WebSocketClosed, match="1000"):
                await socket.receive()
            with pytest.raises(WebSocketClosed, match="1000"):
                await socket.send("too late")


async def test_any_other_end_raises_with_its_code() -> None:
    def restarts(connection: ServerConnection) -> None:
        connection.close(1012, "restart")

    def breaks(connection: ServerConnection) -> None:
        connection.send("one")
        connection.socket.close()

    with sockets(restarts, breaks) as server:
        async with AsyncClient(server.url) as client:
            async with client.websocket("a", GET) as socket:
                with pytest.raises(WebSocketClosed) as raised:
                    async for _ in socket:
                        pass
                assert (raised.value.code, raised.value.reason) == (1012, "restart")
            async with client.websocket("a", GET) as socket:
                assert await socket.receive() == "one"
                with pytest.raises(WebSocketClosed) as raised:
                    await socket.receive()
                assert raised.value.code == 1006


async def test_silence_is_limited_and_pings_are_no_silence() -> None:
    def pings(connection: ServerConnection) -> None:
        for _ in range(8):
            connection.ping()
            time.sleep(0.05)
        connection.send("at last")
        connection.recv()

    with sockets(pings) as server:
        async with AsyncClient(server.url) as client:
            with pytest.raises(CallTimeout) as raised:
                async with client.websocket("a", GET.timeout(idle=0.3)) as socket:
                    assert await socket.receive() == "at last"
                    await socket.receive()
    assert raised.value.phase == "idle"
    assert server.closes == [1006]


async def test_a_subprotocol_is_agreed_on() -> None:
    with sockets(echo, subprotocols=["b"]) as server:
        async with AsyncClient(server.url) as client:
            async with client.websocket("a", GET, subprotocols=("a", "b")) as socket:
                assert socket.subprotocol == "b"


async def test_a_message_that_is_too_large_closes() -> None:
    with sockets(echo) as server:
        async with AsyncClient(server.url) as client, client.websocket("a", GET, max_message=10) as socket:
            await socket.send("x" * 11)
            with pytest.raises(WebSocketClosed, match="1009"):
                await socket.receive()


async def test_what_is_answered_instead_is_raised() -> None:
    with serving(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), answering(OK)) as server:
        async with AsyncClient(server.url) as client:
            with pytest.raises(UpstreamError, match="403"):
                async with client.websocket("a", GET):
                    pass
            with pytest.raises(ProtocolError, match="a 200"):
                async with client.websocket("a", GET):
                    pass


async def test_an_echo_behind_an_alias(socketed: AsyncClient) -> None:
    async with socketed.websocket("weather", Request.get("/ws/echo"), subprotocols=("a", "b")) as socket:
        assert socket.subprotocol == "a"
        for message in ("\u20ac", b"\x00\xff", "", "x" * 200_000):
            await socket.send(message)
            assert await socket.receive() == message


async def test_an_end_behind_an_alias(socketed: AsyncClient) -> None:
    async with socketed.websocket("weather", Request.get("/ws/echo?close=4321")) as socket:
        await socket.send("last")
        assert await socket.receive() == "last"
        with pytest.raises(WebSocketClosed, match="4321: as asked"):
            await socket.receive()
    async with socketed.websocket("weather", Request.get("/ws/echo?drop=1")) as socket:
        await socket.send("gone")
        with pytest.raises(WebSocketClosed) as raised:
            await socket.receive()
    assert raised.value.code in (1006, 1014)  # as it happened, or as the gateway tells it


async def test_a_large_message_waits_for_its_reader(socketed: AsyncClient) -> None:
    request = Request.get("/ws/echo?size=2000000")
    async with socketed.websocket("weather", request) as socket:
        await socket.send("meanwhile")
        assert await socket.receive() == b"x" * 2_000_000
        assert await socket.receive() == "meanwhile"
    async with socketed.websocket("weather", request) as socket:
        await socket.send("never read")


async def test_a_silence_behind_an_alias(socketed: AsyncClient) -> None:
    with pytest.raises(CallTimeout) as raised:
        async with socketed.websocket("weather", Request.get("/ws/echo").timeout(idle=0.1)) as socket:
            await socket.receive()
    assert raised.value.phase == "idle"


async def test_a_path_without_a_websocket(socketed: AsyncClient) -> None:
    with pytest.raises(StatusError) as raised:
        async with socketed.websocket("weather", Request.get("/current")):
            pass
    assert raised.value.status in (403, 502)  # the gateway tells a refusal of an upstream as one


async def test_a_handshake_that_is_not_answered_is_not_waited_for() -> None:
    def hangs(peer: object) -> None:
        time.sleep(0.3)

    with serving(hangs) as server:
        async with AsyncClient(ClientConfig(server.url, timeouts=Timeouts(first_byte=0.1))) as client:
            with pytest.raises(CallTimeout) as raised:
                async with client.websocket("a", GET):
                    pass
    assert raised.value.phase == "first_byte"
