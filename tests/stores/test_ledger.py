"""What every ledger does, and what those on a database do beside it."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.ports import LedgerRow, Reservation, Settlement, UsageTotal
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
    assert await ledger.totals(key_id="key_b", since=1_800_000_006.0) == [UsageTotal("key_b", "gpt-4o-mini", 1, 0, 0, 0)]
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
    assert sum(total.output_tokens for total in totals) == sum(written for _, written in totals_of(tokens))
    by_key = [total for key in range(7) for total in await ledger.totals(key_id=f"key_{key}")]
    assert by_key == list(totals)


def totals_of(tokens: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return tokens
