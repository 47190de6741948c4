"""What happens in a run, as it happens.

Pieces of an answer are the events of `dragoman.turn`: `TextDelta`, `RefusalDelta`, `ReasoningDelta`, `Annotated`, and
`CallOpened`, `CallDelta` and `CallClosed` for tools of the caller's own. Between them stand the events here.
"""

from typing import TYPE_CHECKING

import msgspec

from dragoman.turn import (
    Annotated,
    Answer,
    CallClosed,
    CallDelta,
    CallOpened,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
)

if TYPE_CHECKING:
    from dragoman.agents.result import Result


class Started(msgspec.Struct, frozen=True):
    """The first event."""

    run_id: str
    agent: str


class ModelAsked(msgspec.Struct, frozen=True):
    """A call of a model begins; `number` counts them from 1."""

    agent: str
    model: str
    number: int


class ModelAnswered(msgspec.Struct, frozen=True):
    """It ended; `answer` is what it said, as far as the run goes on from it."""

    agent: str
    answer: Answer


class ToolStarted(msgspec.Struct, frozen=True):
    """A tool of the agent's own has been called, and is about to run."""

    call_id: str
    name: str
    arguments: str


class ToolFinished(msgspec.Struct, frozen=True):
    """Its result, as the model is told it."""

    call_id: str
    name: str
    output: str
    is_error: bool
    seconds: float


class HandedOff(msgspec.Struct, frozen=True):
    """The run goes on as another agent."""

    source: str
    target: str


class Ended(msgspec.Struct, frozen=True):
    """The last event of a run that completed; one that did not raises instead."""

    result: "Result"


Piece = (
    TextDelta | RefusalDelta | ReasoningDelta | ReasoningSealed | Annotated | CallOpened | CallDelta | CallClosed
)  # fmt: skip
RunEvent = Started | ModelAsked | Piece | ModelAnswered | ToolStarted | ToolFinished | HandedOff | Ended
