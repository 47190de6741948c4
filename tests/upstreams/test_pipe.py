"""A connection that leaves HTTP: who gets its bytes, how it holds back, and how it ends."""

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp.client_proto import ResponseHandler

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import UpstreamRequest
from dragoman.upstreams import pipe
from dragoman.upstreams.http import HttpUpstream
from dragoman.upstreams.pipe import HttpPipe
from tests.upstreams.raw_server import OK, Peer, Script, Server, answering, serve

GET = UpstreamRequest("GET", "/", [(b"upgrade", b"caller's"), (b"connection", b"caller's")])
SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
DEADLINE = 10.0


class Ear:
    """Takes what comes."""

    def __init__(self) -> None:
        self.heard = b""
        self.room = 0
        self.lost = 0
        self._changed = asyncio.Event()

    def receive(self, data: bytes) -> None:
        self.heard += data
        self._changed.set()

    def writable(self) -> None:
        self.room += 1
        self._changed.set()

    def lose(self) -> None:
        self.lost += 1
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def switched(script: Script) -> AsyncIterator[tuple[HttpPipe, Ear, HttpUpstream, Server]]:
    async with serve(script) as server:
        upstream = HttpUpstream("mine", server.url, via="g")
        reply = await upstream.upgrade(GET, "x")
        ear = Ear()
        try:
            yield reply.switch(ear), ear, upstream, server
        finally:
            await upstream.close()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def after_switch(then: Script, said: bytes = b"") -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(SWITCH + said)
        await then(peer)

    return script


async def echo(peer: Peer) -> None:
    while data := await peer.reader.read(65536):
        await peer.send(data)


async def stay(peer: Peer) -> None:
    await asyncio.Event().wait()


def test_what_of_aiohttp_is_private_and_used_is_still_there() -> None:
    assert {"set_parser", "writing_paused", "pause_reading", "resume_reading"} <= set(dir(ResponseHandler))


async def test_bytes_go_both_ways_those_that_came_with_the_answer_first() -> None:
    async with switched(after_switch(echo, b"first ")) as (line, ear, _, server):
        line.write(b"then")
        await ear.until(lambda: ear.heard == b"first then")
        [seen] = server.requests
        assert seen.values(b"connection") == [b"Upgrade"]
        assert seen.values(b"upgrade") == [b"x"]


@pytest.mark.parametrize("answer", [OK, SWITCH.replace(b"101 Switching", b"403 No") + b""])
async def test_an_answer_that_is_no_101_is_an_error_and_holds_nothing(answer: bytes) -> None:
    async with serve(answering(answer)) as server:
        upstream = HttpUpstream("mine", server.url, via="g")
        with pytest.raises(GatewayError) as refused:
            await upstream.upgrade(GET, "x")
        assert refused.value.kind is errors.PROTOCOL_ERROR
        assert not upstream.replies
        await upstream.close()


@pytest.mark.parametrize("orderly", [True, False])
async def test_the_end_of_the_connection_is_told_once(orderly: bool) -> None:
    async def leave(peer: Peer) -> None:
        if not orderly:
            peer.reset()

    async with switched(after_switch(leave, b"last words")) as (line, ear, upstream, _):
        await ear.until(lambda: ear.lost == 1)
        assert ear.heard == b"last words"
        assert not upstream.replies
        await line.drain()
        line.write(b"into the void")
        line.close()
        assert ear.lost == 1


async def test_closing_sends_what_was_written_and_hears_nothing_more() -> None:
    received = 0
    done = asyncio.Event()

    async def swallow(peer: Peer) -> None:
        nonlocal received
        await asyncio.sleep(0.05)
        while data := await peer.reader.read(65536):
            received += len(data)
            await peer.send(b"thanks")
        done.set()

    async with switched(after_switch(swallow)) as (line, ear, upstream, _):
        line.write(b"x" * 4_000_000)
        line.close()
        async with asyncio.timeout(DEADLINE):
            await done.wait()
        assert received == 4_000_000
        assert (ear.heard, ear.lost) == (b"", 0)
        await eventually(lambda: not upstream.replies)


async def test_a_peer_that_does_not_take_the_rest_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "LINGER", 0.1)
    async with switched(after_switch(stay)) as (line, _, upstream, _):
        line.write(b"x" * 20_000_000)
        line.close()
        await eventually(lambda: not upstream.replies)


async def test_a_peer_that_does_not_read_is_waited_for() -> None:
    go = asyncio.Event()

    async def late(peer: Peer) -> None:
        await go.wait()
        await peer.gone()

    async with switched(after_switch(late)) as (line, ear, _, _):
        line.write(b"x" * 50_000_000)
        assert line.congested
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await line.drain()
        go.set()
        async with asyncio.timeout(DEADLINE):
            await line.drain()
        assert ear.room == 1


async def test_a_paused_pipe_reads_no_more_until_it_is_resumed() -> None:
    async with switched(after_switch(echo)) as (line, ear, _, _):
        line.pause_reading()
        line.write(b"hello")
        await asyncio.sleep(0.05)
        assert ear.heard == b""
        line.resume_reading()
        await ear.until(lambda: ear.heard == b"hello")


async def test_closing_the_upstream_drops_its_pipes() -> None:
    left = asyncio.Event()

    async def wait(peer: Peer) -> None:
        await peer.gone()
        left.set()

    async with switched(after_switch(wait)) as (_, _, upstream, _):
        await upstream.close()
        async with asyncio.timeout(DEADLINE):
            await left.wait()
        assert not upstream.replies


async def test_closing_on_a_peer_that_has_just_reset_the_connection_is_quiet() -> None:
    reset, gone = threading.Event(), threading.Event()

    def upstream(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(SWITCH)
        reset.wait(DEADLINE)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=upstream, args=(listener,))
        thread.start()
        mine = HttpUpstream("mine", f"http://127.0.0.1:{listener.getsockname()[1]}", via="g")
        ear = Ear()
        taken = (await mine.upgrade(GET, "x")).switch(ear)
        reset.set()
        gone.wait(DEADLINE)  # the loop stands still, so that nothing here has heard of it yet
        taken.close()
        await mine.close()
        thread.join(DEADLINE)
    assert ear.lost == 0
