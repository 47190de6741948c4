"""One endpoint between LLM applications and everything they call.

The public names are those of the client library and of the agents; each is imported when it is first used, so that
`import dragoman` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dragoman.version import __version__

if TYPE_CHECKING:
    from dragoman.agents import (
        Agent,
        AgentError,
        BaseAgent,
        Call,
        Context,
        LimitReached,
        Limits,
        MCPServer,
        Model,
        ModelError,
        OpenAISkill,
        OutputError,
        Price,
        Result,
        Say,
        ScriptedModel,
        Skill,
        Tool,
        ToolError,
        Vetoed,
        from_callable,
        handoff,
        hook,
        http,
        prompt,
        tool,
    )
    from dragoman.client import (
        AsyncClient,
        AsyncStream,
        AsyncWebSocket,
        Client,
        ClientConfig,
        Event,
        Problem,
        Request,
        Resolution,
        Response,
        RetryPolicy,
        Status,
        Stream,
        Timeouts,
        WebSocket,
    )

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "AsyncWebSocket",
    "Client",
    "ClientConfig",
    "Event",
    "Problem",
    "Request",
    "Resolution",
    "Response",
    "RetryPolicy",
    "Status",
    "Stream",
    "Timeouts",
    "WebSocket",
    "__version__",
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


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module("dragoman.agents")  # which by itself imports nothing
    if name not in home.__all__:
        home = import_module("dragoman.client")
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
