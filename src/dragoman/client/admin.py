"""What the admin API says, as values. A gateway that says more than this library knows is understood all the same."""

from typing import Literal

import msgspec


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's key without its token. Times are Unix seconds; `models` and `aliases` are patterns."""

    id: str
    owner: str = ""
    """The id of the first of the keys that took the place of one another, down to this one."""
    tenant: str = ""
    name: str
    hint: str = ""
    """The last four characters of its token."""
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    models: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    admin: bool = False


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made, and its token: the only time that it can be seen."""

    key: Key
    token: str

    def __repr__(self) -> str:
        return f"NewKey(key={self.key!r}, token=...{self.key.hint})"


class UsageTotal(msgspec.Struct, frozen=True):
    """What one key used of one model or alias."""

    key_id: str
    name: str
    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None
    """US dollars, as far as upstreams have said what calls cost."""


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """What a call was admitted for."""

    call_id: str
    request_id: str
    key_id: str
    kind: str
    name: str
    upstream: str
    reserved_at: float


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call."""

    state: str
    status: int
    settled_at: float
    duration_ms: int
    first_token_ms: int | None = None
    upstream: str = ""
    model: str = ""
    error: str = ""


class LedgerRow(msgspec.Struct, frozen=True):
    """One call in the ledger; `open` and `lost` ones have no settlement."""

    reservation: Reservation
    state: Literal["open", "settled", "failed", "cancelled", "lost"]
    settlement: Settlement | None = None


class Route(msgspec.Struct, frozen=True):
    """A public name and where it goes."""

    kind: str
    name: str
    targets: tuple[str, ...]


class KeyList(msgspec.Struct, frozen=True):
    keys: tuple[Key, ...]


class UsageList(msgspec.Struct, frozen=True):
    usage: tuple[UsageTotal, ...]


class LedgerList(msgspec.Struct, frozen=True):
    rows: tuple[LedgerRow, ...]


class RouteList(msgspec.Struct, frozen=True):
    routes: tuple[Route, ...]


class Reloaded(msgspec.Struct, frozen=True):
    """`needs_restart` are the changed settings that only a restart takes up."""

    needs_restart: tuple[str, ...] = ()
