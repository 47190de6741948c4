"""`dragoman.upstreams.tool_calls`."""

import asyncio

from dragoman.turn import (
    CallClosed,
    CallDelta,
    CallOpened,
    Image,
    Message,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from dragoman.upstreams.tool_calls import ToolCalls, offered, results_of
from dragoman.wire import mcp


def asking(calls: ToolCalls, name: str) -> "asyncio.Task[mcp.ToolResult]":
    return asyncio.get_running_loop().create_task(calls.called(name, '{"a":1}'))


async def test_a_call_is_told_once_and_waits_for_its_answer() -> None:
    calls = ToolCalls()
    arrived: list[bool] = []
    calls.arrived = lambda: arrived.append(calls.asked)
    asked = calls.arrived
    first, second = asking(calls, "one"), asking(calls, "two")
    await asyncio.sleep(0)
    assert arrived == [True, True]
    events = calls.tell()
    opened = [event for event in events if isinstance(event, CallOpened)]

    assert [event.name for event in opened] == ["one", "two"]
    assert events[1:3] == [CallDelta('{"a":1}'), CallClosed('{"a":1}')]
    assert calls.tell() == []
    asked()
    assert arrived.pop() is False
    assert calls.told == {event.call_id for event in opened}
    late = asking(calls, "late")
    await asyncio.sleep(0)
    calls.answer({opened[0].call_id: ToolResult(opened[0].call_id, (Text("yes"), Image("data:,")))})

    assert arrived.pop() is True
    assert await first == mcp.ToolResult((mcp.Content("yes"), mcp.Content("[image]")))
    assert (await second).is_error
    assert calls.told == frozenset()
    calls.close()
    assert (await late).is_error
    assert (await calls.called("after", "{}")).is_error


async def test_a_program_that_stops_waiting_is_forgotten() -> None:
    calls = ToolCalls()
    call = asking(calls, "one")
    await asyncio.sleep(0)
    calls.tell()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert calls.told == frozenset()
    calls.answer({})


def test_results_are_what_a_turn_ends_in() -> None:
    said = Message("user", (Text("x"),))
    call = ToolCall("call_1", "one", "{}")
    results = (ToolResult("call_1", (Text("1"),)), ToolResult("call_2", (Text("2"),)))

    assert list(results_of(Turn("m", items=(said, call, *results)))) == ["call_2", "call_1"]
    assert results_of(Turn("m", items=(said, call, *results, said))) == {}
    assert results_of(Turn("m")) == {}


def test_what_is_offered_is_what_may_be_called() -> None:
    tools = (Tool("one"), Tool("two"))
    choices = (None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("allowed", ("two",)))
    names = [[tool.name for tool in offered(Turn("m", tools=tools, tool_choice=choice))] for choice in choices]
    assert names == [["one", "two"], ["one", "two"], [], ["two"]]
