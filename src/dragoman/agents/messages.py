"""Chat messages and tools as callers write them, to and from the words of `dragoman.turn`; the Chat codec's work."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.profile import PROFILES
from dragoman.turn import Item, Turn

ChatMessage = dict[str, Any]
Asked = str | Sequence[Mapping[str, Any]] | Turn
"""What a run may be asked with: a text, Chat messages, or a turn."""
_ANY: Final = "any"
"""In the place of a model's name, which a run does not ask for."""
_PROFILE: Final = msgspec.structs.replace(PROFILES["openai"], reasoning_field="reasoning_content", allow_unknown=True)


def parse(asked: Asked, tools: Iterable[Mapping[str, Any]] = (), **parameters: object) -> Turn:
    """The turn that a caller asks for. Raises `GatewayError` INVALID_REQUEST naming what is wrong."""
    if isinstance(asked, Turn):
        return asked
    messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else list(asked)
    body = {"model": _ANY, "messages": messages, **parameters}
    if offered := list(tools):
        body["tools"] = offered
    return CHAT_CODEC.parse(msgspec.json.encode(body))


def render(items: tuple[Item, ...]) -> list[ChatMessage]:
    """Raises `GatewayError` for what a Chat message cannot say."""
    rendered = CHAT_CODEC.render(Turn("", items=items), "", _PROFILE)
    messages: list[ChatMessage] = msgspec.json.decode(rendered.body)["messages"]
    return messages
