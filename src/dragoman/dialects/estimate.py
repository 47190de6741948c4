"""How many tokens a text may have, where nobody has counted: by its characters, unless someone can count better.

Mixed text has 2.7 to 3.4 characters to a token with the encodings of the large providers; the upper end is
taken, so that the number is rather low than high.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from dragoman.turn import Audio, File, Image, Item, Message, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn

CHARS: Final = 3.4
IMAGE: Final = 85
"""Tokens of an image at low detail, as OpenAI counts it."""
OVERHEAD: Final = 4
"""Tokens that mark the bounds of an item."""

Count = Callable[[Sequence[str]], float]
"""Tokens of texts that belong together."""


def by_chars(texts: Sequence[str]) -> float:
    return sum(map(len, texts)) / CHARS


def estimate(turn: Turn, count: Count = by_chars) -> int:
    """Tokens of everything a turn says, tools included; at least 1."""
    texts = [text for item in turn.items for text in texts_of(item)]
    for tool in turn.tools:
        schema = "" if tool.parameters is msgspec.UNSET else _text(tool.parameters)
        texts += (tool.name, tool.description or "", schema)
    media = sum(_media(part) for item in turn.items if isinstance(item, Message | ToolResult) for part in item.parts)
    return max(1, round(count(texts) + media) + OVERHEAD * (len(turn.items) + len(turn.tools)))


def texts_of(item: Item) -> Iterator[str]:
    """What an item says, piece by piece."""
    match item:
        case Message() | ToolResult():
            for part in item.parts:
                if isinstance(part, Text | Refusal):
                    yield part.text
        case ToolCall():
            yield item.name
            yield item.arguments
        case Reasoning():
            yield from item.text
            yield from item.summary
        case _:
            yield _text(item.value)


def _text(value: msgspec.Raw) -> str:
    return str(bytes(value), "utf-8", "replace")


def _media(part: Part) -> float:
    match part:
        case Image():
            return IMAGE
        case Audio() | File():
            return len(part.data) / 4 / CHARS
        case _:
            return 0.0
