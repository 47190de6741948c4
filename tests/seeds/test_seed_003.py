"""The ten tests that seed 003 describes: a model behind `OpenAISkill`, alone and in an agent, answers as OpenAI does.

They ask the mock on a socket. As in the seed, USE_REAL_OPENAI=true with OPENAI_API_KEY asks the real one,
`-m integration` selects them, and RUN_INTEGRATION_TESTS=false leaves them out.
"""

import asyncio
import time
from typing import Any

import pytest

from dragoman import BaseAgent, OpenAISkill, Skill, hook, tool
from tests.seeds.openai_endpoint import OpenAIEndpoint

pytestmark = pytest.mark.integration
HELLO = [{"role": "user", "content": "Say hello in one short sentence."}]


class Arithmetic(Skill):
    """A skill with a tool and with hooks."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @tool
    def add(self, a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @hook("on_connection")
    async def connected(self, event: Any) -> None:
        self.seen.append("on_connection")

    @hook("on_chunk")
    async def chunk(self, event: Any) -> None:
        self.seen.append("on_chunk")

    @hook("on_message")
    async def message(self, event: Any) -> None:
        self.seen.append("on_message")

    @hook("before_toolcall")
    async def before(self, event: Any) -> None:
        self.seen.append("before_toolcall")

    @hook("after_toolcall")
    async def after(self, event: Any) -> None:
        self.seen.append("after_toolcall")

    @hook("finalize_connection")
    async def finalize(self, event: Any) -> None:
        self.seen.append("finalize_connection")


def agent(skill: OpenAISkill, **how: Any) -> BaseAgent:
    return BaseAgent(
        name="openai-agent", instructions="You are a test. Be brief.",
        skills={"openai": skill, "arithmetic": Arithmetic()}, **how,
    )  # fmt: skip


def check_completion(answer: Any, model: str) -> None:
    assert {"id", "object", "created", "model", "choices", "usage"} <= answer.keys()
    assert answer["object"] == "chat.completion"
    assert isinstance(answer["id"], str) and isinstance(answer["created"], int)
    assert answer["model"].startswith(model)
    for index, choice in enumerate(answer["choices"]):
        assert choice["index"] == index and choice["finish_reason"] in ("stop", "length", "tool_calls")
        assert choice["message"]["role"] == "assistant" and isinstance(choice["message"]["content"], str)
    usage = answer["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] > 0


def check_chunks(chunks: list[Any], model: str) -> None:
    """Also the chunk that has the usage and no choice, which the original took for an error."""
    assert chunks
    for chunk in chunks:
        assert {"id", "object", "created", "model", "choices"} <= chunk.keys()
        assert chunk["object"] == "chat.completion.chunk"
        assert all({"index", "delta"} <= choice.keys() for choice in chunk["choices"])
    assert len({chunk["id"] for chunk in chunks}) == len({chunk["model"] for chunk in chunks}) == 1
    assert chunks[0]["model"].startswith(model)
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert len(finishes) == 1
    usage = [chunk for chunk in chunks if not chunk["choices"]]
    assert usage == chunks[-1:] and usage[0]["usage"]["total_tokens"] > 0


async def test_openai_skill_initialization(openai_skill: OpenAISkill, openai_endpoint: OpenAIEndpoint) -> None:
    assert (openai_skill.model, openai_skill.api_key) == (openai_endpoint.model, openai_endpoint.api_key)
    bot = BaseAgent(name="bare")
    openai_skill.initialize(bot)
    assert bot.model is openai_skill


async def test_nonstreaming_openai_compliance(openai_skill: OpenAISkill) -> None:
    check_completion(await openai_skill.chat_completion(HELLO, stream=False), openai_skill.model)


async def test_streaming_openai_compliance(openai_skill: OpenAISkill) -> None:
    check_chunks([chunk async for chunk in openai_skill.chat_completion_stream(HELLO)], openai_skill.model)


async def test_openai_tools_functionality(openai_skill: OpenAISkill) -> None:
    bot = agent(openai_skill)
    assert list(bot.tools) == ["add"]
    bot.add_handoff(BaseAgent(name="other", skills=[openai_skill]))
    assert "use_other" in bot.tools
    declared = {"type": "function", "function": {"name": "add", "parameters": bot.tools["add"].parameters}}
    answer = await openai_skill.chat_completion([{"role": "user", "content": "Use the tool: 2 + 3"}], tools=[declared])
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "add"


async def test_baseagent_integration_nonstreaming(openai_skill: OpenAISkill) -> None:
    check_completion(await agent(openai_skill).completion(HELLO), "openai-agent")


async def test_baseagent_integration_streaming(openai_skill: OpenAISkill) -> None:
    chunks = [chunk async for chunk in agent(openai_skill).completions(HELLO, include_usage=True)]
    check_chunks(chunks, "openai-agent")


async def test_openai_error_handling(openai_skill: OpenAISkill) -> None:
    from dragoman import ModelError

    with pytest.raises(ModelError) as caught:
        await openai_skill.chat_completion([])
    assert caught.value.status == 400
    wrong = OpenAISkill(openai_skill.api_key, "no-such-model", base_url=openai_skill.base_url)
    with pytest.raises(ModelError) as caught:
        await wrong.chat_completion(HELLO)
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
    await wrong.close()


async def test_openai_performance_benchmarks(openai_skill: OpenAISkill) -> None:
    began = time.monotonic()
    await openai_skill.chat_completion(HELLO)
    assert time.monotonic() - began < 5.0
    began = time.monotonic()
    first = 0.0
    async for _ in openai_skill.chat_completion_stream(HELLO):
        first = first or time.monotonic() - began
    assert 0.0 < first < 2.0
    assert time.monotonic() - began < 10.0


async def test_openai_concurrent_requests(openai_skill: OpenAISkill) -> None:
    answers = await asyncio.gather(*(openai_skill.chat_completion(HELLO) for _ in range(3)))
    for answer in answers:
        check_completion(answer, openai_skill.model)
    assert len({answer["id"] for answer in answers}) == 3


async def test_openai_hook_integration(openai_skill: OpenAISkill) -> None:
    bot = agent(openai_skill)
    arithmetic = bot.skills["arithmetic"]
    assert isinstance(arithmetic, Arithmetic)
    await bot.run(HELLO, tools=(), tool_choice=None)
    assert arithmetic.seen[0] == "on_connection"
    assert "on_chunk" in arithmetic.seen
    assert arithmetic.seen[-2:] == ["on_message", "finalize_connection"]
