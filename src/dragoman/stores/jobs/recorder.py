"""The output of running jobs on its way to the store, the groups of all jobs in one transaction.

Theory of operation. `add` puts an event into the buffer of its run. One task takes what all buffers hold and
commits it: the first event after a quiet time at once, what follows `interval` after the commit before. A
buffer that is full holds its worker up, so that a store that is slow or down slows the work instead of filling
memory. A commit that fails for want of the store is repeated, in order. A run that the store no longer
knows is lost: what it adds is refused from then on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.jobs.patience import Patience
from dragoman.stores.jobs.table import Batch
from dragoman.stores.jobs.waiting import heard

INTERVAL: Final = 0.1
BUFFER: Final = 256 * 1024
"""Weight of the events of one run that may wait: their bytes, and something for each."""

_EACH: Final = 128

log = structlog.get_logger(__name__)


class Output:
    """The events of one run, those that wait and a count of all."""

    def __init__(self, job_id: str, seq: int, attempt: int, recorded: int, on_lost: Callable[[], None]) -> None:
        self.job_id = job_id
        self.seq = seq
        self.attempt = attempt
        self.next = recorded
        """The number of the next event."""
        self.closed = False
        """Whether events are refused: the run is lost or has ended."""
        self.on_lost = on_lost
        self.waiting: list[bytes] = []
        self.weight = 0
        self.moved = asyncio.Event()

    def take(self) -> Batch:
        """What waits, to be committed; its weight counts until `settle`."""
        taken, self.waiting = self.waiting, []
        return Batch(self.seq, self.attempt, self.next - len(taken), taken)

    def settle(self, batch: Batch) -> None:
        """Gives back the room of what was committed, and wakes those who waited for it."""
        self.weight -= sum(len(data) + _EACH for data in batch.data)
        self.moved.set()

    def lose(self) -> None:
        """The run is past: nobody may add to it or wait for it any more."""
        self.closed = True
        self.waiting.clear()
        self.weight = 0
        self.moved.set()
        self.on_lost()


class Recorder:
    """Commits the output of runs in groups. `commit` gives back the batches of runs that are past."""

    def __init__(
        self,
        commit: Callable[[Sequence[Batch]], Awaitable[Sequence[Batch]]],
        tell: Callable[[str, Batch], None],
        patience: Patience,
        *,
        interval: float = INTERVAL,
    ) -> None:
        self._commit = commit
        self._tell = tell
        self._patience = patience
        self._interval = interval
        self._outputs: dict[int, Output] = {}
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()

    async def add(self, output: Output, data: bytes) -> None:
        """Queues an event; waits first while too much of the run waits. STORE_UNAVAILABLE once the run is past."""
        while output.weight >= BUFFER and not output.closed:
            output.moved.clear()
            await output.moved.wait()
        if output.closed:
            raise GatewayError(STORE_UNAVAILABLE, "This job is no longer run here.")
        output.waiting.append(data)
        output.weight += len(data) + _EACH
        output.next += 1
        self._outputs[output.seq] = output
        self._wake.set()
        if output.weight >= BUFFER:
            self._urgent.set()

    async def flush(self, output: Output) -> None:
        """Returns once everything added is stored, or the run is past."""
        while output.weight:
            self._urgent.set()
            output.moved.clear()
            await output.moved.wait()

    async def run(self) -> None:
        """Commits what is added, until cancelled."""
        loop = asyncio.get_running_loop()
        last = -self._interval
        while True:
            await self._wake.wait()
            rest = last + self._interval - loop.time()
            if rest > 0:
                await heard(self._urgent, rest)
            self._wake.clear()
            self._urgent.clear()
            outputs, self._outputs = self._outputs, {}
            await self._write(outputs)
            last = loop.time()

    async def _write(self, outputs: dict[int, Output]) -> None:
        taken = [(output, output.take()) for output in outputs.values() if not output.closed]
        batches = [batch for _, batch in taken if batch.data]
        try:
            refused = await self._patience.insist(lambda: self._commit(batches)) if batches else ()
        except Exception as error:
            log.error("jobs.output_lost", jobs=[output.job_id for output in outputs.values()], exc_info=error)
            refused = batches
        for output, batch in taken:
            if batch in refused:
                output.lose()
            elif not output.closed:
                output.settle(batch)
                self._tell(output.job_id, batch)
