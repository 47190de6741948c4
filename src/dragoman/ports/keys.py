"""Where keys of callers are kept."""

from collections.abc import Sequence
from typing import Protocol

from dragoman.policy.keys import Key


class KeyStore(Protocol):
    """Stored keys, found by the SHA-256 of their token. Raises `GatewayError` STORE_UNAVAILABLE."""

    async def find(self, digest: bytes) -> Key | None:
        """The key of that token, be it usable or not; `None` only if there is none."""
        ...

    async def heir(self, key_id: str) -> Key | None:
        """The key of that id or the last of those that took its place, be it usable or not."""
        ...

    async def add(self, key: Key, digest: bytes) -> None:
        """Stores a key; `ValueError` if there is one of that id or digest."""
        ...

    async def replace(self, old_id: str, key: Key, digest: bytes, now: float) -> bool:
        """Adds `key` and revokes the one of `old_id`, both or neither; False if that is unknown or revoked."""
        ...

    async def list(self) -> Sequence[Key]:
        """Every key, revoked ones too, the oldest first."""
        ...

    async def revoke(self, key_id: str, now: float) -> bool:
        """Marks a key revoked, the first time for good; False if there is none of that id."""
        ...
