"""`dragoman.gateway.journal`: what a job has finished, for the attempt that comes after it."""

import asyncio
from pathlib import Path

from dragoman.gateway.journal import JobJournal, is_note, output_of
from dragoman.ports import Job, JobRun
from dragoman.stores.database import Database
from dragoman.stores.jobs.core import Bounds, SqlJobs
from dragoman.stores.jobs.embedded import open_embedded

BOUNDS = Bounds(max_concurrency=4, max_queue=10, heartbeat=1.0, keep=60.0)


async def test_a_later_attempt_knows_what_an_earlier_one_noted(tmp_path: Path) -> None:
    seen: list[tuple[str | None, str | None, int]] = []
    worked = asyncio.Event()
    database = Database.open(f"sqlite:///{tmp_path}/jobs.db", now=lambda: 1.0, owner=True, instance_id="one")

    def engine() -> SqlJobs:
        jobs = open_embedded(database, BOUNDS)

        async def work(run: JobRun) -> None:
            journal = JobJournal(run, await output_of(jobs, run))
            known = (journal.recall("tool call_1"), journal.recall("tool call_2"))
            if run.attempt == 1:
                await run.append(b'{"type":"response.created"}')
                await journal.note("tool call_1", '{"text": "5 °C\\n"}')
                assert journal.recall("tool call_1") is not None
            seen.append((*known, run.recorded))
            worked.set()
            if run.attempt == 1:
                await asyncio.Event().wait()

        jobs.register("work", work)
        return jobs

    first = engine()
    await first.open()
    await first.submit(Job("job_1", "work", "key", b"{}", idempotent=True))
    async with asyncio.timeout(20):
        await worked.wait()
    await first.close()  # it is queued again
    second = engine()
    await second.open()
    output = [data async for _, data in second.events("job_1")]  # to its end
    await second.close()
    database.close()

    assert seen == [(None, None, 2), ('{"text": "5 °C\\n"}', None, 2)]
    assert [is_note(data) for data in output] == [False, True]
