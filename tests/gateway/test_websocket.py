"""A WebSocket at the edge: the handshake, frames, limits, and every way it can end."""

import asyncio
import contextlib
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from dragoman.errors import GatewayError
from dragoman.gateway import websocket
from dragoman.gateway.call import Call
from dragoman.gateway.connection import ConnectionLimits
from dragoman.gateway.handshake import Handshake
from dragoman.gateway.websocket import GOING_AWAY, WebSocket
from tests.gateway.edge_server import WAIT, App, Client, Gate, Receive, Running, Scope, Send, eventually, get, serving

Talk = Callable[[WebSocket], Awaitable[None]]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: WebSocket",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
)
LIMIT = 64 * 1024


async def echo(socket: WebSocket) -> None:
    while (message := await socket.message()) is not None:
        await socket.send_text(message)
    await socket.close(GOING_AWAY if socket.draining else 1000)


@dataclass
class Door:
    """A route that takes a WebSocket where one is asked for, and tells how the talk over it ended."""

    talk: Talk = echo
    ping_interval: float = 10.0
    sockets: list[WebSocket] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive, send, "req_door", 0.0)
        if not call.asks_websocket:
            await call.answer_json({"plain": call.method})
            return
        try:
            socket = Handshake(call, max_message=LIMIT).accept(ping_interval=self.ping_interval, source="gateway")
        except GatewayError as error:
            await call.answer_error(error)
            return
        self.sockets.append(socket)
        try:
            await self.talk(socket)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            socket.release()
            self.ended.set()


@contextlib.contextmanager
def door(talk: Talk = echo, *, ping_interval: float = 10.0, **options: Any) -> Iterator[tuple[Door, Running]]:
    route = Door(talk, ping_interval)
    with serving(App({"/ws": route}), **options) as server:
        yield route, server


@pytest.fixture(scope="module")
def common() -> Iterator[Running]:
    """One server for the tests that leave nothing at it."""
    with door() as (_, server):
        yield server


def dial(server: Running, **options: Any) -> ClientConnection:
    client: ClientConnection = connect(f"ws://127.0.0.1:{server.server.port}/ws", proxy=None, **options)
    return client


def shake(client: Client) -> None:
    client.send(get("/ws", *GOOD))
    assert client.head()[0] == 101


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


def closed_with(client: Client) -> int:
    """The code of the Close that comes next but for pings."""
    while True:
        first, length = client.read(2)
        data = client.read(length)
        if first & 0x0F == Opcode.CLOSE:
            code: int = struct.unpack("!H", data[:2])[0]
            return code


# the handshake


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_messages_go_both_ways_whole_or_in_fragments(loop: str) -> None:
    with door(loop=loop) as (_, server), dial(server) as client:
        client.send("one")
        client.send(iter(["zw", "e", "ié"]))
        assert [client.recv(), client.recv()] == ["one", "zweié"]


def test_the_answer_names_its_request_and_its_source_and_agrees_on_no_extension(common: Running) -> None:
    with dial(common, compression="deflate", additional_headers={"X-Request-ID": "mine"}) as client:
        assert client.response is not None
        headers = client.response.headers
        assert (headers["x-request-id"], headers["x-oagw-error-source"]) == ("mine", "gateway")
        assert "sec-websocket-extensions" not in headers
        assert "sec-websocket-protocol" not in headers


@pytest.mark.parametrize(
    ("what", "without", "instead"),
    [
        ("no key", "Sec-WebSocket-Key", ()),
        ("a key that is no base64", "Sec-WebSocket-Key", ("Sec-WebSocket-Key: *",)),
        ("a key that is too short", "Sec-WebSocket-Key", ("Sec-WebSocket-Key: c2hvcnQ=",)),
        ("two keys", "", (f"Sec-WebSocket-Key: {KEY}",)),
        ("no version", "Sec-WebSocket-Version", ()),
        ("an old version", "Sec-WebSocket-Version", ("Sec-WebSocket-Version: 8",)),
        ("two protocols to go on in", "", ("Upgrade: websocket",)),
        ("a body", "", ("Content-Length: 3",)),
        ("a subprotocol that is no token", "", ("Sec-WebSocket-Protocol: a b",)),
        ("a header of a size the library does not read", "", (f"Sec-WebSocket-Protocol: {'a' * 9000}",)),
    ],
)
def test_a_handshake_that_is_none_is_refused_in_plain_http(
    what: str, without: str, instead: tuple[str, ...], common: Running
) -> None:
    lines = [line for line in GOOD if not without or not line.startswith(without)]
    with common.client() as client:
        client.send(get("/ws", *lines, *instead) + (b"abc" if what == "a body" else b""))
        answer = client.answer()
        assert answer.status == 400
        assert answer.headers["x-oagw-error-source"] == "gateway"


@pytest.mark.parametrize(
    ("method", "lines"),
    [
        ("POST", GOOD),
        ("GET", ("Connection: Upgrade", "Upgrade: h2c")),
        ("GET", GOOD[1:]),
        ("GET", ("Connection: close", *GOOD[1:])),
    ],
)
def test_what_asks_for_no_websocket_is_plain_http(method: str, lines: tuple[str, ...], common: Running) -> None:
    with common.client() as client:
        client.send(get("/ws", *lines, *(["Content-Length: 0"] if method == "POST" else []), method=method))
        assert client.answer().body == b'{"plain":"%s"}' % method.encode()


def test_http_1_0_knows_no_websocket(common: Running) -> None:
    with common.client() as client:
        client.send(get("/ws", *GOOD).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert client.answer().body == b'{"plain":"GET"}'


@pytest.mark.parametrize("more", [b"\x81\x80mask", get("/other"), b"G"], ids=["a frame", "a request", "a byte"])
def test_what_is_sent_before_the_answer_voids_the_handshake(more: bytes, common: Running) -> None:
    with common.client() as client:
        client.send(get("/ws", *GOOD) + more)
        assert client.answer().status == 400


def test_a_handshake_may_follow_another_request_on_its_connection(common: Running) -> None:
    with common.client() as client:
        client.send(get("/plain"))
        assert client.answer().status == 200
        shake(client)
        client.send(frame(Opcode.TEXT, b"hello"))
        assert client.read(7) == frame(Opcode.TEXT, b"hello", mask=False)


# frames


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([(Opcode.TEXT, b"x" * (LIMIT + 1), True)], 1009),
        ([(Opcode.TEXT, b"x" * LIMIT, False), (Opcode.CONT, b"x", True)], 1009),
        ([(Opcode.BINARY, b"x", True)], 1003),
        ([(Opcode.TEXT, b"\xff", True)], 1007),
        ([(Opcode.CONT, b"of nothing", True)], 1002),
        ([(Opcode.TEXT, b"a", False), (Opcode.TEXT, b"b", True)], 1002),
        ([(Opcode.CLOSE, struct.pack("!H", 1005), True)], 1002),
    ],
    ids=[
        "large",
        "large in fragments",
        "binary",
        "not utf-8",
        "continues nothing",
        "begins anew",
        "a code not to be sent",
    ],
)
def test_frames_that_cannot_be_taken_end_the_connection_with_their_code(
    sent: list[tuple[Opcode, bytes, bool]], code: int, common: Running
) -> None:
    end_with(common, b"".join(frame(opcode, data, fin=fin) for opcode, data, fin in sent), code)


@pytest.mark.parametrize(
    "sent", [frame(Opcode.TEXT, b"x", mask=False), b"\xc1\x80\0\0\0\0"], ids=["unmasked", "an extension's bit"]
)
def test_bytes_that_are_no_frames_end_the_connection(sent: bytes, common: Running) -> None:
    end_with(common, sent, 1002)


def end_with(common: Running, sent: bytes, code: int) -> None:
    with common.client() as client:
        shake(client)
        client.send(sent)
        assert closed_with(client) == code
        assert client.rest() == b""


def test_a_ping_is_answered_while_the_call_is_busy() -> None:
    async def idle(socket: WebSocket) -> None:
        await asyncio.sleep(WAIT)

    with door(idle) as (_, server), server.client() as client:
        shake(client)
        client.send(frame(Opcode.PING, b"here?"))
        assert client.read(7) == frame(Opcode.PONG, b"here?", mask=False)


def test_a_peer_that_answers_no_ping_is_dropped() -> None:
    with door(ping_interval=0.05) as (route, server), server.client() as client:
        shake(client)
        assert client.rest().startswith(frame(Opcode.PING, mask=False))
        assert route.ended.wait(WAIT)
        assert route.cancelled


def test_a_peer_that_answers_pings_stays() -> None:
    with door(ping_interval=0.03) as (route, server), dial(server, ping_interval=None) as client:
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.3)
        client.send("still here")
        assert client.recv() == "still here"
        assert not route.ended.is_set()


# back-pressure


def test_a_sender_that_is_too_fast_has_to_wait() -> None:
    taken: list[int] = []
    gate = Gate()

    async def slow(socket: WebSocket) -> None:
        await gate.wait()
        while (message := await socket.message()) is not None:
            taken.append(len(message))

    with door(slow) as (route, server), server.client() as client:
        shake(client)
        piece = frame(Opcode.TEXT, b"x" * LIMIT)
        client.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 400:
                client.send(piece)
                sent += 1
        held = route.sockets[0]._held
        assert held < websocket.HELD + 6 * LIMIT, "frames are held without bound"
        gate.open()
        eventually(lambda: len(taken) >= sent, "the rest is read once somebody takes it")
        assert set(taken) == {LIMIT}


def test_a_reader_that_is_too_slow_holds_the_sender_up() -> None:
    sent: list[int] = []

    async def pour(socket: WebSocket) -> None:
        while await socket.send_text(b"x" * LIMIT):
            sent.append(LIMIT)

    with door(pour) as (route, server), Client(server.server.port, receive_buffer=4096) as client:
        shake(client)
        [connection] = server.connections
        eventually(lambda: connection.flow.write_paused, "the sender is stopped")
        stalled = len(sent)
        assert connection.transport.get_write_buffer_size() <= 2 * LIMIT
        client.read(4 * 1024 * 1024)
        eventually(lambda: len(sent) > stalled, "it goes on when the reader does")
    assert route.ended.wait(WAIT)


def test_a_reader_that_never_reads_is_dropped() -> None:
    async def pour(socket: WebSocket) -> None:
        while await socket.send_text(b"x" * LIMIT):
            pass

    limits = ConnectionLimits(stall=0.3)
    with door(pour, limits=limits) as (route, server), Client(server.server.port, receive_buffer=4096) as client:
        shake(client)
        assert route.ended.wait(WAIT)


def test_pings_of_a_peer_that_reads_no_pongs_stop_being_read() -> None:
    async def idle(socket: WebSocket) -> None:
        await asyncio.sleep(WAIT)

    with door(idle) as (_, server), Client(server.server.port, receive_buffer=4096) as client:
        shake(client)
        client.socket.settimeout(0.3)
        pings = frame(Opcode.PING, b"x" * 125) * 500
        with pytest.raises(TimeoutError):
            for _ in range(400):
                client.send(pings)
        [connection] = server.connections
        assert connection.transport.get_write_buffer_size() < 1024 * 1024


# the end


@pytest.mark.parametrize("farewell", ["close frame", "gone"])
def test_a_peer_that_leaves_ends_what_is_done_for_it(farewell: str) -> None:
    began, ended = threading.Event(), threading.Event()

    async def work(socket: WebSocket) -> None:
        async def toil() -> None:
            began.set()
            try:
                await asyncio.sleep(WAIT * 2)
            finally:
                ended.set()

        await socket.during(toil())

    with door(work) as (route, server), server.client() as client:
        shake(client)
        assert began.wait(WAIT)
        left = time.monotonic()
        if farewell == "gone":
            client.close()
        else:
            client.send(frame(Opcode.CLOSE, struct.pack("!H", 1000)))
        assert ended.wait(WAIT)
        assert time.monotonic() - left < 0.25
        assert route.ended.wait(WAIT)
        if farewell == "close frame":
            assert closed_with(client) == 1000
            assert client.rest() == b""


def test_a_peer_that_leaves_unseen_while_reading_is_paused_is_noticed() -> None:
    async def idle(socket: WebSocket) -> None:
        await asyncio.sleep(WAIT * 2)

    with door(idle) as (route, server), server.client() as client:
        shake(client)
        client.send(frame(Opcode.TEXT, b"x" * LIMIT) * 3)
        eventually(lambda: bool(route.sockets) and route.sockets[0]._paused, "reading stops")
        client.close()
        assert route.ended.wait(1.0)
        assert route.cancelled


def test_a_goodbye_is_answered_and_the_connection_ended() -> None:
    with door() as (route, server), dial(server) as client:
        client.close(4321, "enough")
        assert client.close_code == 4321
        assert route.ended.wait(WAIT)
        assert route.sockets[0].goodbye == (4321, "enough")
        assert not route.cancelled


def test_a_peer_that_says_no_goodbye_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave(socket: WebSocket) -> None:
        await socket.close(4000, "bye")

    monkeypatch.setattr(websocket, "GOODBYE", 0.1)
    limits = ConnectionLimits(linger=0.2)
    with door(leave, limits=limits) as (route, server), server.client() as client:
        shake(client)
        assert route.ended.wait(1.0)
        assert closed_with(client) == 4000
        assert client.rest() == b""
        eventually(lambda: not server.connections, "the connection is dropped")


def test_a_call_that_fails_says_that_it_did(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(socket: WebSocket) -> None:
        raise ValueError("a bug")

    with door(fail) as (_, server), dial(server) as client, pytest.raises(ConnectionClosed):
        client.recv()
    assert client.close_code == 1011
    assert "a bug" not in (client.close_reason or "")


def test_a_server_that_stops_says_so_and_takes_no_more_messages() -> None:
    with door(drain=5.0) as (route, server), dial(server) as client:
        client.send("one")
        assert client.recv() == "one"
        began = time.monotonic()
        server.server.request_stop()
        with pytest.raises(ConnectionClosed):
            client.recv()
        assert client.close_code == GOING_AWAY
        server.join()
        assert time.monotonic() - began < 2.0
        assert not route.cancelled


def test_a_stop_without_patience_cuts_the_connection() -> None:
    async def idle(socket: WebSocket) -> None:
        await asyncio.sleep(WAIT * 2)

    with door(idle) as (route, server), dial(server) as client:
        server.server.request_stop()
        with pytest.raises(ConnectionClosed):
            client.recv()
        server.join()
        assert route.cancelled


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_over_tls_it_speaks_and_ends_at_once(tmp_path: Path, loop: str) -> None:
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    files = str(tmp_path / "cert.pem")
    with door(loop=loop, ssl_cert=files, ssl_key=files) as (route, server):
        url = f"wss://127.0.0.1:{server.server.port}/ws"
        async with connect_async(url, ssl=context, server_hostname="localhost", proxy=None) as client:
            await client.send("secret")
            assert await client.recv() == "secret"
            began = time.monotonic()
        assert time.monotonic() - began < 2.0
        assert client.close_code == 1000
        assert route.ended.wait(WAIT)
