"""What an agent needs of a model: a turn in, events out."""

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from dragoman.agents.context import Context
from dragoman.turn import Event, Turn


@runtime_checkable
class Model(Protocol):
    """Something that answers turns: an `OpenAISkill`, a `ScriptedModel`, or your own."""

    model: str
    """The name it is asked for by, where an agent names no other."""

    def answer(self, turn: Turn, context: Context) -> AsyncGenerator[Event, None]:
        """The events of one answer, by the rules of `dragoman.turn`; `turn.model` is the model that is asked for.

        Closing it gives up the answer. Raises `ModelError`.
        """
        ...
