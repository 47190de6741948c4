"""Where responses are kept."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class StoredItem(msgspec.Struct, frozen=True, gc=False):
    """One item of a history: `value` is its JSON as it was given, `id` what it is found by."""

    id: str
    value: bytes


class Window(msgspec.Struct, frozen=True):
    """Which part of a list is asked for: `limit` items behind the one of the id `after`, if that is given."""

    limit: int = 20
    newest_first: bool = True
    after: str = ""


class Part(msgspec.Struct, frozen=True):
    """Items of a list, and whether there are more behind them.

    They are together no larger than what a call may send, though a single one may be: the part ends sooner.
    """

    items: tuple[StoredItem, ...]
    more: bool


class StoredResponse(msgspec.Struct, frozen=True):
    """A response that a caller may come back to.

    `body` is the response object as JSON, but for its `output`. It follows either on the response `previous_id`, or
    on the first `seen` items of the conversation `conversation_id`, or on nothing.
    """

    id: str
    owner: str
    """Whose it is: see `Key.owner`."""
    created_at: float
    """Unix time, seconds."""
    status: str
    body: bytes
    previous_id: str = ""
    conversation_id: str = ""
    seen: int = 0
    background: bool = False
    """Whether a job of the same id makes it, or made it."""


class ResponseStore(Protocol):
    """Responses and their items, each visible to its owner and to no other.

    What a call has written, the next one reads, on every gateway of the same store. Raises `GatewayError`
    STORE_UNAVAILABLE.
    """

    async def add(
        self, response: StoredResponse, given: Sequence[StoredItem], output: Sequence[StoredItem] = ()
    ) -> None:
        """Stores a response with its own input and, where it has ended, its output.

        One that ended well and belongs to a conversation is appended to it in the same transaction, input before
        output and nothing between them; to one deleted in the meantime nothing is. `ValueError` if the id is taken,
        or an item's id in the conversation.
        """
        ...

    async def finish(self, response_id: str, status: str, body: bytes, output: Sequence[StoredItem]) -> bool:
        """Ends a response that was stored before it ended; False if it has ended already or is gone.

        `ValueError` if its conversation has an item of one of these ids.
        """
        ...

    async def get(self, response_id: str, owner: str) -> tuple[StoredResponse, Sequence[StoredItem]] | None:
        """A response and its output."""
        ...

    async def context(self, response_id: str, owner: str, *, output: bool) -> Sequence[StoredItem] | None:
        """Everything that a response was made from, the oldest first, and with `output` its own output at the end.

        Deleted responses in between still count: a chain is what it was when it was made. Raises `GatewayError`
        PAYLOAD_TOO_LARGE beyond the store's bounds, and INVALID_REQUEST for the output of one that has not ended.
        """
        ...

    async def given(self, response_id: str, owner: str, window: Window) -> Part | None:
        """A part of everything that a response was made from. `LookupError` if there is no item behind which to begin.

        It has no bound: what is too much for a call can still be looked at.
        """
        ...

    async def delete(self, response_id: str, owner: str) -> bool:
        """Hides a response; its row goes once no later one follows on it."""
        ...

    async def items(self, item_ids: Sequence[str], owner: str) -> Mapping[str, bytes]:
        """The items of these ids in any response or conversation of the owner's; unknown ones are left out.

        Raises `GatewayError` PAYLOAD_TOO_LARGE beyond the store's bounds.
        """
        ...

    async def expire(self, before: float) -> int:
        """Removes what is older and not followed by anything younger; how many."""
        ...
