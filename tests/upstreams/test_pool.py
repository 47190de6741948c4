"""A pool over real sockets: which endpoint gets a call, and what it learns from the answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.resources import Breaker
from dragoman.ports import Pool, UpstreamRequest
from dragoman.upstreams.http import HttpUpstream
from dragoman.upstreams.pool import UpstreamPool
from tests.upstreams.raw_server import Peer, Script, Server, answering, echo_ok, serve

GET = UpstreamRequest("GET", "/", [])
RULE = Breaker(failures=5, open_for=30.0, probes=3)
DEADLINE = 10.0
BAD = answering(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def pool(*urls: str, breaker: Breaker | None = RULE, clock: Clock | None = None) -> UpstreamPool:
    """Endpoints called `0.test`, `1.test` and so on, which are at `urls`."""
    endpoints = {f"{number}.test": HttpUpstream("mine", url, via="gw-1") for number, url in enumerate(urls)}
    made = UpstreamPool("mine", endpoints, breaker=breaker, now=(clock or Clock()).now)
    port: Pool = made
    assert port is made
    return made


@asynccontextmanager
async def one(script: Script, clock: Clock | None = None) -> AsyncIterator[tuple[UpstreamPool, Server]]:
    async with serve(script) as server, asyncio.timeout(DEADLINE):
        made = pool(server.url, clock=clock)
        try:
            yield made, server
        finally:
            await made.close()


async def status(made: UpstreamPool, request: UpstreamRequest = GET) -> int:
    reply = await made.open(request)
    try:
        while await reply.read():
            pass
        return reply.status
    finally:
        reply.close()


@contextmanager
def refused(kind: errors.ErrorKind) -> Iterator[None]:
    with pytest.raises(GatewayError) as caught:
        yield
    assert caught.value.kind is kind, caught.value


def circuit(made: UpstreamPool, number: int = 0) -> str | None:
    return made.status()[number].circuit


async def test_statuses_of_failure_open_it_and_time_closes_it() -> None:
    clock = Clock()
    answers = iter([503] * 5 + [200] * 9)

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % next(answers))

    with capture_logs() as logs:
        async with one(script, clock) as (made, server):
            assert [await status(made) for _ in range(5)] == [503] * 5, "what an upstream says passes"
            with refused(errors.CIRCUIT_BREAKER_OPEN):
                await made.open(GET)
            assert len(server.requests) == 5 and not made.available()
            clock.time = 30.0
            assert [await status(made) for _ in range(3)] == [200] * 3
            assert circuit(made) == "closed" and made.available()
            assert made.status()[0].transitions == {"closed": 1, "open": 1, "half_open": 1}
            assert made.status()[0].selected == 8
    states = [(line["state"], line["log_level"]) for line in logs if line["event"] == "circuit breaker"]
    assert states == [("open", "warning"), ("closed", "info")]


async def test_an_endpoint_that_cannot_be_reached_fails() -> None:
    made = pool("http://127.0.0.1:1")
    for _ in range(5):
        with refused(errors.DOWNSTREAM_ERROR):
            await made.open(GET)
    with refused(errors.CIRCUIT_BREAKER_OPEN):
        await made.open(GET)
    await made.close()


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


async def struck(made: UpstreamPool, arrived: asyncio.Queue[Peer], reason: GatewayError | None) -> None:
    """A call whose task is cancelled once the upstream has it, with what the watch of a call gives as its reason."""
    task = asyncio.ensure_future(made.open(GET))
    await arrived.get()
    task.cancel(reason)
    with suppress(asyncio.CancelledError):
        await task


async def test_a_deadline_is_a_failure_and_a_caller_that_leaves_is_none() -> None:
    arrived: asyncio.Queue[Peer] = asyncio.Queue()

    async def silent(peer: Peer) -> None:
        await peer.request()
        arrived.put_nowait(peer)
        await peer.gone()

    async with one(silent) as (made, _):
        for _ in range(10):
            await struck(made, arrived, None)
            await struck(made, arrived, GatewayError(errors.SHUTTING_DOWN, "x"))
        assert circuit(made) == "closed"
        for _ in range(5):
            assert circuit(made) == "closed"
            await struck(made, arrived, GatewayError(errors.REQUEST_TIMEOUT, "x"))
        assert circuit(made) == "open"


async def test_a_request_at_fault_is_no_failure() -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield b"x"
        raise GatewayError(errors.BAD_HTTP, "The caller left.")

    async with one(silent) as (made, server):
        for _ in range(10):
            with refused(errors.INVALID_REQUEST):
                await made.open(UpstreamRequest("GET", "/ ", []))
            with refused(errors.BAD_HTTP):
                await made.open(UpstreamRequest("POST", "/", [], breaks_off()))
        assert circuit(made) == "closed" and len(server.requests) == 0


async def test_an_upstream_that_breaks_off_an_upload_has_failed() -> None:
    async def body() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65536)
            await asyncio.sleep(0)

    async def resets(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.reset()

    async with one(resets) as (made, _):
        for _ in range(5):
            with refused(errors.DOWNSTREAM_ERROR):
                await made.open(UpstreamRequest("POST", "/", [], body()))
        assert circuit(made) == "open"


async def test_a_refused_upgrade_is_no_failure() -> None:
    async with one(answering(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")) as (made, _):
        for _ in range(6):
            with refused(errors.PROTOCOL_ERROR):
                await made.upgrade(GET, "websocket")
        assert circuit(made) == "closed"


async def test_without_a_breaker_nothing_is_refused() -> None:
    async with serve(BAD) as server:
        made = pool(server.url, breaker=None)
        assert [await status(made) for _ in range(12)] == [503] * 12
        assert circuit(made) is None and made.status()[0].transitions == {}
        await made.close()


async def test_a_dead_endpoint_of_two_loses_no_call_once_it_is_out() -> None:
    async with serve(echo_ok) as server, asyncio.timeout(DEADLINE):
        made = pool("http://127.0.0.1:1", server.url)
        lost = 0
        for _ in range(10):
            try:
                await status(made)
            except GatewayError:
                lost += 1
        assert lost == 5
        results = await asyncio.gather(*(status(made) for _ in range(200)))
        assert results == [200] * 200
        assert [row.selected for row in made.status()] == [5, 205]
        await made.close()


async def test_it_is_exact_with_200_calls_at_once() -> None:
    clock = Clock()
    gate = asyncio.Event()
    arrived: asyncio.Queue[Peer] = asyncio.Queue()
    answer = b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            arrived.put_nowait(peer)
            await gate.wait()
            await peer.send(answer)

    async def burst(made: UpstreamPool, server: Server, admitted: int) -> list[int | BaseException]:
        """200 calls at once, of which so many reach the server before any is answered."""
        gate.clear()
        before = len(server.requests)
        calls = asyncio.gather(*(status(made) for _ in range(200)), return_exceptions=True)
        for _ in range(admitted):
            await arrived.get()
        gate.set()
        results = list(await calls)
        assert len(server.requests) == before + admitted
        return results

    async with one(script, clock) as (made, server):
        assert await burst(made, server, 200) == [500] * 200
        assert made.status()[0].transitions["open"] == 1, "those under way when it opened do not open it again"
        clock.time = 30.0
        results = await burst(made, server, RULE.probes)
        assert results.count(500) == RULE.probes
        assert circuit(made) == "open"
        clock.time = 60.0
        answer = b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"
        results = await burst(made, server, RULE.probes)
        assert results.count(200) == RULE.probes
        assert circuit(made) == "closed"
        assert await burst(made, server, 200) == [200] * 200


async def test_the_answer_is_not_awaited_to_judge_it() -> None:
    async def breaks_off(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    async with one(breaks_off) as (made, _):
        for _ in range(6):
            with refused(errors.STREAM_ABORTED):
                await status(made)
        assert circuit(made) == "closed"
