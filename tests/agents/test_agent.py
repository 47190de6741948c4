import asyncio
import gc
import os
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

import dragoman
from dragoman import agents
from dragoman.agents.agent import Agent, BaseAgent
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError
from dragoman.agents.marks import handoff, hook, http, prompt, tool
from dragoman.agents.openai import OpenAISkill
from dragoman.agents.scripted import Call, Say, ScriptedModel
from dragoman.agents.skills import Skill
from dragoman.agents.usage import Limits
from dragoman.errors import GatewayError
from dragoman.mocks.app import MockApp
from dragoman.mocks.server import MockServer
from tests.support.running import until


class Notes(Skill):
    """A skill with one of everything."""

    def __init__(self, target: Agent | None = None) -> None:
        self.log: list[str] = []
        self.target = target or Agent("archive", model=ScriptedModel("Found in the archive.", loop=True))

    async def initialize(self, agent: Agent) -> None:
        super().initialize(agent)
        self.log.append(f"initialized for {agent.name}")

    async def close(self) -> None:
        self.log.append("closed")

    @tool
    def note(self, text: str) -> str:
        """Keeps a note."""
        self.log.append(text)
        return "kept"

    @hook("on_connection")
    def greet(self, event: Any) -> None:
        self.log.append("connected")

    @prompt
    def say(self) -> str:
        return "You keep notes."

    @handoff("archive")
    def hand_over(self, ctx: Context) -> Agent:
        """Knows what was kept."""
        return self.target

    @http("/notes", "get")
    def notes(self) -> list[str]:
        return self.log


async def test_a_skill_gives_an_agent_all_that_is_marked_in_it() -> None:
    notes = Notes()
    model = ScriptedModel(Call("note", {"text": "milk"}), "Kept.")
    bot = Agent("keeper", model=model, skills={"notes": notes})
    assert notes.log == []
    assert (await bot.run("milk")).text == "Kept."
    assert notes.log == ["initialized for keeper", "connected", "milk"]
    assert {name: one.source for name, one in bot.tools.items()} == {"note": "notes", "use_archive": "notes"}
    assert bot.tools["use_archive"].description == "Knows what was kept."
    assert [(one.method, one.path, one.source) for one in bot.endpoints] == [("get", "/notes", "notes")]
    assert bot.endpoints[0].function() == notes.log
    await bot.close()
    assert notes.log[-1] == "closed"


async def test_a_handoff_of_a_skill_is_a_handoff() -> None:
    bot = Agent("keeper", model=ScriptedModel(Call("use_archive")), skills=[Notes()])
    assert (await bot.run("milk?")).text == "Found in the archive."


async def test_a_skill_is_initialized_once_however_many_runs_begin() -> None:
    class Slow(Skill):
        count = 0

        async def initialize(self, agent: Agent) -> None:
            await asyncio.sleep(0.01)
            Slow.count += 1

    bot = Agent(model=ScriptedModel("ok", loop=True), skills=[Slow()])
    await asyncio.gather(*(bot.run("go") for _ in range(20)))
    assert Slow.count == 1


async def test_a_skill_whose_beginning_fails_is_begun_again_by_the_next_run() -> None:
    class Fickle(Skill):
        count = 0

        def initialize(self, agent: Agent) -> None:
            Fickle.count += 1
            if Fickle.count == 1:
                raise ConnectionError("not yet")

    bot = Agent(model=ScriptedModel("ok"), skills=[Fickle()])
    with pytest.raises(ConnectionError):
        await bot.run("go")
    assert (await bot.run("go")).text == "ok"


def test_a_skill_can_be_taken_back() -> None:
    bot = Agent(skills={"notes": Notes(), "model": OpenAISkill()})
    taken = bot.remove_skill("notes")
    assert isinstance(taken, Notes)
    assert (dict(bot.tools), bot.endpoints, list(bot.skills)) == ({}, [], ["model"])
    assert bot.provider is not None
    bot.remove_skill("model")
    assert bot.provider is None


def test_names_are_taken_once() -> None:
    def note() -> None: ...

    bot = Agent(skills=[Notes()])
    with pytest.raises(AgentError, match="a tool 'note' already"):
        bot.add_tool(note)
    with pytest.raises(AgentError, match="a skill 'Notes' already"):
        bot.add_skill(Notes())


@pytest.mark.parametrize("name", ["", "two words", "a/b", "-a", "ü"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(AgentError, match="an agent's name"):
        Agent(name)


async def test_decorators_of_an_agent_register_at_once() -> None:
    bot = Agent(model=ScriptedModel(Call("named"), "ok"))

    @bot.tool
    def plain() -> int:
        return 1

    @bot.tool(name="named", cost_usd=0.5)
    def other() -> int:
        return 2

    @bot.handoff(description="Elsewhere.")
    def elsewhere() -> Agent:
        return bot

    @bot.http("status", "post", scope="owner")
    def status() -> str:
        return "ok"

    assert (plain(), other(), status()) == (1, 2, "ok")
    assert list(bot.tools) == ["plain", "named", "use_elsewhere"]
    assert [(one.path, one.method, one.scope) for one in bot.endpoints] == [("/status", "post", "owner")]
    assert (await bot.run("go")).usage.cost_usd == 0.5


async def test_a_tool_given_in_a_list_keeps_its_mark() -> None:
    @tool(name="marked")
    def function() -> None: ...

    assert list(Agent(tools=[function, len_of]).tools) == ["marked", "len_of"]


def len_of(text: str) -> int:
    return len(text)


def test_run_sync_needs_no_loop_and_leaves_none(mock: MockApp) -> None:
    bot = Agent(model=ScriptedModel("one", "two"), skills=[Notes()])
    assert [bot.run_sync("go").text for _ in range(2)] == ["one", "two"]
    notes = bot.skills["Notes"]
    assert isinstance(notes, Notes)
    assert [line for line in notes.log if line != "connected"] == ["initialized for agent", "closed"] * 2


async def test_a_block_begins_and_ends_the_skills() -> None:
    notes = Notes()
    async with Agent(skills=[notes]) as bot:
        assert notes.log == [f"initialized for {bot.name}"]
    assert notes.log[-1] == "closed"


async def test_what_is_no_conversation_is_refused() -> None:
    bot = Agent(model=ScriptedModel())
    with pytest.raises(GatewayError, match="messages"):
        await bot.run([])
    with pytest.raises(GatewayError, match="role"):
        await bot.run([{"role": "nobody", "content": "hi"}])


async def test_a_run_is_over_when_somebody_else_goes_on_with_its_messages() -> None:
    model = ScriptedModel("one", "two")
    bot = Agent(model=model, instructions="Be brief.")
    first = await bot.run("a")
    second = await bot.run([*first.messages, {"role": "user", "content": "b"}])
    assert [message["role"] for message in second.messages] == ["user", "assistant", "user", "assistant"]
    assert sum(getattr(item, "role", "") == "system" for item in model.turns[1].items) == 1


async def test_a_completion_is_openai_s() -> None:
    bot = Agent(
        "calc", model=ScriptedModel(Say("Let me see.", (Call("len_of", {"text": "abc"}),)), "3"), tools=[len_of]
    )
    whole = ChatCompletion.model_validate(await bot.completion("how long is abc?"))
    assert (whole.model, whole.choices[0].message.content) == ("calc", "Let me see.\n\n3")
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None and whole.usage.total_tokens == 4


async def test_chunks_are_openai_s_and_tell_nothing_of_the_agent_s_own_tools() -> None:
    bot = Agent("calc", model=ScriptedModel(Call("len_of", {"text": "abc"}), "It is 3."), tools=[len_of])
    raw = [chunk async for chunk in bot.completions("how long is abc?", include_usage=True)]
    chunks = [ChatCompletionChunk.model_validate(chunk) for chunk in raw]
    assert {chunk["object"] for chunk in raw} == {"chat.completion.chunk"}
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "It is 3."
    assert not any(choice.delta.tool_calls for chunk in chunks for choice in chunk.choices)
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].choices == [] and chunks[-1].usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


async def test_chunks_have_calls_of_the_caller_s_tools() -> None:
    theirs = [{"type": "function", "function": {"name": "browse"}}]
    bot = Agent(model=ScriptedModel(Call("browse", {"a": 1})))
    chunks = [chunk async for chunk in bot.completions("go", tools=theirs)]
    calls = [call for chunk in chunks for choice in chunk["choices"] for call in choice["delta"].get("tool_calls", ())]
    assert "".join(call["function"].get("arguments", "") for call in calls) == '{"a":1}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_two_hundred_runs_of_one_agent_at_once_do_not_disturb_each_other(url: str) -> None:
    seen: dict[str, str] = {}

    async def note(ctx: Context, text: str) -> str:
        before = ctx.state.setdefault("text", text)
        await asyncio.sleep(0)
        assert ctx.state == {"text": before}
        seen[ctx.run_id] = text
        return f"noted {text}"

    async with Agent("many", skills=[OpenAISkill("k", base_url=url)], tools=[note], limits=Limits(turns=3)) as bot:
        other = Agent("other", skills=[OpenAISkill("k", base_url=url)], tools=[note])
        bot.add_handoff(other)

        async def one(number: int) -> None:
            if number % 2:
                theirs = [{"type": "function", "function": {"name": "note"}}]
                result = await bot.run(f'call note {{"text": "{number}"}}', tools=theirs)
                assert [call.arguments for call in result.calls] == [f'{{"text": "{number}"}}']
            else:
                result = await bot.run(f'call note {{"text": "{number}"}}\ncall use_other {{}}')
                assert result.text == f'The tool returned: noted {number} | {{"handed_to": "other"}}'
                assert (result.agent, result.usage.turns) == ("other", 2)
                assert seen[result.run_id] == str(number)

        await asyncio.gather(*(one(number) for number in range(200)))
        await other.close()
    assert sorted(seen.values()) == sorted(map(str, range(0, 200, 2)))


async def test_cancelling_a_thousand_runs_leaks_nothing(mock: MockApp) -> None:
    ended = 0

    async def last(event: Any) -> None:
        nonlocal ended
        await asyncio.sleep(0)
        ended += event.outcome == "cancelled"

    async def wait() -> None:
        await asyncio.sleep(60)

    async with MockServer(mock) as server:
        url = f"{server.url}/scenario/stall-after:1/v1"
        served = Agent(skills=[OpenAISkill("k", base_url=url)], hooks={"run_end": [last]})
        scripted = Agent(model=ScriptedModel(Call("wait"), loop=True), tools=[wait], hooks={"run_end": [last]})
        before, descriptors = asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            runs = [asyncio.create_task(served.run("go")) for _ in range(40)]
            runs += [asyncio.create_task(scripted.run("go")) for _ in range(160)]
            await until(lambda: mock.active == 40)
            for run in runs:
                run.cancel()
            done = await asyncio.gather(*runs, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in done)
            await mock.idle()
        await served.close()
    gc.collect()
    assert ended == 1000
    assert asyncio.all_tasks() == before
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_the_public_names_are_all_there() -> None:
    assert BaseAgent is Agent
    for name in agents.__all__:
        assert getattr(dragoman, name) is getattr(agents, name)
        assert name in dir(agents)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = agents.Nothing
