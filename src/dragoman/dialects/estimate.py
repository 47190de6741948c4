"""How many tokens a request may have, where nobody has counted: by its characters.

Mixed text has 2.7 to 3.4 characters to a token with the encodings of the large providers; the upper end is
taken, so that the number is rather low than high, and never 0.
"""

from typing import Final

import msgspec

from dragoman.turn import Audio, File, Image, Item, Message, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn

CHARS: Final = 3.4
IMAGE: Final = 85
"""Tokens of an image at low detail, as OpenAI counts it."""
OVERHEAD: Final = 4
"""Tokens that mark the bounds of an item."""


def estimate(turn: Turn) -> int:
    """Tokens of everything a turn says, tools included; at least 1."""
    chars = sum(_item(item) for item in turn.items)
    for tool in turn.tools:
        schema = b"" if tool.parameters is msgspec.UNSET else bytes(tool.parameters)
        chars += len(tool.name) + len(tool.description or "") + len(schema)
    return max(1, round(chars / CHARS) + OVERHEAD * (len(turn.items) + len(turn.tools)))


def _item(item: Item) -> float:
    match item:
        case Message() | ToolResult():
            return sum(_part(part) for part in item.parts)
        case ToolCall():
            return len(item.name) + len(item.arguments)
        case Reasoning():
            return sum(map(len, item.text)) + sum(map(len, item.summary))
        case _:
            return len(bytes(item.value))


def _part(part: Part) -> float:
    match part:
        case Text() | Refusal():
            return len(part.text)
        case Image():
            return IMAGE * CHARS
        case Audio() | File():
            return len(part.data) / 4
