"""What every ledger does, and what those on a database do beside it."""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.ports import LedgerRow, UsageTotal
from dragoman.stores.ledger import SqlLedger, SqlLedgerReader
from dragoman.stores.memory import MemoryLedger
from dragoman.turn import Usage
from tests.postgres import PostgresServer
from tests.stores.calls import reservation, settlement
from tests.stores.conftest import OpenDatabase

AnyLedger = MemoryLedger | SqlLedger
OpenLedger = Callable[..., SqlLedger]


async def test_a_reservation_is_open_until_it_is_settled(ledger: AnyLedger) -> None:
    ledger.reserve(reservation(1))
    await ledger.durable()
    assert await ledger.rows() == [LedgerRow(reservation(1), "open")]

    settled = settlement(1, usage=Usage(10, 20, 3, 4, 5))
    ledger.settle(settled)
    await ledger.durable()
    assert await ledger.rows() == [LedgerRow(reservation(1), "settled", settled)]


async def test_an_estimate_stays_one(ledger: AnyLedger) -> None:
    estimated = Usage(10, 20, estimated=True)
    ledger.reserve(reservation(1))
    ledger.settle(settlement(1, usage=estimated))
    await ledger.durable()
    (row,) = await ledger.rows()
    assert row.settlement is not None and row.settlement.usage == estimated
    (total,) = await ledger.totals()
    assert (total.input_tokens, total.output_tokens) == (10, 20)


async def test_what_calls_cost_is_kept_and_added_up_where_it_is_known(ledger: AnyLedger) -> None:
    for number, usage in enumerate([Usage(1, 2, cost_usd=0.25), Usage(1, 2), Usage(1, 2, cost_usd=0.5)]):
        ledger.reserve(reservation(number))
        ledger.settle(settlement(number, usage=usage))
    await ledger.durable()

    rows = await ledger.rows()
    usages = [row.settlement.usage for row in rows if row.settlement is not None]
    assert [usage.cost_usd for usage in usages if usage is not None] == [0.5, None, 0.25]
    (total,) = await ledger.totals()
    assert total.cost_usd == 0.75


async def test_usage_that_was_not_reported_stays_unknown(ledger: AnyLedger) -> None:
    ledger.reserve(reservation(1))
    ledger.settle(settlement(1, state="failed", status=504, error="idle_timeout"))
    await ledger.durable()

    (row,) = await ledger.rows()
    assert row.settlement is not None
    assert row.settlement.usage is None
    assert (row.state, row.settlement.error) == ("failed", "idle_timeout")


async def test_rows_come_newest_first_and_no_more_than_asked(ledger: AnyLedger) -> None:
    for number in (3, 1, 4, 2):
        ledger.reserve(reservation(number, key_id="key_a" if number % 2 else "key_b"))
    await ledger.durable()

    assert [row.reservation.call_id[-1] for row in await ledger.rows(limit=3)] == ["4", "3", "2"]
    assert [row.reservation.call_id[-1] for row in await ledger.rows(key_id="key_a")] == ["3", "1"]
    assert await ledger.rows(key_id="key_c") == []


async def test_writing_twice_changes_nothing(ledger: AnyLedger) -> None:
    first = settlement(1, usage=Usage(10, 20))
    ledger.reserve(reservation(1))
    ledger.settle(first)
    await ledger.durable()

    ledger.reserve(reservation(1, name="another"))
    ledger.settle(settlement(1, state="failed", status=500, usage=Usage(1000, 1000)))
    ledger.settle(first)
    await ledger.durable()

    assert await ledger.rows() == [LedgerRow(reservation(1), "settled", first)]


async def test_a_call_of_an_agent_names_it_and_its_parent(ledger: AnyLedger) -> None:
    made = replace(reservation(2), agent="assistant", parent=reservation(1).call_id)
    ledger.reserve(reservation(1))
    ledger.reserve(made)
    await ledger.durable()

    assert [row.reservation for row in await ledger.rows()] == [made, reservation(1)]


async def test_totals_are_by_key_and_name_since_a_time(ledger: AnyLedger) -> None:
    calls = [
        (reservation(1, key_id="key_a"), settlement(1, usage=Usage(1, 10))),
        (reservation(2, key_id="key_a"), settlement(2, usage=Usage(2, 20))),
        (reservation(3, key_id="key_a"), settlement(3, state="failed", status=502)),
        (reservation(4, key_id="key_a", name="github"), settlement(4)),
        (reservation(5, key_id="key_b"), settlement(5, state="cancelled", status=499, usage=Usage(4, 40))),
        (reservation(6, key_id="key_b"), None),
    ]
    for reserved, settled in calls:
        ledger.reserve(reserved)
        if settled:
            ledger.settle(settled)
    await ledger.durable()

    assert await ledger.totals() == [
        UsageTotal("key_a", "github", 1, 0, 0, 0),
        UsageTotal("key_a", "gpt-4o-mini", 3, 1, 3, 30),
        UsageTotal("key_b", "gpt-4o-mini", 2, 0, 4, 40),
    ]
    assert await ledger.totals(key_id="key_b", since=1_800_000_006.0) == [
        UsageTotal("key_b", "gpt-4o-mini", 1, 0, 0, 0)
    ]
    assert await ledger.totals(since=1_800_000_007.0) == []


async def test_ten_thousand_calls_add_up_to_the_token(ledger: AnyLedger) -> None:
    shuffle = random.Random(7)
    tokens = [(shuffle.randrange(100_000), shuffle.randrange(10_000)) for _ in range(10_000)]
    for number, (read, written) in enumerate(tokens):
        ledger.reserve(reservation(number, key_id=f"key_{number % 7}", name=f"model-{number % 3}"))
        ledger.settle(settlement(number, usage=Usage(read, written)))
    await ledger.durable()

    totals = await ledger.totals()
    assert len(totals) == 21
    assert sum(total.calls for total in totals) == 10_000
    assert sum(total.input_tokens for total in totals) == sum(read for read, _ in tokens)
    assert sum(total.output_tokens for total in totals) == sum(written for _, written in tokens)
    by_key = [total for key in range(7) for total in await ledger.totals(key_id=f"key_{key}")]
    assert by_key == list(totals)


async def test_text_and_numbers_that_no_database_holds_are_made_storable(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True))
    for number in range(1, 11):
        ledger.reserve(reservation(number, name=f"nul \0, \ud800 and {'x' * 100_000}"))
        ledger.settle(settlement(number, usage=Usage(10**30, -5, 10**18), error="\0"))
    await ledger.durable()

    rows = await ledger.rows()
    assert [row.state for row in rows] == ["settled"] * 10
    assert rows[0].reservation.name == f"nul \ufffd, ? and {'x' * 512}"[:512]
    (total,) = await ledger.totals()
    assert (total.input_tokens, total.output_tokens) == (10 * 10**12, 0)


async def test_a_row_the_database_refuses_does_not_hold_up_the_others(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True))
    with capture_logs() as logs:
        ledger.reserve(reservation(1))
        ledger.settle(settlement(2))  # never reserved
        ledger.settle(settlement(1))
        await ledger.durable()

    assert [row.state for row in await ledger.rows()] == ["settled"]
    assert ledger.refused == 1
    assert [(line["event"], line["call_id"]) for line in logs] == [("ledger.refused", "call_00000002")]


async def test_closing_commits_what_is_queued_and_marks_what_is_open_as_lost(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True), flush_interval=60)
    ledger.reserve(reservation(1))
    ledger.reserve(reservation(2))
    ledger.settle(settlement(2))

    await ledger.close()

    reader = SqlLedgerReader(open_database(store_url))
    assert [row.state for row in await reader.rows()] == ["settled", "lost"]


async def test_a_closed_ledger_takes_nothing_more(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True))
    await ledger.close()

    with pytest.raises(GatewayError) as caught:
        ledger.reserve(reservation(1))
    assert caught.value.kind is STORE_UNAVAILABLE
    with capture_logs() as logs:
        ledger.settle(settlement(1))
    assert ledger.dropped == 1
    assert [line["event"] for line in logs] == ["ledger.settlement_dropped"]


async def test_only_an_owner_books(store_url: str, open_database: OpenDatabase) -> None:
    with pytest.raises(ValueError, match="owner"):
        SqlLedger(open_database(store_url))


async def test_rows_are_written_without_anyone_waiting(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True))
    await ledger.durable()
    for number in range(3):  # asleep, woken, asleep again
        ledger.reserve(reservation(number))
        async with asyncio.timeout(10):
            while len(await ledger.rows()) <= number:
                continue


async def test_what_is_durable_is_seen_by_others(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True, strict=True), flush_interval=60)
    reader = SqlLedgerReader(open_database(store_url))
    assert ledger.strict

    async def call(number: int) -> None:
        ledger.reserve(reservation(number))
        await ledger.durable()
        assert number in {int(row.reservation.call_id[-4:]) for row in await reader.rows(limit=1000)}

    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(call(number))


async def test_a_waiter_that_leaves_disturbs_nobody(
    store_url: str, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True))
    ledger.reserve(reservation(1))
    leaving = asyncio.ensure_future(ledger.durable())
    await asyncio.sleep(0)
    leaving.cancel()
    await ledger.durable()

    assert leaving.cancelled()
    assert len(await ledger.rows()) == 1


class SqliteOutage:
    """Keeps everybody else from writing to the file."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self.end()
        self._connection.close()


class PostgresOutage:
    """Stops the server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def begin(self) -> None:
        self._server.stop()

    def end(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.start()


@pytest.fixture
def outage(
    store_url: str, open_database: OpenDatabase, request: pytest.FixtureRequest
) -> Iterator[SqliteOutage | PostgresOutage]:
    """Begins and ends a time in which the database cannot be written to."""
    open_database(store_url)
    if store_url.startswith("sqlite"):
        outage: SqliteOutage | PostgresOutage = SqliteOutage(store_url)
    else:
        outage = PostgresOutage(request.getfixturevalue("postgres_server"))
    yield outage
    outage.close()


async def test_rows_wait_for_a_database_that_is_down(
    store_url: str, outage: SqliteOutage | PostgresOutage, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True, deadline=0.3))
    ledger.reserve(reservation(0))
    await ledger.durable()

    with capture_logs() as logs:
        outage.begin()
        ledger.settle(settlement(0))
        ledger.reserve(reservation(1))
        while not any(line["event"] == "ledger.unavailable" for line in logs):
            with pytest.raises(GatewayError) as caught:
                await ledger.durable()
            assert caught.value.kind is STORE_UNAVAILABLE
        ledger.settle(settlement(1))
        outage.end()
        await until_durable(ledger)

    assert [row.state for row in await ledger.rows()] == ["settled", "settled"]
    assert [line["event"] for line in logs if line["event"].startswith("ledger")] == [
        "ledger.unavailable",
        "ledger.recovered",
    ]


async def until_durable(ledger: SqlLedger) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await ledger.durable()
            except GatewayError:
                continue
            return


async def test_a_full_queue_refuses_calls_and_still_takes_settlements(
    store_url: str, outage: SqliteOutage | PostgresOutage, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True, deadline=0.3), queue_limit=1000)
    await ledger.durable()
    outage.begin()
    accepted = 0
    with pytest.raises(GatewayError) as caught:
        while accepted < 10_000:
            ledger.reserve(reservation(accepted))
            accepted += 1
    assert caught.value.kind is STORE_UNAVAILABLE
    assert 1000 <= accepted <= 1500  # the writer holds a group in its hands

    with capture_logs() as logs:
        for number in range(accepted):
            ledger.settle(settlement(number))
    assert ledger.queued <= 2000
    assert any(line["event"] == "ledger.settlement_dropped" for line in logs) == (ledger.dropped > 0)

    outage.end()
    await until_durable(ledger)
    totals = await ledger.totals()
    states = [row.state for row in await ledger.rows(limit=10_000)]
    assert sum(total.calls for total in totals) == accepted
    assert states.count("open") == ledger.dropped


async def test_closing_during_an_outage_says_what_is_left_behind(
    store_url: str, outage: SqliteOutage | PostgresOutage, open_database: OpenDatabase, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(open_database(store_url, owner=True, deadline=0.2))
    await ledger.durable()
    outage.begin()
    with capture_logs() as logs:
        ledger.reserve(reservation(1))
        ledger.settle(settlement(1))
        await ledger.close()

    assert sum(line["rows"] for line in logs if line["event"] == "ledger.abandoned") == 2


def test_the_queries_of_pages_and_totals_use_their_indexes(sqlite_url: str, open_database: OpenDatabase) -> None:
    open_database(sqlite_url)
    page = "SELECT * FROM reservations r LEFT JOIN settlements s ON s.call_id = r.call_id {} LIMIT 50"
    order = "ORDER BY r.reserved_at DESC, r.call_id DESC"
    with closing(sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:///")))) as connection:
        for where in ("", "WHERE r.key_id = 'key_a'", "WHERE r.reserved_at >= 5"):
            plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + page.format(f"{where} {order}"))]
            assert "USING INDEX ix_reservations" in plan[0]
            assert not any("TEMP B-TREE" in step for step in plan)
