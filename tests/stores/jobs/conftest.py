"""The engines under test, opened and closed; what both must do alike runs over both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import count

import pytest

from dragoman.ports import Job, JobRun, JobWorker
from dragoman.stores.database import Database
from dragoman.stores.jobs.core import Bounds, Core
from dragoman.stores.jobs.embedded import open_embedded
from tests.stores.conftest import OpenDatabase

HEARTBEAT = 0.5
OpenJobs = Callable[..., Awaitable[Core]]

_numbers = count(1)


def job(kind: str = "test", *, payload: bytes = b"{}", owner: str = "key_1", idempotent: bool = False) -> Job:
    return Job(f"job_{next(_numbers):08d}", kind, owner, payload, idempotent)


def make_jobs(database: Database, bounds: Bounds) -> Core:
    """The engine that goes with a database."""
    return open_embedded(database, bounds)


def bounds(
    *, max_concurrency: int = 8, max_queue: int = 1000, heartbeat: float = HEARTBEAT, wind_up: float = 5.0
) -> Bounds:
    return Bounds(max_concurrency, max_queue, heartbeat, keep=3600, wind_up=wind_up)


@pytest.fixture
async def open_jobs(store_url: str, open_database: OpenDatabase) -> AsyncIterator[OpenJobs]:
    """An engine with a worker per kind, or one for the kind "test"; what a test leaves open is closed."""
    opened: list[Core] = []

    async def open_one(
        workers: JobWorker | Mapping[str, JobWorker], database: Database | None = None, **limits: float
    ) -> Core:
        jobs = make_jobs(database or open_database(store_url, owner=True), bounds(**limits))  # type: ignore[arg-type]
        for kind, worker in workers.items() if isinstance(workers, Mapping) else [("test", workers)]:
            jobs.register(kind, worker)
        opened.append(jobs)
        await jobs.open()
        return jobs

    yield open_one
    for jobs in opened:
        await jobs.close()


async def output(jobs: Core, job_id: str, after: int = -1) -> list[tuple[int, bytes]]:
    """All events of a job above a number, once it has ended."""
    async with asyncio.timeout(20):
        return [event async for event in jobs.events(job_id, after)]


class Gate:
    """A worker that says when it has begun, and goes on when it is let."""

    def __init__(self) -> None:
        self.began: asyncio.Queue[JobRun] = asyncio.Queue()
        self.open = asyncio.Event()
        self.cancelled: list[JobRun] = []

    async def __call__(self, run: JobRun) -> None:
        await run.append(b"begun")
        self.began.put_nowait(run)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled.append(run)
            await run.append(b"cut off")
            raise
        await run.append(b"done")
