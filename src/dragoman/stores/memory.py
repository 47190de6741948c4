"""Keys and ledger in memory, gone with the process: for tests and for a gateway of one sitting."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.policy.keys import Key
from dragoman.ports import LedgerRow, Reservation, Settlement, UsageTotal

ROW_LIMIT: Final = 50_000


class MemoryKeyStore:
    """`ports.KeyStore` in a dict."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._ids: dict[bytes, str] = {}

    async def find(self, digest: bytes) -> Key | None:
        key_id = self._ids.get(digest)
        return None if key_id is None else self._keys[key_id]

    async def heir(self, key_id: str) -> Key | None:
        begun = self._keys.get(key_id)
        line = [] if begun is None else [key for key in self._keys.values() if key.owner == begun.owner]
        return line[-1] if line else None

    async def add(self, key: Key, digest: bytes) -> None:
        if key.id in self._keys or digest in self._ids:
            raise ValueError(f"a key of id {key.id!r} or of that token exists")
        self._keys[key.id] = key
        self._ids[digest] = key.id

    async def replace(self, old_id: str, key: Key, digest: bytes, now: float) -> bool:
        old = self._keys.get(old_id)
        if old is None or old.revoked_at is not None:
            return False
        await self.add(key, digest)
        return await self.revoke(old_id, now)

    async def list(self) -> Sequence[Key]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    async def revoke(self, key_id: str, now: float) -> bool:
        key = self._keys.get(key_id)
        if key is None:
            return False
        if key.revoked_at is None:
            self._keys[key_id] = msgspec.structs.replace(key, revoked_at=now)
        return True


class MemoryLedger:
    """`ports.Ledger` in two dicts; full at `limit` calls, since what is booked is never forgotten."""

    strict = False

    def __init__(self, *, limit: int = ROW_LIMIT) -> None:
        self._limit = limit
        self._reservations: dict[str, Reservation] = {}
        self._settlements: dict[str, Settlement] = {}

    def reserve(self, reservation: Reservation) -> None:
        if len(self._reservations) >= self._limit:
            raise GatewayError(STORE_UNAVAILABLE, "The ledger in memory is full.")
        self._reservations.setdefault(reservation.call_id, reservation)

    def settle(self, settlement: Settlement) -> None:
        if settlement.call_id in self._reservations:
            self._settlements.setdefault(settlement.call_id, settlement)

    async def durable(self) -> None:
        return

    async def rows(self, *, limit: int = 50, key_id: str | None = None) -> Sequence[LedgerRow]:
        chosen = self._chosen(0.0, key_id)
        chosen.sort(key=lambda row: (row.reservation.reserved_at, row.reservation.call_id), reverse=True)
        return chosen[:limit]

    async def totals(self, *, since: float = 0.0, key_id: str | None = None) -> Sequence[UsageTotal]:
        groups: dict[tuple[str, str], list[LedgerRow]] = defaultdict(list)
        for row in self._chosen(since, key_id):
            groups[row.reservation.key_id, row.reservation.name].append(row)
        return [_total(*group, rows) for group, rows in sorted(groups.items())]

    async def close(self) -> None:
        return

    def _chosen(self, since: float, key_id: str | None) -> list[LedgerRow]:
        return [
            self._row(reservation)
            for reservation in self._reservations.values()
            if reservation.reserved_at >= since and key_id in (None, reservation.key_id)
        ]

    def _row(self, reservation: Reservation) -> LedgerRow:
        settlement = self._settlements.get(reservation.call_id)
        return LedgerRow(reservation, "open" if settlement is None else settlement.state, settlement)


def _total(key_id: str, name: str, rows: list[LedgerRow]) -> UsageTotal:
    usages = [row.settlement.usage for row in rows if row.settlement and row.settlement.usage]
    costs = [usage.cost_usd for usage in usages if usage.cost_usd is not None]
    return UsageTotal(
        key_id=key_id,
        name=name,
        calls=len(rows),
        failed=sum(row.state == "failed" for row in rows),
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cost_usd=sum(costs) if costs else None,
    )
