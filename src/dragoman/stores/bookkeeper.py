"""What the ledger's writer does with the database: sweep at the start, book, and leave in order."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DataError, IntegrityError

from dragoman.ports import Reservation, Settlement
from dragoman.stores import booking
from dragoman.stores.ownership import Ownership

_OPEN_LIMIT: Final = 100_000  # calls whose age is watched; far more than can be in flight

log = structlog.get_logger(__name__)


class Bookkeeper:
    """Books rows as one instance; every method runs on the writer's thread alone.

    `refused` counts rows that the database would not take and would never have taken.
    """

    def __init__(self, ownership: Ownership, dialect: Dialect, now: Callable[[], float], deadline: float) -> None:
        self.refused = 0
        self._ownership = ownership
        self._booking = booking.Booking(dialect)
        self._now = now
        self._deadline = deadline
        self._open: dict[str, float] = {}  # call_id -> reserved_at, oldest booking first
        self._open_since: float | None = None
        self._last_reserved_at: float | None = None

    def sweep_dead(self) -> None:
        """Marks lost what the instances that died have left open."""
        with self._ownership.begin(self._deadline) as connection:
            candidates = booking.unfinished(connection)
        for instance in candidates:
            if instance == self._ownership.instance:
                continue
            # One transaction each, and no deadline: there may be much to look through.
            with self._ownership.begin(math.inf) as connection:
                if self._ownership.dead(connection, instance):
                    self._sweep(connection, instance)

    def book(self, rows: Sequence[Reservation | Settlement]) -> None:
        """Commits rows in one transaction; if one of them is bad, one by one and without it."""
        try:
            with self._ownership.begin(self._deadline) as connection:
                self._booking.book(connection, self._ownership.instance, rows)
        except (IntegrityError, DataError) as error:
            if len(rows) > 1:
                for row in rows:
                    self.book([row])
                return
            self.refused += 1
            log.error("ledger.refused", call_id=rows[0].call_id, reason=type(error.orig).__name__)
            return
        for row in rows:
            self._watch(row)

    def pulse(self) -> None:
        """Notes how far back an open call of ours may be, and sweeps those that died since the last time."""
        # With nothing open, later calls are reserved after the last one: the queue keeps order.
        open_since = min(self._open.values(), default=self._last_reserved_at)
        if open_since is not None and open_since != self._open_since:
            with self._ownership.begin(self._deadline) as connection:
                booking.advance(connection, self._ownership.instance, open_since)
            self._open_since = open_since
        self.sweep_dead()  # in an idle gateway also what finds a broken session and replaces it

    def leave(self) -> None:
        """Ends the instance; what is still open is lost."""
        with self._ownership.begin(self._deadline) as connection:
            self._sweep(connection, self._ownership.instance)

    def _sweep(self, connection: Connection, instance: int) -> None:
        lost = booking.sweep(connection, instance, self._now())
        if lost:
            log.warning("ledger.lost", instance=instance, calls=lost)

    def _watch(self, row: Reservation | Settlement) -> None:
        if isinstance(row, Settlement):
            self._open.pop(row.call_id, None)
            return
        self._last_reserved_at = row.reserved_at
        self._open[row.call_id] = row.reserved_at
        if len(self._open) > _OPEN_LIMIT:
            del self._open[next(iter(self._open))]
