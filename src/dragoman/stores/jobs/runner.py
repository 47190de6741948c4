"""Jobs under way in this process: each worker in a task, and above it one that sees it to its end.

A worker is told to end by being cancelled, and given a while to say its last. The output it added before is
stored before the end of the job can be seen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Final

import structlog

from dragoman.errors import INTERNAL_ERROR, SHUTTING_DOWN, STORE_UNAVAILABLE, GatewayError
from dragoman.ports import JobWorker
from dragoman.stores.jobs.patience import Patience
from dragoman.stores.jobs.recorder import Output, Recorder
from dragoman.stores.jobs.table import Claim, Ending

WIND_UP: Final = 5.0
"""Seconds that a worker has to end once it is cancelled; then the job ends without it."""

log = structlog.get_logger(__name__)

Finish = Callable[[Claim, Ending], Awaitable[None]]


class Reason(Enum):
    """Why a run is ended from outside."""

    CANCEL = "cancel"
    STOP = "stop"
    LOST = "lost"


class Run:
    """`ports.JobRun`."""

    def __init__(self, claim: Claim, recorder: Recorder) -> None:
        self.id = claim.id
        self.owner = claim.owner
        self.payload = claim.payload
        self.attempt = claim.attempt
        self.cancelled = False
        self.claim = claim
        self.ending: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()
        self.output = Output(claim.id, claim.seq, claim.attempt, claim.recorded, lambda: self.end(Reason.LOST))
        self._recorder = recorder

    @property
    def recorded(self) -> int:
        return self.output.next

    async def append(self, data: bytes) -> None:
        await self._recorder.add(self.output, data)

    async def stored(self) -> None:
        await self._recorder.flush(self.output)
        if self.output.closed:
            raise GatewayError(STORE_UNAVAILABLE, "This job is no longer run here.")

    def end(self, reason: Reason) -> None:
        """Asks the run to end; the first reason counts."""
        if not self.ending.done():
            self.ending.set_result(reason)


class Runner:
    """Runs jobs that this process has claimed, `limit` at once."""

    def __init__(
        self,
        workers: Mapping[str, JobWorker],
        recorder: Recorder,
        finish: Finish,
        tell: Callable[[str], None],
        freed: Callable[[], None],
        patience: Patience,
        *,
        limit: int,
        wind_up: float = WIND_UP,
    ) -> None:
        self.runs: dict[str, Run] = {}
        self._workers = workers
        self._recorder = recorder
        self._finish = finish
        self._tell = tell
        self._freed = freed
        self._patience = patience
        self._limit = limit
        self._wind_up = wind_up
        self._tasks: set[asyncio.Task[None]] = set()
        self._works: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()

    @property
    def full(self) -> bool:
        return len(self._tasks) >= self._limit

    def start(self, claim: Claim) -> asyncio.Task[None]:
        """Begins a job; the task ends when the job has."""
        run = Run(claim, self._recorder)
        self.runs[run.id] = run
        self._tell(run.id)
        task = asyncio.get_running_loop().create_task(self._see_through(run))
        self._tasks.add(task)
        task.add_done_callback(self._free)
        return task

    def cancel(self, job_id: str) -> None:
        """Someone wants the job to end."""
        run = self.runs.get(job_id)
        if run is not None:
            run.cancelled = True
            run.end(Reason.CANCEL)

    def lose(self, job_id: str, *, cancelled: bool = False) -> None:
        """The job is no longer ours: it was taken from us, or deleted."""
        run = self.runs.get(job_id)
        if run is not None:
            run.cancelled = run.cancelled or cancelled
            run.output.lose()

    async def vacancy(self) -> None:
        """Returns once another job may begin."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    async def stop(self) -> None:
        """Ends all jobs because the process ends."""
        for run in self.runs.values():
            run.end(Reason.STOP)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _see_through(self, run: Run) -> None:
        try:
            ending = await self._work(run)
            await self._recorder.flush(run.output)
            lost = run.output.closed
            run.output.closed = True
            if not lost:
                await self._patience.insist(lambda: self._finish(run.claim, ending))
        except GatewayError as error:
            log.error("job.end_not_stored", job_id=run.id, reason=error.message)
        finally:
            del self.runs[run.id]
            self._tell(run.id)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.set()
        self._freed()

    async def _work(self, run: Run) -> Ending:
        """Runs the worker, to its end or until the run is ended from outside."""
        work = asyncio.get_running_loop().create_task(_call(self._workers[run.claim.kind], run))
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        await asyncio.wait((work, run.ending), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return _verdict(run, work)
        reason = run.ending.result()
        work.cancel()
        await asyncio.wait((work,), timeout=self._wind_up)
        if not work.done():
            work.cancel()
            log.error("job.does_not_end", job_id=run.id, kind=run.claim.kind, seconds=self._wind_up)
        elif not work.cancelled() and work.exception() is None:
            return Ending("completed")
        elif not work.cancelled() and reason is not Reason.LOST:
            log.warning("job.ended_badly", job_id=run.id, kind=run.claim.kind, exc_info=work.exception())
        if reason is Reason.CANCEL:
            return Ending("cancelled")
        return Ending("queued", SHUTTING_DOWN.code, "The gateway that ran this was stopped before it was done.")


async def _call(worker: JobWorker, run: Run) -> None:
    await worker(run)


def _verdict(run: Run, work: asyncio.Task[None]) -> Ending:
    """How a worker that was left alone has ended."""
    error = asyncio.CancelledError() if work.cancelled() else work.exception()
    if error is None:
        return Ending("completed")
    if isinstance(error, GatewayError):
        return Ending("failed", error.kind.code, error.message)
    log.error("job.failed", job_id=run.id, kind=run.claim.kind, exc_info=error)
    return Ending("failed", INTERNAL_ERROR.code, f"Internal error; the log has it as {run.id}.")
