"""Who follows a job in this process, and what they need not look up.

News of a job are either events that were just stored, handed on as they are, or only that there is
something to look up. Who does not keep up loses the former and looks up.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from dragoman.stores.jobs.table import Batch

_KEPT: Final = 256 * 1024  # weight of the events kept for one follower
_EACH: Final = 128


class Ear:
    """What one follower has not heard yet."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()
        self._batches: list[Batch] = []
        self._weight = 0
        self._stale = True

    def take(self) -> tuple[Sequence[Batch], bool]:
        """The events since the last time, and whether there is more to be looked up. Nothing is missed after it."""
        taken = self._batches, self._stale
        self._batches, self._weight, self._stale = [], 0, False
        self._heard.clear()
        return taken

    async def wait(self) -> None:
        """Returns once there are news."""
        await self._heard.wait()

    def tell(self, batch: Batch | None) -> None:
        if batch is None:
            self._stale = True
        else:
            self._weight += sum(len(data) + _EACH for data in batch.data)
            self._batches.append(batch)
            if self._weight > _KEPT:
                self._batches, self._weight, self._stale = [], 0, True
        self._heard.set()


class News:
    """Wakes those who follow a job."""

    def __init__(self) -> None:
        self._ears: dict[str, set[Ear]] = {}

    @contextmanager
    def of(self, job_id: str) -> Iterator[Ear]:
        """Lets one follow a job."""
        ear = Ear()
        self._ears.setdefault(job_id, set()).add(ear)
        try:
            yield ear
        finally:
            ears = self._ears[job_id]
            ears.discard(ear)
            if not ears:
                del self._ears[job_id]

    def tell(self, job_id: str, batch: Batch | None = None) -> None:
        """The job has gone on: by these events, which are stored, or in some other way."""
        for ear in self._ears.get(job_id, ()):
            ear.tell(batch)

    def followed(self) -> list[str]:
        """The jobs that anyone follows."""
        return list(self._ears)
