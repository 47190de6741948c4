"""What a Responses request says of what came before it and of what shall be kept, and that said in full.

A gateway that keeps responses itself asks an upstream nothing but a whole question: `previous_response_id`,
`conversation` and references are put in as the items they stand for, `background` and `store` are its own affair.
Items are handled as raw JSON throughout, so that what this module does not know survives.

It knows no store; whoever calls it has looked up what `Asked` names.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.dialects.responses.items import parse as parse_items
from dragoman.dialects.responses.members import absent, invalid
from dragoman.dialects.responses.request import SEALED_REASONING
from dragoman.errors import GatewayError
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.responses import NULL

MAX_ID: Final = 256
MAX_REFERENCES: Final = 1000
MAX_REFERRED: Final = 32 * 1024 * 1024
"""Bytes of all that a request refers to: what a call may send at most, as one item can be referred to many times."""
_STATE: Final = ("previous_response_id", "conversation", "background")
_PREFIX: Final = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "reasoning": "rs_",
}


class _Item(msgspec.Struct, frozen=True, gc=False):
    """What every item is looked at for; an item without a type is an easy message or a reference."""

    type: str | None = None
    id: str | None = None
    role: str | None = None
    encrypted_content: str | None = None
    content: Raw = NULL


class _Conversation(msgspec.Struct, frozen=True):
    id: str


_input: Final = msgspec.json.Decoder(str | list[Raw])
_item: Final = msgspec.json.Decoder(_Item)
_include: Final = msgspec.json.Decoder(list[str])
_items: Final = msgspec.json.Decoder(list[_Item])
_text: Final = msgspec.json.Decoder(str)
_conversation: Final = msgspec.json.Decoder(str | _Conversation)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says about state; at most one of `previous` and `conversation` is set.

    `items` are its own, the easy string included, with references still in their places.
    """

    items: tuple[Raw, ...]
    previous: str = ""
    conversation: str = ""
    background: bool = False
    store: bool = True
    seals: bool = False
    """Whether its caller wants to see sealed reasoning."""
    references: Mapping[int, str] | None = None
    """Which of `items` only refer to an item that is kept, by place."""


@dataclass(frozen=True, slots=True)
class Given:
    """An item as it is kept: under an id, be it the caller's or a fresh one."""

    id: str
    value: Raw


def parse(fields: Fields) -> Asked:
    """Raises `GatewayError` INVALID_REQUEST naming the parameter that is not right."""
    items = _parse_input(fields.get("input"))
    references = _references(items, fields.get("input", NULL))
    if len(references) > MAX_REFERENCES:
        raise invalid("input", f"'input' refers to more than {MAX_REFERENCES} items.")
    asked = Asked(
        items,
        _parse_id(fields.get("previous_response_id"), "previous_response_id"),
        _parse_conversation(fields.get("conversation")),
        _flag(fields.get("background"), "background", default=False),
        _flag(fields.get("store"), "store", default=True),
        SEALED_REASONING.encode() in bytes(fields.get("include", NULL)),
        references or None,
    )
    if asked.previous and asked.conversation:
        message = "'previous_response_id' and 'conversation' cannot stand together."
        raise invalid("previous_response_id", message)
    if asked.background and not asked.store:
        raise invalid("background", "A background response must be stored: 'store' cannot be false.")
    if asked.conversation and not asked.store:
        raise invalid("conversation", "What is said in a conversation is stored: 'store' cannot be false.")
    return asked


def check(items: Sequence[Raw], param: str) -> Sequence[Raw]:
    """Items that are to be kept as they are: read once as the dialect reads them, references excluded.

    Raises `GatewayError` INVALID_REQUEST naming the item below `param`.
    """
    for number, value in enumerate(items):
        if _reference(value, f"{param}[{number}]"):
            raise invalid(f"{param}[{number}]", f"'{param}[{number}]' refers to an item instead of being one.")
    try:
        parse_items(list(items), [])
    except GatewayError as error:
        if error.param is not None:
            error.param = error.param.replace("input", param, 1)
            error.message = error.message.replace("'input[", f"'{param}[")
        raise
    return items


def check_ids(items: Sequence[Raw], taken: Container[str] = frozenset(), param: str = "input") -> None:
    """Raises `GatewayError` INVALID_REQUEST naming an item whose id one before it has, or one of `taken`."""
    seen: set[str] = set()
    for number, value in enumerate(items):
        name = _item.decode(value).id
        if name and (name in seen or name in taken):
            message = f"Duplicate item found with id {name!r}. Remove duplicate items from your input and try again."
            raise invalid(f"{param}[{number}].id", message)
        seen.add(name or "")


def identify(
    items: Sequence[Raw], new_id: Callable[[str], str], taken: Container[str] = frozenset()
) -> tuple[Given, ...]:
    """Items under the ids they have, or fresh ones: an upstream may repeat an id, or use one that is `taken`."""
    given: list[Given] = []
    seen: set[str] = set()
    for value in items:
        item = _item.decode(value)
        name = item.id
        if not name or name in seen or name in taken:
            name = new_id(_PREFIX.get(item.type or "message", "item_"))
            if item.id:
                value = Raw(render_fields({**parse_fields(bytes(value)), "id": raw(name)}))
        seen.add(name)
        given.append(Given(name, value))
    return tuple(given)


def is_item(value: Raw) -> bool:
    """Whether a value can be kept as an item: an object whose name and kind can be read."""
    try:
        _item.decode(value)
    except msgspec.DecodeError:
        return False
    return True


def expand(fields: Fields, history: Sequence[bytes], items: Sequence[bytes]) -> Fields:
    """The request with its history before its own `items`, for an upstream that keeps nothing."""
    whole = {name: value for name, value in fields.items() if name not in _STATE}
    everything = [Raw(value) for value in history if speaks(value)] + [Raw(value) for value in items]
    if everything or "input" in fields:
        whole["input"] = raw(everything)
    whole["store"] = raw(False)
    return whole


def ask_seals(fields: Fields) -> Fields:
    """The request of a call that is kept, asking for the seals without which its reasoning says nothing to the next.

    Only where it speaks of `reasoning`: for a model that has none, asking is an error at OpenAI.
    """
    include = fields.get("include", NULL)
    if absent(fields.get("reasoning", NULL)) or SEALED_REASONING.encode() in bytes(include):
        return fields
    if absent(include):
        return {**fields, "include": raw([SEALED_REASONING])}
    try:
        asked = _include.decode(include)
    except msgspec.DecodeError:
        return fields  # which is for whoever reads it to say
    return {**fields, "include": raw([*asked, SEALED_REASONING])}


def resolve(asked: Asked, found: Mapping[str, bytes]) -> tuple[Raw, ...]:
    """A request's own items, each reference replaced by what it refers to.

    Raises `GatewayError` ITEM_NOT_FOUND, or PAYLOAD_TOO_LARGE for more than could be used.
    """
    items = list(asked.items)
    size = 0
    for number, name in (asked.references or {}).items():
        if name not in found:
            message = f"Item with id {name!r} not found."
            raise GatewayError(errors.ITEM_NOT_FOUND, message, param=f"input[{number}].id")
        size += len(found[name])
        if size > MAX_REFERRED:
            message = f"What 'input' refers to is larger than {MAX_REFERRED} bytes."
            raise GatewayError(errors.PAYLOAD_TOO_LARGE, message, param="input")
        items[number] = Raw(found[name])
    return tuple(items)


def listed(item: Given) -> Raw:
    """An item as it is shown in a list: with its id, and a message with its type and parts."""
    members = parse_fields(bytes(item.value))
    shown: Fields = {"id": raw(item.id), **{name: value for name, value in members.items() if name != "id"}}
    if "type" not in shown:
        shown["type"] = raw("message")
    if bytes(shown["type"]) == b'"message"':
        content = shown.get("content")
        if content is not None and bytes(content).lstrip()[:1] == b'"':
            kind = "output_text" if bytes(shown.get("role", Raw(b""))) == b'"assistant"' else "input_text"
            part: dict[str, object] = {"type": kind, "text": content}
            shown["content"] = raw([{**part, "annotations": []} if kind == "output_text" else part])
        shown.setdefault("status", raw("completed"))
    return Raw(render_fields(shown))


def _parse_input(value: Raw | None) -> tuple[Raw, ...]:
    if value is None or absent(value):
        return ()
    try:
        given = _input.decode(value)
    except msgspec.DecodeError:
        raise invalid("input", "'input' must be a string or a list of items.") from None
    if isinstance(given, str):
        part = {"type": "input_text", "text": given}
        return (raw({"type": "message", "role": "user", "content": [part]}),)
    return tuple(given)


def _references(items: Sequence[Raw], value: Raw) -> Mapping[int, str]:
    """Which of the items of an input refer to one that is kept, by place."""
    try:  # all in one go: nearly every input has none, and every call is looked at
        looked = _items.decode(value)
    except msgspec.DecodeError:
        looked = None
    if looked is not None and not any(map(_refers, looked)):
        return {}
    named = ((number, _reference(item, f"input[{number}]")) for number, item in enumerate(items))
    return {number: name for number, name in named if name}


def _refers(item: _Item) -> bool:
    return item.type == "item_reference" or (item.type is None and item.role is None)


def _reference(value: Raw, at: str) -> str:
    """The id of the item that `value`, which stands at `at`, refers to; nothing if it is an item itself."""
    try:
        item = _item.decode(value)
    except msgspec.DecodeError:
        raise invalid(at, f"'{at}' is no item.") from None
    if _refers(item):
        if not item.id:
            raise invalid(at, f"'{at}' has neither a type, nor a role, nor an id.")
        return item.id
    return ""


def _parse_id(value: Raw | None, name: str) -> str:
    if value is None or absent(value):
        return ""
    try:
        given = _text.decode(value)
    except msgspec.DecodeError:
        raise invalid(name, f"'{name}' must be a string.") from None
    if not 0 < len(given) <= MAX_ID:
        raise invalid(name, f"'{name}' must have 1 to {MAX_ID} characters.")
    return given


def _parse_conversation(value: Raw | None) -> str:
    if value is None or absent(value):
        return ""
    try:
        given = _conversation.decode(value)
    except msgspec.DecodeError:
        raise invalid("conversation", "'conversation' must be an id or an object with one.") from None
    return _parse_id(raw(given if isinstance(given, str) else given.id), "conversation")


def _flag(value: Raw | None, name: str, *, default: bool) -> bool:
    if value is None or absent(value):
        return default
    text = bytes(value)
    if text not in (b"true", b"false"):
        raise invalid(name, f"'{name}' must be true or false.")
    return text == b"true"


def speaks(value: bytes) -> bool:
    """Whether a kept item says anything to an upstream that has kept nothing.

    Reasoning that is neither sealed nor in the open is a bare id there, and some refuse the id.
    """
    if b"reasoning" not in value:
        return True
    item = _item.decode(value)
    if item.type != "reasoning" or item.encrypted_content:
        return True
    return not absent(item.content)
