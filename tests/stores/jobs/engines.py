"""The engines of jobs, and work for them."""

import asyncio
from itertools import count

from dragoman.ports import Job, JobRun
from dragoman.stores.database import Database
from dragoman.stores.jobs.core import Bounds, SqlJobs
from dragoman.stores.jobs.embedded import open_embedded
from dragoman.stores.jobs.shared import open_shared

HEARTBEAT = 10.0

_numbers = count(1)


def job(kind: str = "test", *, payload: bytes = b"{}", owner: str = "key_1", idempotent: bool = False) -> Job:
    return Job(f"job_{next(_numbers):08d}", kind, owner, payload, idempotent)


def make_jobs(database: Database, bounds: Bounds) -> SqlJobs:
    """The engine that goes with a database."""
    make = open_embedded if database.engine.dialect.name == "sqlite" else open_shared
    return make(database, bounds)


def bounds(
    *, max_concurrency: int = 8, max_queue: int = 1000, heartbeat: float = HEARTBEAT, wind_up: float = 5.0
) -> Bounds:
    return Bounds(max_concurrency, max_queue, heartbeat, keep=3600, wind_up=wind_up)


async def output(jobs: SqlJobs, job_id: str, after: int = -1) -> list[tuple[int, bytes]]:
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
