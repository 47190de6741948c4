"""The calls of its caller's tools that one run has made, from the program's question to the caller's answer.

    asked      the program has called a tool, and waits
    told       the answer of the run, so far, has ended in this call
    answered   the caller has come back with what the tool gave

The program waits on a connection to the tool server, its caller between two requests; neither knows of the other.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dragoman.turn import CallClosed, CallDelta, CallOpened, Event, Text, Tool, ToolResult, Turn
from dragoman.wire import mcp

_GONE: Final = mcp.ToolResult((mcp.Content("The run has ended."),), is_error=True)
_UNANSWERED: Final = mcp.ToolResult((mcp.Content("The caller gave no result."),), is_error=True)


@dataclass(slots=True)
class _Waiting:
    call_id: str
    name: str
    arguments: str
    result: asyncio.Future[mcp.ToolResult]
    told: bool = False


class ToolCalls:
    """Those of one run."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._closed = False
        self.arrived: Callable[[], None] = lambda: None
        """Called for each call that is asked."""

    async def called(self, name: str, arguments: str) -> mcp.ToolResult:
        """What the caller's tool gives; for the tool server."""
        if self._closed:
            return _GONE
        call = _Waiting(f"call_{secrets.token_hex(12)}", name, arguments, asyncio.get_running_loop().create_future())
        self._waiting[call.call_id] = call
        self.arrived()
        try:
            return await call.result
        finally:
            self._waiting.pop(call.call_id, None)

    @property
    def asked(self) -> bool:
        """Whether there are calls that the caller does not know of."""
        return any(not call.told for call in self._waiting.values())

    def tell(self) -> list[Event]:
        """The calls that were asked, which now are told."""
        events: list[Event] = []
        for call in self._waiting.values():
            if not call.told:
                call.told = True
                events += [CallOpened(call.call_id, call.name), CallDelta(call.arguments), CallClosed(call.arguments)]
        return events

    @property
    def told(self) -> frozenset[str]:
        """The ids of the calls that wait for the caller."""
        return frozenset(call.call_id for call in self._waiting.values() if call.told and not call.result.done())

    def answer(self, results: Mapping[str, ToolResult]) -> None:
        """All that was told is answered, by an error where there is no result."""
        for call in list(self._waiting.values()):
            if call.told and not call.result.done():
                result = results.get(call.call_id)
                call.result.set_result(_UNANSWERED if result is None else _rendered(result))

    def close(self) -> None:
        """Nobody will answer any more."""
        self._closed = True
        for call in self._waiting.values():
            if not call.result.done():
                call.result.set_result(_GONE)


def results_of(turn: Turn) -> dict[str, ToolResult]:
    """What a turn answers to calls of tools, by their ids, if it says nothing else that is new."""
    results: dict[str, ToolResult] = {}
    for item in reversed(turn.items):
        if not isinstance(item, ToolResult):
            break
        results[item.call_id] = item
    return results


def offered(turn: Turn) -> tuple[Tool, ...]:
    """The tools of a turn that the program may call."""
    choice = turn.tool_choice
    if choice is None or choice.mode in ("auto", "required"):
        return turn.tools
    if choice.mode == "none":
        return ()
    return tuple(tool for tool in turn.tools if tool.name in choice.names)


def _rendered(result: ToolResult) -> mcp.ToolResult:
    texts = [part.text if isinstance(part, Text) else f"[{type(part).__name__.lower()}]" for part in result.parts]
    return mcp.ToolResult(tuple(mcp.Content(text) for text in texts), result.is_error)
