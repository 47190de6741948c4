"""The append-only record of what calls reserved and used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from dragoman.turn import Usage


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """What a call was admitted for, booked before it goes out.

    `call_id` is ours and unique, and begins with the time: ids in random order make each insert
    several times as dear once the table is large.
    """

    call_id: str
    request_id: str
    key_id: str
    kind: Literal["model", "alias"]
    name: str
    """The model or alias as the caller asked for it."""
    upstream: str
    reserved_at: float
    """Unix time, seconds."""
    agent: str = ""
    """The agent of this gateway that made the call; empty for one that came from outside."""
    parent: str = ""
    """The `call_id` of the call that the agent was answering."""


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """What became of a call, booked once after it."""

    call_id: str
    state: Literal["settled", "failed", "cancelled"]
    status: int
    settled_at: float
    duration_ms: int
    first_token_ms: int | None = None
    upstream: str = ""
    """The upstream that answered in the end; a fallback may differ from the reservation's."""
    model: str = ""
    """The upstream's own name of the model."""
    usage: Usage | None = None
    """`None` when nothing was reported: never invented zeros."""
    error: str = ""
    """Stable error code, or empty."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A reservation and what became of it, for reading.

    `open` is still under way; `lost` was left open by a gateway that died. Neither has a settlement.
    """

    reservation: Reservation
    state: Literal["open", "settled", "failed", "cancelled", "lost"]
    settlement: Settlement | None = None


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """Sums over ledger rows that share a key and a name."""

    key_id: str
    name: str
    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None
    """What upstreams have said that it cost; None if none has."""


class Ledger(Protocol):
    """The append-only record of reservations and settlements, written in groups.

    `reserve` and `settle` are synchronous and only queue; a background writer commits at most
    `flush_interval` later. A crash loses what was queued in that interval and nothing committed.
    In strict mode `await durable()` after `reserve` before the call may go out. Writing a row twice
    changes nothing. Raises `GatewayError` STORE_UNAVAILABLE, but never from `settle`.
    """

    strict: bool

    def reserve(self, reservation: Reservation) -> None:
        """Books a call before it goes out; STORE_UNAVAILABLE when the queue is full (store down too long)."""
        ...

    def settle(self, settlement: Settlement) -> None:
        """Books what became of a call, after its reservation."""
        ...

    async def durable(self) -> None:
        """Returns when everything queued so far is committed; STORE_UNAVAILABLE if that takes too long.

        The rows stay queued then: settle the refused call as failed.
        """
        ...

    async def rows(self, *, limit: int = 50, key_id: str | None = None) -> Sequence[LedgerRow]:
        """The newest rows first."""
        ...

    async def totals(self, *, since: float = 0.0, key_id: str | None = None) -> Sequence[UsageTotal]:
        """Sums over the calls reserved at `since` or later, by key and name."""
        ...
