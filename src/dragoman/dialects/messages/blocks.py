"""The conversation of a Messages request as items of a turn.

One message holds what in other dialects are several items. A user's message gives its tool results first,
in order, and then what the user says; an assistant's gives text, reasoning and calls in the order they stand.

Cache breakpoints stay with texts, images and documents. On calls, results and tools they have no neutral place
and become extras, as everything does that has none.
"""

from typing import Final

import msgspec

from dragoman.dialects.mapping import refuse
from dragoman.dialects.messages import citations, deferred, rows, sources
from dragoman.dialects.messages.members import decode, invalid, read
from dragoman.turn import INSTRUCTIONS, Extra, Item, Message, Native, Part, Place, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire import messages as wire

SEALER: Final = "messages"
"""Who made the signatures and the redacted thoughts that come in."""
REDACTED: Final = "redacted:"
"""Before the seal of a redacted thought, to tell it from a signature; a colon is in neither."""
_PARTS: Final = ("text", "image", "document")


class History:
    """What has been said, item by item, and where each of them stood."""

    def __init__(self, extras: list[Extra]) -> None:
        self.extras = extras
        self.items: list[Item] = []
        self.places: list[Place] = []

    def put(self, item: Item, at: str, parts: tuple[str, ...] = ()) -> None:
        self.items.append(item)
        self.places.append(Place(at, parts))


def parse_system(value: msgspec.Raw, history: History) -> None:
    """The system prompt as a leading message; none where it is empty."""
    plain = bytes(value).startswith(b'"')
    content = decode(value, str, "system") if plain else decode(value, list[msgspec.Raw], "system")
    _instruct(content, "system", "system", history, INSTRUCTIONS)


def parse_messages(value: msgspec.Raw, history: History) -> None:
    """Raises `GatewayError` INVALID_REQUEST or UNSUPPORTED_PARAMETER naming the block that is not right."""
    for number, raw in enumerate(decode(value, list[msgspec.Raw], "messages")):
        at = f"messages[{number}]"
        message = read(raw, wire.Message, at, history.extras)
        match message.role:
            case "user":
                _user(message.content, at, history)
            case "assistant":
                _assistant(message.content, at, history)
            case "system":
                # Unlike an empty system prompt, an empty message is one.
                if not _instruct(message.content, at, f"{at}.content", history):
                    history.put(Message("system", ()), at)


def _instruct(content: str | list[msgspec.Raw], at: str, place: str, history: History, identity: str = "") -> bool:
    """Texts of a system prompt; False if there is none."""
    if isinstance(content, str):
        if content:
            history.put(Message("system", (Text(content),), id=identity), at, (place,))
        return bool(content)
    parts: list[Part] = []
    places: list[str] = []
    for number, block in enumerate(content):
        places.append(f"{place}[{number}]")
        kind = decode(block, wire.Kind, places[-1]).type
        if kind != "text":
            raise invalid(f"{places[-1]}.type", f"A system prompt holds text only, not {kind!r} ('{places[-1]}').")
        parts.append(_text(block, places[-1], history.extras))
    if parts:
        history.put(Message("system", tuple(parts), id=identity), at, tuple(places))
    return bool(parts)


def _user(content: str | list[msgspec.Raw], at: str, history: History) -> None:
    if isinstance(content, str):
        history.put(Message("user", (Text(content),)), at, (f"{at}.content",))
        return
    parts: list[Part] = []
    places: list[str] = []
    natives: list[tuple[Item, str]] = []
    for number, block in enumerate(content):
        place = f"{at}.content[{number}]"
        kind = decode(block, wire.Kind, place).type
        if kind == "tool_result":
            history.put(_result(block, place, history.extras), place)
        elif kind in _PARTS:
            parts.append(_part(kind, block, place, history.extras))
            places.append(place)
        else:
            natives.append((Native("messages", kind, place, block), place))
    if parts:
        history.put(Message("user", tuple(parts)), at, tuple(places))
    for native, place in natives:
        history.put(native, place)


def _assistant(content: str | list[msgspec.Raw], at: str, history: History) -> None:
    if isinstance(content, str):
        if content:
            history.put(Message("assistant", (Text(content),)), at, (f"{at}.content",))
        return
    texts: list[Part] = []
    places: list[str] = []

    def say() -> None:
        if texts:
            history.put(Message("assistant", tuple(texts)), at, tuple(places))
            texts.clear()
            places.clear()

    for number, block in enumerate(content):
        place = f"{at}.content[{number}]"
        kind = decode(block, wire.Kind, place).type
        if kind == "text":
            text = _text(block, place, history.extras)
            if text.text:
                texts.append(text)
                places.append(place)
            continue
        say()
        history.put(_spoken(kind, block, place, history.extras), place)
    say()


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
        raise refuse(rows.RESULT_BLOCK, f"{at}.type", kind=kind)
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
