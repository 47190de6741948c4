"""Agents of other makes as `ports.Agent`: a function, an object with `run` or `stream`, an agent of a framework.

What they are is seen from their shape, and no framework is imported: who has an agent of one has imported it. They
answer with text. What a caller asks for beyond that is refused by name, or told as a loss.
"""

import dataclasses
import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.agents import frameworks, messages
from dragoman.agents.clock import now
from dragoman.agents.errors import AgentError
from dragoman.agents.frameworks import Speak
from dragoman.agents.threads import THREADS
from dragoman.dialects import fields
from dragoman.dialects.mapping import Field
from dragoman.errors import GatewayError
from dragoman.ports import Asked, Card
from dragoman.turn import Event, Loss, Opened, Stop, Stopped, TextDelta, Turn, Usage, Used

_LOST: Final[tuple[tuple[str, Field], ...]] = (
    ("temperature", fields.TEMPERATURE), ("top_p", fields.TOP_P), ("max_output_tokens", fields.LIMIT),
    ("seed", fields.SEED),
)  # fmt: skip
"""Members of a turn's sampling that such an agent is not told."""
_SAYS_NOTHING: Final = ("max_tokens", "stream_options", "functions")
"""Extras that say how a caller writes, and ask for nothing."""


class ForeignAgent:
    """What `from_callable` gives."""

    durable = False

    def __init__(self, name: str, speak: Speak, description: str) -> None:
        self.name = name
        self.card = Card(description)
        self._speak = speak

    def inspect(self, turn: Turn) -> tuple[Loss, ...]:
        if turn.tools and (turn.tool_choice is None or turn.tool_choice.mode != "none"):
            raise self._cannot("tools", "call its caller's tools")
        if turn.format is not None and turn.format.kind != "text":
            raise self._cannot(_param(fields.FORMAT, turn), "be told the form of its answer")
        if turn.sampling.choices > 1:
            raise self._cannot(_param(fields.CHOICES, turn), "give more than one answer")
        if turn.sampling.stop:
            raise self._cannot(_param(fields.STOP, turn), "be told where to stop")
        lost = [_param(field, turn) for name, field in _LOST if getattr(turn.sampling, name) is not None]
        lost += [_param(fields.EFFORT, turn)] if turn.thinking.effort is not None else []
        lost += [_param(fields.VERBOSITY, turn)] if turn.verbosity is not None else []
        lost += [extra.param for extra in turn.extras if extra.param not in _SAYS_NOTHING]
        return tuple(Loss(param, "dropped", f"the agent {self.name!r} decides that by itself") for param in lost)

    async def answer(self, turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
        yield Opened(asked.call_id, int(now()), self.name)
        usage: Usage | None = None
        said = False
        async with aclosing(self._speak(turn, asked)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage = piece
                elif piece:
                    said = True
                    yield TextDelta(piece)
        if not said:
            raise GatewayError(errors.EXECUTION_FAILED, f"The agent {self.name!r} said nothing.")
        if usage is not None:
            yield Used(usage)
        yield Stopped(Stop.END)

    async def close(self) -> None:
        """What it holds open is its author's affair."""

    def _cannot(self, param: str, what: str) -> GatewayError:
        return GatewayError(errors.UNSUPPORTED_PARAMETER, f"The agent {self.name!r} cannot {what}.", param=param)


def _param(field: Field, turn: Turn) -> str:
    """What the caller calls it."""
    return field.name(turn.dialect) or field.name("chat")


def from_callable(target: Any, *, name: str = "", description: str = "") -> ForeignAgent:
    """An agent that a gateway serves, from what somebody else wrote.

    It may be an agent of pydantic-ai or of OpenAI's framework, a Runnable of LangChain, a function or an object with a
    method `stream` or `run`. A function and a method are given the conversation as Chat messages, or the last text of
    it where their first parameter is a `str`, and who asks where they have a second one; they return their answer, or
    yield it piece by piece.
    """
    found = frameworks.recognized(target) or _plain(target)
    own = getattr(target, "name", None) or getattr(target, "__name__", None)
    given = name or (own if isinstance(own, str) and own != "<lambda>" else "")
    if not given:
        raise AgentError(f"{target!r} has no name of its own; give it one: from_callable(..., name=...)")
    said = description or (inspect.getdoc(target) or "" if inspect.isroutine(target) else "")
    return ForeignAgent(given, found, said)


def _plain(target: Any) -> Speak:
    function = next((one for one in (getattr(target, "stream", None), getattr(target, "run", None)) if one), target)
    if not callable(function):
        raise AgentError(f"{target!r} is no agent: neither a function, nor has it a method 'stream' or 'run'")
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        raise AgentError(f"{target!r} takes no conversation")
    wants_text = parameters[0].annotation in (str, "str")
    wants_asked = len(parameters) > 1 and parameters[1].default is inspect.Parameter.empty

    async def speak(turn: Turn, asked: Asked) -> AsyncGenerator[str | Usage, None]:
        history = messages.render(turn.items)
        first = frameworks.last_text(turn) if wants_text else history
        given = (first, asked) if wants_asked else (first,)
        async for piece in _pieces(function, given):
            yield piece

    return speak


async def _pieces(function: Callable[..., Any], given: tuple[Any, ...]) -> AsyncGenerator[str | Usage, None]:
    """What a function returns or yields; one that may block does so in a thread."""
    if inspect.isasyncgenfunction(function) or inspect.iscoroutinefunction(function):
        answer = function(*given)
    else:
        answer = await THREADS.run(function, *given)
    if inspect.isawaitable(answer):
        answer = await answer
    if hasattr(answer, "__aiter__"):
        async for piece in answer:
            yield text_of(piece)
    elif inspect.isgenerator(answer):
        while (piece := await THREADS.run(next, answer, None)) is not None:
            yield text_of(piece)
    else:
        yield text_of(answer)


def text_of(value: Any) -> str:
    """The text of what an agent gave, or of what that calls its text, output or content. Raises `AgentError`."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("content"), str):
        return str(value["content"])
    for member in ("text", "output", "final_output", "content"):
        inner = getattr(value, member, None)
        if isinstance(inner, str):
            return inner
    dump = getattr(value, "model_dump_json", None)
    if callable(dump):
        return str(dump())
    if isinstance(value, (Mapping, list, tuple, int, float, msgspec.Struct)) or dataclasses.is_dataclass(value):
        return msgspec.json.encode(value).decode()
    raise AgentError(f"the agent gave a {type(value).__name__}, which is no text")
