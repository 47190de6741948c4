"""Output on its way to the store: grouped, bounded, in order, and refused once its run is past."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from structlog.testing import capture_logs

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.jobs.patience import Patience
from dragoman.stores.jobs.recorder import BUFFER, Output, Recorder
from dragoman.stores.jobs.table import Batch


class Store:
    """A store that takes batches when it is let, and keeps them."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.groups: list[Sequence[Batch]] = []
        self.past: set[int] = set()
        self.faults: list[Exception] = []
        self.told: list[tuple[str, Batch]] = []

    def tell(self, job_id: str, batch: Batch) -> None:
        self.told.append((job_id, batch))

    async def commit(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        await self.open.wait()
        if self.faults:
            raise self.faults.pop()
        self.groups.append(batches)
        return [batch for batch in batches if batch.seq in self.past]

    def stored(self, seq: int) -> list[tuple[int, bytes]]:
        return [
            event
            for group in self.groups
            for batch in group
            if batch.seq == seq
            for event in enumerate(batch.data, batch.first)
        ]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def recorder(store: Store) -> AsyncIterator[Recorder]:
    recorder = Recorder(store.commit, store.tell, Patience(), interval=0.01)
    task = asyncio.get_running_loop().create_task(recorder.run())
    yield recorder
    task.cancel()
    await asyncio.wait([task])


def output(seq: int = 1, recorded: int = 0) -> Output:
    return Output(f"job_{seq}", seq, 1, recorded, lambda: None)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_events_are_stored_in_their_order_and_numbered_on(store: Store, recorder: Recorder) -> None:
    out = output(recorded=7)
    for number in range(7, 100):
        await recorder.add(out, b"%d" % number)
        await asyncio.sleep(0)
    await recorder.flush(out)

    assert store.stored(1) == [(number, b"%d" % number) for number in range(7, 100)]
    assert out.next == 100
    assert store.told == [("job_1", batch) for group in store.groups for batch in group]


async def test_what_several_jobs_add_at_once_is_one_group(store: Store, recorder: Recorder) -> None:
    outputs = [output(seq) for seq in range(5)]
    for out in outputs:
        for _ in range(10):
            await recorder.add(out, b"x")
    for out in outputs:
        await recorder.flush(out)

    assert [[(batch.seq, len(batch.data)) for batch in group] for group in store.groups] == [
        [(seq, 10) for seq in range(5)]
    ]


@pytest.mark.parametrize("size", [0, 100, BUFFER])
async def test_a_worker_waits_while_too_much_is_not_stored(store: Store, recorder: Recorder, size: int) -> None:
    store.open.clear()
    out = output()
    added = 0

    async def work() -> None:
        nonlocal added
        while added < 5000:
            await recorder.add(out, bytes(size))
            added += 1

    task = asyncio.get_running_loop().create_task(work())
    await turns()
    held = added
    await turns()
    assert 0 < held == added < 5000
    assert held * size <= 2 * BUFFER

    added = 4999
    store.open.set()
    await task
    await recorder.flush(out)
    assert len(store.stored(1)) == held + 1


async def test_a_run_that_is_past_is_told_and_refused_and_no_other_is(store: Store, recorder: Recorder) -> None:
    lost: list[int] = []
    past, present = Output("job_1", 1, 1, 0, lambda: lost.append(1)), output(2)
    store.past.add(1)
    for out in (past, present):
        await recorder.add(out, b"x")
    await recorder.flush(past)
    await recorder.flush(present)

    assert (lost, past.closed, present.closed) == ([1], True, False)
    with pytest.raises(GatewayError, match="no longer run here"):
        await recorder.add(past, b"y")
    await recorder.add(present, b"y")


async def test_a_worker_that_waits_for_room_hears_that_its_run_is_past(store: Store, recorder: Recorder) -> None:
    store.open.clear()
    out = output()
    await recorder.add(out, bytes(BUFFER))
    waiting = asyncio.ensure_future(recorder.add(out, b"x"))
    flushing = asyncio.ensure_future(recorder.flush(out))
    await turns()

    out.lose()

    with pytest.raises(GatewayError, match="no longer run here"):
        await waiting
    await flushing


async def test_what_a_store_that_is_down_did_not_take_is_written_later(store: Store, recorder: Recorder) -> None:
    store.faults = [GatewayError(STORE_UNAVAILABLE, "down"), GatewayError(STORE_UNAVAILABLE, "down")]
    out = output()
    await recorder.add(out, b"a")
    await turns()
    await recorder.add(out, b"b")
    await recorder.flush(out)

    assert store.stored(1) == [(0, b"a"), (1, b"b")]


async def test_a_fault_loses_the_runs_of_its_group_alone(store: Store, recorder: Recorder) -> None:
    store.faults = [ValueError("unforeseen")]
    first, second = output(1), output(2)
    with capture_logs() as logs:
        await recorder.add(first, b"a")
        await recorder.flush(first)
        await recorder.add(second, b"b")
        await recorder.flush(second)

    assert (first.closed, second.closed) == (True, False)
    assert [line["event"] for line in logs] == ["jobs.output_lost"]
    assert store.stored(2) == [(0, b"b")]
