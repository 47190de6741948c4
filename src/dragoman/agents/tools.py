"""Tools that an agent runs itself: how a model is told of one, and what becomes of a call.

A call never raises but when it is cancelled: what went wrong is told to the model, as JSON, so that it may mend it.
"""

import asyncio
import inspect
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from dragoman.agents import schema
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError, ToolError
from dragoman.agents.marks import ToolMark
from dragoman.agents.scopes import EVERYONE, Scope
from dragoman.agents.threads import THREADS
from dragoman.turn import Tool as Declaration
from dragoman.wire.chat import raw

TIMEOUT: Final = 60.0
"""Seconds that a tool has if it does not say."""
MAX_MESSAGE: Final = 2000
"""Characters of an exception that a model is told."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""OpenAI's rule for the name of a function."""
_log: Final = logging.getLogger("dragoman.agents")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to, as the model is told it."""

    output: str
    is_error: bool = False
    seconds: float = 0.0
    value: object = None
    """What the function gave, if it gave something."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something the model may call; `run` takes the context and the arguments as JSON text."""

    name: str
    description: str
    parameters: schema.Schema
    run: Callable[[Context, str], Awaitable[object]]
    scope: Scope = EVERYONE
    timeout: float = TIMEOUT
    cost_usd: float | None = None
    source: str = ""
    """The skill it came with."""
    hidden: bool = False
    """Whether it is the agent's own affair, and not told of to its callers."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise AgentError(f"a tool's name has 1 to 64 letters, digits, _ and -; {self.name!r} is none")

    @property
    def declaration(self) -> Declaration:
        """What the model is told of it."""
        return Declaration(self.name, self.description or None, raw(self.parameters))

    async def call(self, arguments: str, context: Context) -> Outcome:
        began = time.monotonic()
        value: object = None
        try:
            async with asyncio.timeout(self.timeout) as deadline:
                value = await self.run(context, arguments)
            output, failed = encode(value), False
        except ValidationError as error:
            output, failed = _invalid(error), True
        except ToolError as error:
            output, failed = error_json("tool_error", str(error)), True
        except Exception as error:  # noqa: BLE001 - the outermost of a tool: its author's code may raise anything
            if deadline.expired():
                output = error_json("timeout", f"The tool did not answer within {self.timeout:g} s.")
            else:
                _log.warning("tool failed", exc_info=True, extra={"tool": self.name, "run_id": context.run_id})
                output = error_json("tool_error", f"{type(error).__name__}: {error}"[:MAX_MESSAGE])
            failed = True
        return Outcome(output, failed, time.monotonic() - began, None if failed else value)


def from_function(function: Callable[..., Any], mark: ToolMark | None = None, source: str = "") -> Tool:
    """The tool that a function is. Raises `AgentError` for one that can be none."""
    mark = mark or ToolMark()
    signature = schema.read(function)
    name = mark.name or getattr(function, "__name__", type(function).__name__)
    return Tool(
        name, mark.description or signature.description, signature.schema, _runner(function, signature), mark.scope,
        TIMEOUT if mark.timeout is None else mark.timeout, mark.cost_usd, source,
    )  # fmt: skip


def _runner(function: Callable[..., Any], signature: schema.Signature) -> Callable[[Context, str], Awaitable[object]]:
    async def run(context: Context, arguments: str) -> object:
        given = signature.parse(arguments)
        return await invoke(function, (context,) if signature.takes_context else (), given)

    return run


async def invoke(function: Callable[..., Any], first: tuple[Any, ...], given: Mapping[str, Any]) -> Any:
    """Calls a function that may block in a thread, and a coroutine function here."""
    called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004 - an object that is called
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):
        return await function(*first, **given)
    value = await THREADS.run(function, *first, **given)
    return await value if inspect.isawaitable(value) else value


def encode(value: object) -> str:
    """A result as the model reads it: text as it is, anything else as JSON. Raises `ToolError`."""
    if isinstance(value, str):
        return value
    try:
        return to_json(value).decode()
    except (PydanticSerializationError, UnicodeDecodeError):
        raise ToolError(f"The tool gave a {type(value).__name__}, which cannot be put into JSON.") from None


def error_json(kind: str, message: str, **more: object) -> str:
    return json.dumps({"error": {"type": kind, "message": message, **more}}, ensure_ascii=False)


def _invalid(error: ValidationError) -> str:
    faults = [
        {"at": ".".join(map(str, one["loc"])) or "arguments", "message": one["msg"]}
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return error_json("invalid_arguments", "The arguments are not what the tool takes.", faults=faults)
