"""Faults that agent layers are known for, one by one, none of which is ours."""

import asyncio
import json
from typing import Literal, Optional

import msgspec
import pytest

from dragoman.agents.agent import Agent
from dragoman.agents.errors import LimitReached
from dragoman.agents.events import Ended, ToolFinished
from dragoman.agents.openai import OpenAISkill
from dragoman.agents.scripted import Call, Say, ScriptedModel
from dragoman.agents.usage import Limits
from dragoman.turn import ToolResult
from tests.test_house import imported

EXTERNAL = [{"type": "function", "function": {"name": "browse"}}]


def add(a: int, b: int) -> dict[str, object]:
    return {"sum": a + b, "ok": True}


ADD = Call("add", {"a": 0, "b": 1})


async def test_an_answer_on_the_last_turn_that_is_allowed_is_the_answer() -> None:
    bot = Agent(model=ScriptedModel(ADD, ADD, ADD, ADD, "The answer."), tools=[add], limits=Limits(turns=5))
    assert (await bot.run("go")).text == "The answer."
    bot = Agent(model=ScriptedModel(*[ADD] * 6, "Too late."), tools=[add], limits=Limits(turns=5))
    with pytest.raises(LimitReached) as caught:
        await bot.run("go")
    assert "sum" in json.dumps(caught.value.result.messages)


async def test_the_types_of_parameters_are_not_all_strings() -> None:
    def typed(
        a: list[int],
        b: Optional[int],  # noqa: UP045 - as users write it
        c: Literal["x", "y"],
    ) -> None: ...

    model = ScriptedModel("ok")
    await Agent(model=model, tools=[typed]).run("go")
    properties = msgspec.json.decode(msgspec.json.encode(model.turns[0].tools[0].parameters))["properties"]
    assert properties["a"] == {"type": "array", "items": {"type": "integer"}}
    assert properties["b"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert properties["c"] == {"type": "string", "enum": ["x", "y"]}


async def test_a_result_reaches_the_model_as_json() -> None:
    model = ScriptedModel(ADD, "ok")
    result = await Agent(model=model, tools=[add]).run("go")
    assert result.messages[2]["content"] == '{"sum":1,"ok":true}'


async def test_results_of_own_tools_beside_the_caller_s_are_not_dropped() -> None:
    bot = Agent(model=ScriptedModel((ADD, Call("browse"))), tools=[add])
    result = await bot.run("go", tools=EXTERNAL)
    assert [item.name for item in result.items if isinstance(item, ToolResult)] == ["add"]
    bot = Agent(model=ScriptedModel((ADD, Call("browse"))), tools=[add])
    whole = await bot.completion("go", tools=EXTERNAL)
    assert whole["choices"][0]["finish_reason"] == "tool_calls"
    assert [call["function"]["name"] for call in whole["choices"][0]["message"]["tool_calls"]] == ["browse"]


async def test_a_usage_chunk_without_choices_does_no_harm_among_calls(skill: OpenAISkill) -> None:
    bot = Agent(skills=[skill], tools=[add])
    result = await bot.run('call add {"a": 1, "b": 2}')
    assert result.text == 'The tool returned: {"sum":3,"ok":true}'
    assert [record.total_tokens > 0 for record in result.usage if record.type == "llm"] == [True, True]


async def test_a_stream_has_nothing_but_chunks_and_no_character_more_than_was_said() -> None:
    bot = Agent(model=ScriptedModel(ADD, "FINAL"), tools=[add])
    chunks = [chunk async for chunk in bot.completions("go")]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "FINAL"
    assert not any("tool_calls" in delta for delta in deltas)


async def test_nothing_of_a_run_is_on_the_agent() -> None:
    other = Agent("other", model=ScriptedModel("other", loop=True))
    bot = Agent(model=ScriptedModel(Call("use_other"), loop=True), tools=[add], handoffs=[other])
    before = {name: repr(value) for name, value in vars(bot).items()}
    results = await asyncio.gather(*(bot.run("go", tools=EXTERNAL) for _ in range(20)))
    assert {result.agent for result in results} == {"other"}
    after = {name: repr(value) for name, value in vars(bot).items() if name != "_locks"}
    assert after == {name: value for name, value in before.items() if name != "_locks"}


async def test_errors_of_tools_are_json_and_those_of_hooks_are_not_swallowed() -> None:
    bot = Agent(model=ScriptedModel(Call("add", "{not json"), Call("add", {"a": "x"}), "ok"), tools=[add])
    outputs = [event.output async for event in bot.stream("go") if isinstance(event, ToolFinished)]
    assert [json.loads(output)["error"]["type"] for output in outputs] == ["invalid_arguments"] * 2

    @bot.hook("run_start")
    def fail(event: object) -> None:
        raise ValueError("not swallowed")

    with pytest.raises(ValueError, match="not swallowed"):
        await bot.run("go")


async def test_however_a_run_is_asked_for_it_is_the_same_run() -> None:
    turns = []

    def scripted() -> Agent:
        model = ScriptedModel(Say("Hm.", (ADD,)), "It is 1.")
        turns.append(model.turns)
        return Agent(model=model, tools=[add])

    folded = await scripted().run("go")
    events = [event async for event in scripted().stream("go")]
    chunks = [chunk async for chunk in scripted().completions("go")]
    whole = await scripted().completion("go")
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert (ended.result.text, ended.result.messages) == (folded.text, folded.messages)
    said = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert said == whole["choices"][0]["message"]["content"] == "Hm.\n\nIt is 1."
    assert turns == [turns[0]] * 4 and len(turns[0]) == 2


async def test_a_caller_s_own_system_message_is_left_as_it_is() -> None:
    model = ScriptedModel("ok")
    same = {"role": "system", "content": "Be brief. Be kind. Be quick."}
    await Agent(model=model, instructions="Be brief. Be kind. Be quick.").run([same, {"role": "user", "content": "hi"}])
    assert len(model.turns[0].items) == 3


def test_an_agent_needs_no_more_than_its_extra() -> None:
    seen, threads, modules = imported("dragoman", "dragoman.agents")
    assert (seen, threads) == ([], 1)
    assert not {"pydantic", "griffe", "httpx2"} & modules
    _, threads, modules = imported("dragoman.agents.agent")
    assert threads == 1
    foreign = {"openai", "mcp", "anthropic", "aiohttp", "sqlalchemy", "starlette", "uvicorn", "structlog", "rich"}
    assert not foreign & modules
    assert "pydantic" in modules
    ours = {name.split(".")[1] for name in modules if name.startswith("dragoman.")}
    assert not ours & {"gateway", "stores", "upstreams", "mocks", "cli", "config"}


async def test_a_stream_ends_with_its_end_and_a_whole_answer_is_one_object() -> None:
    bot = Agent(model=ScriptedModel("ok", "ok"))
    chunks = [chunk async for chunk in bot.completions("go", include_usage=True)]
    finishes = [number for number, chunk in enumerate(chunks) if any(c["finish_reason"] for c in chunk["choices"])]
    assert finishes == [len(chunks) - 2] and chunks[-1]["usage"]["total_tokens"] == 2
    assert (await bot.completion("go"))["object"] == "chat.completion"
