"""The engine of a single process: jobs are taken from the table, in the order they were submitted."""

import asyncio

from sqlalchemy import Connection

from dragoman.stores.database import Database
from dragoman.stores.jobs.core import Bounds, Core
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

    async def run(self, core: Core) -> None:
        # At the start, and anew after a claim of which it is not known whether it succeeded.
        await core.sweep()
        while not core.closing.is_set():
            self._wake.clear()
            if core.full or await core.take(next_of(list(core.workers))) is None:
                await self._wake.wait()


def open_embedded(database: Database, bounds: Bounds) -> Core:
    """Jobs in a database that this process owns alone, such as SQLite's."""
    return Core(database, EmbeddedDispatch(), bounds)
