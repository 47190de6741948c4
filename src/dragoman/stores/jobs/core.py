"""`ports.Jobs` but for one thing, how a queued job finds its process: that is a `Dispatch`."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from sqlalchemy import ColumnElement, Connection
from sqlalchemy.exc import IntegrityError

from dragoman.errors import OVERLOADED, SHUTTING_DOWN, GatewayError
from dragoman.ports import Job, JobRecord, JobWorker
from dragoman.stores.database import Database
from dragoman.stores.jobs.news import News
from dragoman.stores.jobs.patience import Patience
from dragoman.stores.jobs.pulse import LEASE, Pulse
from dragoman.stores.jobs.recorder import Recorder
from dragoman.stores.jobs.runner import WIND_UP, Runner
from dragoman.stores.jobs.table import Batch, Claim, Ending, JobTable
from dragoman.stores.jobs.waiting import end

CANCEL_PATIENCE: Final = 2.0
"""Seconds that a call to cancel waits for the job to end."""

_EXPIRE_EVERY: Final = 60.0
_FAULT_PAUSE: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an operator sets of the engine; times in seconds."""

    max_concurrency: int
    max_queue: int
    heartbeat: float
    keep: float
    wind_up: float = WIND_UP


class Dispatch(Protocol):
    """How queued jobs find a process that runs them."""

    alone: bool
    """Whether this process is the only one that runs jobs of the database."""

    def enqueue(self, connection: Connection, job_id: str, kind: str) -> None:
        """Has the job dispatched once the transaction is committed."""
        ...

    def nudge(self) -> None:
        """There may be something to take, or room for it, or the engine closes."""
        ...

    async def run(self, jobs: "SqlJobs") -> None:
        """Takes jobs, by `jobs.take`, until `jobs.closing` is set; begun anew after a fault."""
        ...


class SqlJobs:
    """`ports.Jobs`; the embedded engine and Procrastinate's differ in their dispatch."""

    def __init__(self, database: Database, dispatch: Dispatch, bounds: Bounds) -> None:
        self.bounds = bounds
        self.workers: dict[str, JobWorker] = {}
        self.closing = asyncio.Event()
        self._now = database.now
        self._deadline = database.deadline
        self._dispatch = dispatch
        self._writes = database.lane("jobs", threads=1)
        self._reads = database.lane("job-reads", threads=1)
        self._table = JobTable(
            max_queue=bounds.max_queue,
            lease=None if dispatch.alone else bounds.heartbeat * LEASE,
            enqueue=dispatch.enqueue,
        )
        self._news = News()
        self._patience = Patience()
        self._recorder = Recorder(self._record, self._news.tell, self._patience)
        self._runner = Runner(
            self.workers,
            self._recorder,
            self._finish,
            self._news.tell,
            dispatch.nudge,
            self._patience,
            limit=bounds.max_concurrency,
            wind_up=bounds.wind_up,
        )
        self._takes: set[asyncio.Task[asyncio.Task[None] | None]] = set()
        self._taking: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def register(self, kind: str, worker: JobWorker) -> None:
        self.workers[kind] = worker

    async def open(self) -> None:
        forever: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("record", self._recorder.run),
            ("expire", self._expire_forever),
        ]
        if self._dispatch.alone:
            forever.append(("sweep", self._sweep_forever))
        else:
            pulse = Pulse(
                self._runner,
                self._news,
                heartbeat=self.bounds.heartbeat,
                extend=lambda runs: self._writes.run(lambda c: self._table.extend(c, runs), write=True),
                sweep=self.sweep,
                glance=lambda ids: self._reads.run(lambda c: self._table.glance(c, ids)),
            )
            forever += [("beat", pulse.beat_forever), ("look", pulse.look_forever)]
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep(name, step)) for name, step in forever]
        self._taking = loop.create_task(self._keep("take", lambda: self._dispatch.run(self)))

    def begin_drain(self) -> None:
        self.closing.set()
        self._dispatch.nudge()

    async def close(self) -> None:
        if self._taking is None:
            return
        self.begin_drain()
        await self._taking
        if self._takes:
            await asyncio.wait(self._takes)
        self._patience.end(self.bounds.wind_up + self._deadline)
        await self._runner.stop()
        await end(*self._tasks)
        self._taking = None

    async def submit(self, job: Job) -> None:
        try:
            taken = await self._writes.run(lambda c: self._table.submit(c, job, self._now()), write=True)
        except IntegrityError:
            return  # the same id, submitted by someone else at the same moment
        finally:
            self._dispatch.nudge()  # also when it is unknown what became of it
        if not taken:
            raise GatewayError(OVERLOADED, "Too many jobs are queued; try again later.")

    async def get(self, job_id: str) -> JobRecord | None:
        return await self._reads.run(lambda c: self._table.find(c, job_id))

    async def payload(self, job_id: str) -> bytes | None:
        return await self._reads.run(lambda c: self._table.payload(c, job_id))

    async def list(
        self,
        *,
        owner: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        active: bool = False,
        limit: int = 50,
    ) -> Sequence[JobRecord]:
        return await self._reads.run(lambda c: self._table.page(c, owner, kind, after, limit, active=active))

    async def cancel(self, job_id: str) -> JobRecord | None:
        with self._news.of(job_id) as ear:
            record = await self._writes.run(lambda c: self._table.cancel(c, job_id, self._now()), write=True)
            self._news.tell(job_id)
            with suppress(TimeoutError):
                async with asyncio.timeout(CANCEL_PATIENCE):
                    while record is not None and record.ended_at is None:
                        ear.take()
                        self._runner.cancel(job_id)
                        record = await self.get(job_id)
                        if record is not None and record.ended_at is None:
                            await ear.wait()
            return record

    async def events(self, job_id: str, after: int = -1) -> AsyncGenerator[tuple[int, bytes], None]:
        with self._news.of(job_id) as ear:
            while True:
                batches, stale = ear.take()
                for batch in batches:
                    if batch.first > after + 1:
                        stale = True  # not stored by this process, or too many to be kept
                        break
                    for number, data in enumerate(batch.data, batch.first):
                        if number > after:
                            yield number, data
                            after = number
                while stale:
                    page = await self._reads.run(lambda c: self._table.read(c, job_id, after))  # noqa: B023
                    for number, data in page.events:
                        yield number, data
                        after = number
                    if page.over:
                        return
                    stale = page.more
                await ear.wait()

    async def delete(self, job_id: str) -> bool:
        deleted = await self._writes.run(lambda c: self._table.delete(c, job_id), write=True)
        self._runner.lose(job_id, cancelled=True)
        self._news.tell(job_id)
        return deleted

    async def expire(self, before: float) -> int:
        total = 0
        while expired := await self._writes.run(lambda c: self._table.expire(c, before), write=True):
            total += expired
        return total

    def followed(self) -> Sequence[str]:
        """The jobs whose output anyone follows here."""
        return self._news.followed()

    @property
    def full(self) -> bool:
        """Whether no other job may begin here now."""
        return self._runner.full

    async def vacancy(self) -> None:
        """Returns once another job may begin here."""
        await self._runner.vacancy()

    async def take(self, which: ColumnElement[bool]) -> asyncio.Task[None] | None:
        """Claims a queued job and begins it; its task, or `None` if there is none such. Raises `GatewayError`.

        To cancel this call is safe: a job that was claimed runs, and is known here.
        """
        take = asyncio.get_running_loop().create_task(self._take(which))
        self._takes.add(take)
        take.add_done_callback(self._takes.discard)
        return await asyncio.shield(take)

    async def sweep(self) -> None:
        """Ends, or queues again, what runs in no process any more."""
        ours = [run.claim.seq for run in self._runner.runs.values()]
        swept = await self._writes.run(lambda c: self._table.sweep(c, ours, self._now()), write=True)
        for job_id in swept:
            log.warning("job.found_dead", job_id=job_id)
            self._news.tell(job_id)
        if swept:
            self._dispatch.nudge()

    async def _take(self, which: ColumnElement[bool]) -> asyncio.Task[None] | None:
        if self.closing.is_set():
            raise GatewayError(SHUTTING_DOWN, "This gateway takes no more jobs.")
        claim = await self._writes.run(lambda c: self._table.claim(c, which, self._now()), write=True)
        return None if claim is None else self._runner.start(claim)

    async def _record(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        return await self._writes.run(lambda c: self._table.record(c, batches), write=True)

    async def _finish(self, claim: Claim, ending: Ending) -> None:
        await self._writes.run(
            lambda c: self._table.finish(c, claim.seq, claim.attempt, ending, self._now()), write=True
        )
        self._dispatch.nudge()

    async def _sweep_forever(self) -> None:
        """Looks for runs that are nobody's: at the start all, later those of which a claim or an end went astray."""
        while True:
            if not self._takes:  # what is being claimed is not known here yet
                await self.sweep()
            await asyncio.sleep(self.bounds.heartbeat)

    async def _expire_forever(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRE_EVERY)
            await self.expire(self._now() - self.bounds.keep)

    async def _keep(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        """Runs a step that ends by a fault only, or because the engine closes; after a fault it begins anew."""
        while True:
            try:
                return await step()
            except GatewayError as error:
                log.debug("jobs.interrupted", step=name, reason=error.message)  # its lane has said more loudly
            except Exception as error:
                log.error("jobs.fault", step=name, exc_info=error)
            await asyncio.sleep(_FAULT_PAUSE)
