"""What aiohttp leaves open and `connection` closes, and the private names it leans on."""

import asyncio
import os
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import BaseConnector, ClientSession
from aiohttp.streams import StreamReader

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.ports import Reply, UpstreamRequest
from dragoman.upstreams.http import HttpUpstream
from tests.upstreams.raw_server import CHUNKED, OK, Peer, Server, drained, echo_ok, serve

GET = UpstreamRequest("GET", "/", [])
LENGTH_9 = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"
DEADLINE = 10.0


def upstream(server: Server) -> HttpUpstream:
    return HttpUpstream("mine", server.url, via="g")


async def read_all(reply: Reply) -> tuple[bytes, ErrorKind | None]:
    """The body as far as it came, and how it broke off if it did."""
    body = b""
    try:
        async with asyncio.timeout(DEADLINE):
            while chunk := await reply.read():
                body += chunk
    except GatewayError as error:
        assert error.__cause__ is error.__context__ is None
        return body, error.kind
    finally:
        reply.close()
    return body, None


async def failure(client: HttpUpstream, request: UpstreamRequest = GET) -> ErrorKind:
    with pytest.raises(GatewayError) as caught:
        async with asyncio.timeout(DEADLINE):
            await client.open(request)
    return caught.value.kind


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


def test_the_private_names_are_still_there() -> None:
    assert "_retry_connection" in ClientSession.ATTRS
    assert "_factory" in BaseConnector.__init__.__code__.co_names
    assert callable(StreamReader._read_nowait)


# One attempt


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST"])
async def test_a_call_on_a_connection_that_dies_is_not_repeated(method: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        peer.reset()

    async with serve(script) as server:
        client = upstream(server)
        assert await read_all(await client.open(GET)) == (b"ok", None)
        assert await failure(client, UpstreamRequest(method, "/", [])) is errors.DOWNSTREAM_ERROR
        await client.close()
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_an_idle_connection_that_the_server_has_closed_is_not_used_again() -> None:
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        peer.writer.close()
        await peer.writer.wait_closed()
        closed.set()

    async with serve(script) as server:
        client = upstream(server)
        for _ in range(3):
            assert await read_all(await client.open(GET)) == (b"ok", None)
            await closed.wait()
            closed.clear()
            await drained()
        await client.close()
        assert server.connections == 3


# Messages that nothing waits for


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize(
    "extra",
    [
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"evil",
    ],
)
async def test_a_second_answer_is_not_given_to_the_next_call(extra: bytes, gap: bool) -> None:
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.server.connections > 1:
            await peer.send(OK)
        elif gap:
            await peer.send(OK)
            await more.wait()
            await peer.send(extra)
        else:
            await peer.send(OK + extra)
        await echo_ok(peer)

    async with serve(script) as server:
        client = upstream(server)
        if extra.startswith(b"HTTP/") or gap:
            assert await read_all(await client.open(GET)) == (b"ok", None)
        else:  # the head was read together with what makes it invalid
            assert await failure(client) is errors.PROTOCOL_ERROR
        more.set()
        await drained()
        for _ in range(3):
            assert await read_all(await client.open(GET)) == (b"ok", None)
        await client.close()
        assert server.connections == 2


async def test_an_unasked_change_of_protocol_is_refused() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw")
        await peer.gone()

    async with serve(script) as server:
        client = upstream(server)
        assert await failure(client) is errors.PROTOCOL_ERROR
        await client.close()


# Answers that break off


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("head", "body", "after", "reset"),
    [
        (CHUNKED, b"3\r\nabc\r\n", b"zz\r\n", None),
        (CHUNKED, b"3\r\nabc\r\n", b"-1\r\n", None),
        (CHUNKED, b"3\r\nabc\r\n", b"ffffffffffffffffff\r\n", None),
        (CHUNKED, b"3\r\nabc\r\n", b"", False),
        (CHUNKED, b"3\r\nabc\r\n", b"", True),
        (CHUNKED, b"3\r\nabc\r\n", b"2\r\n", False),
        (LENGTH_9, b"abc", b"", False),
        (LENGTH_9, b"abc", b"", True),
        (UNTIL_CLOSE, b"abc", b"", True),
    ],
)
async def test_a_body_that_breaks_off_gives_what_came_and_then_an_error(
    head: bytes, body: bytes, after: bytes, reset: bool | None, together: bool
) -> None:
    step = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        await step.wait()
        step.clear()
        await peer.send(body if not together else body + after)
        if not together:
            await step.wait()
            await peer.send(after)
        if reset:
            await asyncio.sleep(0)
            reset_now(peer)
        elif reset is None:
            await peer.gone()

    async with serve(script) as server:
        client = upstream(server)
        reply = await client.open(GET)
        step.set()
        if together:
            outcome = await read_all(reply)
            assert outcome[1] is errors.STREAM_ABORTED
            assert outcome[0] == b"abc" or reset  # a reset may overtake what was sent before it
        else:
            assert await reply.read() == b"abc"
            reading = asyncio.get_running_loop().create_task(read_all(reply))
            await asyncio.sleep(0)
            step.set()
            assert await reading == (b"", errors.STREAM_ABORTED)
        for _ in range(2):
            with pytest.raises(GatewayError):
                await reply.read()
        await client.close()


def reset_now(peer: Peer) -> None:
    """Ends the connection with a RST rather than a FIN."""
    sock = peer.writer.get_extra_info("socket")
    sock.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SOL_SOCKET, SO_LINGER: on, 0 s
    peer.reset()


async def test_what_came_before_a_break_is_read_before_the_error_even_late() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n")

    async with serve(script) as server:
        client = upstream(server)
        reply = await client.open(GET)
        await drained()
        assert await read_all(reply) == (b"abcdef", errors.STREAM_ABORTED)
        await client.close()


async def test_a_body_without_a_length_ends_cleanly_with_its_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(UNTIL_CLOSE + b"abc")

    async with serve(script) as server:
        client = upstream(server)
        assert await read_all(await client.open(GET)) == (b"abc", None)
        await client.close()


async def test_a_slow_reader_holds_the_upstream_back() -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n")
        for _ in range(512):
            await peer.send(b"x" * 65536)
            sent += 65536

    async with serve(script) as server:
        client = upstream(server)
        reply = await client.open(GET)
        for _ in range(20):
            await drained()
        assert sent < 1 << 24  # what the sockets' own buffers take, and no more
        size = 0
        while chunk := await reply.read():
            assert len(chunk) < 1 << 19
            size += len(chunk)
        assert size == 1 << 25
        reply.close()
        await client.close()


# Dropping


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.mark.parametrize("head", [CHUNKED, CHUNKED + b"1\r\na\r\n", LENGTH_9 + b"abc", UNTIL_CLOSE])
async def test_closing_an_unfinished_answer_drops_the_connection_at_once(head: bytes) -> None:
    dropped = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        await peer.gone()
        dropped.set()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = upstream(server)
        reply = await client.open(GET)
        reply.close()
        reply.close()
        await dropped.wait()
        with pytest.raises(GatewayError):
            while await reply.read():
                pass
        await client.close()


async def test_tls_does_not_wait_for_the_peers_goodbye(tls: ssl.SSLContext, bundle: Path) -> None:
    """asyncio would wait for up to 30 seconds."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a whole Transport
        await asyncio.Event().wait()

    async with serve(script, tls=tls) as server, asyncio.timeout(DEADLINE):
        client = HttpUpstream("mine", f"https://localhost:{server.port}", via="g", ca_bundle=bundle)
        reply = await client.open(GET)
        before = descriptors()
        reply.close()
        await drained()
        assert descriptors() < before
        await client.close()


async def test_a_chunk_that_cannot_be_read_ends_a_tls_answer_at_once(tls: ssl.SSLContext, bundle: Path) -> None:
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\na\r\n")
        await more.wait()
        await peer.send(b"zz\r\n")
        await asyncio.Event().wait()  # neither reads on nor says goodbye

    async with serve(script, tls=tls) as server, asyncio.timeout(DEADLINE):
        client = HttpUpstream("mine", f"https://localhost:{server.port}", via="g", ca_bundle=bundle)
        reply = await client.open(GET)
        assert await reply.read() == b"a"
        more.set()
        assert await read_all(reply) == (b"", errors.STREAM_ABORTED)
        await client.close()


@pytest.mark.parametrize("big", [False, True])
async def test_cancelling_a_call_that_waits_for_its_answer_drops_the_connection(big: bool) -> None:
    """Also while most of the request is still unsent, because the upstream does not read."""
    size = 30_000_000 if big else 10
    cancelled = asyncio.Event()
    received = 0
    done = asyncio.Event()
    begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        nonlocal received
        await peer.reader.readuntil(b"\r\n\r\n")
        begun.set()
        await cancelled.wait()
        received = await peer.gone()
        done.set()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = upstream(server)
        opening = asyncio.get_running_loop().create_task(client.open(UpstreamRequest("POST", "/", [], b"x" * size)))
        await begun.wait()
        await drained()
        before = descriptors()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await drained()
        assert descriptors() < before
        cancelled.set()
        await done.wait()
        assert received < size or not big
        await client.close()


# 500 random aborts


async def body_parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 1000
        await asyncio.sleep(0)


async def abort_at_random(client: HttpUpstream, dice: random.Random) -> None:
    body = dice.choice([None, b"x" * 10, b"x" * 3_000_000, body_parts(20)])

    async def one() -> None:
        reply = await client.open(UpstreamRequest("POST", f"/{dice.randrange(6)}", [], body))
        try:
            while await reply.read():
                pass
        except GatewayError:
            pass
        finally:
            reply.close()

    task = asyncio.get_running_loop().create_task(one())
    for _ in range(dice.randrange(30)):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except (asyncio.CancelledError, GatewayError):
        pass
    if isinstance(body, AsyncIterator):
        await drained()
        await body.aclose()  # type: ignore[attr-defined]


async def awkward(peer: Peer) -> None:
    """Six ways to answer, by the path."""
    while True:
        head = await peer.reader.readuntil(b"\r\n\r\n")
        match head.split(b" ")[1]:
            case b"/0":
                await peer.send(OK)
                await peer.gone()
            case b"/1":
                await peer.send(CHUNKED + b"1\r\na\r\n")
                await peer.gone()
            case b"/2":
                await peer.send(CHUNKED + b"1\r\na\r\n")
                return
            case b"/3":
                peer.reset()
                return
            case b"/4":
                await peer.gone()
            case _:
                await peer.send(UNTIL_CLOSE + b"abc")
                return


async def test_500_random_aborts_leak_no_socket_task_or_error() -> None:
    dice = random.Random(1)
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    async with serve(awkward) as server:
        client = upstream(server)
        await abort_at_random(client, dice)
        baseline = descriptors()
        for _ in range(50):
            await asyncio.gather(*(abort_at_random(client, dice) for _ in range(10)))
        async with asyncio.timeout(DEADLINE):
            while client.replies:
                await drained()
            await client.close()
            while server.open:
                await drained()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert descriptors() <= baseline
    assert complaints == []


async def test_500_calls_in_a_row_leak_nothing_and_use_one_connection() -> None:
    async with serve(echo_ok) as server:
        client = upstream(server)
        for _ in range(500):
            assert await read_all(await client.open(GET)) == (b"ok", None)
        assert server.connections == 1
        assert client.replies == set()
        await client.close()
