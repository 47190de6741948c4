"""The group writer alone, over a list in place of a database."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from structlog.testing import capture_logs

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.writer import GroupWriter


class Target:
    """What a writer writes to: groups in order, as long as `gate` is open and no `fault` is set."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.steps: list[str] = []
        self.fault: Exception | None = None
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def commit(self, rows: Sequence[int]) -> None:
        self.entered.set()
        assert self.gate.wait(20)
        if self.fault is not None:
            raise self.fault
        self.groups.append(list(rows))

    def step(self, name: str) -> Callable[[], None]:
        def run() -> None:
            if self.fault is not None:
                raise self.fault
            self.steps.append(name)

        return run

    @property
    def rows(self) -> list[int]:
        return [row for group in self.groups for row in group]


OpenWriter = Callable[..., GroupWriter[int]]


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
async def open_writer(target: Target) -> AsyncIterator[OpenWriter]:
    writers: list[GroupWriter[int]] = []

    def open_one(*, flush_interval: float = 60.0, group: int = 100, deadline: float = 10.0) -> GroupWriter[int]:
        writer = GroupWriter[int](
            target.commit,
            prepare=target.step("prepare"),
            pulse=target.step("pulse"),
            finish=target.step("finish"),
            flush_interval=flush_interval,
            pulse_interval=60.0,
            group=group,
            deadline=deadline,
        )
        writers.append(writer)
        return writer

    yield open_one
    target.fault = None
    target.gate.set()
    for writer in writers:
        await writer.close()


def put(writer: GroupWriter[int], *rows: int) -> None:
    for row in rows:
        assert writer.put(row, 1_000_000)


async def entered(target: Target) -> None:
    assert await asyncio.to_thread(target.entered.wait, 20)


async def test_rows_gather_until_somebody_waits(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer()
    put(writer, *range(10))
    await writer.durable()

    assert target.groups == [list(range(10))]


async def test_a_full_group_is_written_at_once(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer(group=10)
    put(writer, *range(10))
    await entered(target)


async def test_a_backlog_is_written_in_groups_and_in_order(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer(group=10)
    put(writer, *range(95))
    await writer.durable()

    assert target.rows == list(range(95))
    assert max(len(group) for group in target.groups) <= 10


async def test_rows_are_written_after_the_interval_unasked(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer(flush_interval=0.01)
    for row in range(3):
        target.entered.clear()
        put(writer, row)
        await entered(target)
    await writer.durable()

    assert target.rows == [0, 1, 2]


async def test_waiting_with_nothing_queued_is_soon_over(open_writer: OpenWriter) -> None:
    await open_writer().durable()


async def test_those_who_come_during_a_commit_share_the_next(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer()
    target.gate.clear()
    put(writer, 0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.durable())
        await entered(target)
        for row in range(1, 6):
            put(writer, row)
            tasks.create_task(writer.durable())
        await asyncio.sleep(0)
        target.gate.set()

    assert target.groups == [[0], [1, 2, 3, 4, 5]]


async def test_no_more_is_queued_than_the_limit(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer()
    target.gate.clear()
    put(writer, 0)
    waiting = asyncio.ensure_future(writer.durable())
    await entered(target)

    assert [writer.put(row, 3) for row in range(1, 6)] == [True, True, True, False, False]
    assert len(writer) == 3
    target.gate.set()
    await waiting
    await writer.durable()
    assert target.rows == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        (GatewayError(STORE_UNAVAILABLE, "down"), "ledger.unavailable"),
        (ZeroDivisionError("unforeseen"), "ledger.fault"),
    ],
)
async def test_a_commit_that_fails_is_repeated_with_the_same_rows(
    fault: Exception, event: str, target: Target, open_writer: OpenWriter
) -> None:
    with capture_logs() as logs:
        writer = open_writer()
        await writer.durable()
        target.fault = fault
        put(writer, 1, 2)
        waiting = asyncio.ensure_future(writer.durable())
        await entered(target)
        target.fault = None
        put(writer, 3)
        await waiting
        await writer.durable()

    assert target.rows == [1, 2, 3]
    assert logs[0]["event"] == event


async def test_waiting_has_a_deadline_and_the_rows_stay(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer(deadline=0.2)
    target.gate.clear()
    put(writer, 1)
    with pytest.raises(GatewayError) as caught:
        await writer.durable()
    assert caught.value.kind is STORE_UNAVAILABLE

    target.gate.set()
    await writer.close()
    assert target.rows == [1]


async def test_nothing_is_written_before_it_is_prepared(target: Target, open_writer: OpenWriter) -> None:
    target.fault = GatewayError(STORE_UNAVAILABLE, "down")
    writer = open_writer()
    put(writer, 1)
    waiting = asyncio.ensure_future(writer.durable())
    await asyncio.sleep(0)
    assert target.groups == []
    target.fault = None
    await waiting

    assert (target.steps, target.rows) == (["prepare"], [1])


async def test_closing_writes_what_is_queued_and_finishes(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer(group=10)
    put(writer, *range(25))
    await writer.close()
    await writer.close()

    assert target.rows == list(range(25))
    assert target.steps == ["prepare", "finish"]


async def test_closing_gives_up_after_the_deadline_and_says_so(target: Target, open_writer: OpenWriter) -> None:
    writer = open_writer(group=10, deadline=0.2)
    await writer.durable()
    target.fault = GatewayError(STORE_UNAVAILABLE, "down")
    put(writer, *range(25))
    waiting = asyncio.ensure_future(writer.durable())
    with capture_logs() as logs:
        await writer.close()

    assert sum(line["rows"] for line in logs if line["event"] == "ledger.abandoned") == 25
    with pytest.raises(GatewayError):
        await waiting
    assert "finish" not in target.steps


def test_a_waiter_whose_loop_is_gone_stops_nothing(target: Target) -> None:
    async def leave() -> GroupWriter[int]:
        writer = GroupWriter[int](
            target.commit,
            prepare=target.step("prepare"),
            pulse=target.step("pulse"),
            finish=target.step("finish"),
            flush_interval=60.0,
            pulse_interval=60.0,
            group=10,
            deadline=10.0,
        )
        target.gate.clear()
        put(writer, 1)
        waiting = asyncio.ensure_future(writer.durable())
        await entered(target)
        waiting.cancel()
        return writer

    writer = asyncio.run(leave())
    target.gate.set()
    put(writer, 2)
    asyncio.run(writer.close())

    assert target.rows == [1, 2]


async def test_the_pulse_beats_without_rows(target: Target) -> None:
    beats = threading.Semaphore(0)
    writer = GroupWriter[int](
        target.commit,
        prepare=target.step("prepare"),
        pulse=beats.release,
        finish=target.step("finish"),
        flush_interval=60.0,
        pulse_interval=0.01,
        group=10,
        deadline=10.0,
    )
    for _ in range(3):
        assert await asyncio.to_thread(beats.acquire, timeout=20)
    await writer.close()
