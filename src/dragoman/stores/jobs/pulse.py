"""Several processes on one database: that this one lives, and what the others did to jobs that matter here.

A gateway says of the jobs it runs that they are alive, `BEATS` times per heartbeat; a job of which that was
not said for `LEASE` of a heartbeat is taken from it, by whichever gateway looks first. Leases are
measured by the clock of the database. After a time in which this process could not reach it, others may
not have either: it gives them as long as a lease lasts before it takes a job from anyone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from dragoman.errors import GatewayError
from dragoman.stores.jobs.news import News
from dragoman.stores.jobs.runner import Run, Runner
from dragoman.stores.jobs.table import Glance

BEATS: Final = 5
LEASE: Final = 0.6
"""Of a heartbeat; with one beat until anyone looks, a job ends within 0.8 of it."""
LOOK: Final = 0.15
"""Seconds between looks at what others did: a cancellation, an event, an end."""

_AT_ONCE: Final = 500  # jobs in one query

Runs = Sequence[tuple[int, int]]


class Pulse:
    """Keeps the jobs of `runner` alive, takes those of the dead, and carries news from other processes."""

    def __init__(
        self,
        runner: Runner,
        news: News,
        *,
        heartbeat: float,
        extend: Callable[[Runs], Awaitable[set[tuple[int, int]]]],
        sweep: Callable[[], Awaitable[None]],
        glance: Callable[[Sequence[str]], Awaitable[dict[str, Glance]]],
    ) -> None:
        self._runner = runner
        self._news = news
        self._beat_every = heartbeat / BEATS
        self._lease = heartbeat * LEASE
        self._extend = extend
        self._sweep = sweep
        self._glance = glance
        self._seen: dict[str, Glance | None] = {}

    async def beat_forever(self) -> None:
        loop = asyncio.get_running_loop()
        sweep_from = loop.time()
        while True:
            try:
                await self._beat()
                if loop.time() >= sweep_from:
                    await self._sweep()
            except GatewayError:
                sweep_from = loop.time() + self._lease
            await asyncio.sleep(self._beat_every)

    async def look_forever(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            runs = dict(self._runner.runs)
            followed = set(self._news.followed()).difference(runs)  # of its own runs this process tells itself
            try:
                found = await self._look(list(followed.union(runs)))
            except GatewayError:
                continue
            for job_id, run in runs.items():
                if self._runner.runs.get(job_id) is run:  # what ended meanwhile, or began, is not judged
                    self._judge(run, found.get(job_id))
            for job_id in followed:
                if self._seen.get(job_id, self) != found.get(job_id):
                    self._news.tell(job_id)
            self._seen = {job_id: found.get(job_id) for job_id in followed}

    async def _beat(self) -> None:
        runs = {(run.claim.seq, run.attempt): run for run in self._runner.runs.values()}
        alive = await self._extend(list(runs)) if runs else set()
        for key, run in runs.items():
            if key not in alive and self._runner.runs.get(run.id) is run:
                self._runner.lose(run.id)

    async def _look(self, job_ids: Sequence[str]) -> dict[str, Glance]:
        found: dict[str, Glance] = {}
        for start in range(0, len(job_ids), _AT_ONCE):
            found |= await self._glance(job_ids[start : start + _AT_ONCE])
        return found

    def _judge(self, run: Run, glance: Glance | None) -> None:
        """What the table says of a job that runs here."""
        if glance is None:
            self._runner.lose(run.id, cancelled=True)
        elif glance.attempt != run.attempt or glance.state != "running":
            self._runner.lose(run.id)
        elif glance.cancelling:
            self._runner.cancel(run.id)
