"""What a durable run notes of each step that it finished, and what it makes of a note when it begins anew.

A step is an answer of a model, or the result of one of the agent's own tools. A note has its place in the run and what
came of it, as JSON.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import msgspec

from dragoman.agents.tools import Outcome
from dragoman.ports import Journal
from dragoman.turn import (
    Annotated,
    Answer,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Message,
    Opened,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Refusal,
    RefusalDelta,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Used,
)

_answer: Final = msgspec.json.Decoder(Answer)
_outcome: Final = msgspec.json.Decoder(tuple[str, bool])


class Steps:
    """The steps of one run; without a journal nothing is noted and nothing is known."""

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal

    def answer(self, number: int) -> list[Event] | None:
        """The answer that an earlier attempt got from the model's call of this number, as the events it came in."""
        noted = self._recall(f"model {number}")
        return None if noted is None else list(events_of(_answer.decode(noted)))

    async def answered(self, number: int, answer: Answer) -> None:
        await self._note(f"model {number}", msgspec.json.encode(answer).decode())

    async def tool(self, number: int, call: ToolCall, perform: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """The result of a call in the answer of this number: what was noted of it, else what comes of it now."""
        step = f"tool {number} {call.call_id}"
        noted = self._recall(step)
        if noted is not None:
            return Outcome(*_outcome.decode(noted))
        outcome = await perform()
        await self._note(step, msgspec.json.encode((outcome.output, outcome.is_error)).decode())
        return outcome

    def _recall(self, step: str) -> str | None:
        return None if self._journal is None else self._journal.recall(step)

    async def _note(self, step: str, outcome: str) -> None:
        if self._journal is not None:
            await self._journal.note(step, outcome)


def events_of(answer: Answer) -> Iterator[Event]:
    """An answer as the events that add up to it."""
    yield Opened(answer.id, answer.created, answer.model)
    for item in answer.items:
        match item:
            case Message():
                yield from _said(item)
            case ToolCall():
                yield CallOpened(item.call_id, item.name, item.kind)
                yield CallDelta(item.arguments)
                yield CallClosed(item.arguments)
            case Reasoning():
                yield from _thought(item)
            case _:
                continue  # results and native items are never part of an answer
    if answer.usage is not None:
        yield Used(answer.usage)
    yield Stopped(answer.stop, answer.stop_sequence, answer.service_tier, answer.fingerprint)


def _said(item: Message) -> Iterator[Event]:
    for part in item.parts:
        if isinstance(part, Text):
            yield TextDelta(part.text)
            yield from map(Annotated, part.annotations)
        elif isinstance(part, Refusal):
            yield RefusalDelta(part.text)


def _thought(item: Reasoning) -> Iterator[Event]:
    for number, text in enumerate(item.text):
        yield ReasoningDelta(text, "text", number)
    for number, text in enumerate(item.summary):
        yield ReasoningDelta(text, "summary", number)
    if item.seal:
        yield ReasoningSealed(item.seal, item.sealed_by)
