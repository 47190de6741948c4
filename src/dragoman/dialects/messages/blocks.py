"""The conversation of a Messages request as items of a turn.

One message holds what in other dialects are several items. A user's message gives its tool results first,
in order, and then what the user says; an assistant's gives text, reasoning and calls in the order they stand.

Cache breakpoints stay with texts, images and documents. On calls, results and tools they have no neutral place
and become extras, as everything does that has none.
"""

from typing import Final

import msgspec

from dragoman.dialects.messages import citations, deferred, sources
from dragoman.dialects.messages.members import decode, invalid, read, refuse
from dragoman.turn import INSTRUCTIONS, Extra, Item, Message, Native, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire import messages as wire

SEALER: Final = "messages"
"""Who made the signatures and the redacted thoughts that come in."""
REDACTED: Final = "redacted:"
"""Before the seal of a redacted thought, to tell it from a signature; a colon is in neither."""
_PARTS: Final = ("text", "image", "document")


def parse_system(value: msgspec.Raw, extras: list[Extra]) -> tuple[Item, ...]:
    """The system prompt as a leading message; none where it is empty."""
    plain = bytes(value).startswith(b'"')
    content = decode(value, str, "system") if plain else decode(value, list[msgspec.Raw], "system")
    parts = _texts(content, "system", extras)
    return (Message("system", parts, id=INSTRUCTIONS),) if parts else ()


def parse_messages(value: msgspec.Raw, extras: list[Extra]) -> tuple[Item, ...]:
    """Raises `GatewayError` INVALID_REQUEST or UNSUPPORTED_PARAMETER naming the block that is not right."""
    items: list[Item] = []
    for number, raw in enumerate(decode(value, list[msgspec.Raw], "messages")):
        at = f"messages[{number}]"
        message = read(raw, wire.Message, at, extras)
        place = f"{at}.content"
        match message.role:
            case "user":
                items += _user(message.content, place, extras)
            case "assistant":
                items += _assistant(message.content, place, extras)
            case "system":
                items.append(Message("system", _texts(message.content, place, extras)))
    return tuple(items)


def _texts(content: str | list[msgspec.Raw], at: str, extras: list[Extra]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),) if content else ()
    parts = []
    for number, block in enumerate(content):
        place = f"{at}[{number}]"
        kind = decode(block, wire.Kind, place).type
        if kind != "text":
            raise invalid(f"{place}.type", f"A system prompt holds text only, not {kind!r} ('{place}').")
        parts.append(_text(block, place, extras))
    return tuple(parts)


def _user(content: str | list[msgspec.Raw], at: str, extras: list[Extra]) -> list[Item]:
    if isinstance(content, str):
        return [Message("user", (Text(content),))]
    results: list[Item] = []
    parts: list[Part] = []
    natives: list[Item] = []
    for number, block in enumerate(content):
        place = f"{at}[{number}]"
        kind = decode(block, wire.Kind, place).type
        if kind == "tool_result":
            results.append(_result(block, place, extras))
        elif kind in _PARTS:
            parts.append(_part(kind, block, place, extras))
        else:
            natives.append(Native("messages", kind, place, block))
    return [*results, *([Message("user", tuple(parts))] if parts else ()), *natives]


def _assistant(content: str | list[msgspec.Raw], at: str, extras: list[Extra]) -> list[Item]:
    if isinstance(content, str):
        return [Message("assistant", (Text(content),))] if content else []
    items: list[Item] = []
    texts: list[Part] = []
    for number, block in enumerate(content):
        place = f"{at}[{number}]"
        kind = decode(block, wire.Kind, place).type
        if kind == "text":
            text = _text(block, place, extras)
            texts += [text] if text.text else []
            continue
        if texts:
            items.append(Message("assistant", tuple(texts)))
            texts = []
        items.append(_spoken(kind, block, place, extras))
    if texts:
        items.append(Message("assistant", tuple(texts)))
    return items


def _spoken(kind: str, block: msgspec.Raw, at: str, extras: list[Extra]) -> Item:
    """Any block of an assistant's but its texts."""
    match kind:
        case "tool_use":
            call = read(block, wire.ToolUseBlock, at, extras)
            return ToolCall(call.id, call.name, msgspec.json.encode(call.input).decode())
        case "thinking":
            thought = read(block, wire.ThinkingBlock, at, extras)
            text = (thought.thinking,) if thought.thinking else ()
            return Reasoning(text, seal=thought.signature, sealed_by=SEALER if thought.signature else "")
        case "redacted_thinking":
            hidden = read(block, wire.RedactedThinkingBlock, at, extras)
            return Reasoning(seal=f"{REDACTED}{hidden.data}", sealed_by=SEALER)
        case _:
            return Native("messages", kind, at, block)


def _result(block: msgspec.Raw, at: str, extras: list[Extra]) -> ToolResult:
    result = read(block, wire.ToolResultBlock, at, extras)
    parts: tuple[Part, ...] = ()
    if isinstance(result.content, str):
        parts = (Text(result.content),)
    elif result.content is not None:
        parts = tuple(_nested(inner, f"{at}.content[{number}]", extras) for number, inner in enumerate(result.content))
    return ToolResult(result.tool_use_id, parts, is_error=bool(result.is_error))


def _nested(block: msgspec.Raw, at: str, extras: list[Extra]) -> Part:
    kind = decode(block, wire.Kind, at).type
    if kind == deferred.REFERENCE:
        return Text(deferred.says(read(block, wire.ToolReference, at, extras).tool_name))
    if kind not in _PARTS:
        raise refuse(f"{at}.type", f"A block of type {kind!r} in a tool's result ('{at}') cannot be translated.")
    return _part(kind, block, at, extras)


def _part(kind: str, block: msgspec.Raw, at: str, extras: list[Extra]) -> Part:
    match kind:
        case "image":
            return sources.parse_image(block, at, extras)
        case "document":
            return sources.parse_document(block, at, extras)
        case _:
            return _text(block, at, extras)


def _text(block: msgspec.Raw, at: str, extras: list[Extra]) -> Text:
    text = read(block, wire.TextBlock, at, extras)
    try:
        cited = tuple(citations.annotation(one, 0, len(text.text)) for one in text.citations or ())
    except msgspec.ValidationError as error:
        raise invalid(f"{at}.citations", f"'{at}.citations' holds what is no citation: {error}.") from None
    return Text(text.text, cited, cache=text.cache_control)
