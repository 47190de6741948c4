"""A model that says what it was told to: for tests of agents, without a network and without chance."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError
from dragoman.turn import (
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Opened,
    Stop,
    Stopped,
    TextDelta,
    Turn,
    Usage,
    Used,
)

_WORDS: Final = re.compile(r"\S+\s*|\s+")
_CREATED: Final = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; `arguments` may be text that is no JSON, to see what becomes of it."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """One answer in full: a text, then calls."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    usage: Usage | None = Usage(1, 1)
    """None: the model reports none."""
    stop: Stop | None = None
    """None: what fits, an end or calls."""
    delay: float = 0.0
    """Seconds before the first piece."""


Answer = str | Call | tuple[Call, ...] | Say | Exception | Callable[[Turn], "Answer"]
"""A text, calls, one of both in full, something to be raised, or a function that looks at the turn first."""


class ScriptedModel:
    """Gives the answers of its script one after the other; `turns` has what it was asked.

    With `loop` it begins anew at the end of the script, which may be shared by many runs; without it, being asked
    once more is an `AgentError`.
    """

    def __init__(self, *answers: Answer, model: str = "scripted", loop: bool = False) -> None:
        self.model = model
        self.turns: list[Turn] = []
        self._answers = answers
        self._loop = loop

    async def answer(self, turn: Turn, context: Context) -> AsyncGenerator[Event, None]:
        number = len(self.turns)
        self.turns.append(turn)
        if number >= len(self._answers) and not self._loop:
            raise AgentError(f"the script has {len(self._answers)} answers, and the model is asked for another")
        answer = self._answers[number % len(self._answers)]
        while callable(answer):
            answer = answer(turn)
        if isinstance(answer, Exception):
            raise answer
        said = _whole(answer)
        if said.delay:
            await asyncio.sleep(said.delay)
        for event in _events(said, number, turn.model):
            yield event


def _whole(answer: str | Call | tuple[Call, ...] | Say) -> Say:
    match answer:
        case str():
            return Say(answer)
        case Call():
            return Say(calls=(answer,))
        case tuple():
            return Say(calls=answer)
        case Say():
            return answer


def _events(said: Say, number: int, model: str) -> Iterable[Event]:
    yield Opened(f"chatcmpl-scripted-{number}", _CREATED, model)
    for word in _WORDS.findall(said.text):
        yield TextDelta(word)
    for place, call in enumerate(said.calls):
        given = call.arguments
        text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
        yield CallOpened(f"call_{number}_{place}", call.name)
        yield CallDelta(text)
        yield CallClosed(text)
    if said.usage is not None:
        yield Used(said.usage)
    yield Stopped(said.stop or (Stop.TOOL_CALLS if said.calls else Stop.END))
