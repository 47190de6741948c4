"""Where conversations are kept."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from dragoman.ports.responses import Part, StoredItem, Window


class Conversation(msgspec.Struct, frozen=True):
    """A history that calls append to. `metadata` is the caller's own."""

    id: str
    owner: str
    created_at: float
    metadata: dict[str, str]
    length: int = 0
    """How many items were ever appended: the place of the next one."""


class ConversationStore(Protocol):
    """Conversations and their items, under the same rules as `ResponseStore`.

    Those that write to one conversation at once are put in a row: items given together stay together.
    """

    async def add(self, conversation: Conversation, items: Sequence[StoredItem]) -> None:
        """`ValueError` if the id is taken, or two of the items have one."""
        ...

    async def get(self, conversation_id: str, owner: str) -> Conversation | None: ...

    async def update(self, conversation_id: str, owner: str, metadata: dict[str, str]) -> Conversation | None: ...

    async def delete(self, conversation_id: str, owner: str) -> bool:
        """Hides a conversation; its items can still be referred to by id."""
        ...

    async def append(self, conversation_id: str, owner: str, items: Sequence[StoredItem]) -> bool:
        """False if there is no such conversation; `ValueError` if it has an item of one of these ids.

        Raises `GatewayError` PAYLOAD_TOO_LARGE if no call could use it any more.
        """
        ...

    async def read(self, conversation_id: str, owner: str) -> tuple[Conversation, Sequence[StoredItem]] | None:
        """A conversation and all its items, the oldest first.

        Raises `GatewayError` PAYLOAD_TOO_LARGE beyond the store's bounds.
        """
        ...

    async def part(self, conversation_id: str, owner: str, window: Window) -> Part | None:
        """A part of its items, without a bound to them all.

        `LookupError` if there is no item behind which to begin.
        """
        ...

    async def item(self, conversation_id: str, owner: str, item_id: str) -> StoredItem | None:
        """One item; `None` if there is no such conversation or item."""
        ...

    async def remove(self, conversation_id: str, owner: str, item_id: str) -> Conversation | None:
        """Takes one item out; `None` if there is no such conversation or item."""
        ...
