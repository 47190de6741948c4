"""The decorators: what a function is to an agent, noted on the function.

`@tool` and the others leave a mark on a function; a `Skill` is searched for marks when it is attached, and an `Agent`
has methods of the same names that mark and register at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, overload

from dragoman.agents.hooks import OnError, known
from dragoman.agents.scopes import EVERYONE, Scope

_PLACE: Final = "__dragoman_marks__"
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ToolMark:
    name: str = ""
    description: str = ""
    scope: Scope = EVERYONE
    timeout: float | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class HookMark:
    event: str
    priority: int
    scope: Scope
    on_error: OnError


@dataclass(frozen=True, slots=True)
class PromptMark:
    priority: int
    scope: Scope


@dataclass(frozen=True, slots=True)
class HandoffMark:
    name: str
    description: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class HttpMark:
    path: str
    method: Literal["get", "post", "put", "patch", "delete"]
    scope: Scope


Mark = ToolMark | HookMark | PromptMark | HandoffMark | HttpMark


def marks(function: object) -> tuple[Mark, ...]:
    """What was noted on a function, or on the function of a method; nothing on anything else."""
    found = getattr(function, _PLACE, ())
    return found if isinstance(found, tuple) else ()


def marked(function: F, mark: Mark) -> F:
    setattr(function, _PLACE, (*marks(function), mark))
    return function


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    function: None = None,
    /,
    *,
    name: str = "",
    description: str = "",
    scope: Scope = EVERYONE,
    timeout: float | None = None,
    cost_usd: float | None = None,
) -> Callable[[F], F]: ...
def tool(function: F | None = None, /, **said: Any) -> F | Callable[[F], F]:
    """A function that the model may call; its signature and docstring tell the model how.

    `timeout` is in seconds, `cost_usd` what each call is booked with.
    """
    mark = ToolMark(**said)
    return marked(function, mark) if function is not None else lambda function: marked(function, mark)


def hook(event: str, *, priority: int = 50, scope: Scope = EVERYONE, on_error: OnError = "fail") -> Callable[[F], F]:
    """A function that is called with an event of a run, and may edit it; a lower `priority` is called sooner.

    What it raises fails the run; with `on_error="log"` it is logged and the run goes on.
    """
    mark = HookMark(known(event), priority, scope, on_error)
    return lambda function: marked(function, mark)


@overload
def prompt(function: F, /) -> F: ...
@overload
def prompt(function: None = None, /, *, priority: int = 50, scope: Scope = EVERYONE) -> Callable[[F], F]: ...
def prompt(function: F | None = None, /, *, priority: int = 50, scope: Scope = EVERYONE) -> F | Callable[[F], F]:
    """A function whose text is added to the agent's instructions, made anew for each call of the model."""
    mark = PromptMark(priority, scope)
    return marked(function, mark) if function is not None else lambda function: marked(function, mark)


def handoff(name: str = "", *, description: str = "", scope: Scope = EVERYONE) -> Callable[[F], F]:
    """A function that gives the `Agent` to which the model may hand over, by the tool `use_NAME`."""
    return lambda function: marked(function, HandoffMark(name or function.__name__, description, scope))


def http(
    path: str,
    method: Literal["get", "post", "put", "patch", "delete"] = "get",
    *,
    scope: Scope = EVERYONE,
) -> Callable[[F], F]:
    """A function that answers a request below the agent's own path, where the agent is served."""
    mark = HttpMark("/" + path.strip("/"), method, scope)
    return lambda function: marked(function, mark)
