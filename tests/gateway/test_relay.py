"""WebSockets through an alias: handshakes, headers, frames, and how the end of one side becomes that of the other."""

import asyncio
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets.asyncio.client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import Server, ServerConnection, serve

from dragoman.client import Client, Request
from dragoman.client.errors import StatusError
from tests.gateway.edge_server import Client as RawClient
from tests.gateway.edge_server import eventually
from tests.support.census import Census
from tests.support.live import Live, running

WAIT = 10.0
PROXY = "/api/oagw/v1/proxy"
LIMIT = 1024 * 1024
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
Handler = Callable[[ServerConnection], None]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


PORT = free_port()
"""Where the alias `up` leads, and each test puts a server of its own."""


@contextmanager
def upstream(handler: Handler, **options: Any) -> Iterator[None]:
    """A WebSocket server in a thread."""
    server: Server = serve(handler, "127.0.0.1", PORT, compression=None, **options)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(WAIT)


@contextmanager
def raw_upstream(script: Callable[[socket.socket], None]) -> Iterator[None]:
    """Accepts one connection and does what `script` says with it."""
    listener = socket.create_server(("127.0.0.1", PORT))
    listener.settimeout(WAIT)

    def work() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(WAIT)
                script(connection)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        listener.close()
        thread.join(WAIT)


def aliases(values: dict[str, Any], mock_url: str) -> None:
    values["server"]["max_message"] = LIMIT
    values["aliases"]["mock"] = {"base_url": mock_url, "headers": {"request": {"passthrough": "all"}}}
    values["aliases"]["secret"] = {"base_url": f"{mock_url}/ws", "credential": "bearer env:UPSTREAM_KEY"}
    values["aliases"]["query"] = {"base_url": f"{mock_url}/ws", "credential": "query key env:UPSTREAM_KEY"}
    values["aliases"]["up"] = {"base_url": f"http://127.0.0.1:{PORT}", "timeouts": {"first_byte": 0.5}}
    values["aliases"]["gone"] = {"base_url": "http://127.0.0.1:1"}
    values["aliases"]["forbidden"] = {"base_url": mock_url, "network": "public"}


@contextmanager
def gateway(state: Path, *, drain: float = 5.0, **server: Any) -> Iterator[Live]:
    def change(values: dict[str, Any], mock_url: str) -> None:
        aliases(values, mock_url)
        values["server"] |= server

    with running(state, change, timing="instant", drain=drain, environ={"UPSTREAM_KEY": "sk-ours"}) as live:
        yield live


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with gateway(tmp_path_factory.mktemp("relay")) as live:
        yield live


def dial(live: Live, path: str = "/mock/ws/echo", *, key: str | None = None, **options: Any) -> ClientConnection:
    headers = {**live.headers(key), **options.pop("headers", {})}
    client: ClientConnection = connect(
        f"ws://127.0.0.1:{live.port}{PROXY}{path}", proxy=None, additional_headers=headers, **options
    )
    return client


def refusal(live: Live, path: str, **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused, dial(live, path, **options):
        pass
    response = refused.value.response
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-oagw-error-source"] == "gateway"
    return response.status_code, json.loads(response.body or b"")["code"]


def closed(client: ClientConnection) -> int | None:
    """The code with which the other side closes next."""
    with pytest.raises(ConnectionClosed):
        while True:
            client.recv(timeout=WAIT)
    return client.close_code


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


@contextmanager
def raw_client(live: Live, path: str, *, receive_buffer: int | None = None) -> Iterator[RawClient]:
    """A connection of bytes, after its handshake."""
    with RawClient(live.port, receive_buffer=receive_buffer) as client:
        lines = [
            f"GET {PROXY}{path} HTTP/1.1", "Host: x", f"Authorization: Bearer {live.key}", "Connection: Upgrade",
            "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", "", "",
        ]  # fmt: skip
        client.send("\r\n".join(lines).encode())
        assert client.head()[0] == 101
        yield client


# the handshake


def test_messages_go_both_ways(live: Live) -> None:
    with dial(live) as client:
        client.send("text")
        client.send(b"\x00binary")
        assert [client.recv(timeout=WAIT), client.recv(timeout=WAIT)] == ["text", b"\x00binary"]


def test_our_own_client_opens_one(live: Live) -> None:
    asked = Request.get("/ws/echo")
    with Client(live.url, live.key) as client:
        with client.websocket("mock", asked, subprotocols=("mine",)) as conversation:
            assert conversation.subprotocol == "mine"
            conversation.send("hello")
            assert conversation.receive() == "hello"
        with pytest.raises(StatusError) as refused:
            with client.websocket("mock", Request.get("/elsewhere")):
                pass
    assert refused.value.status == 502


def test_the_answer_is_the_upstreams_and_names_its_request(live: Live) -> None:
    with dial(live, headers={"X-Request-ID": "relayed"}) as client:
        assert client.response is not None
        headers = client.response.headers
        assert (headers["x-request-id"], headers["x-oagw-error-source"]) == ("relayed", "upstream")
        assert client.subprotocol is None
    row = live.booked("relayed")
    assert (row.state, row.reservation.kind, row.reservation.name) == ("settled", "alias", "mock")
    assert row.settlement is not None and row.settlement.status == 101


def test_a_subprotocol_is_agreed_on_from_end_to_end(live: Live) -> None:
    with dial(live, subprotocols=["graphql-transport-ws", "other"]) as client:
        assert client.subprotocol == "graphql-transport-ws"


def test_the_upstream_sees_our_credential_and_nothing_that_ends_at_the_gateway(live: Live) -> None:
    before = live.received
    headers = {
        "Cookie": "a=b", "X-Forwarded-For": "10.0.0.1", "X-OAGW-Secret": "1", "Origin": "https://page.example",
        "Keep-Alive": "1", "X-Custom": "yes", "Sec-WebSocket-Extensions": "permessage-deflate",
    }  # fmt: skip
    with dial(live, "/secret/echo", headers=headers, compression=None), dial(live, headers=headers, compression=None):
        pass
    hidden, shown = live.entries(before)
    seen = dict(hidden.headers)
    assert (hidden.path, seen["authorization"], seen["x-request-id"][:4]) == ("/ws/echo", "Bearer sk-ours", "req_")
    assert not seen.keys() & {
        "cookie", "x-forwarded-for", "x-oagw-secret", "keep-alive", "x-custom", "sec-websocket-extensions", "origin",
    }  # fmt: skip
    assert dict(shown.headers)["x-custom"] == "yes"
    assert dict(shown.headers)["origin"] == "https://page.example"
    for entry in (hidden, shown):
        assert live.key not in str(entry)
        assert [name for name, _ in entry.headers].count("sec-websocket-key") == 1


def test_a_credential_in_the_query_is_added(live: Live) -> None:
    before = live.received
    with dial(live, "/query/echo?a=1"):
        pass
    assert live.entries(before)[0].query == "a=1&key=sk-ours"


def test_who_may_not_is_refused_before_the_upstream_hears_of_it(live: Live) -> None:
    before = live.received
    assert refusal(live, "/mock/ws/echo", key="drg_wrong") == (403, "invalid_api_key")
    assert refusal(live, "/nobody/ws/echo") == (404, "route_not_found")
    assert refusal(live, "/mock/ws/echo", key=live.issue(aliases=["other"])) == (404, "route_not_found")
    assert live.received == before


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/mock/elsewhere", (502, "protocol_error")),
        ("/gone/x", (502, "downstream_error")),
        ("/forbidden/ws/echo", (502, "egress_denied")),
    ],
)
def test_an_upstream_that_is_not_to_be_had_is_a_plain_error(live: Live, path: str, answer: tuple[int, str]) -> None:
    assert refusal(live, path) == answer


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"", (504, "request_timeout")),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", (502, "protocol_error")),
        (b"HTTP/1.1 101 Fine\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", (502, "protocol_error")),
        (
            b"HTTP/1.1 101 Fine\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
            (502, "protocol_error"),
        ),
    ],
    ids=["silence", "200", "no accept", "a wrong accept"],
)
def test_an_upstream_that_agrees_on_nothing_is_a_plain_error(live: Live, said: bytes, answer: tuple[int, str]) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said)
        while connection.recv(65536):
            pass

    with raw_upstream(script):
        assert refusal(live, "/up/") == answer


def test_what_asks_for_no_websocket_is_relayed_as_ever(live: Live) -> None:
    answer = httpx2.post(
        f"{live.url}{PROXY}/mock/echo",
        headers={**live.headers(), "Connection": "Upgrade", "Upgrade": "websocket"},
        content=b"body",
    )
    assert (answer.status_code, answer.json()["body"]) == (200, "body")


# frames


def test_fragments_stay_fragments(live: Live) -> None:
    def say(connection: ServerConnection) -> None:
        connection.send(iter(["ab", "cd"]))
        connection.recv()

    with upstream(say), raw_client(live, "/up/") as client:
        expected = [(Opcode.TEXT, b"ab", False), (Opcode.CONT, b"cd", False), (Opcode.CONT, b"", True)]
        for opcode, data, fin in expected:
            assert client.read(2 + len(data)) == Frame(opcode, data, fin).serialize(mask=False)
        client.send(frame(Opcode.TEXT, b"x"))


def test_a_message_of_many_frames_that_come_in_pieces_arrives_whole(live: Live) -> None:
    with raw_client(live, "/mock/ws/echo") as client:
        message = frame(Opcode.BINARY, b"ab", fin=False) + frame(Opcode.CONT, b"c" * 90, fin=False) * 4000
        message += frame(Opcode.PING, b"between") + frame(Opcode.CONT, b"z")
        for start in range(0, len(message), 7919):
            client.send(message[start : start + 7919])
        received = b""
        while not received.endswith(b"z"):
            head = client.read(2)
            size = {126: 2, 127: 8}.get(head[1], 0)
            length = int.from_bytes(client.read(size)) if size else head[1]
            data = client.read(length)
            if head[0] & 0x0F != Opcode.PONG:
                received += data
        assert received == b"ab" + b"c" * 360_000 + b"z"


def test_a_large_message_comes_through(live: Live) -> None:
    with dial(live, f"/mock/ws/echo?size={LIMIT}", max_size=None) as client:
        assert len(client.recv(timeout=WAIT)) == LIMIT


# back-pressure


def test_an_upstream_that_does_not_read_stops_its_caller(live: Live) -> None:
    go = threading.Event()
    taken: list[int] = []

    def slow(connection: ServerConnection) -> None:
        go.wait(WAIT)
        for message in connection:
            taken.append(len(message))

    with upstream(slow, max_queue=1), raw_client(live, "/up/") as client:
        client.socket.settimeout(0.3)
        piece = frame(Opcode.BINARY, b"x" * 65536)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 1000:
                client.send(piece)
                sent += 1
        go.set()
        eventually(lambda: len(taken) >= sent, "the rest arrives once the upstream reads")
        assert set(taken) == {65536}


def test_a_caller_that_does_not_read_stops_its_upstream(live: Live) -> None:
    sent: list[int] = []

    def pour(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for _ in range(1000):
                connection.send(b"x" * 65536)
                sent.append(65536)

    with (
        upstream(pour),
        raw_client(live, "/up/", receive_buffer=4096) as client,
    ):
        assert live.server is not None
        [connection] = [one for one in live.server.server_state.connections if hasattr(one, "flow")]
        live.until(lambda: connection.flow.write_paused, "the gateway stops writing")
        assert connection.transport.get_write_buffer_size() < 1024 * 1024
        assert len(sent) < 1000
        client.read(64 * 65536)


# the end


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (1012, 1012), (4321, 4321), (None, 1005)])
def test_a_callers_goodbye_reaches_the_upstream(live: Live, code: int | None, seen: int) -> None:
    codes: list[int | None] = []

    def listen(connection: ServerConnection) -> None:
        closed(connection)  # type: ignore[arg-type]
        codes.append(connection.close_code)

    with upstream(listen):
        with raw_client(live, "/up/") as client:
            client.send(frame(Opcode.CLOSE, struct.pack("!H", code) + b"why" if code else b""))
            assert client.read(1) == b"\x88"
        eventually(lambda: codes == [seen], "the upstream is told")
        live.until(lambda: live.gateway.in_flight == 0, "the call ends")
        assert live.rows(1)[0].state == "settled"


@pytest.mark.parametrize("code", [1000, 1011, 4001])
def test_an_upstreams_goodbye_reaches_the_caller(live: Live, code: int) -> None:
    with dial(live, f"/mock/ws/echo?close={code}") as client:
        client.send("x")
        assert client.recv(timeout=WAIT) == "x"
        assert closed(client) == code
        assert client.close_reason == "as asked"


def test_an_upstream_that_breaks_off_is_a_1014(live: Live) -> None:
    with dial(live, "/mock/ws/echo?drop=1", headers={"X-Request-ID": "dropped"}) as client:
        client.send("x")
        assert closed(client) == 1014
    row = live.booked("dropped")
    assert row.settlement is not None
    assert (row.state, row.settlement.error) == ("failed", "stream_aborted")


def test_frames_of_an_upstream_that_cannot_be_taken_are_a_1014(live: Live) -> None:
    with dial(live, f"/mock/ws/echo?size={LIMIT + 1}", headers={"X-Request-ID": "too-large"}) as client:
        assert closed(client) == 1014
    row = live.booked("too-large")
    assert row.settlement is not None and row.settlement.error == "protocol_error"


def test_frames_of_a_caller_that_cannot_be_taken_are_its_own_fault(live: Live) -> None:
    codes: list[int | None] = []

    def listen(connection: ServerConnection) -> None:
        closed(connection)  # type: ignore[arg-type]
        codes.append(connection.close_code)

    with upstream(listen):
        with dial(live, "/up/") as client:
            client.send("x" * (LIMIT + 1))
            assert closed(client) == 1009
        eventually(lambda: codes == [1001], "the upstream is told")


def test_a_caller_that_is_gone_ends_the_upstreams_side(live: Live) -> None:
    codes: list[int | None] = []
    ended = threading.Event()

    def listen(connection: ServerConnection) -> None:
        closed(connection)  # type: ignore[arg-type]
        codes.append(connection.close_code)
        ended.set()

    with upstream(listen):
        census = Census(live)
        with raw_client(live, "/up/") as client:
            left = time.monotonic()
            client.close()
            assert ended.wait(WAIT)
        assert time.monotonic() - left < 1.0  # four times the contract's bound, for a busy machine
        assert codes == [1001]
        census.check()
        assert live.rows(1)[0].state == "cancelled"


def test_an_upstream_that_answers_no_ping_is_a_1014(tmp_path: Path) -> None:
    def script(connection: socket.socket) -> None:
        shake(connection)
        while connection.recv(65536):
            pass

    with raw_upstream(script), gateway(tmp_path, ping_interval=0.1) as live, dial(live, "/up/") as client:
        assert closed(client) == 1014


def shake(connection: socket.socket) -> None:
    """Takes a WebSocket on a bare socket."""
    head = connection.recv(65536).decode()
    key = next(line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    accept = websockets.utils.accept_key(key)
    lines = ["HTTP/1.1 101 Fine", "Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Accept: {accept}"]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())


def test_two_sides_that_say_nothing_are_parted(tmp_path: Path) -> None:
    codes: list[int | None] = []

    def listen(connection: ServerConnection) -> None:
        closed(connection)  # type: ignore[arg-type]
        codes.append(connection.close_code)

    with (
        upstream(listen),
        gateway(tmp_path, websocket_idle=0.3, ping_interval=0.05) as live,
        dial(live, "/up/", headers={"X-Request-ID": "idle"}) as client,
    ):
        assert closed(client) == 1001
        eventually(lambda: codes == [1001], "the upstream is told")
        row = live.booked("idle")
        assert row.settlement is not None and row.settlement.error == "idle_timeout"


def test_frames_keep_a_connection_from_being_idle(tmp_path: Path) -> None:
    with upstream(repeat), gateway(tmp_path, websocket_idle=0.3) as live, dial(live, "/up/") as client:
        assert [client.recv(timeout=WAIT) for _ in range(6)] == ["tick"] * 6


def repeat(connection: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            connection.send("tick")
            with suppress(TimeoutError):
                connection.recv(timeout=0.1)


def test_a_drain_deadline_parts_the_sides(tmp_path: Path) -> None:
    codes: list[int | None] = []

    def listen(connection: ServerConnection) -> None:
        closed(connection)  # type: ignore[arg-type]
        codes.append(connection.close_code)

    with upstream(listen), gateway(tmp_path, drain=0.3) as live, dial(live, "/up/") as client:
        live.stop()
        assert closed(client) == 1001
        eventually(lambda: codes == [1001], "the upstream is told")


def test_a_hundred_connections_that_break_off_leave_nothing_behind(live: Live) -> None:
    chance = random.Random(5)
    census = Census(live)

    async def break_off(gate: asyncio.Semaphore) -> None:
        async with gate:
            query = chance.choice(["", "?drop=1", "?close=4000", "?size=200000"])
            url = f"ws://127.0.0.1:{live.port}{PROXY}/mock/ws/echo{query}"
            client = await websockets.asyncio.client.connect(
                url, proxy=None, additional_headers=live.headers(), close_timeout=1
            )
            with suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout(chance.random() * 0.05):
                    for _ in range(50):
                        await client.send(b"x" * chance.randrange(100_000))
                        await client.recv()
            if chance.random() < 0.5:
                client.transport.abort()
            await client.close()

    async def break_all_off() -> None:
        gate = asyncio.Semaphore(20)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(100):
                tasks.create_task(break_off(gate))

    asyncio.run(break_all_off())
    census.check()
