"""Several gateways on one PostgreSQL: each job runs in one of them, and none is left when one dies."""

import asyncio
import os
import signal
import time

import psycopg
import pytest
from psycopg import sql

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.ports import JobRun
from tests.postgres import PostgresServer
from tests.stores.jobs.conftest import OpenJobs
from tests.stores.jobs.engines import Gate, job, output
from tests.stores.jobs.gateways import Gateways

pytestmark = pytest.mark.postgres


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, migrated_url: str) -> str:
    """The URL of a database of its own, as the gateways of other tests may still run."""
    return postgres_server.create_database(like=migrated_url)


class Here:
    """A worker of this process, which keeps what it ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def __call__(self, run: JobRun) -> None:
        self.ran.append(run.id)
        await run.append(b"here attempt %d" % run.attempt)


async def test_a_second_gateway_leaves_a_running_job_alone_and_ends_it_when_the_first_is_killed(
    postgres_url: str, open_jobs_at: OpenJobs, gateways: Gateways
) -> None:
    heartbeat = 4.0
    client = await open_jobs_at(postgres_url, {}, heartbeat=heartbeat)
    first = await gateways.start(postgres_url, "first", heartbeat)
    one = job("hold")
    await client.submit(one)
    events = client.events(one.id)
    assert await anext(events) == (0, b"first attempt 1")

    here = Here()
    second = await open_jobs_at(postgres_url, {"hold": here}, heartbeat=heartbeat)
    ticks = 28
    for number in range(1, ticks + 1):  # longer than a job counts as alive without a sign of life
        assert await anext(events) == (number, b"tick")
    assert here.ran == []

    os.kill(first, signal.SIGKILL)
    killed = time.monotonic()
    rest = [data async for _, data in events]
    assert time.monotonic() - killed < heartbeat
    assert set(rest) <= {b"tick"}
    record = await second.get(one.id)
    assert record is not None
    assert (record.state, record.attempt, record.error_code) == ("failed", 1, "server_error")
    assert record.recorded == 1 + ticks + len(rest)

    other = job("hold")
    await client.submit(other)
    assert await output(client, other.id) == [(0, b"here attempt 1")]


async def test_what_may_run_again_goes_on_in_another_gateway(
    postgres_url: str, open_jobs_at: OpenJobs, gateways: Gateways
) -> None:
    client = await open_jobs_at(postgres_url, {})
    first = await gateways.start(postgres_url, "first", 0.5)
    one = job("hold", idempotent=True)
    await client.submit(one)
    events = client.events(one.id)
    assert await anext(events) == (0, b"first attempt 1")
    await open_jobs_at(postgres_url, {"hold": Here()})

    os.kill(first, signal.SIGKILL)

    rest = [data async for _, data in events]
    assert rest[-1] == b"here attempt 2"
    assert set(rest[:-1]) <= {b"tick"}
    record = await client.get(one.id)
    assert record is not None and (record.state, record.attempt) == ("completed", 2)


async def test_a_gateway_that_was_wrongly_taken_for_dead_can_do_no_more_to_its_job(
    postgres_url: str, open_jobs_at: OpenJobs, gateways: Gateways
) -> None:
    client = await open_jobs_at(postgres_url, {})
    first = await gateways.start(postgres_url, "first", 0.5)
    one = job("hold")
    await client.submit(one)
    events = client.events(one.id)
    await anext(events)

    os.kill(first, signal.SIGSTOP)
    async for _ in events:
        pass
    ended = await client.get(one.id)
    os.kill(first, signal.SIGCONT)

    assert await gateways.line() == f"first cancelled {one.id}"
    assert ended is not None and ended.state == "failed"
    assert await client.get(one.id) == ended
    assert len(await output(client, one.id)) == ended.recorded


async def test_a_job_is_cancelled_and_deleted_wherever_it_runs(
    postgres_url: str, open_jobs_at: OpenJobs, gateways: Gateways
) -> None:
    client = await open_jobs_at(postgres_url, {})
    await gateways.start(postgres_url, "first", 0.5)
    cancelled, deleted = job("hold"), job("hold")
    for one in (cancelled, deleted):
        await client.submit(one)
        assert await anext(client.events(one.id)) == (0, b"first attempt 1")

    record = await client.cancel(cancelled.id)

    assert record is not None and record.state == "cancelled"
    assert await gateways.line() == f"first cancelled {cancelled.id}"
    assert (await output(client, cancelled.id))[-1] == (record.recorded - 1, b"first cancelled")

    assert await client.delete(deleted.id)

    assert await gateways.line() == f"first cancelled {deleted.id}"
    assert await client.get(deleted.id) is None


async def test_jobs_and_gateways_outlive_an_outage_of_the_database(
    postgres_url: str, postgres_server: PostgresServer, open_jobs_at: OpenJobs
) -> None:
    gate, here = Gate(), Here()
    jobs = await open_jobs_at(postgres_url, {"test": gate, "here": here})
    await open_jobs_at(postgres_url, {"here": here})
    one, other = job(), job("here")
    await jobs.submit(one)
    run = await gate.began.get()
    assert await anext(jobs.events(one.id)) == (0, b"begun")

    postgres_server.stop()
    try:
        await run.append(b"in the dark")
        with pytest.raises(GatewayError) as caught:
            await jobs.get(one.id)
        assert caught.value.kind is STORE_UNAVAILABLE
        gate.open.set()
    finally:
        await asyncio.to_thread(postgres_server.start)

    assert await output(jobs, one.id) == [(0, b"begun"), (1, b"in the dark"), (2, b"done")]
    record = await jobs.get(one.id)
    assert record is not None and (record.state, record.attempt) == ("completed", 1)
    await jobs.submit(other)
    assert await output(jobs, other.id) == [(0, b"here attempt 1")]


async def test_a_task_that_a_gateway_fetched_and_died_with_is_given_back(
    postgres_url: str, open_jobs_at: OpenJobs
) -> None:
    client = await open_jobs_at(postgres_url, {})
    one = job()
    await client.submit(one)
    with psycopg.connect(postgres_url, options="-c search_path=public_procrastinate") as connection:
        left = connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        assert left.rowcount == 1

    await open_jobs_at(postgres_url, Here())

    assert await output(client, one.id) == [(0, b"here attempt 1")]


async def test_the_queue_is_empty_once_all_is_done(postgres_url: str, open_jobs_at: OpenJobs) -> None:
    jobs = await open_jobs_at(postgres_url, Here())
    for one in [job() for _ in range(5)]:
        await jobs.submit(one)
        await output(jobs, one.id)
    await jobs.close()

    with psycopg.connect(postgres_url, options="-c search_path=public_procrastinate") as connection:
        for table in ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers"):
            assert connection.execute(sql.SQL("TABLE {}").format(sql.Identifier(table))).fetchall() == []
