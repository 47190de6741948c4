import pytest

from dragoman.agents.agent import Agent
from dragoman.agents.errors import AgentError
from dragoman.agents.scripted import Call, Say, ScriptedModel
from dragoman.turn import Stop, Turn


async def test_a_script_is_played_once() -> None:
    bot = Agent(model=ScriptedModel("one"))
    assert (await bot.run("go")).text == "one"
    with pytest.raises(AgentError, match="the script has 1 answers"):
        await bot.run("go")


async def test_a_script_that_loops_begins_anew() -> None:
    model = ScriptedModel("one", "two", loop=True)
    bot = Agent(model=model)
    assert [(await bot.run("go")).text for _ in range(3)] == ["one", "two", "one"]
    assert len(model.turns) == 3


async def test_an_answer_may_depend_on_the_turn_or_be_raised() -> None:
    def look(turn: Turn) -> str:
        return f"{len(turn.tools)} tools"

    bot = Agent(model=ScriptedModel(look, ConnectionError("gone")))
    assert (await bot.run("go")).text == "0 tools"
    with pytest.raises(ConnectionError, match="gone"):
        await bot.run("go")


async def test_an_answer_in_full() -> None:
    def f() -> int:
        return 1

    bot = Agent(model=ScriptedModel(Say("Hm.", (Call("f"),)), Say("End", usage=None, stop=Stop.LENGTH)), tools=[f])
    result = await bot.run("go")
    assert (result.text, result.stop, result.usage.total_tokens) == ("End", Stop.LENGTH, 2)
    assert [message.get("content") for message in result.messages] == ["go", "Hm.", "1", "End"]
