"""Agents: a model, instructions, and tools that are functions; any of them can be served as a model.

They know nothing of the gateway. Each name is imported when it is first used; most need the extra `agents`, which is
pydantic and griffelib.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dragoman.agents.agent import Agent, BaseAgent
    from dragoman.agents.context import Context
    from dragoman.agents.errors import AgentError, LimitReached, ModelError, OutputError, ToolError, Vetoed
    from dragoman.agents.foreign import from_callable
    from dragoman.agents.marks import handoff, hook, http, prompt, tool
    from dragoman.agents.mcp import MCPServer
    from dragoman.agents.model import Model
    from dragoman.agents.openai import OpenAISkill
    from dragoman.agents.result import Result
    from dragoman.agents.scripted import Call, Say, ScriptedModel
    from dragoman.agents.skills import Skill
    from dragoman.agents.tools import Tool
    from dragoman.agents.usage import Limits, Price

__all__ = [
    "Agent",
    "AgentError",
    "BaseAgent",
    "Call",
    "Context",
    "LimitReached",
    "Limits",
    "MCPServer",
    "Model",
    "ModelError",
    "OpenAISkill",
    "OutputError",
    "Price",
    "Result",
    "Say",
    "ScriptedModel",
    "Skill",
    "Tool",
    "ToolError",
    "Vetoed",
    "from_callable",
    "handoff",
    "hook",
    "http",
    "prompt",
    "tool",
]

_HOMES = {
    "agent": ("Agent", "BaseAgent"),
    "context": ("Context",),
    "errors": ("AgentError", "LimitReached", "ModelError", "OutputError", "ToolError", "Vetoed"),
    "foreign": ("from_callable",),
    "marks": ("handoff", "hook", "http", "prompt", "tool"),
    "mcp": ("MCPServer",),
    "model": ("Model",),
    "openai": ("OpenAISkill",),
    "result": ("Result",),
    "scripted": ("Call", "Say", "ScriptedModel"),
    "skills": ("Skill",),
    "tools": ("Tool",),
    "usage": ("Limits", "Price"),
}


def __getattr__(name: str) -> object:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f"{__name__}.{home}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("pydantic", "griffe"):
            raise
        raise ImportError(f"{name} needs {error.name}: pip install 'dragoman[agents]'", name=error.name) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
