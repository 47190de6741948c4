"""`dragoman.upstreams.stdio`."""

import asyncio
import fcntl
import os

from dragoman.upstreams.stdio import HIGH, KEPT, Feed, Flow, Tail, drop
from tests.support.running import until


def is_open(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_GETFD)
    except OSError:
        return False
    return True


async def written(descriptor: int, data: bytes) -> None:
    """All of it, as fast as it is read."""
    await asyncio.to_thread(os.write, descriptor, data)


async def test_what_is_fed_comes_whole_and_ends() -> None:
    end, ours = os.pipe()
    Feed(ours, b"x" * 300_000)

    def read() -> bytes:
        with open(end, "rb") as file:
            return file.read()

    assert await asyncio.to_thread(read) == b"x" * 300_000
    assert not is_open(ours)


async def test_a_feed_that_nobody_reads_closes() -> None:
    end, ours = os.pipe()
    feed = Feed(ours, b"x" * 300_000)
    os.close(end)
    await until(lambda: not is_open(ours))
    feed.close()


async def test_an_empty_feed_is_an_end() -> None:
    end, ours = os.pipe()
    Feed(ours, b"")
    assert await asyncio.to_thread(os.read, end, 1) == b""
    os.close(end)


async def test_a_flow_reads_no_further_ahead_than_it_may() -> None:
    ours, end = os.pipe()
    flow = Flow(ours)
    writing = asyncio.ensure_future(written(end, b"x" * (4 * HIGH)))
    total = longest = 0
    while total < 4 * HIGH:
        data = await flow.read()
        total += len(data)
        longest = max(longest, len(data))
        assert total == 4 * HIGH or not writing.done() or total + HIGH + 2**16 >= 4 * HIGH
    await writing
    drop(end)

    assert await flow.read() == b""
    assert longest < 2 * HIGH
    assert not is_open(ours)


async def test_a_read_that_is_cancelled_loses_nothing() -> None:
    ours, end = os.pipe()
    flow = Flow(ours)
    reading = asyncio.ensure_future(flow.read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    os.write(end, b"all of it")
    drop(end)

    assert await flow.read() == b"all of it"
    assert await flow.read() == b""


async def test_a_wait_can_be_ended_though_nothing_has_come() -> None:
    ours, end = os.pipe()
    flow = Flow(ours)
    waiting = asyncio.ensure_future(flow.ready())
    await asyncio.sleep(0)
    flow.nudge()
    await waiting
    assert (flow.take(), flow.ended) == (b"", False)
    flow.nudge()
    await flow.ready()
    os.write(end, b"late")
    await flow.ready()
    drop(end)
    assert flow.take() == b"late"
    await flow.ready()
    assert (flow.take(), flow.ended) == (b"", True)


async def test_a_finished_flow_gives_what_lies_in_the_pipe_though_others_hold_it_open() -> None:
    ours, end = os.pipe()
    flow = Flow(ours)
    os.write(end, b"the rest")
    flow.finish()

    assert await flow.read() == b"the rest"
    assert await flow.read() == b""
    drop(end)


async def test_a_flow_that_is_discarded_takes_everything_and_gives_nothing() -> None:
    ours, end = os.pipe()
    flow = Flow(ours)
    flow.discard()
    await written(end, b"x" * (4 * HIGH))
    drop(end)

    assert await flow.read() == b""
    assert not is_open(ours)


async def test_of_a_flood_the_tail_is_kept() -> None:
    ours, end = os.pipe()
    tail = Tail(ours)
    await written(end, b"x" * 300_000 + b"the end \xff")
    tail.finish()
    drop(end)

    assert tail.kept.endswith(b"xthe end \xff")
    assert len(tail.kept) == KEPT
    assert not is_open(ours)
