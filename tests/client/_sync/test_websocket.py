# Written by scripts/unasync.py from tests/client/_async/test_websocket.py; change that instead.
"""WebSockets against the server of the `websockets` library."""

import time

import pytest
from websockets.sync.server import ServerConnection

from dragoman.client import Client, ClientConfig, Request, Timeouts
from dragoman.client.errors import CallTimeout, ProtocolError, StatusError, UpstreamError, WebSocketClosed
from tests.client.sockets import OK, answering, serving, sockets

GET = Request.get("/live?x=1")


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def test_messages_both_ways_and_the_key_on_the_handshake() -> None:
    with sockets(echo) as server:
        with Client(server.url, "drg_k") as client:
            with client.websocket("feed", GET.header("X-Mine", "1")) as socket:
                for message in ("\u20ac", b"\x00\xff", "", "x" * 200_000):
                    socket.send(message)
                    assert socket.receive() == message
    request = server.handshakes[0]
    assert request.path == "/api/oagw/v1/proxy/feed/live?x=1"
    assert (request.headers["Authorization"], request.headers["X-Mine"]) == ("Bearer drg_k", "1")
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert server.closes == [1000]


def test_iteration_ends_where_the_other_side_closes_in_order() -> None:
    def counts(connection: ServerConnection) -> None:
        for number in range(3):
            connection.send(str(number))
        connection.ping()
        connection.send(iter(["fr", "ag", "ments"]))

    with sockets(counts) as server:
        with Client(server.url) as client, client.websocket("a", GET) as socket:
            assert [message for message in socket] == ["0", "1", "2", "fragments"]
            with pytest.raises(WebSocketClosed, match="1000"):
                socket.receive()
            with pytest.raises(WebSocketClosed, match="1000"):
                socket.send("too late")


def test_any_other_end_raises_with_its_code() -> None:
    def restarts(connection: ServerConnection) -> None:
        connection.close(1012, "restart")

    def breaks(connection: ServerConnection) -> None:
        connection.send("one")
        connection.socket.close()

    with sockets(restarts, breaks) as server:
        with Client(server.url) as client:
            with client.websocket("a", GET) as socket:
                with pytest.raises(WebSocketClosed) as raised:
                    for _ in socket:
                        pass
                assert (raised.value.code, raised.value.reason) == (1012, "restart")
            with client.websocket("a", GET) as socket:
                assert socket.receive() == "one"
                with pytest.raises(WebSocketClosed) as raised:
                    socket.receive()
                assert raised.value.code == 1006


def test_silence_is_limited_and_pings_are_no_silence() -> None:
    def pings(connection: ServerConnection) -> None:
        for _ in range(8):
            connection.ping()
            time.sleep(0.05)
        connection.send("at last")
        connection.recv()

    with sockets(pings) as server:
        with Client(server.url) as client:
            with pytest.raises(CallTimeout) as raised:
                with client.websocket("a", GET.timeout(idle=0.3)) as socket:
                    assert socket.receive() == "at last"
                    socket.receive()
    assert raised.value.phase == "idle"
    assert server.closes == [1006]


def test_a_subprotocol_is_agreed_on() -> None:
    with sockets(echo, subprotocols=["b"]) as server:
        with Client(server.url) as client:
            with client.websocket("a", GET, subprotocols=("a", "b")) as socket:
                assert socket.subprotocol == "b"


def test_a_message_that_is_too_large_closes() -> None:
    with sockets(echo) as server:
        with Client(server.url) as client, client.websocket("a", GET, max_message=10) as socket:
            socket.send("x" * 11)
            with pytest.raises(WebSocketClosed, match="1009"):
                socket.receive()


def test_what_is_answered_instead_is_raised() -> None:
    with serving(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), answering(OK)) as server:
        with Client(server.url) as client:
            with pytest.raises(UpstreamError, match="403"):
                with client.websocket("a", GET):
                    pass
            with pytest.raises(ProtocolError, match="a 200"):
                with client.websocket("a", GET):
                    pass


def test_an_echo_behind_an_alias(socketed: Client) -> None:
    with socketed.websocket("weather", Request.get("/ws/echo"), subprotocols=("a", "b")) as socket:
        assert socket.subprotocol == "a"
        for message in ("\u20ac", b"\x00\xff", "", "x" * 200_000):
            socket.send(message)
            assert socket.receive() == message


def test_an_end_behind_an_alias(socketed: Client) -> None:
    with socketed.websocket("weather", Request.get("/ws/echo?close=4321")) as socket:
        socket.send("last")
        assert socket.receive() == "last"
        with pytest.raises(WebSocketClosed, match="4321: as asked"):
            socket.receive()
    with socketed.websocket("weather", Request.get("/ws/echo?drop=1")) as socket:
        socket.send("gone")
        with pytest.raises(WebSocketClosed) as raised:
            socket.receive()
    assert raised.value.code in (1006, 1014)  # as it happened, or as the gateway tells it


def test_a_large_message_waits_for_its_reader(socketed: Client) -> None:
    request = Request.get("/ws/echo?size=2000000")
    with socketed.websocket("weather", request) as socket:
        socket.send("meanwhile")
        assert socket.receive() == b"x" * 2_000_000
        assert socket.receive() == "meanwhile"
    with socketed.websocket("weather", request) as socket:
        socket.send("never read")


def test_a_silence_behind_an_alias(socketed: Client) -> None:
    with pytest.raises(CallTimeout) as raised:
        with socketed.websocket("weather", Request.get("/ws/echo").timeout(idle=0.1)) as socket:
            socket.receive()
    assert raised.value.phase == "idle"


def test_a_path_without_a_websocket(socketed: Client) -> None:
    with pytest.raises(StatusError) as raised:
        with socketed.websocket("weather", Request.get("/current")):
            pass
    assert raised.value.status in (403, 502)  # the gateway tells a refusal of an upstream as one


def test_a_handshake_that_is_not_answered_is_not_waited_for() -> None:
    def hangs(peer: object) -> None:
        time.sleep(0.3)

    with serving(hangs) as server:
        with Client(ClientConfig(server.url, timeouts=Timeouts(first_byte=0.1))) as client:
            with pytest.raises(CallTimeout) as raised:
                with client.websocket("a", GET):
                    pass
    assert raised.value.phase == "first_byte"
