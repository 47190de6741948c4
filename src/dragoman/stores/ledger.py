"""The ledger in the database: `reserve` and `settle` queue, one writer commits in groups.

**What a crash loses.** Rows are committed at most `flush_interval` after they were queued, plus the time
the commit takes (a few milliseconds). A gateway that is killed loses the rows queued in that time and
nothing committed; a call whose reservation was committed and whose settlement was not is marked `lost`
by the next start. A machine that loses power may in addition lose, on SQLite and outside strict mode,
the commits since the last checkpoint of its write-ahead log (see `engine.open_sqlite`). In strict mode
no call goes out before its reservation is durable, so no call is ever unknown to the ledger.

**While the database is down** rows wait, up to `queue_limit`; then `reserve` refuses calls, and only
the settlements of those in flight are still taken, up to twice the limit.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.ports import LedgerRow, Reservation, Settlement, UsageTotal
from dragoman.stores import booking
from dragoman.stores.bookkeeper import Bookkeeper
from dragoman.stores.database import Database
from dragoman.stores.writer import GroupWriter

FLUSH_INTERVAL: Final = 0.1
PULSE_INTERVAL: Final = 5.0
QUEUE_LIMIT: Final = 50_000
GROUP: Final = 500
THREADS: Final = 1  # reports wait for one another rather than take the machine from the calls
_COMPLAIN_EVERY: Final = 1000

log = structlog.get_logger(__name__)


class SqlLedger:
    """`ports.Ledger` on a database that this process owns; has a thread until `close`.

    Close it before the database. `dropped` counts settlements for which there was no room left.
    """

    def __init__(
        self,
        database: Database,
        *,
        flush_interval: float = FLUSH_INTERVAL,
        pulse_interval: float = PULSE_INTERVAL,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        if database.ownership is None:
            raise ValueError("only the owner of a database books in its ledger; read it with SqlLedgerReader")
        self.strict = database.strict
        self.dropped = 0
        self._reserve_limit = queue_limit
        self._settle_limit = 2 * queue_limit
        self._reader = SqlLedgerReader(database)
        self._bookkeeper = Bookkeeper(database.ownership, database.engine.dialect, database.now, database.deadline)
        self._writer = GroupWriter[Reservation | Settlement](
            self._bookkeeper.book,
            prepare=self._bookkeeper.sweep_dead,
            pulse=self._bookkeeper.pulse,
            finish=self._bookkeeper.leave,
            flush_interval=flush_interval,
            pulse_interval=pulse_interval,
            group=GROUP,
            deadline=database.deadline,
        )

    @property
    def queued(self) -> int:
        """Rows that wait for the writer."""
        return len(self._writer)

    @property
    def refused(self) -> int:
        """Rows that the database would not take and would never have taken; each is in the log."""
        return self._bookkeeper.refused

    def reserve(self, reservation: Reservation) -> None:
        if not self._writer.put(reservation, self._reserve_limit):
            raise GatewayError(STORE_UNAVAILABLE, "The ledger is behind and takes no more calls for now.")

    def settle(self, settlement: Settlement) -> None:
        if not self._writer.put(settlement, self._settle_limit):
            # A line for one in a thousand is enough to see it by; the count has them all.
            if self.dropped % _COMPLAIN_EVERY == 0:
                log.error("ledger.settlement_dropped", call_id=settlement.call_id, dropped=self.dropped + 1)
            self.dropped += 1

    async def durable(self) -> None:
        await self._writer.durable()

    async def rows(self, *, limit: int = 50, key_id: str | None = None) -> Sequence[LedgerRow]:
        return await self._reader.rows(limit=limit, key_id=key_id)

    async def totals(self, *, since: float = 0.0, key_id: str | None = None) -> Sequence[UsageTotal]:
        return await self._reader.totals(since=since, key_id=key_id)

    async def close(self) -> None:
        """Commits what is queued, marks what is still open as lost, and ends the thread; takes nothing after."""
        self._reserve_limit = self._settle_limit = 0
        await self._writer.close()


class SqlLedgerReader:
    """The reading half of the ledger, for tools beside a running gateway."""

    def __init__(self, database: Database) -> None:
        self._lane = database.lane("reports", threads=THREADS)

    async def rows(self, *, limit: int = 50, key_id: str | None = None) -> Sequence[LedgerRow]:
        """The newest rows first."""
        return await self._lane.run(lambda connection: booking.read_rows(connection, limit, key_id))

    async def totals(self, *, since: float = 0.0, key_id: str | None = None) -> Sequence[UsageTotal]:
        """Sums by key and name over the calls reserved at `since` or later."""
        return await self._lane.run(lambda connection: booking.read_totals(connection, since, key_id))
