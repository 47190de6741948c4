"""The reference page of the agents, from their docstrings; `scripts/reference.py` writes it."""

import inspect
from collections.abc import Callable
from typing import get_overloads

from client_reference import flat, section

from dragoman import agents
from dragoman.agents import errors, events, hooks

ORDER = (
    agents.Agent, agents.Result, agents.Limits, agents.Price, agents.Context, agents.Tool, agents.Skill,
    agents.OpenAISkill, agents.MCPServer, agents.ScriptedModel, agents.Say, agents.Call,
)  # fmt: skip
DECORATORS = (agents.tool, agents.hook, agents.prompt, agents.handoff, agents.http)
EVENTS = (
    events.Started, events.ModelAsked, events.ModelAnswered, events.ToolStarted, events.ToolFinished, events.HandedOff,
    events.Ended,
)  # fmt: skip
HAPPENINGS = (
    hooks.RunStart, hooks.BeforeModel, hooks.Chunk, hooks.AfterModel, hooks.BeforeTool, hooks.AfterTool, hooks.Said,
    hooks.Errored, hooks.RunEnd,
)  # fmt: skip


INWARD = {
    "abilities", "answer", "call", "card", "declaration", "events", "inspect", "marked", "of", "passed", "set_tools",
}  # fmt: skip
"""Methods that the package itself and the gateway are the callers of."""


def page() -> str:
    """The whole page."""
    parts = ["# Agents\n\n`from dragoman import ...`; what they mean together: [agents](../topics/agents.md).\n"]
    parts += [section(kind, INWARD) for kind in ORDER]
    parts.append("\n## Decorators\n\nEach is also a method of an agent.\n\n")
    for decorator in DECORATORS:
        parts.append(f"- `@{decorator.__name__}{bare(decorator)}`: {flat(decorator)}\n")
    parts.append(
        f"\n## Agents of other makes\n\n- `from_callable{bare(agents.from_callable)}`: {flat(agents.from_callable)}\n"
    )
    parts.append("\n## Events\n\nOf `stream`, in `dragoman.agents.events`.\n")
    parts += [section(kind).replace("\n## ", "\n### ") for kind in EVENTS]
    parts.append("\n## Hooks\n\nWhat they are given, in `dragoman.agents.hooks`; each has `context`.\n")
    parts += [section(kind).replace("\n## ", "\n### ") for kind in HAPPENINGS]
    parts.append(f"\n## Errors\n\n```text\n{inspect.getdoc(errors)}\n```\n")
    return "".join(parts)


def bare(decorator: Callable[..., object]) -> str:
    """The arguments of a decorator without their types."""
    last = overloads[-1] if (overloads := get_overloads(decorator)) else decorator
    parameters = [one for one in inspect.signature(last).parameters.values() if one.name != "function"]
    return str(inspect.Signature([one.replace(annotation=inspect.Parameter.empty) for one in parameters]))
