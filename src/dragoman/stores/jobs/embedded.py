"""The engine of a single process: jobs are taken from the table, in the order they were submitted."""

import asyncio

from sqlalchemy import Connection

from dragoman.errors import GatewayError
from dragoman.stores.database import Database
from dragoman.stores.jobs.core import Bounds, SqlJobs
from dragoman.stores.jobs.table import next_of


class EmbeddedDispatch:
    """Looks into the table whenever a job was queued or has ended."""

    alone = True

    def __init__(self) -> None:
        self._wake = asyncio.Event()

    def enqueue(self, connection: Connection, job_id: str, kind: str) -> None:
        return

    def nudge(self) -> None:
        self._wake.set()

    async def run(self, jobs: SqlJobs) -> None:
        while not jobs.closing.is_set():
            self._wake.clear()
            if jobs.full or not await self._take(jobs):
                await self._wake.wait()

    async def _take(self, jobs: SqlJobs) -> bool:
        try:
            return await jobs.take(next_of(list(jobs.workers))) is not None
        except GatewayError:
            if jobs.closing.is_set():
                return True
            raise


def open_embedded(database: Database, bounds: Bounds) -> SqlJobs:
    """Jobs in a database that this process owns alone, such as SQLite's."""
    return SqlJobs(database, EmbeddedDispatch(), bounds)
