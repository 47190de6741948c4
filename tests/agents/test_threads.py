import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from dragoman.agents.errors import ToolError
from dragoman.agents.threads import Threads

WHO: ContextVar[str] = ContextVar("who", default="nobody")


async def test_a_function_runs_in_a_thread_with_the_caller_s_context() -> None:
    WHO.set("me")
    name, who = await Threads().run(lambda: (threading.current_thread().name, WHO.get()))
    assert (name, who) == ("dragoman-tool", "me")


async def test_what_it_raises_is_raised() -> None:
    def fail(kind: type[Exception]) -> None:
        raise kind("it")

    with pytest.raises(ValueError, match="it"):
        await Threads().run(fail, ValueError)
    with pytest.raises(RuntimeError, match="the function raised StopIteration"):
        await Threads().run(fail, StopIteration)


async def test_there_are_no_more_than_are_allowed_and_a_place_comes_back_when_a_function_ends() -> None:
    threads, leave, left = Threads(limit=1), threading.Event(), threading.Event()

    def wait() -> None:
        leave.wait(10)
        left.set()

    waiting = asyncio.create_task(threads.run(wait))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ToolError, match="Too many"):
        await threads.run(str)
    leave.set()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await threads.run(str) == ""
                break
            except ToolError:
                await asyncio.sleep(0)
    assert left.is_set()


def test_one_that_never_returns_does_not_hold_up_the_end_of_the_program() -> None:
    code = """
import time
from dragoman import Agent, Call, ScriptedModel, tool

@tool(timeout=0.05)
def hang() -> None:
    time.sleep(3600)

print(Agent(model=ScriptedModel(Call("hang"), "gave up"), tools=[hang]).run_sync("go").text)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "gave up\n"
