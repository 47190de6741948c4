"""The finished answer that the events of one add up to."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.turn import (
    Annotated,
    Answer,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Item,
    Message,
    Opened,
    Part,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Refusal,
    RefusalDelta,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Usage,
    Used,
)


def fold(events: Iterable[Event]) -> Answer:
    """Raises `GatewayError` STREAM_ABORTED if the answer failed or has no end."""
    folding = _Folding()
    opened = Opened("", 0, "")
    usage: Usage | None = None
    for event in events:
        match event:
            case Opened():
                opened = event
            case Used():
                usage = event.usage
            case Failed():
                raise GatewayError(errors.STREAM_ABORTED, f"The upstream reported: {event.message}")
            case Stopped():
                return Answer(
                    id=opened.id, created=opened.created, model=opened.model, items=folding.close(), stop=event.stop,
                    stop_sequence=event.stop_sequence, usage=usage, service_tier=event.service_tier,
                    fingerprint=event.fingerprint,
                )  # fmt: skip
            case _:
                folding.take(event)
    raise GatewayError(errors.STREAM_ABORTED, "The upstream's answer ended before it was complete.")


class _Folding:
    """The items so far, and the one that is open: parts of a message, or a thought. Pieces are joined at its end."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._parts: list[Part] = []
        self._kind: Literal["", "text", "refusal"] = ""
        self._pieces: list[str] = []
        self._logprobs: list[msgspec.Raw] = []
        self._annotations: list[msgspec.Raw] = []
        self._thought: dict[str, list[list[str]]] = {}
        self._call = CallOpened("", "")

    def take(self, event: Event) -> None:
        match event:
            case TextDelta():
                self._say("text", event.text)
                self._logprobs += event.logprobs
            case Annotated():
                self._annotations.append(event.annotation)
            case RefusalDelta():
                self._say("refusal", event.text)
            case ReasoningDelta():
                self._end_message()
                parts = self._thought.setdefault(event.channel, [])
                parts += ([] for _ in range(event.part + 1 - len(parts)))
                parts[event.part].append(event.text)
            case ReasoningSealed():
                self._end_message()
                self._end_thought(event)
            case CallOpened():
                self._end_message()
                self._end_thought()
                self._call = event
            case CallClosed():
                call = self._call
                self._items.append(ToolCall(call.call_id, call.name, event.arguments, call.kind))
            case _:  # `CallDelta`: the whole comes at the close
                return

    def close(self) -> tuple[Item, ...]:
        self._end_message()
        self._end_thought()
        return tuple(self._items)

    def _say(self, kind: Literal["text", "refusal"], text: str) -> None:
        self._end_thought()
        if self._kind != kind:
            self._end_part()
            self._kind = kind
        self._pieces.append(text)

    def _end_part(self) -> None:
        text = "".join(self._pieces)
        if self._kind == "text":
            self._parts.append(Text(text, tuple(self._annotations), tuple(self._logprobs)))
        elif self._kind == "refusal":
            self._parts.append(Refusal(text))
        self._kind = ""
        self._pieces, self._logprobs, self._annotations = [], [], []

    def _end_message(self) -> None:
        self._end_part()
        if self._parts:
            self._items.append(Message("assistant", tuple(self._parts)))
            self._parts = []

    def _end_thought(self, sealed: ReasoningSealed | None = None) -> None:
        if not self._thought and sealed is None:
            return
        text, summary = (tuple("".join(part) for part in self._thought.get(name, ())) for name in ("text", "summary"))
        seal, by = ("", "") if sealed is None else (sealed.seal, sealed.sealed_by)
        self._items.append(Reasoning(text, summary, seal, by))
        self._thought = {}
