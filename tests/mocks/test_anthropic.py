"""The Messages endpoints as the official SDK uses them, over a real socket."""

import asyncio
from typing import Any, cast

import anthropic
import httpx2
import pytest
from anthropic.types import MessageParam, TextBlock, ThinkingBlock, ToolParam, ToolUseBlock
from pydantic import BaseModel

from dragoman.mocks.app import MockApp, app
from dragoman.mocks.server import MockServer
from tests.mocks.client import data_of, message

# The SDK warns of claude-sonnet-4-5, which is near its end.
MODEL = "claude-haiku-4-5"
HELLO: list[MessageParam] = [{"role": "user", "content": "hello"}]
USER: list[MessageParam] = [{"role": "user", "content": "one two"}]
WEATHER: ToolParam = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Person(BaseModel):
    name: str
    age: int


def text_of(answer: anthropic.types.Message) -> str:
    return "".join(block.text for block in answer.content if isinstance(block, TextBlock))


async def test_a_buffered_message_is_whole(claude: anthropic.AsyncAnthropic) -> None:
    answer = await claude.messages.create(model=MODEL, max_tokens=100, messages=HELLO, system="be brief")
    assert text_of(answer) == "Hello! How can I assist you today?"
    assert (answer.stop_reason, answer.stop_sequence, answer.role, answer.model) == (
        "end_turn",
        None,
        "assistant",
        MODEL,
    )
    assert answer.id.startswith("msg_")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4 + 2 + 4 + 1, 7)
    assert (answer.usage.cache_creation_input_tokens, answer.usage.cache_read_input_tokens) == (0, 0)
    assert answer._request_id is not None


async def test_a_stream_is_put_together_by_the_sdk(claude: anthropic.AsyncAnthropic) -> None:
    async with claude.messages.stream(model=MODEL, max_tokens=100, messages=USER) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert texts == ["Streaming ", "response ", "to: ", "one ", "two "]
    assert text_of(final) == "Streaming response to: one two "
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 5)
    raw = await claude.messages.create(model=MODEL, max_tokens=100, messages=USER, stream=True)
    kinds = [event.type async for event in raw]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


def test_the_sync_client_reads_it_too(mock: MockApp) -> None:
    def call(url: str) -> list[str]:
        texts = []
        for base in ("", "/anthropic", "/only/messages"):
            with anthropic.Anthropic(base_url=url + base, api_key="k", max_retries=0) as client:
                texts.append(text_of(client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)))
                with client.messages.stream(model=MODEL, max_tokens=100, messages=USER) as stream:
                    texts.append(stream.get_final_text())
        return texts

    async def main() -> list[str]:
        async with MockServer(mock) as server:
            return await asyncio.to_thread(call, server.url)

    assert asyncio.run(main()) == ["Hello! How can I assist you today?", "Streaming response to: one two "] * 3


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("thinks", [False, True])
async def test_an_agent_loop_with_parallel_tools_ends(
    claude: anthropic.AsyncAnthropic, streamed: bool, thinks: bool
) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": "weather, in parallel"}]
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": 2000, "messages": messages, "tools": [WEATHER]}
    if thinks:
        asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if streamed:
        async with claude.messages.stream(**asked) as stream:
            first: Any = await stream.get_final_message()
    else:
        first = await claude.messages.create(**asked)
    calls = [block for block in first.content if isinstance(block, ToolUseBlock)]
    assert [call.input for call in calls] == [{"city": "text"}] * 2
    assert first.stop_reason == "tool_use"
    assert isinstance(first.content[0], ThinkingBlock) is thinks
    content = [block.model_dump(exclude_none=True) for block in first.content]
    messages.append({"role": "assistant", "content": cast(Any, content)})
    results: Any = [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"} for call in calls]
    messages.append({"role": "user", "content": [*results, {"type": "text", "text": "a reminder"}]})
    second = await claude.messages.create(**asked)
    assert text_of(second) == "The tool returned: 18 degrees | 18 degrees"


async def test_structured_output_is_of_its_schema(claude: anthropic.AsyncAnthropic) -> None:
    answer = await claude.messages.parse(model=MODEL, max_tokens=100, messages=USER, output_format=Person)
    assert answer.parsed_output == Person(name="one two", age=1)
    async with claude.messages.stream(model=MODEL, max_tokens=100, messages=USER, output_format=Person) as stream:
        final = await stream.get_final_message()
    assert final.parsed_output == Person(name="one two", age=1)


async def test_thinking_is_shown_signed_and_accepted_back(claude: anthropic.AsyncAnthropic) -> None:
    for display in ("summarized", "omitted"):
        thinking: Any = {"type": "adaptive", "display": display}
        async with claude.messages.stream(model=MODEL, max_tokens=100, messages=HELLO, thinking=thinking) as stream:
            answer = await stream.get_final_message()
        thought = answer.content[0]
        assert isinstance(thought, ThinkingBlock) and thought.signature
        assert bool(thought.thinking) is (display == "summarized")
        again: Any = [
            *HELLO,
            {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in answer.content]},
        ]
        second = await claude.messages.create(model=MODEL, max_tokens=100, messages=[*again, *HELLO])
        assert text_of(second).startswith("Hello!")


async def test_a_message_ends_for_its_reason(claude: anthropic.AsyncAnthropic) -> None:
    limited = await claude.messages.create(model=MODEL, max_tokens=2, messages=HELLO)
    assert (limited.stop_reason, text_of(limited)) == ("max_tokens", "Hello! How ")
    nothing = await claude.messages.create(model=MODEL, max_tokens=0, messages=HELLO)
    assert (nothing.stop_reason, nothing.content, nothing.usage.output_tokens) == ("max_tokens", [], 0)
    stopped = await claude.messages.create(model=MODEL, max_tokens=9, messages=HELLO, stop_sequences=["How"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "How")
    refused = await claude.messages.create(
        model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "refuse this"}]
    )
    assert refused.stop_reason == "refusal" and refused.stop_details is not None


async def test_the_prompt_cache_shows_in_the_usage(claude: anthropic.AsyncAnthropic) -> None:
    system: Any = [{"type": "text", "text": "a b c d e", "cache_control": {"type": "ephemeral"}}]
    first = await claude.messages.create(model=MODEL, max_tokens=9, messages=HELLO, system=system)
    async with claude.messages.stream(model=MODEL, max_tokens=9, messages=HELLO, system=system) as stream:
        second = await stream.get_final_message()
    counts = [
        (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
        for usage in (first.usage, second.usage)
    ]
    assert counts == [(9, 5, 0), (9, 0, 5)]


async def test_tokens_are_counted(claude: anthropic.AsyncAnthropic) -> None:
    counted = await claude.messages.count_tokens(model=MODEL, messages=USER, system="be brief", tools=[WEATHER])
    assert counted.input_tokens == 4 + 2 + 4 + 2
    with pytest.raises(anthropic.NotFoundError):
        await claude.messages.count_tokens(model="claude-0", messages=USER)


async def test_models_are_listed_and_found(server: MockServer) -> None:
    async with anthropic.AsyncAnthropic(base_url=f"{server.url}/anthropic", api_key="k", max_retries=0) as client:
        names = [model.id async for model in client.models.list()]
        assert names == ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-sonnet-4-6"]
        assert (await client.models.retrieve("claude-haiku-4-5-20251001")).id == "claude-haiku-4-5-20251001"
        with pytest.raises(anthropic.NotFoundError):
            await client.models.retrieve("claude-0")


async def test_further_models_can_be_named() -> None:
    async with MockServer(app(models=["mine"])) as server:
        async with anthropic.AsyncAnthropic(base_url=server.url, api_key="k", max_retries=0) as client:
            answer = await client.messages.create(model="mine", max_tokens=9, messages=HELLO)
            assert answer.model == "mine"
            with pytest.raises(anthropic.NotFoundError):
                await client.messages.create(model="other", max_tokens=9, messages=HELLO)


async def test_errors_are_the_sdks_own(claude: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as missing:
        await claude.messages.create(model="claude-0", max_tokens=9, messages=HELLO)
    assert cast(Any, missing.value.body)["error"] == {"type": "not_found_error", "message": "model: claude-0"}
    for stream in (False, True):
        with pytest.raises(anthropic.RateLimitError) as limited:
            await claude.messages.create(
                model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "trigger error"}], stream=stream
            )
        assert limited.value.response.headers["retry-after"] == "1"
    with pytest.raises(anthropic.BadRequestError) as bad:
        await claude.messages.create(model=MODEL, max_tokens=-1, messages=HELLO)
    body: Any = bad.value.body
    assert body["error"]["message"] == "max_tokens: Input should be greater than or equal to 0"
    assert body["request_id"] == bad.value.request_id


@pytest.mark.parametrize(
    ("spec", "error"),
    [("status:529", anthropic.APIStatusError), ("status:503", anthropic.APIStatusError)],
)
async def test_a_scenario_errs_in_anthropic_s_words(
    server: MockServer, spec: str, error: type[anthropic.APIStatusError]
) -> None:
    kind = {"status:529": "overloaded_error", "status:503": "api_error"}[spec]
    base = f"{server.url}/scenario/{spec}"
    async with anthropic.AsyncAnthropic(base_url=base, api_key="k", max_retries=0) as client:
        with pytest.raises(error) as caught:
            await client.messages.create(model=MODEL, max_tokens=9, messages=HELLO)
    assert caught.value.status_code == int(spec.partition(":")[2])
    assert cast(Any, caught.value.body)["error"]["type"] == kind


async def test_a_stream_that_breaks_off_raises(server: MockServer) -> None:
    base = f"{server.url}/scenario/error-event:4"
    async with anthropic.AsyncAnthropic(base_url=base, api_key="k", max_retries=0) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            async with client.messages.stream(model=MODEL, max_tokens=9, messages=HELLO) as stream:
                await stream.get_final_message()
    assert cast(Any, caught.value.body)["error"]["type"] == "api_error"


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), ({"x-api-key": "secret"}, 200), ({"authorization": "Bearer secret"}, 200)]
)
async def test_a_token_is_checked_if_there_is_one(headers: dict[str, str], status: int) -> None:
    async with MockServer(app(token="secret")) as server, httpx2.AsyncClient(trust_env=False) as client:
        for base in ("/v1", "/anthropic/v1", "/only/messages/v1"):
            answer = await client.post(f"{server.url}{base}/messages", json=message(), headers=headers)
            assert answer.status_code == status
            if status == 401:
                assert answer.json()["error"]["type"] == "authentication_error"


async def test_a_beta_header_allows_its_members(http_client: httpx2.AsyncClient) -> None:
    body = message(context_management={"edits": []})
    assert (await http_client.post("/v1/messages", json=body)).status_code == 400
    allowed = await http_client.post("/v1/messages", json=body, headers={"anthropic-beta": "context-management"})
    assert allowed.status_code == 200


async def test_other_paths_methods_and_bodies(http_client: httpx2.AsyncClient) -> None:
    wrong = await http_client.get("/v1/messages")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    for path in ("/v1/messages/batches", "/anthropic/v1/complete"):
        missing = await http_client.post(path, json=message())
        assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
    bad = await http_client.post("/v1/messages", content=b"{")
    assert (bad.status_code, bad.json()["error"]["type"]) == (400, "invalid_request_error")
    assert bad.json()["request_id"] == bad.headers["request-id"]


async def test_answers_repeat_after_a_reset(http_client: httpx2.AsyncClient) -> None:
    system = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    body = message(stream=True, system=system)
    first = (await http_client.post("/v1/messages", json=body)).content
    assert (await http_client.post("/v1/messages", json=body)).content != first
    await http_client.post("/reset-counters")
    assert (await http_client.post("/v1/messages", json=body)).content == first
    assert data_of(first)[0]["message"]["usage"]["cache_creation_input_tokens"] == 1


async def test_a_stream_under_any_pace_and_shape_is_whole(server: MockServer) -> None:
    for spec in ("crlf", "cr", "comments:3", "dribble:9", "split-utf8", "huge-event:9k", "ttft:5,tps:5000,jitter:0.5"):
        base = f"{server.url}/scenario/{spec}/only/messages"
        async with anthropic.AsyncAnthropic(base_url=base, api_key="k", max_retries=0) as client:
            async with client.messages.stream(model=MODEL, max_tokens=100, messages=USER) as stream:
                final = await stream.get_final_message()
        assert text_of(final).endswith("Streaming response to: one two ")
