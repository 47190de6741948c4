"""Who waits in this process for a job to go on; nothing of what there is to tell: that is in the table."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class News:
    """Wakes those who follow a job."""

    def __init__(self) -> None:
        self._ears: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def of(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the job goes on. Clear it before looking, then wait, and nothing is missed."""
        ear = asyncio.Event()
        self._ears.setdefault(job_id, set()).add(ear)
        try:
            yield ear
        finally:
            ears = self._ears[job_id]
            ears.discard(ear)
            if not ears:
                del self._ears[job_id]

    def tell(self, job_id: str) -> None:
        for ear in self._ears.get(job_id, ()):
            ear.set()

    def followed(self) -> list[str]:
        """The jobs that anyone follows."""
        return list(self._ears)
