"""What every engine of jobs does."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from dragoman.errors import IDLE_TIMEOUT, OVERLOADED, GatewayError
from dragoman.ports import JobRun
from dragoman.stores.jobs.table import ATTEMPTS
from dragoman.stores.schema import jobs as jobs_table
from tests.stores.conftest import OpenDatabase
from tests.stores.jobs.conftest import OpenJobs
from tests.stores.jobs.engines import Gate, job, output

EVERY_BYTE = bytes(range(256))


async def echo(run: JobRun) -> None:
    for part in run.payload.split():
        await run.append(part)


async def test_a_job_runs_and_its_record_tells_how_it_went(open_jobs: OpenJobs) -> None:
    jobs = await open_jobs(echo)
    one = job(payload=b"a b c", owner="key_7")
    await jobs.submit(one)

    assert await output(jobs, one.id) == [(0, b"a"), (1, b"b"), (2, b"c")]

    record = await jobs.get(one.id)
    assert record is not None
    assert (record.id, record.kind, record.owner, record.idempotent) == (one.id, "test", "key_7", False)
    assert (record.state, record.attempt, record.recorded) == ("completed", 1, 3)
    assert (record.error_code, record.error_message) == ("", "")
    assert record.started_at is not None and record.ended_at is not None
    assert record.created_at < record.started_at < record.ended_at
    assert await jobs.payload(one.id) == b"a b c"


async def test_payload_and_output_are_bytes_of_any_kind_and_size(open_jobs: OpenJobs) -> None:
    big = EVERY_BYTE * 2500

    async def worker(run: JobRun) -> None:
        for _ in range(6):
            await run.append(run.payload)
        await run.append(b"")

    jobs = await open_jobs(worker)
    one = job(payload=big)
    await jobs.submit(one)

    assert await output(jobs, one.id) == [*((number, big) for number in range(6)), (6, b"")]


async def test_an_unknown_job_is_none_and_has_no_output(open_jobs: OpenJobs) -> None:
    jobs = await open_jobs(echo)

    assert await jobs.get("job_\0") is None
    assert await jobs.payload("job_x") is None
    assert await jobs.cancel("job_x") is None
    assert await output(jobs, "job_x") == []
    assert not await jobs.delete("job_x")


async def test_output_can_be_followed_from_any_number_while_it_comes(open_jobs: OpenJobs) -> None:
    gate = Gate()
    jobs = await open_jobs(gate)
    one = job()
    await jobs.submit(one)
    early = asyncio.ensure_future(output(jobs, one.id))
    await gate.began.get()
    late = asyncio.ensure_future(output(jobs, one.id, after=0))
    events = jobs.events(one.id)
    assert await anext(events) == (0, b"begun")
    gate.open.set()

    assert await early == [(0, b"begun"), (1, b"done")]
    assert await late == [(1, b"done")]
    assert [event async for event in events] == [(1, b"done")]
    assert await output(jobs, one.id, after=1) == []
    assert await output(jobs, one.id, after=100) == []


async def test_a_follower_that_leaves_early_is_forgotten(open_jobs: OpenJobs) -> None:
    gate = Gate()
    jobs = await open_jobs(gate)
    one = job()
    await jobs.submit(one)
    events = jobs.events(one.id)
    await anext(events)
    assert jobs.followed() == [one.id]

    await events.aclose()

    assert jobs.followed() == []


async def test_a_worker_that_raises_fails_its_job_with_what_it_raised(open_jobs: OpenJobs) -> None:
    async def worker(run: JobRun) -> None:
        await run.append(b"so far")
        if run.payload == b"known":
            raise GatewayError(IDLE_TIMEOUT, "The upstream fell silent.")
        raise KeyError("unforeseen")

    jobs = await open_jobs(worker)
    known, unforeseen = job(payload=b"known"), job(payload=b"unforeseen")
    with capture_logs() as logs:
        for one in (known, unforeseen):
            await jobs.submit(one)
            assert await output(jobs, one.id) == [(0, b"so far")]

    first, second = await jobs.get(known.id), await jobs.get(unforeseen.id)
    assert first is not None and second is not None
    assert (first.state, first.error_code, first.error_message) == (
        "failed", "idle_timeout", "The upstream fell silent.",
    )  # fmt: skip
    assert (second.state, second.error_code) == ("failed", "internal_error")
    assert unforeseen.id in second.error_message and "KeyError" not in second.error_message
    assert [(line["event"], line["job_id"]) for line in logs] == [("job.failed", unforeseen.id)]


async def test_jobs_begin_in_the_order_they_were_submitted(open_jobs: OpenJobs) -> None:
    begun: list[str] = []

    async def worker(run: JobRun) -> None:
        begun.append(run.id)

    gate = Gate()
    jobs = await open_jobs({"test": worker, "gate": gate}, max_concurrency=1)
    await jobs.submit(job("gate"))
    await gate.began.get()
    submitted = [job() for _ in range(10)]
    for one in reversed(submitted):
        await jobs.submit(one)
    gate.open.set()
    for one in submitted:
        await output(jobs, one.id)

    assert begun == [one.id for one in reversed(submitted)]


async def test_two_hundred_jobs_run_once_each_and_no_more_than_allowed_at_a_time(open_jobs: OpenJobs) -> None:
    ran: Counter[str] = Counter()
    running = 0
    most = 0

    async def worker(run: JobRun) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        ran[run.id] += 1
        await run.append(b"x")
        await asyncio.sleep(0)
        running -= 1

    jobs = await open_jobs(worker, max_concurrency=4)
    submitted = [job() for _ in range(200)]
    for one in submitted:
        await jobs.submit(one)
    for one in submitted:
        assert await output(jobs, one.id) == [(0, b"x")]

    assert ran == {one.id: 1 for one in submitted}
    assert most <= 4


async def test_a_full_queue_refuses_more(open_jobs: OpenJobs) -> None:
    gate = Gate()
    jobs = await open_jobs(gate, max_concurrency=1, max_queue=2)
    await jobs.submit(job())
    await gate.began.get()
    waiting = [job(), job()]
    for one in waiting:
        await jobs.submit(one)

    refused = job()
    with pytest.raises(GatewayError) as caught:
        await jobs.submit(refused)

    assert caught.value.kind is OVERLOADED
    assert await jobs.get(refused.id) is None
    await jobs.submit(waiting[0])  # has its place already


async def test_submitting_an_id_again_changes_nothing(open_jobs: OpenJobs) -> None:
    ran: list[bytes] = []

    async def worker(run: JobRun) -> None:
        ran.append(run.payload)

    jobs = await open_jobs(worker)
    one = job(payload=b"1")
    await asyncio.gather(*(jobs.submit(one) for _ in range(5)))
    await output(jobs, one.id)
    await jobs.submit(one)
    last = job(payload=b"2")
    await jobs.submit(last)
    await output(jobs, last.id)

    assert ran == [b"1", b"2"]


async def test_jobs_without_a_worker_here_stay_queued(open_jobs: OpenJobs) -> None:
    jobs = await open_jobs(echo)
    foreign, ours = job("foreign"), job()
    await jobs.submit(foreign)
    await jobs.submit(ours)
    await output(jobs, ours.id)

    record = await jobs.get(foreign.id)
    assert record is not None and (record.state, record.attempt, record.started_at) == ("queued", 0, None)


async def test_a_queued_job_is_cancelled_at_once_and_never_runs(open_jobs: OpenJobs) -> None:
    gate = Gate()
    jobs = await open_jobs(gate, max_concurrency=1)
    first, second, third = job(), job(), job()
    for one in (first, second, third):
        await jobs.submit(one)
    await gate.began.get()

    record = await jobs.cancel(second.id)

    assert record is not None and (record.state, record.attempt) == ("cancelled", 0)
    assert await output(jobs, second.id) == []
    gate.open.set()
    await output(jobs, third.id)
    assert (await gate.began.get()).id == third.id


async def test_a_running_job_is_cancelled_and_may_say_its_last(open_jobs: OpenJobs) -> None:
    gate = Gate()
    jobs = await open_jobs(gate)
    one = job()
    await jobs.submit(one)
    run = await gate.began.get()

    record = await jobs.cancel(one.id)

    assert record is not None and (record.state, record.error_code) == ("cancelled", "")
    assert record.ended_at is not None
    assert gate.cancelled == [run] and run.cancelled
    assert await output(jobs, one.id) == [(0, b"begun"), (1, b"cut off")]
    assert await jobs.cancel(one.id) == record


async def test_a_job_that_has_ended_is_not_cancelled_any_more(open_jobs: OpenJobs) -> None:
    jobs = await open_jobs(echo)
    one = job()
    await jobs.submit(one)
    await output(jobs, one.id)

    record = await jobs.cancel(one.id)

    assert record is not None and record.state == "completed"


async def test_a_worker_that_ignores_its_end_does_not_keep_the_job_from_ending(open_jobs: OpenJobs) -> None:
    gate = Gate()
    refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def worker(run: JobRun) -> None:
        gate.began.put_nowait(run)
        while not gate.open.is_set():
            try:
                await gate.open.wait()
            except asyncio.CancelledError:
                continue
        try:
            await run.append(b"too late")
        except GatewayError as error:
            refused.set_result(error.message)

    jobs = await open_jobs(worker, wind_up=0.05)
    one = job()
    await jobs.submit(one)
    await gate.began.get()

    with capture_logs() as logs:
        record = await jobs.cancel(one.id)

    assert record is not None and record.state == "cancelled"
    assert [line["event"] for line in logs] == ["job.does_not_end"]
    gate.open.set()
    assert "no longer run" in await refused
    assert await output(jobs, one.id) == []


async def test_a_drain_lets_what_runs_go_on_and_begins_nothing(
    open_jobs: OpenJobs, store_url: str, open_database: OpenDatabase
) -> None:
    gate = Gate()
    database = open_database(store_url, owner=True)
    jobs = await open_jobs(gate, database)
    running, queued = job(), job()
    await jobs.submit(running)
    await gate.began.get()

    jobs.begin_drain()
    await jobs.submit(queued)
    gate.open.set()

    assert await output(jobs, running.id) == [(0, b"begun"), (1, b"done")]
    await jobs.close()
    record = await jobs.get(queued.id)
    assert record is not None and record.state == "queued"
    jobs = await open_jobs(gate, database)
    assert await output(jobs, queued.id) == [(0, b"begun"), (1, b"done")]


async def test_a_run_that_nobody_knows_of_is_ended(
    open_jobs: OpenJobs, store_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(store_url, owner=True)
    jobs = await open_jobs(echo, database)
    one = job("foreign")
    await jobs.submit(one)
    with database.engine.begin() as connection:  # as after a claim whose commit was not heard of
        connection.execute(update(jobs_table).values(state="running", attempt=1, lease_until=0))

    assert await output(jobs, one.id) == []

    record = await jobs.get(one.id)
    assert record is not None and (record.state, record.error_code) == ("failed", "server_error")


async def test_closing_fails_what_runs_and_keeps_its_output_and_what_is_queued(
    open_jobs: OpenJobs, store_url: str, open_database: OpenDatabase
) -> None:
    gate = Gate()
    database = open_database(store_url, owner=True)
    jobs = await open_jobs(gate, database, max_concurrency=1)
    running, queued = job(), job()
    await jobs.submit(running)
    await jobs.submit(queued)
    run = await gate.began.get()

    await jobs.close()

    assert gate.cancelled == [run] and not run.cancelled
    gate.open.set()
    jobs = await open_jobs(gate, database)
    assert await output(jobs, running.id) == [(0, b"begun"), (1, b"cut off")]
    record = await jobs.get(running.id)
    assert record is not None
    assert (record.state, record.error_code, record.attempt) == ("failed", "shutting_down", 1)
    assert await output(jobs, queued.id) == [(0, b"begun"), (1, b"done")]


async def test_closing_queues_what_may_run_again_and_its_output_goes_on(
    open_jobs: OpenJobs, store_url: str, open_database: OpenDatabase
) -> None:
    gate = Gate()
    database = open_database(store_url, owner=True)
    jobs = await open_jobs(gate, database)
    one = job(idempotent=True)
    await jobs.submit(one)
    await gate.began.get()
    await jobs.close()
    gate.open.set()

    jobs = await open_jobs(gate, database)

    assert await output(jobs, one.id) == [(0, b"begun"), (1, b"cut off"), (2, b"begun"), (3, b"done")]
    again = await gate.began.get()
    assert again.attempt == 2
    record = await jobs.get(one.id)
    assert record is not None and (record.state, record.attempt) == ("completed", 2)


async def test_a_job_is_not_run_again_without_end(
    open_jobs: OpenJobs, store_url: str, open_database: OpenDatabase
) -> None:
    gate = Gate()
    database = open_database(store_url, owner=True)
    one = job(idempotent=True)
    for attempt in range(1, ATTEMPTS + 1):
        jobs = await open_jobs(gate, database)
        await jobs.submit(one)
        assert (await gate.began.get()).attempt == attempt
        await jobs.close()

    jobs = await open_jobs(gate, database)

    record = await jobs.get(one.id)
    assert record is not None and (record.state, record.attempt) == ("failed", ATTEMPTS)


async def test_a_run_that_is_past_can_neither_add_to_the_output_nor_end_the_job(
    open_jobs: OpenJobs, store_url: str, open_database: OpenDatabase
) -> None:
    gate = Gate()
    database = open_database(store_url, owner=True)
    jobs = await open_jobs(gate, database)
    one = job()
    await jobs.submit(one)
    run = await gate.began.get()
    assert await anext(jobs.events(one.id)) == (0, b"begun")
    with database.engine.begin() as connection:  # as if another gateway had taken it for dead
        connection.execute(update(jobs_table).values(attempt=2, lease_until=2e12))
    gate.open.set()
    with pytest.raises(GatewayError, match="no longer run here"):
        while True:
            await run.append(b"a word from the dead")
            await asyncio.sleep(0)
    await jobs.close()

    record = await jobs.get(one.id)
    assert record is not None and (record.state, record.attempt, record.recorded) == ("running", 2, 1)


async def test_a_job_that_has_ended_can_be_forgotten(open_jobs: OpenJobs) -> None:
    jobs = await open_jobs(echo)
    one = job(payload=b"a b")
    await jobs.submit(one)
    await output(jobs, one.id)

    assert await jobs.delete(one.id)

    assert await jobs.get(one.id) is None
    assert await jobs.payload(one.id) is None
    assert await output(jobs, one.id) == []
    assert not await jobs.delete(one.id)


async def test_a_running_job_that_is_deleted_is_ended_and_leaves_nothing(open_jobs: OpenJobs) -> None:
    gate = Gate()
    left: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def worker(run: JobRun) -> None:
        try:
            await gate(run)
        finally:
            left.set_result(run.cancelled)

    jobs = await open_jobs(worker)
    one = job()
    await jobs.submit(one)
    await gate.began.get()
    follower = asyncio.ensure_future(output(jobs, one.id))

    assert await jobs.delete(one.id)

    assert await left
    assert (await follower)[1:] == []
    assert await jobs.get(one.id) is None


async def test_lists_have_the_newest_first_in_pages_by_owner_and_kind(open_jobs: OpenJobs) -> None:
    jobs = await open_jobs(echo, max_queue=100)
    submitted = [job("ab"[number % 2], owner=f"key_{number % 3}") for number in range(12)]
    for one in submitted:
        await jobs.submit(one)
    newest = [one.id for one in reversed(submitted)]

    assert [record.id for record in await jobs.list()] == newest
    assert [record.id for record in await jobs.list(limit=5)] == newest[:5]
    assert [record.id for record in await jobs.list(limit=5, after=newest[4])] == newest[5:10]
    assert [record.id for record in await jobs.list(owner="key_1")] == newest[1::3]
    assert {record.kind for record in await jobs.list(kind="a")} == {"a"}
    assert len(await jobs.list(owner="key_0", kind="b")) == 2
    assert await jobs.list(after="job_x") == []
    assert await jobs.list(owner="key_9") == []


async def test_a_list_may_be_of_what_has_not_ended(open_jobs: OpenJobs) -> None:
    jobs = await open_jobs({"test": echo, "gate": Gate()}, max_concurrency=1)
    running, ended, waiting = job("gate"), job(), job()
    await jobs.submit(ended)
    await output(jobs, ended.id)
    for one in (running, waiting):
        await jobs.submit(one)

    assert [record.id for record in await jobs.list(active=True)] == [waiting.id, running.id]
    assert [record.id for record in await jobs.list(active=True, kind="gate")] == [running.id]
    for one in (running, waiting):
        await jobs.delete(one.id)
    assert await jobs.list(active=True) == []


async def test_jobs_that_ended_long_ago_expire_and_others_do_not(open_jobs: OpenJobs) -> None:
    gate = Gate()
    jobs = await open_jobs({"test": echo, "gate": gate})
    held = job("gate")
    await jobs.submit(held)
    old = [job(payload=b"a b") for _ in range(25)]
    for one in old:
        await jobs.submit(one)
        await output(jobs, one.id)
    late = job()
    await jobs.submit(late)
    await output(jobs, late.id)
    record = await jobs.get(late.id)
    assert record is not None and record.ended_at is not None

    assert await jobs.expire(record.ended_at) == 25
    assert await jobs.expire(record.ended_at) == 0

    assert {record.id for record in await jobs.list()} == {late.id, held.id}
