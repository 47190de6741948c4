"""Durable runs: what an earlier attempt has finished is not done again."""

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.agents.agent import Agent
from dragoman.agents.errors import LimitReached
from dragoman.agents.events import Ended, RunEvent, ToolFinished
from dragoman.agents.loop import Asked
from dragoman.agents.messages import parse
from dragoman.agents.scripted import Call, Say, ScriptedModel
from dragoman.agents.steps import Steps, events_of
from dragoman.agents.usage import Limits
from dragoman.dialects.folding import fold
from dragoman.turn import Answer, Message, Reasoning, Refusal, Stop, Text, ToolCall, Usage


class Journal:
    """Keeps notes as a job does: as text, for the next attempt."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def recall(self, step: str) -> str | None:
        return self.notes.get(step)

    async def note(self, step: str, outcome: str) -> None:
        await asyncio.sleep(0)
        self.notes[step] = outcome


async def attempt(agent: Agent, journal: Journal, **how: Any) -> list[RunEvent]:
    asked = Asked(turn=parse("go"), limits=how.pop("limits", Limits()), journal=journal, **how)
    return [event async for event in agent.events(asked)]


async def test_a_run_that_begins_anew_repeats_no_step_that_was_done() -> None:
    ran: list[str] = []
    waiting = asyncio.Event()
    crash = True

    async def first() -> dict[str, int]:
        ran.append("first")
        return {"a": 1}

    async def second() -> str:
        ran.append("second")
        if crash:
            waiting.set()
            await asyncio.sleep(60)
        return "done"

    model = ScriptedModel(Say("Let me see.", (Call("first"),)), Call("second"), "All done.")
    agent, journal = Agent("worker", model=model, tools=[first, second]), Journal()
    task = asyncio.create_task(attempt(agent, journal))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ran, len(model.turns)) == (["first", "second"], 2)

    crash = False
    events = await attempt(agent, journal)
    assert (ran, len(model.turns)) == (["first", "second", "second"], 3)
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.result.text == "All done."
    assert [message["content"] for message in ended.result.messages if message["role"] == "tool"] == ['{"a":1}', "done"]
    assert [event.output for event in events if isinstance(event, ToolFinished)] == ['{"a":1}', "done"]
    assert ended.result.usage.turns == 3

    again = (await attempt(agent, journal))[-1]
    assert isinstance(again, Ended) and again.result.messages == ended.result.messages
    assert (len(ran), len(model.turns)) == (3, 3)


async def test_calls_of_one_answer_are_steps_of_their_own() -> None:
    ran: list[int] = []

    async def step(number: int) -> int:
        ran.append(number)
        if number == 1:
            raise ValueError("no")
        return number

    calls = (Call("step", {"number": 0}), Call("step", {"number": 1}))
    agent = Agent("worker", model=ScriptedModel(calls, calls, "done"), tools=[step])
    journal = Journal()
    with pytest.raises(LimitReached):
        await attempt(agent, journal, limits=Limits(turns=1))
    assert sorted(ran) == [0, 1]
    await attempt(agent, journal)
    assert sorted(ran) == [0, 0, 1, 1]  # those of the second answer, which are other calls


async def test_a_handoff_is_chosen_anew() -> None:
    chosen = 0
    target = Agent("target", model=ScriptedModel("From the target.", loop=True))
    agent = Agent("front", model=ScriptedModel(Call("use_target")))

    @agent.handoff("target")
    def choose() -> Agent:
        nonlocal chosen
        chosen += 1
        return target

    journal = Journal()
    for _ in range(2):
        ended = (await attempt(agent, journal))[-1]
        assert isinstance(ended, Ended) and ended.result.text == "From the target."
    assert chosen == 2


def test_an_answer_is_whole_after_it_was_noted() -> None:
    answer = Answer(
        id="1", created=2, model="m", stop=Stop.TOOL_CALLS, usage=Usage(3, 4, cost_usd=0.5), fingerprint="f",
        items=(
            Reasoning(text=("a", "b"), seal="s", sealed_by="me"),
            Message("assistant", (Text("Hm.", (msgspec.Raw(b'{"type":"url_citation"}'),)), Refusal("No."))),
            ToolCall("c", "f", '{"a":1}'), ToolCall("d", "g", "raw", "custom"),
        ),
    )  # fmt: skip
    noted = msgspec.json.decode(msgspec.json.encode(answer), type=Answer)
    assert fold(events_of(noted)) == answer


async def test_without_a_journal_nothing_is_known() -> None:
    steps = Steps(None)
    assert steps.answer(1) is None
