"""The engine of one process: what its successor finds after it was killed."""

import os
import signal

import pytest

from dragoman.ports import JobRun
from tests.stores.conftest import OpenDatabase
from tests.stores.jobs.conftest import OpenJobs
from tests.stores.jobs.engines import bounds, job, make_jobs, output
from tests.stores.jobs.gateways import Gateways


async def hold(run: JobRun) -> None:
    await run.append(b"here attempt %d" % run.attempt)


@pytest.mark.parametrize("idempotent", [False, True])
async def test_what_ran_in_a_killed_process_fails_or_runs_again(
    sqlite_url: str, idempotent: bool, open_database: OpenDatabase, open_jobs_at: OpenJobs, gateways: Gateways
) -> None:
    one = job("hold", idempotent=idempotent)
    database = open_database(sqlite_url, owner=True)
    await make_jobs(database, bounds()).submit(one)
    database.close()
    first = await gateways.start(sqlite_url, "first", 60)
    reader = make_jobs(open_database(sqlite_url), bounds())
    while (record := await reader.get(one.id)) is None or record.recorded < 3:
        pass
    os.kill(first, signal.SIGKILL)

    jobs = await open_jobs_at(sqlite_url, {"hold": hold})

    events = [data for _, data in await output(jobs, one.id)]
    record = await jobs.get(one.id)
    assert record is not None
    assert events[:3] == [b"first attempt 1", b"tick", b"tick"]
    if idempotent:
        assert (record.state, record.attempt, events[-1]) == ("completed", 2, b"here attempt 2")
    else:
        assert (record.state, record.attempt, record.error_code) == ("failed", 1, "server_error")
        assert "stopped" in record.error_message
        assert set(events[1:]) == {b"tick"}
