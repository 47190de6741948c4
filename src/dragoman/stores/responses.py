"""Responses in the database, each with its own items only: what it follows on is found by walking back.

A deleted response keeps its rows while a later one follows on it, so that a chain stays what it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Connection,
    Row,
    Select,
    Subquery,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from dragoman.errors import INVALID_REQUEST, PAYLOAD_TOO_LARGE, GatewayError
from dragoman.ports import Part, StoredItem, StoredResponse, Window
from dragoman.stores.conversations import MAX_BYTES, READ_AT_ONCE, append, part, render, rows_of
from dragoman.stores.database import Database
from dragoman.stores.groups import Groups
from dragoman.stores.lane import Lane
from dragoman.stores.schema import conversation_items, conversations, response_items, responses
from dragoman.stores.text import storable

MAX_CHAIN: Final = 2000
"""Responses that may follow on one another; each step costs a look-up."""
EXPIRED_AT_ONCE: Final = 2000
"""Responses that one transaction removes."""
GIVEN: Final = 0
OUTPUT: Final = 1
KEPT: Final = ("completed", "incomplete")
"""With these a response becomes part of its conversation."""
_ENDED: Final = ("completed", "incomplete", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class _Added:
    """A response on its way into the store."""

    response: StoredResponse
    given: Sequence[StoredItem]
    output: Sequence[StoredItem]

    def item_rows(self) -> list[dict[str, object]]:
        return [*_item_rows(self.response.id, GIVEN, self.given), *_item_rows(self.response.id, OUTPUT, self.output)]


class SqlResponseStore:
    """`ports.ResponseStore` on a database."""

    def __init__(self, database: Database, lane: Lane) -> None:
        self._lane = lane
        self._now = database.now
        self._adds = Groups(self._add_all)

    async def add(
        self, response: StoredResponse, given: Sequence[StoredItem], output: Sequence[StoredItem] = ()
    ) -> None:
        try:
            await self._adds.put(_Added(response, given, output))
        except IntegrityError:
            message = f"a response of id {response.id!r} exists, or an item of that id in its conversation"
            raise ValueError(message) from None

    async def close(self) -> None:
        """Returns when all that was added is written."""
        await self._adds.close()

    async def _add_all(self, added: Sequence["_Added"]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(insert(responses), [_render(one.response) for one in added])
            rows = [row for one in added for row in one.item_rows()]
            if rows:
                connection.execute(insert(response_items), rows)
            for one in added:
                response = one.response
                if response.conversation_id and response.status in KEPT:
                    append(connection, response.conversation_id, response.owner, (*one.given, *one.output))

        await self._lane.run(work, write=True)

    async def finish(self, response_id: str, status: str, body: bytes, output: Sequence[StoredItem]) -> bool:
        def work(connection: Connection) -> bool:
            still = (responses.c.id == storable(response_id)) & responses.c.status.not_in(_ENDED)
            done = connection.execute(update(responses).where(still).values(status=status, body=body.decode()))
            if not done.rowcount:
                return False
            connection.execute(delete(response_items).where(_side(response_id, OUTPUT)))
            if output:
                connection.execute(insert(response_items), _item_rows(response_id, OUTPUT, output))
            row = connection.execute(select(responses).where(responses.c.id == response_id)).one()
            if row.conversation_id and status in KEPT:
                given = rows_of(connection.execute(_items(response_id, GIVEN)))
                append(connection, row.conversation_id, row.owner, (*given, *output))
            return True

        try:
            return await self._lane.run(work, write=True)
        except IntegrityError:
            raise ValueError(f"the conversation of {response_id!r} has an item of one of these ids") from None

    async def get(self, response_id: str, owner: str) -> tuple[StoredResponse, Sequence[StoredItem]] | None:
        def work(connection: Connection) -> tuple[StoredResponse, Sequence[StoredItem]] | None:
            row = connection.execute(_visible(response_id, owner)).one_or_none()
            if row is None:
                return None
            return _parse(row), rows_of(connection.execute(_items(row.id, OUTPUT)))

        return await self._lane.run(work)

    async def context(self, response_id: str, owner: str, *, output: bool) -> Sequence[StoredItem] | None:
        def work(connection: Connection) -> Sequence[StoredItem] | None:
            row = connection.execute(_visible(response_id, owner)).one_or_none()
            if row is None:
                return None
            if output and row.status not in _ENDED:
                raise GatewayError(INVALID_REQUEST, f"Response {row.id!r} has not ended; retrieve it until it has.")
            return _context(connection, storable(response_id), storable(owner), output=output)

        return await self._lane.run(work)

    async def given(self, response_id: str, owner: str, window: Window) -> Part | None:
        def work(connection: Connection) -> Part | None:
            if connection.execute(_visible(response_id, owner)).one_or_none() is None:
                return None
            everything, order = _everything(storable(response_id), storable(owner), output=False)
            place = func.row_number().over(order_by=order).label("place")
            return part(connection, select(place, everything.c.item_id, everything.c.value).subquery(), window)

        return await self._lane.run(work)

    async def delete(self, response_id: str, owner: str) -> bool:
        def work(connection: Connection) -> bool:
            this = (responses.c.id == storable(response_id)) & (responses.c.owner == storable(owner))
            hide = update(responses).where(this, responses.c.deleted_at.is_(None)).values(deleted_at=self._now())
            if not connection.execute(hide).rowcount:
                return False
            _remove(connection, this & _followed_by_nothing())
            return True

        return await self._lane.run(work, write=True)

    async def items(self, item_ids: Sequence[str], owner: str) -> Mapping[str, bytes]:
        wanted = [storable(item_id) for item_id in item_ids]
        whose = storable(owner)

        def work(connection: Connection) -> Mapping[str, bytes]:
            found: dict[str, bytes] = {}
            size = 0
            mine = select(response_items.c.item_id, response_items.c.value).join(responses)
            told = select(conversation_items.c.item_id, conversation_items.c.value).join(conversations)
            # A conversation's item may have outlived a response's of the same id, so it is looked for last.
            for statement, items, of in ((mine, response_items, responses), (told, conversation_items, conversations)):
                where = statement.where(items.c.item_id.in_(wanted), of.c.owner == whose)
                with connection.execute(where.execution_options(yield_per=READ_AT_ONCE)) as rows:
                    for row in rows:
                        size += len(row.value)
                        if size > MAX_BYTES:
                            raise GatewayError(PAYLOAD_TOO_LARGE, f"The items are larger than {MAX_BYTES} bytes.")
                        found[row.item_id] = row.value.encode()
            return found

        return await self._lane.run(work) if wanted else {}

    async def expire(self, before: float) -> int:
        over = _over(before)
        removed, gone = 0, EXPIRED_AT_ONCE
        while gone == EXPIRED_AT_ONCE:  # in transactions that others need not wait for long
            gone = await self._lane.run(lambda connection: _remove(connection, responses.c.id.in_(over)), write=True)
            removed += gone
        return removed


def _render(response: StoredResponse) -> dict[str, object]:
    return {
        "id": storable(response.id),
        "owner": storable(response.owner),
        "created_at": response.created_at,
        "status": response.status,
        "body": response.body.decode(),
        "previous_id": storable(response.previous_id) or None,
        "conversation_id": storable(response.conversation_id) or None,
        "seen": response.seen,
        "background": response.background,
    }


def _parse(row: Row[Any]) -> StoredResponse:
    return StoredResponse(
        row.id, row.owner, row.created_at, row.status, row.body.encode(), row.previous_id or "",
        row.conversation_id or "", row.seen, row.background,
    )  # fmt: skip


def _item_rows(response_id: str, side: int, items: Sequence[StoredItem]) -> list[dict[str, object]]:
    return [
        {"response_id": storable(response_id), "side": side, "number": number, **render(item)}
        for number, item in enumerate(items)
    ]


def _visible(response_id: str, owner: str) -> Select[Any]:
    return select(responses).where(
        responses.c.id == storable(response_id),
        responses.c.owner == storable(owner),
        responses.c.deleted_at.is_(None),
    )


def _side(response_id: str, side: int) -> Any:
    return (response_items.c.response_id == storable(response_id)) & (response_items.c.side == side)


def _items(response_id: str, side: int) -> Select[Any]:
    columns = (response_items.c.item_id, response_items.c.value)
    return select(*columns).where(_side(response_id, side)).order_by(response_items.c.number)


def _chain(response_id: str, owner: str) -> CTE:
    """A response and those it follows on, numbered backwards from 0."""
    columns = (responses.c.id, responses.c.previous_id, responses.c.conversation_id, responses.c.seen)
    first = select(*columns, literal(0).label("depth")).where(responses.c.id == response_id)
    chain = first.cte("chain", recursive=True)
    step = select(*columns, chain.c.depth + 1).join(chain, responses.c.id == chain.c.previous_id)
    return chain.union_all(step.where(responses.c.owner == owner, chain.c.depth < MAX_CHAIN))


def _everything(response_id: str, owner: str, *, output: bool) -> tuple[Subquery, tuple[Any, ...]]:
    """The items that a response was made from, with `output` its own, and the order in which they stand."""
    chain = _chain(response_id, owner)
    wanted = true() if output else (chain.c.depth > 0) | (response_items.c.side == GIVEN)
    own = (
        select(
            chain.c.depth.label("depth"), response_items.c.side.label("side"), response_items.c.number.label("number"),
            response_items.c.item_id.label("item_id"), response_items.c.value.label("value"),
        )
        .join(response_items, response_items.c.response_id == chain.c.id)
        .where(wanted)
    )  # fmt: skip
    told = select(
        chain.c.depth, literal(-1), conversation_items.c.number, conversation_items.c.item_id,
        conversation_items.c.value,
    ).join(
        conversation_items,
        (conversation_items.c.conversation_id == chain.c.conversation_id)
        & (conversation_items.c.number < chain.c.seen),
    )  # fmt: skip
    everything = union_all(own, told).subquery()
    return everything, (everything.c.depth.desc(), everything.c.side, everything.c.number)


def _context(connection: Connection, response_id: str, owner: str, *, output: bool) -> Sequence[StoredItem]:
    everything, order = _everything(response_id, owner, output=output)
    statement = select(everything).order_by(*order).execution_options(yield_per=READ_AT_ONCE)
    items: list[StoredItem] = []
    size = 0
    with connection.execute(statement) as rows:
        for row in rows:
            if row.depth >= MAX_CHAIN:
                raise GatewayError(PAYLOAD_TOO_LARGE, f"More than {MAX_CHAIN} responses follow on one another.")
            size += len(row.value)
            if size > MAX_BYTES:
                raise GatewayError(PAYLOAD_TOO_LARGE, f"The history is larger than {MAX_BYTES} bytes.")
            items.append(StoredItem(row.item_id, row.value.encode()))
    return items


def _over(before: float) -> Select[Any]:
    """Some of the responses that are old or deleted and that nothing younger follows on, the youngest first: a
    response never outlives what it follows on."""

    def is_old(table: Any) -> Any:
        return (table.c.created_at < before) | table.c.deleted_at.is_not(None)

    old, later = responses.alias("old"), responses.alias("later")
    followed = select(old.c.id, old.c.previous_id).join(later, later.c.previous_id == old.c.id)
    # Nested, for of a statement that does not begin with DELETE sqlite3 counts no rows.
    needed = followed.where(is_old(old), ~is_old(later)).cte("needed", recursive=True, nesting=True)
    further = select(responses.c.id, responses.c.previous_id).join(needed, responses.c.id == needed.c.previous_id)
    needed = needed.union(further)
    this = is_old(responses) & responses.c.id.not_in(select(needed.c.id))
    newest_first = (responses.c.created_at.desc(), responses.c.id.desc())
    return select(responses.c.id).where(this).order_by(*newest_first).limit(EXPIRED_AT_ONCE)


def _followed_by_nothing() -> Any:
    later = responses.alias("later")
    return ~exists().where(later.c.previous_id == responses.c.id)


def _remove(connection: Connection, condition: Any) -> int:
    return connection.execute(delete(responses).where(condition)).rowcount
