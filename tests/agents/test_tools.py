import asyncio
import json
import threading
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError, ToolError
from dragoman.agents.marks import ToolMark
from dragoman.agents.tools import Tool, from_function
from dragoman.agents.usage import RunUsage

CONTEXT = Context("run_1", "a", frozenset({"all"}), RunUsage(), deps="mine")


class Weather(BaseModel):
    city: str
    sun: bool


@dataclass
class Point:
    x: int


async def called(function: Any, arguments: str = "{}", mark: ToolMark | None = None) -> tuple[str, bool]:
    outcome = await from_function(function, mark).call(arguments, CONTEXT)
    return outcome.output, outcome.is_error


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("as it is", "as it is"),
        ({"sum": 1, "ok": True, "none": None}, '{"sum":1,"ok":true,"none":null}'),
        (Weather(city="Zürich", sun=True), '{"city":"Zürich","sun":true}'),
        ([Point(1), Point(2)], '[{"x":1},{"x":2}]'),
        (None, "null"),
        (1.5, "1.5"),
        ((1, {"a": 2}), '[1,{"a":2}]'),
    ],
)
async def test_a_result_is_text_or_json(value: Any, output: str) -> None:
    assert await called(lambda: value, mark=ToolMark(name="give")) == (output, False)


async def test_a_result_that_is_no_json_is_said_so() -> None:
    output, failed = await called(lambda: object(), mark=ToolMark(name="give"))
    assert failed and json.loads(output)["error"]["message"] == "The tool gave a object, which cannot be put into JSON."


async def test_arguments_that_do_not_fit_are_told_as_json() -> None:
    def add(a: int, b: int) -> int:
        return a + b

    assert await called(add, '{"a": 1, "b": 2}') == ("3", False)
    output, failed = await called(add, '{"a": "x"}')
    error = json.loads(output)["error"]
    assert failed and error["type"] == "invalid_arguments"
    assert [fault["at"] for fault in error["faults"]] == ["a", "b"]
    output, failed = await called(add, '{"a": 1')
    assert failed and json.loads(output)["error"]["faults"][0]["at"] == "arguments"


async def test_what_a_tool_raises_is_told_as_json() -> None:
    def refuse() -> None:
        raise ToolError("No such city; try Oslo.")

    def fail() -> None:
        raise KeyError("x" * 5000)

    output, failed = await called(refuse)
    assert failed and json.loads(output) == {"error": {"type": "tool_error", "message": "No such city; try Oslo."}}
    output, failed = await called(fail)
    message = json.loads(output)["error"]["message"]
    assert failed and message.startswith("KeyError: 'xxx") and len(message) == 2000


async def test_a_function_runs_in_a_thread_and_a_coroutine_in_the_loop() -> None:
    def blocking() -> str:
        return threading.current_thread().name

    async def waiting() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    class Callable:
        async def __call__(self) -> str:
            return threading.current_thread().name

    main = threading.current_thread().name
    assert (await called(blocking))[0] != main
    assert (await called(waiting))[0] == main
    assert (await called(Callable(), mark=ToolMark(name="callable")))[0] == main
    assert (await called(lambda: waiting(), mark=ToolMark(name="wrapped")))[0] == main


async def test_a_tool_that_takes_too_long_is_given_up() -> None:
    finished = False

    async def slow() -> str:
        nonlocal finished
        try:
            await asyncio.sleep(60)
        finally:
            finished = True
        return "never"

    output, failed = await called(slow, mark=ToolMark(timeout=0.01))
    assert failed and finished
    assert json.loads(output)["error"] == {"type": "timeout", "message": "The tool did not answer within 0.01 s."}


async def test_a_time_out_inside_of_a_tool_is_its_own_error() -> None:
    async def impatient() -> None:
        raise TimeoutError("the database")

    output, _ = await called(impatient)
    assert json.loads(output)["error"] == {"type": "tool_error", "message": "TimeoutError: the database"}


async def test_a_cancelled_call_is_cancelled() -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(called(slow))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_tool_may_know_its_run() -> None:
    def whose(ctx: Context, loud: bool = False) -> str:
        return ctx.deps.upper() if loud else str(ctx.deps)

    assert await called(whose) == ("mine", False)
    assert await called(whose, '{"loud": true}') == ("MINE", False)


def test_the_model_is_told_name_description_and_parameters() -> None:
    def add(a: int) -> int:
        """Adds.

        Args:
            a: A number.
        """
        return a

    plain = from_function(add).declaration
    assert (plain.name, plain.description) == ("add", "Adds.")
    assert msgspec.json.decode(msgspec.json.encode(plain.parameters))["properties"]["a"]["description"] == "A number."
    said = from_function(add, ToolMark(name="plus", description="Other words.")).declaration
    assert (said.name, said.description) == ("plus", "Other words.")


def test_a_name_that_no_model_could_call_is_refused() -> None:
    async def run(context: Context, arguments: str) -> None: ...

    for name in ("", "two words", "ü", "a" * 65):
        with pytest.raises(AgentError, match="1 to 64"):
            Tool(name, "", {}, run)
