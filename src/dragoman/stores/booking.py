"""How ledger rows are written to the tables and read back; what runs when is `ledger.py`'s part."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Dialect,
    Insert,
    Row,
    case,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from dragoman.ports import LedgerRow, Reservation, Settlement, UsageTotal
from dragoman.stores.schema import instances, reservations, settlements
from dragoman.stores.text import storable
from dragoman.turn import Usage

MAX_TOKENS: Final = 10**12
"""No call uses more; an upstream that claims so must not overflow the sums of those that tell the truth."""

_CLOCK_SLACK: Final = 3600.0  # seconds the wall clock may be set back without a lost call being missed
_MAX_MS: Final = 2**53
_BOTH: Final = reservations.outerjoin(settlements, settlements.c.call_id == reservations.c.call_id)
_UNREPORTED: Final = (None,) * 6


def _once(new: sqlite.Insert | postgresql.Insert) -> Insert:
    return new.on_conflict_do_nothing()


def _once_or_found(new: sqlite.Insert | postgresql.Insert) -> Insert:
    # `lost` is a presumption about a gateway that seemed dead: its own word goes before it.
    return new.on_conflict_do_update(
        index_elements=["call_id"],
        set_={column.name: column for column in new.excluded if column.name != "call_id"},
        where=settlements.c.state == literal_column("'lost'"),
    )


class Booking:
    """The two statements of the hot path, compiled once: SQLAlchemy would cost as much again per row."""

    def __init__(self, dialect: Dialect) -> None:
        new = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
        self._reserve = str(_once(new(reservations)).compile(dialect=dialect))
        self._settle = str(_once_or_found(new(settlements)).compile(dialect=dialect))

    def book(self, connection: Connection, instance: int, rows: Sequence[Reservation | Settlement]) -> None:
        """Writes rows; one that is there already stays as it is."""
        reserved = [_render_reservation(row, instance) for row in rows if isinstance(row, Reservation)]
        settled = [_render_settlement(row) for row in rows if isinstance(row, Settlement)]
        if reserved:
            connection.exec_driver_sql(self._reserve, reserved)
        if settled:
            connection.exec_driver_sql(self._settle, settled)


def unfinished(connection: Connection) -> Sequence[int]:
    """The instances of which something may still be open."""
    return connection.scalars(select(instances.c.seq).where(instances.c.ended_at.is_(None))).all()


def sweep(connection: Connection, instance: int, now: float) -> int:
    """Marks every open call of an instance lost, and the instance ended; returns how many there were."""
    open_since = connection.scalar(select(instances.c.open_since).where(instances.c.seq == instance)) or 0.0
    lost: dict[str, str | int | float] = {"state": "lost", "status": 0, "settled_at": now, "duration_ms": 0}
    lost |= {"upstream": "", "model": "", "error": ""}
    open_calls = select(reservations.c.call_id, *(literal(value) for value in lost.values())).where(
        reservations.c.reserved_at >= open_since - _CLOCK_SLACK,
        reservations.c.instance == instance,
        ~exists().where(settlements.c.call_id == reservations.c.call_id),
    )
    mark = insert(settlements).from_select(["call_id", *lost], open_calls)
    marked = connection.execute(mark.execution_options(preserve_rowcount=True))
    connection.execute(update(instances).where(instances.c.seq == instance).values(ended_at=now))
    return marked.rowcount


def advance(connection: Connection, instance: int, open_since: float) -> None:
    """Notes that nothing the instance reserved before `open_since` is open any more."""
    connection.execute(update(instances).where(instances.c.seq == instance).values(open_since=open_since))


def read_rows(connection: Connection, limit: int, key_id: str | None) -> list[LedgerRow]:
    """The newest rows first."""
    statement = (
        select(reservations, *(column.label(f"s_{column.name}") for column in settlements.columns))
        .select_from(_BOTH)
        .where(true() if key_id is None else reservations.c.key_id == storable(key_id))
        .order_by(reservations.c.reserved_at.desc(), reservations.c.call_id.desc())
        .limit(limit)
    )
    return [_parse(row) for row in connection.execute(statement)]


def read_totals(connection: Connection, since: float, key_id: str | None) -> list[UsageTotal]:
    """Sums by key and name over the calls reserved at `since` or later."""
    # Fenced off, or SQLite walks the whole table by key to spare itself the grouping of a few rows.
    calls = (
        select(reservations.c.call_id, reservations.c.key_id, reservations.c.name)
        .where(reservations.c.reserved_at >= since)
        .where(true() if key_id is None else reservations.c.key_id == storable(key_id))
        .cte("calls")
        .prefix_with("MATERIALIZED")
    )
    statement = (
        select(
            calls.c.key_id,
            calls.c.name,
            func.count(),
            func.coalesce(func.sum(case((settlements.c.state == "failed", 1), else_=0)), 0),
            func.coalesce(func.sum(settlements.c.input_tokens), 0),
            func.coalesce(func.sum(settlements.c.output_tokens), 0),
            func.sum(settlements.c.cost_usd),
        )
        .select_from(calls.outerjoin(settlements, settlements.c.call_id == calls.c.call_id))
        .group_by(calls.c.key_id, calls.c.name)
        .order_by(calls.c.key_id, calls.c.name)
    )
    return [
        UsageTotal(key, name, calls, int(failed), int(input_tokens), int(output_tokens), cost)
        for key, name, calls, failed, input_tokens, output_tokens, cost in connection.execute(statement)
    ]


def _render_reservation(row: Reservation, instance: int) -> tuple[str | int | float, ...]:
    """In the order of the table's columns."""
    return (
        storable(row.call_id),
        instance,
        storable(row.request_id),
        storable(row.key_id),
        row.kind,
        storable(row.name),
        storable(row.upstream),
        row.reserved_at,
        storable(row.agent),
        storable(row.parent),
    )


def _render_settlement(row: Settlement) -> tuple[str | int | float | None, ...]:
    """In the order of the table's columns."""
    first = row.first_token_ms
    return (
        storable(row.call_id),
        row.state,
        row.status,
        row.settled_at,
        min(row.duration_ms, _MAX_MS),
        None if first is None else min(first, _MAX_MS),
        storable(row.upstream),
        storable(row.model),
        storable(row.error),
        *_render_usage(row.usage),
    )


def _render_usage(usage: Usage | None) -> tuple[int | float | None, ...]:
    if usage is None:
        return _UNREPORTED
    counts: tuple[int, ...] = (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )
    if usage.estimated:
        return *(min(count, MAX_TOKENS) for count in counts[:2]), None, None, None, usage.cost_usd
    if min(counts) < 0 or max(counts) > MAX_TOKENS:
        counts = tuple(max(0, min(count, MAX_TOKENS)) for count in counts)
    return *counts, usage.cost_usd


def _parse(row: Row[tuple[Any, ...]]) -> LedgerRow:
    reservation = Reservation(
        row.call_id,
        row.request_id,
        row.key_id,
        row.kind,
        row.name,
        row.upstream,
        row.reserved_at,
        row.agent,
        row.parent,
    )
    if row.s_state is None or row.s_state == "lost":
        return LedgerRow(reservation, "open" if row.s_state is None else "lost")
    usage = None
    if row.s_input_tokens is not None and row.s_cached_tokens is None:
        usage = Usage(row.s_input_tokens, row.s_output_tokens, estimated=True, cost_usd=row.s_cost_usd)
    elif row.s_input_tokens is not None:
        usage = Usage(
            input_tokens=row.s_input_tokens,
            output_tokens=row.s_output_tokens,
            cached_tokens=row.s_cached_tokens,
            cache_write_tokens=row.s_cache_write_tokens,
            reasoning_tokens=row.s_reasoning_tokens,
            cost_usd=row.s_cost_usd,
        )
    settlement = Settlement(
        call_id=row.call_id,
        state=row.s_state,
        status=row.s_status,
        settled_at=row.s_settled_at,
        duration_ms=row.s_duration_ms,
        first_token_ms=row.s_first_token_ms,
        upstream=row.s_upstream,
        model=row.s_model,
        usage=usage,
        error=row.s_error,
    )
    return LedgerRow(reservation, settlement.state, settlement)
