import pytest

from dragoman.agents.abilities import Handover, Prompt, choosing, handoff
from dragoman.agents.agent import Agent
from dragoman.agents.context import Context
from dragoman.agents.scopes import holds
from dragoman.agents.usage import RunUsage

CONTEXT = Context("run_1", "a", holds([]), RunUsage(), deps="Ann")


async def test_a_prompt_may_take_the_context_and_may_say_nothing() -> None:
    async def who(ctx: Context) -> str:
        return f"For {ctx.deps}."

    assert await Prompt(who, 50, "all").text(CONTEXT) == "For Ann."
    assert await Prompt(lambda: None, 50, "all").text(CONTEXT) == ""
    bot = Agent()
    bot.prompt(lambda: "")
    bot.prompt(who)
    assert await bot.abilities(holds([])).prompted(CONTEXT) == ["For Ann."]


async def test_a_handoff_gives_the_agent_that_is_chosen() -> None:
    target = Agent("target")

    async def choose(ctx: Context) -> Agent:
        return target

    for chosen in (choosing(choose), choosing(lambda: target)):
        outcome = await handoff("target", chosen, "").call("{}", CONTEXT)
        assert isinstance(outcome.value, Handover) and outcome.value.target is target
        assert outcome.output == '{"handed_to": "target"}'


async def test_a_handoff_to_what_is_no_agent_is_told_so() -> None:
    outcome = await handoff("x", lambda _: "nobody", "").call("{}", CONTEXT)
    assert outcome.is_error and "which is no Agent" in outcome.output


@pytest.mark.parametrize(("held", "tools"), [([], []), (["owner"], ["secret"])])
def test_abilities_are_those_of_a_scope(held: list[str], tools: list[str]) -> None:
    bot = Agent()
    bot.tool(scope="owner")(secret)
    assert list(bot.abilities(holds(held)).tools) == tools


def secret() -> str:
    return ""
