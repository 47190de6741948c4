"""What survives a gateway that dies, and what becomes of the calls it left open."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from dragoman.errors import GatewayError
from dragoman.stores.bookkeeper import Bookkeeper
from dragoman.stores.database import Database
from dragoman.stores.ledger import SqlLedger, SqlLedgerReader
from dragoman.stores.schema import instances
from tests.stores.calls import reservation, settlement
from tests.stores.conftest import OpenDatabase
from tests.stores.victim import USAGE, stays_open

OpenLedger = Callable[..., SqlLedger]


def bookkeeper(database: Database) -> Bookkeeper:
    assert database.ownership is not None
    return Bookkeeper(database.ownership, database.engine.dialect, database.now, database.deadline)


async def states(database: Database) -> Sequence[str]:
    """Of all calls, oldest first."""
    return [row.state for row in await SqlLedgerReader(database).rows(limit=10_000)][::-1]


async def test_what_a_dead_gateway_left_open_is_lost_at_the_next_start(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    dying = open_database(store_url, owner=True)
    bookkeeper(dying).book([reservation(1), reservation(2), settlement(2), reservation(3)])
    dying.close()

    with capture_logs() as logs:
        database = open_database(store_url, owner=True)
        ledger = open_ledger(database)
        ledger.reserve(reservation(4))
        await ledger.durable()

    assert await states(database) == ["lost", "settled", "lost", "open"]
    assert [line["calls"] for line in logs if line["event"] == "ledger.lost"] == [2]
    (total,) = await ledger.totals()
    assert (total.calls, total.failed, total.input_tokens) == (4, 0, 0)


async def test_a_gateway_that_closed_in_order_is_not_looked_at_again(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    for number in range(3):
        database = open_database(store_url, owner=True)
        ledger = open_ledger(database)
        ledger.reserve(reservation(number))
        await ledger.close()
        database.close()

    with open_database(store_url).engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM instances WHERE ended_at IS NULL").scalar() == 0


@pytest.mark.postgres
async def test_a_start_leaves_the_calls_of_a_living_gateway_alone(
    postgres_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    first = open_database(postgres_url, owner=True)
    living = open_ledger(first)
    living.reserve(reservation(1))
    await living.durable()

    for number in range(2, 5):
        database = open_database(postgres_url, owner=True)
        bookkeeper(database).sweep_dead()
        bookkeeper(database).book([reservation(number)])
        assert await states(database) == ["open", *["lost"] * (number - 2), "open"]
        database.close()

    living.settle(settlement(1))
    await living.durable()
    assert (await states(first))[0] == "settled"


@pytest.mark.postgres
async def test_a_gateway_that_dies_later_is_found_by_those_that_live(
    postgres_url: str, open_database: OpenDatabase
) -> None:
    dying, living = open_database(postgres_url, owner=True), open_database(postgres_url, owner=True)
    bookkeeper(dying).book([reservation(1)])
    survivor = bookkeeper(living)
    survivor.pulse()
    assert await states(living) == ["open"]

    dying.close()
    survivor.pulse()

    assert await states(living) == ["lost"]


@pytest.mark.postgres
async def test_a_gateway_taken_for_dead_has_the_last_word(postgres_url: str, open_database: OpenDatabase) -> None:
    cut_off, other = open_database(postgres_url, owner=True), open_database(postgres_url, owner=True)
    first, second = bookkeeper(cut_off), bookkeeper(other)
    first.book([reservation(1), reservation(2)])
    with other.engine.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1"
        )
    second.sweep_dead()
    assert await states(other) == ["lost", "lost"]

    with pytest.raises(GatewayError):
        first.book([settlement(1, usage=USAGE)])  # the session is gone
    first.book([settlement(1, usage=USAGE)])  # on a new one
    first.book([reservation(3)])
    second.sweep_dead()
    assert await states(other) == ["settled", "lost", "open"]

    cut_off.close()
    second.sweep_dead()
    assert await states(other) == ["settled", "lost", "lost"]


async def test_a_call_that_runs_for_long_is_lost_too(store_url: str, open_database: OpenDatabase) -> None:
    dying = open_database(store_url, owner=True)
    books = bookkeeper(dying)
    books.book([reservation(0)])
    for number in range(10_000, 10_005):
        books.book([reservation(number), settlement(number)])
        books.pulse()
    dying.close()

    database = open_database(store_url, owner=True)
    bookkeeper(database).sweep_dead()
    assert await states(database) == ["lost"] + ["settled"] * 5


async def test_the_search_for_lost_calls_begins_at_the_oldest_open_one(
    store_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(store_url, owner=True)
    books = bookkeeper(database)

    def open_since() -> float:
        with database.engine.connect() as connection:
            return float(connection.execute(select(instances.c.open_since)).scalar_one())

    for number in (10_001, 10_002, 10_003):
        books.book([reservation(number)])
    books.book([settlement(10_001)])
    books.pulse()
    assert open_since() == reservation(10_002).reserved_at

    books.book([settlement(10_002), settlement(10_003)])
    books.pulse()
    assert open_since() == reservation(10_003).reserved_at


class Victims:
    """Gateways that book until they are killed."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.stores.victim"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, url: str, first: int, commits: int) -> int:
        """Starts one, kills it after so many commits, and returns up to where it said all was committed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{url} {first}\n")
        self._process.stdin.flush()
        victim = int(self._process.stdout.readline())
        committed = 0
        for _ in range(commits):
            committed = int(self._process.stdout.readline())
        os.kill(victim, signal.SIGKILL)
        while (line := self._process.stdout.readline()) != "dead\n":
            committed = int(line)
        return committed

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture
def victims() -> Iterator[Victims]:
    victims = Victims()
    yield victims
    victims.close()


async def test_a_killed_gateway_loses_nothing_that_was_committed(
    store_url: str, open_database: OpenDatabase, victims: Victims
) -> None:
    open_database(store_url).close()
    kills = 20 if store_url.startswith("sqlite") else 5
    chance = random.Random(kills)
    for kill in range(kills):
        first = kill * 1_000_000
        committed = victims.run(store_url, first, chance.randrange(1, 12))

        database = open_database(store_url, owner=True)
        books = bookkeeper(database)
        reader = SqlLedgerReader(database)
        async with asyncio.timeout(20):
            while True:  # PostgreSQL takes a moment to notice the death
                books.sweep_dead()
                newest = (await reader.rows(limit=10_000))[::-1]
                rows = [row for row in newest if row.reservation.reserved_at >= reservation(first).reserved_at]
                if not any(row.state == "open" for row in rows):
                    break
        numbers = [int(row.reservation.call_id.removeprefix("call_")) for row in rows]

        assert numbers == list(range(first, first + len(rows)))  # in order, and none missing in between
        assert len(rows) >= committed - first
        for number, row in zip(numbers[:-1], rows, strict=False):
            assert row.state == ("lost" if stays_open(number) else "settled")
        assert rows[-1].state in ("lost", "settled")
        if store_url.startswith("sqlite"):
            with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
