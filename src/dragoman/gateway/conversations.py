"""Conversations and their items: `/v1/conversations` and what is below it.

Shapes as in OpenAI's API reference. A conversation of another key does not exist; one that is deleted keeps its
items, which can still be referred to by id.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Raw

from dragoman import errors
from dragoman.dialects.responses import continuation
from dragoman.dialects.responses.continuation import Given, listed
from dragoman.dialects.responses.request import INCLUDABLE
from dragoman.errors import GatewayError
from dragoman.gateway.archive import page, read_page
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_id
from dragoman.gateway.continuity import stored_items
from dragoman.gateway.query import Query
from dragoman.policy.keys import Key
from dragoman.ports import Clock, Conversation, ConversationStore

PREFIX: Final = b"/v1/conversations"
MAX_ITEMS: Final = 20
"""Items that one call may add, as in the reference."""
MAX_BODY: Final = 32 * 1024 * 1024
BODY_TIMEOUT: Final = 30.0

_ID: Final = rb"[A-Za-z0-9_.:-]{1,256}"
_PATH: Final = re.compile(rb"/v1/conversations(?:/(" + _ID + rb")(?:/(items)(?:/(" + _ID + rb"))?)?)?")
_METHODS: Final = (("POST",), ("GET", "HEAD", "POST", "DELETE"), ("GET", "HEAD", "POST"), ("GET", "HEAD", "DELETE"))

_Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
]
T = TypeVar("T")


class _Create(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: list[Raw] | None = None
    metadata: _Metadata | None = None


class _Update(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metadata: _Metadata | None


class _Append(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: list[Raw]


class _Shown(msgspec.Struct, frozen=True):
    id: str
    created_at: int
    metadata: dict[str, str]
    object: str = "conversation"


class Conversations:
    """Answers for conversations."""

    def __init__(self, conversations: ConversationStore, clock: Clock) -> None:
        self._conversations = conversations
        self._clock = clock

    async def answer(self, call: Call, key: Key) -> None:
        """Raises `GatewayError`: CONVERSATION_NOT_FOUND, ITEM_NOT_FOUND, METHOD_NOT_ALLOWED, INVALID_REQUEST."""
        match = _PATH.fullmatch(call.path)
        if match is None:
            raise GatewayError(errors.NOT_FOUND, f"No such path: {call.route_path}")
        parts = [part.decode() for part in match.groups() if part is not None]
        methods = _METHODS[len(parts)]
        if call.method not in methods:
            allow = {"Allow": ", ".join(methods)}
            raise GatewayError(errors.METHOD_NOT_ALLOWED, f"{call.method} is not for this path.", headers=allow)
        if not parts:
            await self._create(call, key)
        elif len(parts) == 1:
            await self._one(call, key, parts[0])
        elif len(parts) == 2:
            await self._items(call, key, parts[0])
        else:
            await self._item(call, key, parts[0], parts[2])

    async def _create(self, call: Call, key: Key) -> None:
        asked = _decode(await call.read(MAX_BODY, BODY_TIMEOUT) or b"{}", _Create)
        items = _parse_items(asked.items or [])
        conversation = Conversation(new_id("conv_"), key.owner, self._clock.now(), asked.metadata or {})
        await self._conversations.add(conversation, stored_items(items))
        await call.answer_json(_show(conversation))

    async def _one(self, call: Call, key: Key, name: str) -> None:
        if call.method == "DELETE":
            if not await self._conversations.delete(name, key.owner):
                raise _unknown(name)
            await call.answer_json({"id": name, "object": "conversation.deleted", "deleted": True})
            return
        if call.method == "POST":
            asked = _decode(await call.read(MAX_BODY, BODY_TIMEOUT), _Update)
            conversation = await self._conversations.update(name, key.owner, asked.metadata or {})
        else:
            conversation = await self._conversations.get(name, key.owner)
        if conversation is None:
            raise _unknown(name)
        await call.answer_json(_show(conversation))

    async def _items(self, call: Call, key: Key, name: str) -> None:
        if call.method == "POST":
            items = _parse_items(_decode(await call.read(MAX_BODY, BODY_TIMEOUT), _Append).items)
            try:
                found = await self._conversations.append(name, key.owner, stored_items(items))
            except ValueError:
                message = "The conversation has an item of one of these ids."
                raise GatewayError(errors.INVALID_REQUEST, message, param="items") from None
            if not found:
                raise _unknown(name)
            await call.answer_json(page(stored_items(items), more=False))
            return
        query = Query(call.query, ("after", "include", "limit", "order"))
        query.choices("include", INCLUDABLE)
        window = query.window()
        shown = await read_page(window, self._conversations.part(name, key.owner, window))
        if shown is None:
            raise _unknown(name)
        await call.answer_json(shown)

    async def _item(self, call: Call, key: Key, name: str, item_id: str) -> None:
        if call.method == "DELETE":
            conversation = await self._conversations.remove(name, key.owner, item_id)
            if conversation is not None:
                await call.answer_json(_show(conversation))
                return
        else:
            Query(call.query, ("include",)).choices("include", INCLUDABLE)
            item = await self._conversations.item(name, key.owner, item_id)
            if item is not None:
                await call.answer_json(listed(Given(item.id, Raw(item.value))))
                return
        if await self._conversations.get(name, key.owner) is None:
            raise _unknown(name)
        raise GatewayError(errors.ITEM_NOT_FOUND, f"Item with id {item_id!r} not found in this conversation.")


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        body.decode("utf-8")  # what is kept raw is not looked into
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").lstrip(".") or None
        raise GatewayError(errors.INVALID_REQUEST, f"{message.replace('`', chr(39))}.", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GatewayError(errors.INVALID_JSON, f"The request body is not valid JSON: {error}.") from None


def _parse_items(values: list[Raw]) -> Sequence[Given]:
    if len(values) > MAX_ITEMS:
        message = f"At most {MAX_ITEMS} items can be added at once."
        raise GatewayError(errors.INVALID_REQUEST, message, param="items")
    items = continuation.check(values, "items")
    continuation.check_ids(items, param="items")
    return continuation.identify(items, new_id)


def _show(conversation: Conversation) -> _Shown:
    return _Shown(conversation.id, int(conversation.created_at), conversation.metadata)


def _unknown(name: str) -> GatewayError:
    return GatewayError(errors.CONVERSATION_NOT_FOUND, f"Conversation with id {name!r} not found.")
