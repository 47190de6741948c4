"""WebSockets by alias: scenarios 14.1 to 14.7. What becomes of single frames is in `gateway/test_relay.py`."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from tests.gateway.edge_server import Client as RawClient
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
WAIT = 20.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
IDLE = 0.3


class Pouring:
    """An upstream that sends for as long as it is read, and knows how its conversation ended."""

    def __init__(self) -> None:
        self.sent = 0
        self.code: int | None = None
        self.ended = threading.Event()
        self._server = serve(self._talk, "127.0.0.1", 0, compression=None)
        self.port = int(self._server.socket.getsockname()[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="pouring")
        self._thread.start()

    def _talk(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                connection.send(b"x" * 65536)
                self.sent += 1
        self.code = connection.close_code
        self.ended.set()

    def finish(self) -> None:
        self._server.shutdown()
        self._thread.join(WAIT)


def change(values: dict[str, Any], mock_url: str) -> None:
    limit = {"sustained": {"rate": 1, "window": "day"}}
    values["aliases"] |= {
        "socket": {"base_url": f"{mock_url}/ws", "credential": "bearer env:UPSTREAM_KEY"},
        "limited": {"base_url": f"{mock_url}/ws", "rate_limit": limit},
    }


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    environ = {"UPSTREAM_KEY": "sk-ours"}
    with running(tmp_path_factory.mktemp("sockets"), change, timing="instant", environ=environ) as live:
        yield live


def dial(live: Live, path: str = "/socket/echo") -> ClientConnection:
    url = f"ws://127.0.0.1:{live.port}{PROXY}{path}"
    client: ClientConnection = connect(url, proxy=None, additional_headers=live.headers(), max_size=None)
    return client


@contextmanager
def bare(live: Live, path: str = "/socket/echo", *, receive_buffer: int | None = None) -> Iterator[RawClient]:
    """A connection of bytes, after its handshake."""
    with RawClient(live.port, receive_buffer=receive_buffer) as client:
        lines = [
            f"GET {PROXY}{path} HTTP/1.1", "Host: x", f"Authorization: Bearer {live.key}", "Connection: Upgrade",
            "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", "", "",
        ]  # fmt: skip
        client.send("\r\n".join(lines).encode())
        assert client.head()[0] == 101
        yield client


def message(client: RawClient) -> bytes:
    """The next message, whole."""
    said = b""
    while True:
        first, length = client.read(2)
        size = {126: 2, 127: 8}.get(length, 0)
        said += client.read(int.from_bytes(client.read(size)) if size else length)
        if first & 0x80:
            return said


def test_p14_1_and_p_ex_03_a_websocket_is_opened_and_relayed(live: Live) -> None:
    with dial(live) as client:
        assert client.response is not None
        assert client.response.status_code == 101
        assert client.response.headers["x-oagw-error-source"] == "upstream"
        client.send("text")
        client.send(b"\x00binary")
        assert [client.recv(timeout=WAIT), client.recv(timeout=WAIT)] == ["text", b"\x00binary"]


def test_p14_2_the_credential_goes_into_the_handshake_and_the_callers_does_not(live: Live) -> None:
    before = live.received
    with dial(live):
        pass
    (seen,) = live.entries(before)
    assert [value for name, value in seen.headers if name.lower() == "authorization"] == ["Bearer sk-ours"]
    assert live.key not in str(seen)


def test_n14_3_limits_look_at_the_handshake_alone(live: Live) -> None:
    before = live.received
    with dial(live, "/limited/echo") as client:
        for number in range(20):
            client.send(str(number))
            assert client.recv(timeout=WAIT) == str(number)
    with pytest.raises(InvalidStatus) as refused, dial(live, "/limited/echo"):
        pass
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")["code"]) == (429, "rate_limit_exceeded")
    assert int(answer.headers["retry-after"]) > 0
    assert live.received == before + 1


def test_n14_4_two_sides_that_say_nothing_are_parted(tmp_path: Path) -> None:
    def impatient(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        values["server"] |= {"websocket_idle": IDLE}

    environ = {"UPSTREAM_KEY": "sk-ours"}
    with running(tmp_path, impatient, timing="instant", environ=environ) as live, dial(live) as client:
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=WAIT)
        assert client.close_code == 1001


def test_n14_5_a_caller_that_stalls_stops_its_upstream_and_nobody_else(tmp_path: Path) -> None:
    upstream = Pouring()

    def pouring(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        values["aliases"]["pouring"] = {"base_url": f"http://127.0.0.1:{upstream.port}"}

    def settled() -> bool:
        seen.append(upstream.sent)
        return len(seen) > 100 and seen[-100] == seen[-1] > 0

    seen: list[int] = []
    environ = {"UPSTREAM_KEY": "sk-ours"}
    try:
        with running(tmp_path, pouring, timing="instant", environ=environ) as live:
            with bare(live, "/pouring/x", receive_buffer=4096):
                live.until(settled, "the upstream cannot send any more")
                assert upstream.sent < 1000  # 64 KiB each: what buffers hold, and no more
                with dial(live) as other:
                    other.send("still here")
                    assert other.recv(timeout=WAIT) == "still here"
            assert upstream.ended.wait(WAIT), "the upstream is told that its caller has left"
    finally:
        upstream.finish()


def test_p14_6_frames_that_come_in_pieces_arrive_whole(live: Live) -> None:
    with bare(live) as client:
        frame = Frame(Opcode.TEXT, b"one byte after the other", True).serialize(mask=True)
        for index in range(len(frame)):
            client.send(frame[index : index + 1])
        assert message(client) == b"one byte after the other"


def test_p14_7_a_huge_message_in_many_fragments_arrives_whole(live: Live) -> None:
    part = b"y" * 1000
    with bare(live) as client:
        client.send(Frame(Opcode.BINARY, part, False).serialize(mask=True))
        for _ in range(900):
            client.send(Frame(Opcode.CONT, part, False).serialize(mask=True))
        client.send(Frame(Opcode.CONT, b"z", True).serialize(mask=True))
        assert message(client) == part * 901 + b"z"
