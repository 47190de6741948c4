"""A lane keeps its deadline and its bound, whatever the query does."""

import asyncio
import threading

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.lane import Lane
from tests.stores.conftest import OpenDatabase

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


def endless(connection: Connection) -> None:
    connection.exec_driver_sql(ENDLESS[connection.dialect.name])


def one(connection: Connection) -> object:
    return connection.exec_driver_sql("SELECT 1").scalar()


async def test_an_endless_query_is_given_up_and_frees_its_thread(store_url: str, open_database: OpenDatabase) -> None:
    lane = open_database(store_url, deadline=0.3).lane("test", threads=1)
    with capture_logs() as logs:
        with pytest.raises(GatewayError) as caught:
            await lane.run(endless)
        assert caught.value.kind is STORE_UNAVAILABLE
        async with asyncio.timeout(20):
            while True:  # the thread may need a moment longer than its caller
                try:
                    assert await lane.run(one) == 1
                except GatewayError:
                    continue
                break

    assert [line["event"] for line in logs] == ["store.unavailable", "store.recovered"]


async def test_more_than_may_wait_are_refused_at_once(sqlite_url: str, open_database: OpenDatabase) -> None:
    database = open_database(sqlite_url)
    lane = Lane(database.engine, "test", threads=1, deadline=20.0, waiting=2)
    gate = threading.Event()

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(lane.run(lambda _: gate.wait(20))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(GatewayError) as caught:
            await lane.run(one)
        assert caught.value.kind is STORE_UNAVAILABLE
        gate.set()

    assert [task.result() for task in running] == [True] * 3
    assert await lane.run(one) == 1
    lane.close()


async def test_a_query_whose_caller_left_before_its_turn_is_never_run(
    sqlite_url: str, open_database: OpenDatabase
) -> None:
    lane = open_database(sqlite_url).lane("test", threads=1)
    gate = threading.Event()
    ran: list[str] = []
    first = asyncio.ensure_future(lane.run(lambda _: gate.wait(20)))
    second = asyncio.ensure_future(lane.run(lambda _: ran.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await asyncio.sleep(0)
    gate.set()
    await first

    assert await lane.run(one) == 1
    assert ran == []


async def test_a_cancellation_that_comes_together_with_a_result_is_not_lost(
    sqlite_url: str, open_database: OpenDatabase
) -> None:
    lane = open_database(sqlite_url).lane("test", threads=1)
    done = threading.Event()
    first = asyncio.ensure_future(lane.run(one))
    second = asyncio.ensure_future(lane.run(lambda _: done.set()))
    await asyncio.sleep(0)
    done.wait(20)  # in the loop's own thread: the first result has come, and nobody has it yet
    await asyncio.sleep(0)

    first.cancel()

    with pytest.raises(asyncio.CancelledError):
        await first
    await second


async def test_what_fails_is_rolled_back(store_url: str, open_database: OpenDatabase) -> None:
    lane = open_database(store_url).lane("test", threads=1)

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO instances (id, started_at, open_since) VALUES ('x', 1, 1)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await lane.run(fail, write=True)

    count = await lane.run(lambda connection: connection.exec_driver_sql("SELECT count(*) FROM instances").scalar())
    assert count == 0


async def test_a_closed_lane_is_unavailable(sqlite_url: str, open_database: OpenDatabase) -> None:
    lane = open_database(sqlite_url).lane("test", threads=1)
    lane.close()

    with pytest.raises(GatewayError) as caught:
        await lane.run(one)
    assert caught.value.kind is STORE_UNAVAILABLE


async def test_a_cancellation_that_comes_together_with_the_result_is_heeded(
    sqlite_url: str, open_database: OpenDatabase
) -> None:
    lane = Lane(open_database(sqlite_url).engine, "test", threads=1, deadline=20.0, waiting=2)
    task = asyncio.get_running_loop().create_task(lane.run(one))
    await asyncio.sleep(0)
    # The only thread takes this up once the result of the query is on its way to the loop.
    lane._executor.submit(lambda: None).result(20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    lane.close()
