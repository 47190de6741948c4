"""Harder twins of the ten tests of seed 003, by the same names: the mock goes wrong, and much happens at once."""

import asyncio
import json
import time
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from dragoman import BaseAgent, LimitReached, Limits, ModelError, OpenAISkill, ScriptedModel
from tests.seeds import openai_endpoint as endpoints
from tests.seeds.openai_endpoint import OpenAIEndpoint
from tests.seeds.test_seed_003 import HELLO, Arithmetic, agent, check_chunks, check_completion

ADD = [{"role": "user", "content": 'call add {"a": 2, "b": 3}\ncall add {"a": 4, "b": 5}'}]
THEIRS = [{"type": "function", "function": {"name": "browse", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture
async def openai_endpoint() -> Any:
    """The mock, whatever the environment says."""
    async with endpoints.opened({}) as endpoint:
        yield endpoint


def failing(skill: OpenAISkill, scenario: str) -> OpenAISkill:
    base = (skill.base_url or "").replace("/v1", f"/scenario/{scenario}/v1")
    return OpenAISkill(skill.api_key, skill.model, base_url=base)


async def test_openai_skill_initialization_reads_no_environment_and_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, openai_endpoint: OpenAIEndpoint
) -> None:
    skill = OpenAISkill(model="gpt-4")
    bot = BaseAgent("bare", skills=[skill])
    monkeypatch.setenv("OPENAI_BASE_URL", openai_endpoint.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-late")
    async with bot:
        assert (await bot.run(HELLO)).text.startswith("Streaming response to: Say hello")
    assert openai_endpoint.mock is not None
    assert ("authorization", "Bearer sk-late") in openai_endpoint.mock.journal.entries[-1].headers


async def test_nonstreaming_openai_compliance_is_the_sdk_s_own(openai_skill: OpenAISkill) -> None:
    bot = agent(openai_skill)
    whole = await bot.completion(ADD)
    check_completion(whole, "openai-agent")
    assert ChatCompletion.model_validate(whole).choices[0].message.content == "The tool returned: 5 | 9"
    unknown = set(whole) - set(ChatCompletion.model_fields) | set(whole["choices"][0]["message"]) - {
        "role", "content", "refusal", "annotations",
    }  # fmt: skip
    assert unknown == set()


async def test_streaming_openai_compliance_across_tools(openai_skill: OpenAISkill) -> None:
    chunks = [chunk async for chunk in agent(openai_skill).completions(ADD, include_usage=True)]
    check_chunks(chunks, "openai-agent")
    parsed = [ChatCompletionChunk.model_validate(chunk) for chunk in chunks]
    assert not any(choice.delta.tool_calls for chunk in parsed for choice in chunk.choices)
    said = "".join(choice.delta.content or "" for chunk in parsed for choice in chunk.choices)
    assert said == "The tool returned: 5 | 9"


async def test_openai_tools_functionality_with_the_caller_s_own(openai_skill: OpenAISkill) -> None:
    bot = agent(openai_skill)
    both = [{"role": "user", "content": 'call add {"a": 2, "b": 3}\ncall browse {}'}]
    result = await bot.run(both, tools=THEIRS)
    assert [call.name for call in result.calls] == ["browse"]
    answered = {"role": "tool", "tool_call_id": result.calls[0].call_id, "content": "a page"}
    assert (await bot.run([*result.messages, answered], tools=THEIRS)).text == "The tool returned: 5 | a page"


async def test_baseagent_integration_nonstreaming_ends_with_its_limit(openai_skill: OpenAISkill) -> None:
    bot = agent(openai_skill, limits=Limits(turns=1))
    with pytest.raises(LimitReached) as caught:
        await bot.run(ADD)
    results = [message["content"] for message in caught.value.result.messages if message["role"] == "tool"]
    assert results == ["5", "9"]
    bot.limits = Limits(turns=2)
    assert (await bot.run(ADD)).text == "The tool returned: 5 | 9"


@pytest.mark.parametrize("scenario", ["crlf", "comments:1", "dribble:1", "split-utf8", "duplicate-done"])
async def test_baseagent_integration_streaming_over_an_odd_stream(openai_skill: OpenAISkill, scenario: str) -> None:
    odd = failing(openai_skill, scenario)
    said = (await agent(odd).run(ADD)).text
    assert said == ("€uro naïve 😀 " if scenario == "split-utf8" else "") + "The tool returned: 5 | 9"
    await odd.close()


@pytest.mark.parametrize(
    "scenario", ["status:500", "cut-after:3", "cut-mid-event:3", "no-finish", "bad-utf8", "empty-200", "error-event:2"]
)
async def test_openai_error_handling_is_an_error(openai_skill: OpenAISkill, scenario: str) -> None:
    broken = failing(openai_skill, scenario)
    bot = agent(broken)
    with pytest.raises(ModelError):
        await bot.run(HELLO)
    arithmetic = bot.skills["arithmetic"]
    assert isinstance(arithmetic, Arithmetic) and arithmetic.seen[-1] == "finalize_connection"
    await broken.close()


async def test_openai_performance_benchmarks_of_the_loop_itself() -> None:
    bot = BaseAgent(model=ScriptedModel("word " * 1000, loop=True))
    began = time.monotonic()
    for _ in range(10):
        await bot.run("go")
    assert time.monotonic() - began < 5.0


async def test_openai_performance_benchmarks_do_not_wait_for_the_end(openai_skill: OpenAISkill) -> None:
    stalling = failing(openai_skill, "stall-after:4")
    chunks = BaseAgent(skills=[stalling]).completions(HELLO)
    async with asyncio.timeout(10):
        said = ""
        while "response" not in said:
            chunk = await anext(chunks)
            said += chunk["choices"][0]["delta"].get("content") or ""
        await chunks.aclose()
    await stalling.close()


async def test_openai_concurrent_requests_in_one_agent(openai_skill: OpenAISkill) -> None:
    bot = agent(openai_skill)
    results = await asyncio.gather(*(bot.run(f'call add {{"a": {n}, "b": 1}}') for n in range(50)))
    assert [result.text for result in results] == [f"The tool returned: {n + 1}" for n in range(50)]
    assert [result.usage.turns for result in results] == [2] * 50


async def test_openai_hook_integration_in_order(openai_skill: OpenAISkill) -> None:
    bot = agent(openai_skill)
    arithmetic = bot.skills["arithmetic"]
    assert isinstance(arithmetic, Arithmetic)
    await bot.run('call add {"a": 2, "b": 3}')
    once = [name for name, before in zip(arithmetic.seen, ["", *arithmetic.seen], strict=False) if name != before]
    assert once == [
        "on_connection", "on_chunk", "before_toolcall", "after_toolcall", "on_chunk", "on_message",
        "finalize_connection",
    ]  # fmt: skip


async def test_the_real_model_is_asked_only_where_the_environment_says_so() -> None:
    async with endpoints.opened({"USE_REAL_OPENAI": "false", "OPENAI_API_KEY": "k"}) as mocked:
        assert mocked.mock is not None and json.dumps(mocked.base_url).count("127.0.0.1") == 1
    async with endpoints.opened({"USE_REAL_OPENAI": "true", "OPENAI_API_KEY": "k"}) as real:
        assert (real.mock, real.base_url, real.api_key) == (None, "https://api.openai.com/v1", "k")
    with pytest.raises(AssertionError, match="needs OPENAI_API_KEY"):
        async with endpoints.opened({"USE_REAL_OPENAI": "true"}):
            pass
