"""A run of an agent in the background, in the real program: it outlives its gateway, and goes on where it was."""

import signal
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import openai
import pytest

from tests.cli.program import Home, started

AGENT = """
import asyncio
from pathlib import Path

from dragoman.ports import Card
from dragoman.turn import Opened, Stop, Stopped, TextDelta

HERE = Path(__file__).parent


class Worker:
    name = "worker"
    durable = True
    card = Card()

    def inspect(self, turn):
        return ()

    async def answer(self, turn, asked):
        yield Opened("run", 1, self.name)
        for step in ("one", "two", "three"):
            outcome = asked.journal.recall(step)
            if outcome is None:
                if step == "three" and not (HERE / "second").exists():
                    (HERE / "waiting").touch()
                    await asyncio.sleep(3600)
                with (HERE / "done").open("a") as done:
                    done.write(step + " ")
                outcome = step.upper()
                await asked.journal.note(step, outcome)
            yield TextDelta(outcome + " ")
        yield Stopped(Stop.END)

    async def close(self):
        pass


worker = Worker()
"""
CONFIG = """
[server]
drain = 0.1

[agents.worker]
object = "workers:worker"
"""
TOOLS = """
import asyncio
from pathlib import Path

from dragoman import Agent, Call, ScriptedModel
from dragoman.turn import ToolResult

HERE = Path(__file__).parent


def next_step(turn):
    done = sum(isinstance(item, ToolResult) for item in turn.items)
    return Call("step", {"number": done}) if done < 3 else f"After {done} steps."


worker = Agent("worker", model=ScriptedModel(next_step, loop=True), durable=True)


@worker.tool
async def step(number: int) -> str:
    if number == 2 and not (HERE / "second").exists():
        (HERE / "waiting").touch()
        await asyncio.sleep(3600)
    with (HERE / "done").open("a") as done:
        done.write(f"{number} ")
    return f"did {number}"
"""
DEADLINE = 30.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "workers.py").write_text(AGENT)
    (tmp_path / "dragoman.toml").write_text(CONFIG)
    yield Home(tmp_path)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_it_had_finished_is_not_done_again(home: Home, how: signal.Signals) -> None:
    with started(home, "serve", "--port", "0") as first:
        key = first.wait_for(r"drg_\w+")[0]
        with openai.OpenAI(base_url=f"{first.url}/v1", api_key=key, max_retries=0) as sdk:
            made = sdk.responses.create(model="agent/worker", input="work", background=True)
            wait_for(home.path / "waiting")
            with sdk.responses.retrieve(made.id, stream=True) as stream:
                before = list(islice(stream, 6))
        first.send(how)
        first.process.wait(DEADLINE)
    (home.path / "second").touch()
    with (
        started(home, "serve", "--port", "0") as second,
        openai.OpenAI(base_url=f"{second.url}/v1", api_key=key, max_retries=0) as sdk,
    ):
        with sdk.responses.retrieve(made.id, stream=True) as stream:
            events = list(stream)
        with sdk.responses.retrieve(made.id, stream=True, starting_after=before[-1].sequence_number) as stream:
            after = list(stream)
        ended = sdk.responses.retrieve(made.id)
        assert second.stop() == 0

    assert (ended.status, ended.output_text) == ("completed", "ONE TWO THREE ")
    assert (home.path / "done").read_text() == "one two three "
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in before] == [event.type for event in events[:6]]
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "ONE TWO THREE "
    assert [event.type for event in events].count("response.created") == 1
    assert after == events[len(before) :]


def test_a_tool_that_an_agent_has_run_is_not_run_again(home: Home) -> None:
    (home.path / "workers.py").write_text(TOOLS)
    with started(home, "serve", "--port", "0") as first:
        key = first.wait_for(r"drg_\w+")[0]
        with openai.OpenAI(base_url=f"{first.url}/v1", api_key=key, max_retries=0) as sdk:
            made = sdk.responses.create(model="agent/worker", input="work", background=True)
            wait_for(home.path / "waiting")
        first.send(signal.SIGKILL)
        first.process.wait(DEADLINE)
    (home.path / "second").touch()
    with (
        started(home, "serve", "--port", "0") as second,
        openai.OpenAI(base_url=f"{second.url}/v1", api_key=key, max_retries=0) as sdk,
    ):
        with sdk.responses.retrieve(made.id, stream=True) as stream:
            last = list(stream)[-1]
        assert second.stop() == 0

    assert last.type == "response.completed"
    assert last.response.output_text == "After 3 steps."
    assert (home.path / "done").read_text() == "0 1 2 "


def wait_for(path: Path) -> None:
    end = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < end, f"no {path.name}"
        time.sleep(0.01)
