"""Hooks: functions that see what happens in a run, and may edit it or say no.

    event          when                                            may be edited
    -------------  ----------------------------------------------  --------------------------------
    run_start      once, before anything                           items; veto ends the run
    before_model   before each call of the model                   turn; veto ends the run
    chunk          for each piece of an answer                     event; None drops it
    after_model    after each call of the model                    answer, as the run goes on from it
    before_tool    before each tool of the agent's own             call, output; veto tells the model
    after_tool     after each of them                              output, is_error
    message        once, when the last answer is whole             nothing
    error          once, if the run fails                          nothing
    run_end        once, however the run ended                     nothing

They run in order of priority and then of declaration; those of `after_model`, `after_tool`, `message` and `run_end`
in the reverse of it, so that what was set up first is torn down last.
"""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError
from dragoman.agents.scopes import Scope, permits
from dragoman.turn import Answer, Event, Item, ToolCall, Turn

if TYPE_CHECKING:
    from dragoman.agents.result import Result

OnError = Literal["fail", "log"]
Outcome = Literal["completed", "limit", "vetoed", "failed", "cancelled"]
_log: Final = logging.getLogger("dragoman.agents")


@dataclass(slots=True)
class _Happening:
    context: Context


@dataclass(slots=True)
class _Vetoable(_Happening):
    vetoed: str | None = None
    """Why not; set by `veto`."""

    def veto(self, reason: str) -> None:
        """It shall not happen."""
        self.vetoed = reason


@dataclass(slots=True, kw_only=True)
class RunStart(_Vetoable):
    """The event `run_start`: a run begins."""

    items: tuple[Item, ...]


@dataclass(slots=True, kw_only=True)
class BeforeModel(_Vetoable):
    """The event `before_model`: the model is about to be asked."""

    turn: Turn


@dataclass(slots=True, kw_only=True)
class Chunk(_Happening):
    """The event `chunk`: a piece of an answer has come; without it nobody is told of it."""

    event: Event | None


@dataclass(slots=True, kw_only=True)
class AfterModel(_Happening):
    """The event `after_model`: an answer is whole."""

    answer: Answer


@dataclass(slots=True, kw_only=True)
class BeforeTool(_Vetoable):
    """The event `before_tool`: a tool of the agent's own is about to run."""

    call: ToolCall
    output: str | None = None
    """If it is set, it is the tool's result, and the tool is not run."""


@dataclass(slots=True, kw_only=True)
class AfterTool(_Happening):
    """The event `after_tool`: it has run, or was vetoed."""

    call: ToolCall
    output: str
    is_error: bool


@dataclass(slots=True, kw_only=True)
class Said(_Happening):
    """The event `message`: the last answer is whole."""

    text: str


@dataclass(slots=True, kw_only=True)
class Errored(_Happening):
    """The event `error`: the run fails with this."""

    error: Exception


@dataclass(slots=True, kw_only=True)
class RunEnd(_Happening):
    """The event `run_end`: the run is over, however it ended."""

    outcome: Outcome
    result: "Result"
    """What there is of it, if the run did not complete."""


Happening = RunStart | BeforeModel | Chunk | AfterModel | BeforeTool | AfterTool | Said | Errored | RunEnd
_NAMES: Final[Mapping[type[Any], str]] = {
    RunStart: "run_start", BeforeModel: "before_model", Chunk: "chunk", AfterModel: "after_model",
    BeforeTool: "before_tool", AfterTool: "after_tool", Said: "message", Errored: "error", RunEnd: "run_end",
}  # fmt: skip
_REVERSED: Final = ("after_model", "after_tool", "message", "run_end")
ALIASES: Final[Mapping[str, str]] = {
    "on_connection": "run_start", "before_llm_call": "before_model", "on_chunk": "chunk",
    "after_llm_call": "after_model", "before_toolcall": "before_tool", "after_toolcall": "after_tool",
    "on_message": "message", "finalize_connection": "run_end",
}  # fmt: skip


def known(event: str) -> str:
    """The name of an event by its name or alias. Raises `AgentError` for none."""
    name = ALIASES.get(event, event)
    if name not in _NAMES.values():
        raise AgentError(f"there is no event {event!r} to hook; there are {', '.join(_NAMES.values())}")
    return name


@dataclass(frozen=True, slots=True)
class Hook:
    """A function and the event it is for."""

    event: str
    function: Callable[[Any], Any]
    priority: int
    scope: Scope
    on_error: OnError
    source: str = ""


class Hooks:
    """The hooks of one agent that a caller's scopes let run, in order."""

    def __init__(self, hooks: Iterable[Hook], held: frozenset[str]) -> None:
        self._chains: dict[str, list[Hook]] = {}
        for one in sorted(hooks, key=lambda hook: hook.priority):
            if permits(one.scope, held):
                self._chains.setdefault(one.event, []).append(one)
        for name in _REVERSED:
            self._chains.get(name, []).reverse()

    def heed(self, kind: type[Happening]) -> bool:
        """Whether anybody wants to know."""
        return _NAMES[kind] in self._chains

    async def fire(self, event: Happening) -> None:
        for one in self._chains.get(_NAMES[type(event)], ()):
            try:
                given = one.function(event)
                if inspect.isawaitable(given):
                    await given
            except Exception:  # its author's code may raise anything, and says itself what that is to mean
                if one.on_error == "fail":
                    raise
                name = getattr(one.function, "__qualname__", repr(one.function))
                _log.exception("hook failed", extra={"hook": name, "event": one.event})
