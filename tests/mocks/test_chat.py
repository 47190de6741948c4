"""The chat endpoint as the official SDK sees it, and the exact bytes where that would hide them."""

import asyncio
import json
from typing import Any, cast

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from dragoman.mocks.app import MockApp
from dragoman.mocks.brain import REASONING, REFUSAL
from dragoman.mocks.server import MockServer
from dragoman.mocks.stamps import CREATED
from tests.mocks.client import chat

MODEL = "gpt-4o-mini"
USER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "one two"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    name: str
    age: int
    address: Address | None
    tags: list[str]


async def events(client: httpx2.AsyncClient, body: object) -> list[dict[str, Any]]:
    answer = await client.post("/v1/chat/completions", json=body)
    data = [event.removeprefix("data: ") for event in answer.text.split("\n\n")[:-1]]
    assert data.pop() == "[DONE]"
    return [json.loads(each) for each in data]


async def test_a_buffered_completion_is_whole(sdk: openai.AsyncOpenAI) -> None:
    completion = await sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hello"}])
    assert completion.object == "chat.completion"
    assert completion.id.startswith("chatcmpl-")
    assert (completion.created, completion.model) == (CREATED, MODEL)
    choice = completion.choices[0]
    assert choice.message.content == "Hello! How can I assist you today?"
    assert (choice.finish_reason, choice.message.role, choice.message.refusal) == ("stop", "assistant", None)
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (5, 7)
    assert completion.usage.total_tokens == 12
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 0
    assert completion._request_id is not None


def test_the_sync_client_reads_it_too(mock: MockApp) -> None:
    def call(url: str) -> str:
        with openai.OpenAI(base_url=f"{url}/openai/v1", api_key="k", max_retries=0) as client:
            with client.chat.completions.create(model="gpt-4", messages=USER, stream=True) as stream:
                return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    async def main() -> str:
        async with MockServer(mock) as server:
            return await asyncio.to_thread(call, server.url)

    assert asyncio.run(main()) == "Streaming response to: one two "


async def test_a_stream_has_role_words_finish_and_done(http_client: httpx2.AsyncClient) -> None:
    chunks = await events(http_client, chat(stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert [delta["content"] for delta in deltas[1:-1]] == ["Streaming ", "response ", "to: ", "one ", "two "]
    assert deltas[-1] == {}
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert finishes == [None] * 6 + ["stop"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all("usage" not in chunk for chunk in chunks)


async def test_usage_comes_in_a_chunk_of_its_own_if_asked_for(http_client: httpx2.AsyncClient) -> None:
    chunks = await events(http_client, chat(stream=True, stream_options={"include_usage": True}))
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 7
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 5
    assert chunks[-1]["usage"]["prompt_tokens"] == 6


async def test_the_stream_helper_accumulates(sdk: openai.AsyncOpenAI) -> None:
    async with sdk.chat.completions.stream(
        model=MODEL, messages=USER, stream_options={"include_usage": True}
    ) as stream:
        seen = [event.type async for event in stream]
        final = await stream.get_final_completion()
    # The opening event has an empty content, as the real ones do.
    assert seen.count("content.delta") == 6
    assert final.choices[0].message.content == "Streaming response to: one two "
    assert final.usage is not None and final.usage.completion_tokens == 5


async def test_n_makes_several_choices(sdk: openai.AsyncOpenAI, http_client: httpx2.AsyncClient) -> None:
    completion = await sdk.chat.completions.create(model=MODEL, messages=USER, n=3)
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    chunks = await events(http_client, chat(stream=True, n=2))
    texts = {0: "", 1: ""}
    for chunk in chunks:
        choice = chunk["choices"][0]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert texts[0] == texts[1] == "Streaming response to: one two "


async def test_a_limit_ends_with_length(sdk: openai.AsyncOpenAI) -> None:
    completion = await sdk.chat.completions.create(model=MODEL, messages=USER, max_completion_tokens=2)
    assert completion.choices[0].message.content == "You said: "
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None and completion.usage.completion_tokens == 2


async def test_an_agent_loop_with_tools_ends(sdk: openai.AsyncOpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "weather, in parallel"}]
    first = await sdk.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.content is None and message.tool_calls is not None
    assert len({call.id for call in message.tool_calls}) == 2
    messages.append(cast(ChatCompletionMessageParam, message.model_dump(exclude_none=True)))
    for call in message.tool_calls:
        assert call.type == "function"
        assert json.loads(call.function.arguments) == {"city": "text", "unit": "C"}
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "18 degrees"})
    second = await sdk.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content == "The tool returned: 18 degrees | 18 degrees"


async def test_streamed_tool_calls_are_put_together_by_the_sdk(sdk: openai.AsyncOpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "parallel"}]
    async with sdk.chat.completions.stream(model=MODEL, messages=messages, tools=[WEATHER]) as stream:
        final = await stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.parsed_arguments for call in calls] == [{"city": "text", "unit": "C"}] * 2
    assert final.choices[0].finish_reason == "tool_calls"


async def test_a_custom_tool_streams_its_input(http_client: httpx2.AsyncClient) -> None:
    tools = [{"type": "custom", "custom": {"name": "shell"}}]
    chunks = await events(http_client, chat("ls -la", tools=tools, stream=True))
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert calls[0]["custom"] == {"name": "shell", "input": ""}
    assert "".join(call["custom"]["input"] for call in calls) == "ls -la"
    whole = await http_client.post("/v1/chat/completions", json=chat("ls -la", tools=tools))
    assert whole.json()["choices"][0]["message"]["tool_calls"][0]["custom"]["input"] == "ls -la"


async def test_structured_output_parses_buffered_and_streamed(sdk: openai.AsyncOpenAI) -> None:
    completion = await sdk.chat.completions.parse(model=MODEL, messages=USER, response_format=Person)
    assert isinstance(completion.choices[0].message.parsed, Person)
    async with sdk.chat.completions.stream(model=MODEL, messages=USER, response_format=Person) as stream:
        final = await stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Person)


async def test_a_refusal_takes_the_place_of_the_content(sdk: openai.AsyncOpenAI) -> None:
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "refuse this"}]
    whole = await sdk.chat.completions.create(model=MODEL, messages=asked)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (None, "stop")
    async with sdk.chat.completions.stream(model=MODEL, messages=asked) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.refusal == whole.choices[0].message.refusal == REFUSAL


async def test_reasoning_is_counted_and_only_some_models_show_it(http_client: httpx2.AsyncClient) -> None:
    hidden = (await http_client.post("/v1/chat/completions", json=chat(reasoning_effort="low"))).json()
    assert "reasoning_content" not in hidden["choices"][0]["message"]
    assert hidden["usage"]["completion_tokens_details"]["reasoning_tokens"] == 21
    body = {**chat(), "model": "deepseek-reasoner"}
    shown = (await http_client.post("/v1/chat/completions", json=body)).json()
    assert shown["choices"][0]["message"]["reasoning_content"] == REASONING
    deltas = [chunk["choices"][0]["delta"] for chunk in await events(http_client, {**body, "stream": True})]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == REASONING


async def test_errors_are_the_sdks_own(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await sdk.chat.completions.create(model="gpt-17", messages=USER)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk.chat.completions.create(model=MODEL, messages=USER, max_tokens=cast(int, "many"))
    assert (bad.value.param, bad.value.type) == ("max_tokens", "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as empty:
        await sdk.chat.completions.create(model="", messages=USER)
    assert empty.value.param == "model"
    for stream in (False, True):
        with pytest.raises(openai.RateLimitError) as limited:
            await sdk.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "trigger error"}], stream=stream
            )
        assert limited.value.response.headers["retry-after"] == "1"
        assert cast(dict[str, object], limited.value.body)["message"] == "Rate limit exceeded"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, "model"),
        ({"model": MODEL}, "messages"),
        (chat(messages=[]), "messages"),
        (chat(messages="x"), "messages"),
        (chat(n=0), "n"),
        (chat(stop=["a"] * 5), "stop"),
        (chat(temperature=3), "temperature"),
        (chat(stream_options={"include_usage": True}), "stream_options"),
        (chat(response_format={"type": "xml"}), "response_format.type"),
        (["not an object"], None),
    ],
)
async def test_a_bad_request_names_its_param(http_client: httpx2.AsyncClient, body: object, param: str | None) -> None:
    answer = await http_client.post("/v1/chat/completions", json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"].endswith(".")


async def test_answers_repeat_byte_for_byte_after_a_reset(http_client: httpx2.AsyncClient) -> None:
    async def both() -> list[bytes]:
        bodies = [chat(stream=True), chat(tools=[WEATHER])]
        return [(await http_client.post("/v1/chat/completions", json=body)).content for body in bodies]

    first = await both()
    assert await both() != first
    await http_client.post("/reset-counters")
    assert await both() == first
