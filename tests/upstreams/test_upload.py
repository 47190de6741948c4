import asyncio
from collections.abc import AsyncIterator

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import UpstreamRequest
from dragoman.upstreams.http import HttpUpstream
from dragoman.upstreams.upload import PIECE_BYTES, Pieces, Upload
from tests.upstreams.raw_server import CHUNKED, OK, Peer, drained, echo_ok, serve

DEADLINE = 10.0
STALLED = GatewayError(errors.BODY_TIMEOUT, "The caller's body came too slowly.")


async def parts(*items: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for item in items:
        yield item
    if then is not None:
        raise then


async def test_pieces_are_the_body_in_order() -> None:
    body = bytes(range(256)) * 3000
    pieces = [bytes(piece) async for piece in Pieces(body)]
    assert b"".join(pieces) == body
    assert [len(piece) for piece in pieces[:-1]] == [PIECE_BYTES] * (len(pieces) - 1)


@pytest.mark.parametrize("items", [(), (b"",), (b"a", b"bc"), (b"abc",)])
async def test_a_body_without_an_announced_length_passes_as_it_is(items: tuple[bytes, ...]) -> None:
    assert [piece async for piece in Upload(parts(*items), None)] == list(items)


@pytest.mark.parametrize("items", [(b"abc",), (b"a", b"", b"bc"), (b"a", b"b", b"c", b"")])
async def test_a_body_of_the_announced_length_passes_as_it_is(items: tuple[bytes, ...]) -> None:
    assert [piece async for piece in Upload(parts(*items), 3)] == list(items)


@pytest.mark.parametrize("items", [(), (b"ab",), (b"abcd",), (b"abc", b"d")])
async def test_a_body_of_another_length_is_refused(items: tuple[bytes, ...]) -> None:
    with pytest.raises(GatewayError, match="Content-Length") as caught:
        [piece async for piece in Upload(parts(*items), 3)]
    assert caught.value.kind is errors.INVALID_REQUEST


async def test_a_body_that_grows_too_long_is_refused_at_once() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"cd"
        raise AssertionError("read on")

    upload = Upload(endless(), 3)
    assert await anext(upload) == b"ab"
    with pytest.raises(GatewayError, match="Content-Length"):
        await anext(upload)


@pytest.mark.parametrize("items", [(b"ab",), (b"abcd",)])
async def test_a_body_of_another_length_does_not_shift_the_next_request(items: tuple[bytes, ...]) -> None:
    dropped = asyncio.Event()

    async def script(peer: Peer) -> None:
        if peer.server.connections > 1:
            await echo_ok(peer)
        await peer.gone()
        dropped.set()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = HttpUpstream("mine", server.url, via="g")
        with pytest.raises(GatewayError) as caught:
            await client.open(UpstreamRequest("POST", "/a", [(b"content-length", b"3")], parts(*items)))
        assert caught.value.kind is errors.INVALID_REQUEST
        await dropped.wait()
        (await client.open(UpstreamRequest("GET", "/b", []))).close()
        await client.close()
        assert [seen.target for seen in server.requests] == [b"/b"]


async def test_the_callers_own_failure_comes_back_as_it_was() -> None:
    dropped = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.gone()
        dropped.set()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = HttpUpstream("mine", server.url, via="g")
        with pytest.raises(GatewayError) as caught:
            await client.open(UpstreamRequest("POST", "/", [], parts(b"abc", then=STALLED)))
        assert caught.value is STALLED
        await dropped.wait()
        await client.close()


async def test_the_callers_own_failure_also_ends_an_answer_that_has_begun() -> None:
    answered = asyncio.Event()
    dropped = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        await answered.wait()
        raise STALLED

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(CHUNKED + b"1\r\na\r\n")
        await peer.gone()
        dropped.set()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = HttpUpstream("mine", server.url, via="g")
        reply = await client.open(UpstreamRequest("POST", "/", [], body()))
        assert await reply.read() == b"a"
        reading = asyncio.get_running_loop().create_task(reply.read())
        await asyncio.sleep(0)
        answered.set()
        with pytest.raises(GatewayError) as caught:
            await reading
        assert caught.value is STALLED
        reply.close()
        await dropped.wait()
        await client.close()


@pytest.mark.parametrize("reads", [False, True])
async def test_an_answer_may_come_before_the_body_is_complete(reads: bool) -> None:
    done = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while not done.is_set():
            yield b"x" * 10_000
            await asyncio.sleep(0)

    async def script(peer: Peer) -> None:
        if peer.server.connections > 1:
            await echo_ok(peer)
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        if reads:
            await peer.gone()
        done.set()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = HttpUpstream("mine", server.url, via="g")
        reply = await client.open(UpstreamRequest("POST", "/", [], endless()))
        assert (reply.status, await reply.read(), await reply.read()) == (413, b"no", b"")
        reply.close()
        await done.wait()
        await drained()  # by now the server's end of the connection has been seen
        reply = await client.open(UpstreamRequest("GET", "/", []))
        assert await reply.read() == OK[-2:]
        reply.close()
        await client.close()
        assert server.connections == 2
