"""Conversations in the database: histories that calls append to, in an order that the database decides.

Each append first raises the conversation's length, which makes those who write at once take turns, and gives
its items the numbers it has thereby won.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, FromClause, Result, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.errors import PAYLOAD_TOO_LARGE, GatewayError
from dragoman.ports import Conversation, Part, StoredItem, Window
from dragoman.stores.database import Database
from dragoman.stores.lane import Lane
from dragoman.stores.schema import conversation_items, conversations
from dragoman.stores.text import storable

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of a history's JSON: what a call may send at most, so no longer one could ever be used."""
READ_AT_ONCE: Final = 200
"""Rows fetched together where there may be more of them than memory should hold."""
_metadata: Final = msgspec.json.Decoder(dict[str, str])


class SqlConversationStore:
    """`ports.ConversationStore` on a database."""

    def __init__(self, database: Database, lane: Lane) -> None:
        self._lane = lane
        self._now = database.now

    async def add(self, conversation: Conversation, items: Sequence[StoredItem]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(
                insert(conversations).values(
                    id=storable(conversation.id),
                    owner=storable(conversation.owner),
                    created_at=conversation.created_at,
                    metadata=_render_metadata(conversation.metadata),
                    length=0,
                )
            )
            append(connection, conversation.id, conversation.owner, items)

        try:
            await self._lane.run(work, write=True)
        except IntegrityError:
            message = f"a conversation of id {conversation.id!r} exists, or two of its items have one id"
            raise ValueError(message) from None

    async def get(self, conversation_id: str, owner: str) -> Conversation | None:
        return await self._lane.run(lambda connection: _get(connection, conversation_id, owner))

    async def update(self, conversation_id: str, owner: str, metadata: dict[str, str]) -> Conversation | None:
        def work(connection: Connection) -> Conversation | None:
            this = update(conversations).where(*_visible(conversation_id, owner))
            connection.execute(this.values(metadata=_render_metadata(metadata)))
            return _get(connection, conversation_id, owner)

        return await self._lane.run(work, write=True)

    async def delete(self, conversation_id: str, owner: str) -> bool:
        def work(connection: Connection) -> bool:
            this = update(conversations).where(*_visible(conversation_id, owner))
            return bool(connection.execute(this.values(deleted_at=self._now())).rowcount)

        return await self._lane.run(work, write=True)

    async def append(self, conversation_id: str, owner: str, items: Sequence[StoredItem]) -> bool:
        def work(connection: Connection) -> bool:
            found = append(connection, conversation_id, owner, items)  # first, for it makes others wait
            if found and _size(connection, conversation_id) > MAX_BYTES:
                message = f"The conversation would be larger than {MAX_BYTES} bytes: delete items, or begin another."
                raise GatewayError(PAYLOAD_TOO_LARGE, message)
            return found

        try:
            return await self._lane.run(work, write=True)
        except IntegrityError:
            raise ValueError("the conversation has an item of one of these ids") from None

    async def read(self, conversation_id: str, owner: str) -> tuple[Conversation, Sequence[StoredItem]] | None:
        def work(connection: Connection) -> tuple[Conversation, Sequence[StoredItem]] | None:
            conversation = _get(connection, conversation_id, owner)
            if conversation is None:
                return None
            return conversation, rows_of(connection.execute(_items(conversation)))

        return await self._lane.run(work)

    async def part(self, conversation_id: str, owner: str, window: Window) -> Part | None:
        def work(connection: Connection) -> Part | None:
            conversation = _get(connection, conversation_id, owner)
            if conversation is None:
                return None
            columns = (
                conversation_items.c.number.label("place"), conversation_items.c.item_id, conversation_items.c.value,
            )  # fmt: skip
            this = conversation_items.c.conversation_id == conversation.id
            return part(connection, select(*columns).where(this).subquery(), window)

        return await self._lane.run(work)

    async def item(self, conversation_id: str, owner: str, item_id: str) -> StoredItem | None:
        def work(connection: Connection) -> StoredItem | None:
            this = conversation_items.c.item_id == storable(item_id)
            columns = (conversation_items.c.item_id, conversation_items.c.value)
            query = select(*columns).join(conversations).where(*_visible(conversation_id, owner), this)
            row = connection.execute(query).one_or_none()
            return None if row is None else StoredItem(row.item_id, row.value.encode())

        return await self._lane.run(work)

    async def remove(self, conversation_id: str, owner: str, item_id: str) -> Conversation | None:
        def work(connection: Connection) -> Conversation | None:
            conversation = _get(connection, conversation_id, owner)
            if conversation is None:
                return None
            this = (conversation_items.c.conversation_id == conversation.id) & (
                conversation_items.c.item_id == storable(item_id)
            )
            return conversation if connection.execute(delete(conversation_items).where(this)).rowcount else None

        return await self._lane.run(work, write=True)


def append(connection: Connection, conversation_id: str, owner: str, items: Sequence[StoredItem]) -> bool:
    """Adds items at the end, in this transaction; False if there is no such conversation (any more).

    Raises `IntegrityError` where an item of one of these ids is there already.
    """
    visible = _visible(conversation_id, owner)
    grow = update(conversations).where(*visible).values(length=conversations.c.length + len(items))
    length = connection.execute(grow.returning(conversations.c.length)).scalar_one_or_none()
    if length is None:
        return False
    if items:
        rows = [
            {"conversation_id": storable(conversation_id), "number": number, **render(item)}
            for number, item in enumerate(items, length - len(items))
        ]
        connection.execute(insert(conversation_items), rows)
    return True


def render(item: StoredItem) -> dict[str, str]:
    """The columns that every table of items has."""
    return {"item_id": storable(item.id), "value": item.value.decode()}


def part(connection: Connection, listed: FromClause, window: Window) -> Part:
    """What a window shows of a list whose rows have a `place`. Raises `LookupError` for an `after` that it lacks."""
    place = listed.c.place
    query = select(listed.c.item_id, listed.c.value).order_by(place.desc() if window.newest_first else place)
    if window.after:
        after = connection.scalar(select(func.min(place)).where(listed.c.item_id == storable(window.after)))
        if after is None:
            raise LookupError(window.after)
        query = query.where(place < after if window.newest_first else place > after)
    items: list[StoredItem] = []
    size = 0
    with connection.execute(query.limit(window.limit + 1).execution_options(yield_per=READ_AT_ONCE)) as rows:
        for row in rows:
            size += len(row.value)
            if len(items) == window.limit or (items and size > MAX_BYTES):
                return Part(tuple(items), more=True)
            items.append(StoredItem(row.item_id, row.value.encode()))
    return Part(tuple(items), more=False)


def rows_of(rows: Result[Any]) -> Sequence[StoredItem]:
    """Items read back. Raises `GatewayError` PAYLOAD_TOO_LARGE for more than could be used."""
    items: list[StoredItem] = []
    size = 0
    with rows:
        for row in rows:
            size += len(row.value)
            if size > MAX_BYTES:
                raise GatewayError(PAYLOAD_TOO_LARGE, f"The history is larger than {MAX_BYTES} bytes.")
            items.append(StoredItem(row.item_id, row.value.encode()))
    return items


def _visible(conversation_id: str, owner: str) -> tuple[Any, ...]:
    return (
        conversations.c.id == storable(conversation_id),
        conversations.c.owner == storable(owner),
        conversations.c.deleted_at.is_(None),
    )


def _get(connection: Connection, conversation_id: str, owner: str) -> Conversation | None:
    row = connection.execute(select(conversations).where(*_visible(conversation_id, owner))).one_or_none()
    if row is None:
        return None
    return Conversation(row.id, row.owner, row.created_at, _metadata.decode(row.metadata), row.length)


def _items(conversation: Conversation) -> Select[Any]:
    columns = (conversation_items.c.item_id, conversation_items.c.value)
    this = conversation_items.c.conversation_id == conversation.id
    # What was appended since the length was read is not part of it.
    return (
        select(*columns)
        .where(this, conversation_items.c.number < conversation.length)
        .order_by(conversation_items.c.number)
        .execution_options(yield_per=READ_AT_ONCE)
    )


def _size(connection: Connection, conversation_id: str) -> int:
    this = conversation_items.c.conversation_id == storable(conversation_id)
    return connection.scalar(select(func.sum(func.length(conversation_items.c.value))).where(this)) or 0


def _render_metadata(metadata: dict[str, str]) -> str:
    return msgspec.json.encode({storable(name): storable(value) for name, value in metadata.items()}).decode()
