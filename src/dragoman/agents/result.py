"""What a run came to."""

from dataclasses import dataclass
from typing import Any

from dragoman.agents import messages
from dragoman.agents.usage import RunUsage
from dragoman.turn import Item, Message, Stop, Text, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`text` is what the last answer says, `output` the same as the type that was asked for."""

    run_id: str
    agent: str
    """Who had the word last."""
    text: str
    output: Any
    calls: tuple[ToolCall, ...]
    """Calls of the caller's own tools, which the caller is to answer; see `messages`."""
    items: tuple[Item, ...]
    """What was asked and all that was said and done since, in the words of `dragoman.turn`."""
    usage: RunUsage
    stop: Stop

    @property
    def messages(self) -> list[messages.ChatMessage]:
        """`items` as Chat messages: with the results of `calls` behind them, another run goes on from here."""
        return messages.render(self.items)


def said(items: tuple[Item, ...]) -> str:
    """The text of an answer's messages."""
    parts = (part for item in items if isinstance(item, Message) for part in item.parts)
    return "".join(part.text for part in parts if isinstance(part, Text))
