"""A run as one answer to a caller: what the agent does itself is left out of it.

of the run                    told
----------------------------  -------------------------------------------------------------------
Started                       Opened
pieces of an answer           as they are; a blank line between the texts of two answers
Ended                         Used, with what all calls of models used, and Stopped
everything else               nothing
"""

import secrets
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from dragoman.agents.clock import now
from dragoman.agents.events import (
    Ended,
    HandedOff,
    ModelAnswered,
    ModelAsked,
    Piece,
    RunEvent,
    Started,
    ToolFinished,
    ToolStarted,
)
from dragoman.dialects.base import Setting
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.folding import fold
from dragoman.turn import Event, Opened, ReasoningDelta, Stop, Stopped, TextDelta, Turn, Usage, Used
from dragoman.wire import sse

_PARAGRAPH: Final = "\n\n"
Chat = dict[str, Any]


class Answering:
    """Takes the events of a run, and gives those of its answer."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._before = False
        """Whether an answer before the present one said something, and whether this one has."""
        self._said = False
        self._first = 0
        """Where the reasoning of this answer begins among the parts that are told, and how many there are."""
        self._parts = 0
        self.told = False
        """Whether the caller has been told anything of substance."""

    def take(self, event: RunEvent) -> list[Event]:
        match event:
            case Started():
                return [Opened(event.run_id, int(now()), self._name)]
            case ModelAsked():
                self._before, self._said, self._first = self._before or self._said, False, self._parts
                return []
            case Ended():
                return end(event.result.usage.total(), event.result.stop)
            case ModelAnswered() | ToolStarted() | ToolFinished() | HandedOff():
                return []
            case _:
                self.told = True
                return self._piece(event)

    def _piece(self, piece: Piece) -> list[Event]:
        if isinstance(piece, ReasoningDelta):
            part = self._first + piece.part
            self._parts = max(self._parts, part + 1)
            return [ReasoningDelta(piece.text, piece.channel, part)]
        if not isinstance(piece, TextDelta):
            return [piece]
        gap: list[Event] = [TextDelta(_PARAGRAPH)] if self._before and not self._said else []
        self._said = True
        return [*gap, piece]


def end(usage: Usage | None, stop: Stop) -> list[Event]:
    """The last events of an answer."""
    return [Stopped(stop)] if usage is None else [Used(usage), Stopped(stop)]


def _new_id(prefix: str) -> str:
    return prefix + secrets.token_hex(12)


class Chunks:
    """The events of a run as the chunks of a Chat stream."""

    def __init__(self, name: str, *, include_usage: bool) -> None:
        self._answering = Answering(name)
        self._setting = Setting(Turn(name, stream=True), _new_id, int(now()), include_usage)
        self._writer = CHAT_CODEC.writer(self._setting)
        self._decoder = sse.Decoder(sse.MAX_EVENT)

    def take(self, event: RunEvent) -> list[Chat]:
        told = b"".join(data for one in self._answering.take(event) for data in self._writer.write(one))
        frames = (frame.data for frame in self._decoder.receive(told))
        return [msgspec.json.decode(data) for data in frames if not data.startswith(sse.DONE)]


def completed(name: str, events: Iterable[RunEvent]) -> Chat:
    """The events of a whole run as a Chat completion."""
    answering = Answering(name)
    answer = fold(told for event in events for told in answering.take(event))
    body = CHAT_CODEC.render_answer(answer, Setting(Turn(name), _new_id, int(now())))
    whole: Chat = msgspec.json.decode(body)
    return whole
