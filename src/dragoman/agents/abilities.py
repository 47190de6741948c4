"""What an agent can do for one caller: its tools, prompts and handoffs as far as the caller's scopes reach."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dragoman.agents import schema
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError
from dragoman.agents.hooks import Hooks
from dragoman.agents.scopes import EVERYONE, Scope
from dragoman.agents.tools import Tool

if TYPE_CHECKING:
    from dragoman.agents.agent import Agent


@dataclass(frozen=True, slots=True)
class Prompt:
    """A function that adds to the instructions."""

    function: Callable[..., Any]
    priority: int
    scope: Scope
    source: str = ""

    async def text(self, context: Context) -> str:
        takes = bool(inspect.signature(self.function).parameters)
        given = self.function(context) if takes else self.function()
        return str(await given if inspect.isawaitable(given) else given or "")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A function that answers requests to `path`, below the agent's own, where the agent is served."""

    path: str
    method: str
    function: Callable[..., Any]
    signature: schema.Signature
    scope: Scope
    source: str = ""


@dataclass(frozen=True, slots=True)
class Abilities:
    """As they were when they were asked for: what is added to the agent later is for later runs."""

    tools: Mapping[str, Tool]
    prompts: Sequence[Prompt]
    hooks: Hooks

    async def prompted(self, context: Context) -> list[str]:
        """What the prompts say, in order of priority; those that say nothing are left out."""
        texts = [await prompt.text(context) for prompt in self.prompts]
        return [text for text in texts if text]


class Handover(str):
    """The result of a handoff: a text for the model, and who goes on."""

    __slots__ = ("target",)
    target: "Agent"


def handoff(
    name: str, choose: Callable[[Context], Any], description: str, scope: Scope = EVERYONE, source: str = ""
) -> Tool:
    """The tool `use_NAME`, by which a model hands over to the agent that `choose` gives."""

    async def run(context: Context, arguments: str) -> object:
        target = choose(context)
        if inspect.isawaitable(target):
            target = await target
        if not hasattr(target, "abilities"):
            raise AgentError(f"the handoff {name!r} gave {target!r}, which is no Agent")
        handover = Handover(f'{{"handed_to": "{target.name}"}}')
        handover.target = target
        return handover

    what = description or f"Hand the conversation over to {name}."
    return Tool(f"use_{name}", what, {"type": "object", "properties": {}}, run, scope, source=source, hidden=True)


def choosing(function: Callable[..., Any]) -> Callable[[Context], Any]:
    """A handoff's function, whether or not it takes the context."""
    takes = bool(inspect.signature(function).parameters)
    return function if takes else lambda _: function()
