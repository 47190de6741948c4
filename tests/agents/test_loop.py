"""The loop, with a scripted model: every way in which a run may go on and end."""

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from dragoman.agents.agent import Agent
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError, LimitReached, ModelError, OutputError, Vetoed
from dragoman.agents.events import (
    Ended,
    HandedOff,
    ModelAnswered,
    ModelAsked,
    RunEvent,
    Started,
    ToolFinished,
    ToolStarted,
)
from dragoman.agents.hooks import AfterModel, AfterTool, BeforeModel, BeforeTool, Chunk, RunEnd, RunStart, Said
from dragoman.agents.scripted import Call, Say, ScriptedModel
from dragoman.agents.usage import Limits, Price
from dragoman.turn import (
    CallOpened,
    Failed,
    Message,
    Opened,
    Stop,
    Text,
    TextDelta,
    ToolChoice,
    ToolResult,
    Turn,
    Usage,
    Used,
)

EXTERNAL = [{"type": "function", "function": {"name": "browse", "parameters": {"type": "object", "properties": {}}}}]


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def agent(*answers: Any, **how: Any) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(*answers)
    return Agent("adder", model=model, tools=[add], **how), model


def text_of(turn: Turn) -> str:
    item = turn.items[-1]
    assert isinstance(item, (Message, ToolResult))
    return "".join(part.text for part in item.parts if isinstance(part, Text))


async def told(agent: Agent, asked: Any = "go", **how: Any) -> list[RunEvent]:
    return [event async for event in agent.stream(asked, **how)]


async def test_an_answer_without_calls_is_the_end() -> None:
    bot, model = agent("Hello there.")
    result = await bot.run("hi")
    assert (result.text, result.stop, result.calls, result.agent) == ("Hello there.", Stop.END, (), "adder")
    assert result.messages == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello there."}]
    assert [tool.name for tool in model.turns[0].tools] == ["add"]


async def test_tools_are_run_and_the_model_is_told_their_results() -> None:
    bot, model = agent(Call("add", {"a": 1, "b": 2}), "It is 3.")
    result = await bot.run("1 + 2?")
    assert result.text == "It is 3."
    assert text_of(model.turns[1]) == "3"
    assert [message["role"] for message in result.messages] == ["user", "assistant", "tool", "assistant"]
    assert [(record.type, record.name) for record in result.usage] == [
        ("llm", "scripted"), ("tool", "add"), ("llm", "scripted"),
    ]  # fmt: skip


async def test_the_events_of_a_run() -> None:
    bot, _ = agent(Call("add", {"a": 1, "b": 2}), "It is 3.")
    events = await told(bot)
    kinds = [type(event) for event in events]
    assert kinds == [
        Started, ModelAsked, ModelAnswered, ToolStarted, ToolFinished,
        ModelAsked, TextDelta, TextDelta, TextDelta, ModelAnswered, Ended,
    ]  # fmt: skip
    finished = events[4]
    assert isinstance(finished, ToolFinished) and (finished.output, finished.is_error) == ("3", False)
    with pytest.raises(AttributeError):
        finished.output = "4"  # type: ignore[misc]


async def test_tools_of_one_answer_run_at_the_same_time_and_are_told_in_the_order_of_their_calls() -> None:
    both = asyncio.Barrier(2)
    order: list[int] = []

    async def step(number: int) -> int:
        await both.wait()
        await asyncio.sleep(0.01 * (2 - number))
        order.append(number)
        return number

    model = ScriptedModel((Call("step", {"number": 0}), Call("step", {"number": 1})), "done")
    result = await Agent(model=model, tools=[step]).run("go")
    assert order == [1, 0]
    assert [m["content"] for m in result.messages if m["role"] == "tool"] == ["0", "1"]


async def test_a_tool_that_nobody_has_is_told_so() -> None:
    bot, model = agent(Call("nothing"), "Sorry.")
    assert (await bot.run("go")).text == "Sorry."
    assert json.loads(text_of(model.turns[1]))["error"]["type"] == "no_such_tool"


async def test_a_call_of_the_caller_s_tool_ends_the_run() -> None:
    bot, model = agent(Call("browse"))
    events = await told(bot, tools=EXTERNAL)
    assert [event.name for event in events if isinstance(event, CallOpened)] == ["browse"]
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.result.stop is Stop.TOOL_CALLS
    assert [call.name for call in ended.result.calls] == ["browse"]
    assert sorted(tool.name for tool in model.turns[0].tools) == ["add", "browse"]


async def test_own_tools_beside_the_caller_s_are_run_and_kept_for_what_follows() -> None:
    bot, model = agent((Call("add", {"a": 1, "b": 2}), Call("browse")), "All done.")
    first = await bot.run("go", tools=EXTERNAL)
    assert [call.name for call in first.calls] == ["browse"]
    assert [m["content"] for m in first.messages if m["role"] == "tool"] == ["3"]
    answered = {"role": "tool", "tool_call_id": first.calls[0].call_id, "content": "a page"}
    second = await bot.run([*first.messages, answered], tools=EXTERNAL)
    assert second.text == "All done."
    assert [text_of(Turn("", items=(i,))) for i in model.turns[1].items if isinstance(i, ToolResult)] == ["3", "a page"]


async def test_where_nothing_can_be_kept_own_tools_beside_the_caller_s_are_not_run() -> None:
    ran = 0

    def count() -> int:
        nonlocal ran
        ran += 1
        return ran

    model = ScriptedModel((Call("count"), Call("browse")), "done")
    result = await Agent(model=model, tools=[count]).run("go", tools=EXTERNAL, mixed="defer")
    assert (ran, [call.name for call in result.calls]) == (0, ["browse"])
    assert [call["function"]["name"] for call in result.messages[-1]["tool_calls"]] == ["browse"]


async def test_a_caller_s_tool_stands_in_for_one_of_the_same_name_in_that_run_alone() -> None:
    bot, model = agent(Call("add", {"a": 1, "b": 2}), Call("add", {"a": 1, "b": 2}), "3")
    theirs = [{"type": "function", "function": {"name": "add", "description": "theirs"}}]
    assert [call.name for call in (await bot.run("go", tools=theirs)).calls] == ["add"]
    assert [tool.description for tool in model.turns[0].tools] == ["theirs"]
    assert (await bot.run("go")).text == "3"
    assert [tool.description for tool in model.turns[1].tools] == ["Adds two numbers."]


async def test_a_choice_among_the_caller_s_tools_is_for_the_first_call_of_the_model() -> None:
    bot, model = agent(Call("add", {"a": 1, "b": 2}), "3")
    await bot.run("go", tools=EXTERNAL, tool_choice="required")
    assert [turn.tool_choice for turn in model.turns] == [ToolChoice("required"), None]
    bot, model = agent("no")
    await bot.run("go", tools=EXTERNAL, tool_choice="none")
    assert [tool.name for tool in model.turns[0].tools] == ["add"]


async def test_parameters_of_a_chat_request_reach_the_model() -> None:
    bot, model = agent("ok")
    await bot.run("go", temperature=0.2, max_tokens=7, stop=["x"], seed=1, user="me", metadata={"a": "b"}, store=True)
    turn = model.turns[0]
    assert (turn.sampling.temperature, turn.sampling.max_output_tokens, turn.sampling.stop) == (0.2, 7, ("x",))
    assert (turn.sampling.seed, turn.user, turn.metadata, turn.store) == (1, "me", None, None)


async def test_instructions_and_prompts_come_before_what_the_caller_says() -> None:
    bot, model = agent("ok", instructions="Be brief.")

    @bot.prompt(priority=90)
    async def last(ctx: Context) -> str:
        return f"You serve {ctx.deps}."

    @bot.prompt
    def first() -> str:
        return "Be kind."

    @bot.prompt(scope="owner")
    def secret() -> str:
        return "The code is 1."

    await bot.run([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}], deps="Ann")
    said = [text_of(Turn("", items=(item,))) for item in model.turns[0].items]
    assert said == ["Be brief.\n\nBe kind.\n\nYou serve Ann.", "Be brief.", "hi"]


async def test_what_a_caller_may_not_use_the_model_is_not_told_of() -> None:
    bot, model = agent("ok", "ok", Call("wipe"), "no")

    @bot.tool(scope="owner")
    def wipe() -> str:
        return "wiped"

    await bot.run("go")
    await bot.run("go", scopes=["admin"])
    assert [len(turn.tools) for turn in model.turns] == [1, 2]
    await bot.run("go")
    assert json.loads(text_of(model.turns[3]))["error"]["type"] == "no_such_tool"


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(turns=2), "turns"),
        (Limits(tokens=4), "tokens"),
        (Limits(tool_calls=1), "tool_calls"),
        (Limits(cost_usd=0.000004), "cost_usd"),
    ],
)
async def test_a_limit_ends_the_run_with_what_there_is(limits: Limits, name: str) -> None:
    again = Say("Let me see. ", (Call("add", {"a": 1, "b": 2}),))
    bot, _ = agent(again, again, "never", limits=limits, prices={"scripted": Price(input=1.0, output=1.0)})
    with pytest.raises(LimitReached, match=f"limit {name}") as caught:
        await bot.run("go")
    result = caught.value.result
    assert (caught.value.limit, result.usage.turns, result.text) == (name, 2, "Let me see. ")
    called = [call["id"] for message in result.messages for call in message.get("tool_calls", ())]
    assert called == [message["tool_call_id"] for message in result.messages if message["role"] == "tool"]


async def test_a_run_has_no_more_seconds_than_it_is_given() -> None:
    bot = Agent(model=ScriptedModel(Say("late", delay=30)), limits=Limits(seconds=0.02))
    with pytest.raises(LimitReached, match=r"seconds = 0\.02"):
        await bot.run("go")

    async def forever() -> None:
        await asyncio.sleep(30)

    bot = Agent(model=ScriptedModel(Call("forever")), tools=[forever], limits=Limits(seconds=0.02))
    with pytest.raises(LimitReached, match="seconds"):
        await bot.run("go")


async def test_a_cost_that_nobody_knows_is_no_cost_of_nothing() -> None:
    bot, _ = agent("ok", limits=Limits(cost_usd=1.0))
    with pytest.raises(AgentError, match="nobody knows what 'scripted' costs"):
        await bot.run("go")
    bot, _ = agent(Say("ok", usage=Usage(1, 1, cost_usd=0.25)), limits=Limits(cost_usd=1.0))
    assert (await bot.run("go")).usage.cost_usd == 0.25


async def test_what_a_model_says_in_the_middle_of_its_failure_is_kept() -> None:
    class Breaking:
        model = "breaking"

        async def answer(self, turn: Turn, context: Context) -> Any:
            yield Opened("1", 1, "m")
            yield TextDelta("Half an ")
            yield Failed("it broke", "server_error")

    seen: list[RunEnd] = []
    bot = Agent(model=Breaking(), hooks={"run_end": [seen.append]})
    with pytest.raises(ModelError, match="it broke"):
        await bot.run("go")
    assert (seen[0].outcome, seen[0].result.text, seen[0].result.stop) == ("failed", "Half an ", Stop.LENGTH)
    assert [record.failed for record in seen[0].result.usage] == [True]


async def test_an_answer_without_an_end_is_an_error() -> None:
    class Cut:
        model = "cut"

        async def answer(self, turn: Turn, context: Context) -> Any:
            yield Opened("1", 1, "m")
            yield Used(Usage(3, 4))

    with pytest.raises(ModelError, match="ended before it was complete"):
        await Agent(model=Cut()).run("go")


class Person(BaseModel):
    name: str
    age: int


async def test_an_answer_is_of_the_type_that_is_asked_for() -> None:
    bot, model = agent('{"name": "Ann", "age": 3}', output=Person)
    result = await bot.run("who?")
    assert result.output == Person(name="Ann", age=3)
    form = model.turns[0].format
    assert form is not None and (form.kind, form.name, form.strict) == ("json_schema", "Person", True)
    bot, _ = agent('{"value": [1, 2]}')
    assert (await bot.run("numbers?", output=list[int])).output == [1, 2]
    bot, _ = agent("free text")
    assert (await bot.run("go")).output is None


async def test_an_answer_that_is_not_of_its_type_is_asked_for_once_more() -> None:
    bot, model = agent('{"name": "Ann"}', '{"name": "Ann", "age": 3}', output=Person)
    assert (await bot.run("who?")).output == Person(name="Ann", age=3)
    assert "age: Field required" in text_of(model.turns[1])
    bot, _ = agent("no", "no", output=Person)
    with pytest.raises(OutputError, match="no Person: all of it: Invalid JSON") as caught:
        await bot.run("who?")
    assert caught.value.text == "no"


async def test_a_caller_that_names_a_form_gets_that_one() -> None:
    bot, model = agent("{}", output=Person)
    result = await bot.run("who?", response_format={"type": "json_object"})
    assert (result.text, result.output) == ("{}", None)
    assert model.turns[0].format is not None and model.turns[0].format.kind == "json_object"


async def test_hooks_see_a_run_in_order() -> None:
    bot, _ = agent(Call("add", {"a": 1, "b": 2}), "It is 3.")
    seen: list[str] = []
    for name in (
        "run_start",
        "before_model",
        "chunk",
        "after_model",
        "before_tool",
        "after_tool",
        "message",
        "run_end",
    ):
        bot.hook(name)(lambda event, name=name: seen.append(name))
    await bot.run("go")
    assert seen == [
        "run_start", "before_model", "chunk", "chunk", "chunk", "after_model", "before_tool", "after_tool",
        "before_model", "chunk", "chunk", "chunk", "after_model", "message", "run_end",
    ]  # fmt: skip


async def test_hooks_edit_what_they_are_given() -> None:
    bot, model = agent(Call("add", {"a": 1, "b": 2}), "It is 3.")

    @bot.hook("run_start")
    def start(event: RunStart) -> None:
        event.items = (*event.items, Message("user", (Text("and quickly"),)))

    @bot.hook("before_model")
    def ask(event: BeforeModel) -> None:
        event.turn = Turn("other", items=event.turn.items, tools=event.turn.tools)

    @bot.hook("before_tool")
    def call(event: BeforeTool) -> None:
        event.call = type(event.call)(event.call.call_id, "add", '{"a": 10, "b": 20}')

    @bot.hook("after_tool")
    def finish(event: AfterTool) -> None:
        event.output += "!"

    @bot.hook("chunk")
    def chunk(event: Chunk) -> None:
        if event.event == TextDelta("is "):
            event.event = None

    result = await bot.run("go")
    assert text_of(model.turns[0]) == "and quickly"
    assert (model.turns[0].model, text_of(model.turns[1])) == ("other", "30!")
    assert result.text == "It 3."


async def test_an_answer_may_be_edited_before_the_run_goes_on_from_it() -> None:
    bot, _ = agent(Say("Secret.", (Call("add", {"a": 1, "b": 2}),)))

    @bot.hook("after_model")
    def censor(event: AfterModel) -> None:
        event.answer = type(event.answer)(
            id="1", created=1, model="m", items=(Message("assistant", (Text("Nothing."),)),), stop=Stop.END
        )

    said: list[str] = []

    @bot.hook("message")
    def message(event: Said) -> None:
        said.append(event.text)

    assert (await bot.run("go")).text == "Nothing."
    assert said == ["Nothing."]


async def test_a_veto_ends_the_run_or_is_told_the_model() -> None:
    for name in ("run_start", "before_model"):
        bot, model = agent("never")
        bot.hook(name)(lambda event: event.veto("Not on Sundays."))
        seen: list[RunEnd] = []
        bot.hook("finalize_connection")(seen.append)
        with pytest.raises(Vetoed, match="Not on Sundays"):
            await bot.run("go")
        assert (model.turns, seen[0].outcome) == ([], "vetoed")
    bot, model = agent(Call("add", {"a": 1, "b": 2}), "ok")
    bot.hook("before_toolcall")(lambda event: event.veto("Not that."))
    assert (await bot.run("go")).usage.tool_calls == 0
    assert json.loads(text_of(model.turns[1]))["error"] == {"type": "vetoed", "message": "Not that."}


async def test_a_hook_may_give_a_tool_s_result_itself() -> None:
    bot, model = agent(Call("add", {"a": 1, "b": 2}), "ok")

    @bot.hook("before_tool")
    def cached(event: BeforeTool) -> None:
        event.output = "from the cache"

    await bot.run("go")
    assert text_of(model.turns[1]) == "from the cache"


@pytest.mark.parametrize("name", ["run_start", "before_model", "chunk", "after_model", "before_tool", "after_tool"])
async def test_what_a_hook_raises_fails_the_run_after_its_last_hooks(name: str) -> None:
    bot, _ = agent(Say("Hm. ", (Call("add", {"a": 1, "b": 2}),)), "never")
    seen: list[str] = []

    def fail(event: object) -> None:
        raise RuntimeError("broken hook")

    bot.hook(name)(fail)
    bot.hook("error")(lambda event: seen.append(str(event.error)))
    bot.hook("run_end")(lambda event: seen.append(event.outcome))
    with pytest.raises(RuntimeError, match="broken hook"):
        await bot.run("go")
    assert seen == ["broken hook", "failed"]


async def test_a_handoff_goes_on_as_the_other_agent() -> None:
    billing_model = ScriptedModel("Paid.")
    billing = Agent("billing", "You bill.", model=billing_model, tools=[add], description="Knows of money.")
    model = ScriptedModel(Call("use_billing"), "I am back.")
    front = Agent("front", "You greet.", model=model, handoffs=[billing])
    events = await told(front, "My bill, please")
    assert [event for event in events if isinstance(event, HandedOff)] == [HandedOff("front", "billing")]
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert (ended.result.text, ended.result.agent) == ("Paid.", "billing")
    assert [(tool.name, tool.description) for tool in model.turns[0].tools] == [("use_billing", "Knows of money.")]
    turn = billing_model.turns[0]
    assert text_of(Turn("", items=turn.items[:1])) == "You bill."
    assert text_of(turn) == '{"handed_to": "billing"}'
    assert [tool.name for tool in turn.tools] == ["add"]
    assert [record.agent for record in ended.result.usage] == ["front", "front", "billing"]
    assert (await front.run("again")).text == "I am back."  # the handoff was that run's


async def test_of_two_handoffs_the_first_counts() -> None:
    first = Agent("first", model=ScriptedModel("From the first."))
    second = Agent("second", model=ScriptedModel("From the second."))
    front = Agent("front", model=ScriptedModel((Call("use_first"), Call("use_second"))), handoffs=[first, second])
    result = await front.run("go")
    assert result.text == "From the first."
    assert [json.loads(m["content"]) for m in result.messages if m["role"] == "tool"][1]["error"]["type"] == "handoff"


async def test_a_cancelled_run_runs_its_last_hooks_and_ends_the_model_s_answer() -> None:
    ended: list[str] = []
    answering = asyncio.Event()

    class Slow:
        model = "slow"

        async def answer(self, turn: Turn, context: Context) -> Any:
            try:
                yield Opened("1", 1, "m")
                yield TextDelta("Well, ")
                answering.set()
                await asyncio.sleep(60)
            finally:
                ended.append("answer")

    async def last(event: RunEnd) -> None:
        await asyncio.sleep(0)
        ended.append(f"{event.outcome}: {event.result.text}")

    bot = Agent(model=Slow(), hooks={"run_end": [last]})
    task = asyncio.create_task(bot.run("go"))
    await answering.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["answer", "cancelled: Well, "]


async def test_a_stream_that_is_left_is_a_cancelled_run() -> None:
    outcomes: list[str] = []
    bot, _ = agent("One two three.")
    bot.hook("run_end")(lambda event: outcomes.append(event.outcome))
    events = bot.stream("go")
    async for event in events:
        if isinstance(event, TextDelta):
            break
    await events.aclose()
    assert outcomes == ["cancelled"]


async def test_what_the_last_hooks_raise_hides_no_other_end(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: RunEnd) -> None:
        raise RuntimeError(f"after {event.outcome}")

    bot, _ = agent("ok", ConnectionError("no model"), Say("late", delay=60), hooks={"run_end": [fail]})
    with pytest.raises(RuntimeError, match="after completed"):
        await bot.run("go")
    with pytest.raises(ConnectionError, match="no model"):
        await bot.run("go")
    task = asyncio.create_task(bot.run("go"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "after failed" in caplog.text and "after cancelled" in caplog.text
