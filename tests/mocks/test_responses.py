"""The Responses endpoints as the official SDK uses them, over a real socket."""

import asyncio
import json
from typing import Any, cast

import httpx2
import openai
import pytest
from openai.types.responses import (
    FunctionToolParam,
    ResponseCustomToolCall,
    ResponseFunctionToolCall,
    ResponseInputParam,
    ResponseOutputMessage,
    ResponseReasoningItem,
)
from pydantic import BaseModel

from dragoman.mocks import responses as responses_module
from dragoman.mocks.app import MockApp
from dragoman.mocks.server import MockServer
from tests.mocks.client import data_of, response

MODEL = "gpt-4o-mini"
WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class Person(BaseModel):
    name: str
    age: int


async def test_a_buffered_response_is_whole(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.responses.create(model=MODEL, input="hello", instructions="be brief", metadata={"a": "b"})
    assert answer.output_text == "Hello! How can I assist you today?"
    assert (answer.status, answer.error, answer.incomplete_details) == ("completed", None, None)
    assert (answer.instructions, answer.metadata, answer.model) == ("be brief", {"a": "b"}, MODEL)
    assert answer.id.startswith("resp_")
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (11, 7, 18)
    assert answer.usage.input_tokens_details.cached_tokens == 0
    assert answer._request_id is not None


async def test_a_stream_is_put_together_by_the_sdk(sdk: openai.AsyncOpenAI) -> None:
    async with sdk.responses.stream(model=MODEL, input="one two") as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert kinds.count("response.output_text.delta") == 5
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert final.output_text == "Streaming response to: one two "
    raw = await sdk.responses.create(model=MODEL, input="one two", stream=True)
    assert [event.sequence_number async for event in raw] == list(range(len(kinds)))


def test_the_sync_client_reads_it_too(mock: MockApp) -> None:
    def call(url: str) -> tuple[str, str, Person | None]:
        with openai.OpenAI(base_url=f"{url}/only/responses/v1", api_key="k", max_retries=0) as client:
            whole = client.responses.create(model=MODEL, input="hello").output_text
            with client.responses.stream(model=MODEL, input="one") as stream:
                streamed = stream.get_final_response().output_text
            parsed = client.responses.parse(model=MODEL, input="x", text_format=Person).output_parsed
        return whole, streamed, parsed

    async def main() -> tuple[str, str, Person | None]:
        async with MockServer(mock) as server:
            return await asyncio.to_thread(call, server.url)

    whole, streamed, parsed = asyncio.run(main())
    assert (whole, streamed) == ("Hello! How can I assist you today?", "Streaming response to: one ")
    assert parsed == Person(name="x", age=1)


async def test_structured_output_parses_buffered_and_streamed(sdk: openai.AsyncOpenAI) -> None:
    parsed = await sdk.responses.parse(model=MODEL, input="x", text_format=Person)
    assert parsed.output_parsed == Person(name="x", age=1)
    async with sdk.responses.stream(model=MODEL, input="x", text_format=Person) as stream:
        final = await stream.get_final_response()
    assert final.output_parsed == Person(name="x", age=1)
    loose = await sdk.responses.create(model=MODEL, input="x", text={"format": {"type": "json_object"}})
    assert json.loads(loose.output_text)["reply"].startswith("You said")


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_agent_loop_with_parallel_tools_ends(sdk: openai.AsyncOpenAI, streamed: bool) -> None:
    given: ResponseInputParam = [{"role": "user", "content": "weather, in parallel"}]
    if streamed:
        async with sdk.responses.stream(model=MODEL, input=given, tools=[WEATHER]) as stream:
            first = await stream.get_final_response()
    else:
        first = await sdk.responses.parse(model=MODEL, input=given, tools=[WEATHER])
    calls = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
    assert [json.loads(call.arguments) for call in calls] == [{"city": "text"}] * 2
    assert len({call.call_id for call in calls} | {call.id for call in calls}) == 4
    plain = [item.model_dump(exclude={"parsed_arguments"}, exclude_unset=True) for item in calls]
    given += cast(ResponseInputParam, plain)
    given += [{"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"} for call in calls]
    second = await sdk.responses.create(model=MODEL, input=given, tools=[WEATHER])
    assert second.output_text == "The tool returned: 18 degrees | 18 degrees"


async def test_a_loop_goes_on_from_what_is_stored(sdk: openai.AsyncOpenAI) -> None:
    first = await sdk.responses.create(model=MODEL, input="weather", tools=[WEATHER], instructions="be brief")
    (call,) = first.output
    assert isinstance(call, ResponseFunctionToolCall)
    output: ResponseInputParam = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    second = await sdk.responses.create(model=MODEL, input=output, previous_response_id=first.id, tools=[WEATHER])
    assert second.output_text == "The tool returned: sunny"
    assert (second.previous_response_id, second.instructions) == (first.id, None)
    third = await sdk.responses.create(model=MODEL, input="hello", previous_response_id=second.id)
    assert third.output_text.startswith("Hello!")
    reference: ResponseInputParam = [{"type": "item_reference", "id": second.output[0].id or ""}]
    fourth = await sdk.responses.create(model=MODEL, input=[*reference, {"role": "user", "content": "hello"}])
    assert fourth.usage is not None and fourth.usage.input_tokens == 4 + 4 + 4 + 1


async def test_a_custom_tool_takes_text(sdk: openai.AsyncOpenAI) -> None:
    for stream in (False, True):
        if stream:
            async with sdk.responses.stream(model=MODEL, input="ls", tools=[{"type": "custom", "name": "shell"}]) as it:
                answer: Any = await it.get_final_response()
        else:
            answer = await sdk.responses.create(model=MODEL, input="ls", tools=[{"type": "custom", "name": "shell"}])
        (call,) = answer.output
        assert isinstance(call, ResponseCustomToolCall)
        assert (call.name, call.input) == ("shell", "ls")


async def test_reasoning_is_given_where_it_is_asked_for(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.responses.create(
        model=MODEL,
        input="hello",
        store=False,
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
    )
    thought, said = answer.output
    assert isinstance(thought, ResponseReasoningItem) and thought.summary and thought.encrypted_content
    assert answer.usage is not None and answer.usage.output_tokens_details.reasoning_tokens == 21
    again = cast(ResponseInputParam, [item.model_dump(exclude_unset=True) for item in (thought, said)])
    second = await sdk.responses.create(model=MODEL, input=[*again, {"role": "user", "content": "hello"}], store=False)
    assert second.output_text.startswith("Hello!")


async def test_reasoning_can_use_up_the_limit(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.responses.create(model=MODEL, input="x", reasoning={"effort": "low"}, max_output_tokens=16)
    assert [item.type for item in answer.output] == ["reasoning"]
    assert answer.status == "incomplete" and answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


async def test_a_limit_ends_a_text_incomplete(sdk: openai.AsyncOpenAI) -> None:
    long = "word " * 30
    answer = await sdk.responses.create(model=MODEL, input=long, max_output_tokens=16)
    assert (answer.status, len(answer.output_text.split())) == ("incomplete", 16)
    async with sdk.responses.stream(model=MODEL, input=long, max_output_tokens=16) as stream:
        kinds = [event.type async for event in stream]
    assert kinds[-1] == "response.incomplete"


async def test_a_refusal_is_its_own_part(sdk: openai.AsyncOpenAI) -> None:
    async with sdk.responses.stream(model=MODEL, input="refuse this") as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert "response.refusal.delta" in kinds and "response.refusal.done" in kinds
    (message,) = final.output
    assert isinstance(message, ResponseOutputMessage)
    assert message.content[0].type == "refusal" and message.content[0].refusal.startswith("I'm sorry")


async def test_what_is_stored_is_found_until_it_is_deleted(sdk: openai.AsyncOpenAI) -> None:
    made = await sdk.responses.create(model=MODEL, input="hello")
    assert (await sdk.responses.retrieve(made.id)).output_text == made.output_text
    await sdk.responses.delete(made.id)
    for call in (sdk.responses.retrieve(made.id), sdk.responses.delete(made.id)):
        with pytest.raises(openai.NotFoundError):
            await call
    unstored = await sdk.responses.create(model=MODEL, input="hello", store=False)
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(unstored.id)
    with pytest.raises(openai.BadRequestError) as unknown:
        await sdk.responses.create(model=MODEL, input="x", previous_response_id=unstored.id)
    assert unknown.value.code == "previous_response_not_found"


async def test_a_stream_is_stored_too(sdk: openai.AsyncOpenAI) -> None:
    async with sdk.responses.stream(model=MODEL, input="one") as stream:
        final = await stream.get_final_response()
    assert (await sdk.responses.retrieve(final.id)).output_text == "Streaming response to: one "


async def test_the_oldest_response_makes_room(sdk: openai.AsyncOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses_module, "MAX_STORED", 2)
    ids = [(await sdk.responses.create(model=MODEL, input="x")).id for _ in range(3)]
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(ids[0])
    assert (await sdk.responses.retrieve(ids[1])).id == ids[1]


async def test_input_is_counted(sdk: openai.AsyncOpenAI) -> None:
    counted = await sdk.responses.input_tokens.count(model=MODEL, input="one two three", instructions="be brief")
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 4 + 2 + 4 + 3)
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.input_tokens.count(model="gpt-17", input="x")


async def test_errors_are_the_sdks_own(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await sdk.responses.create(model="gpt-17", input="x")
    assert missing.value.code == "model_not_found"
    for stream in (False, True):
        with pytest.raises(openai.RateLimitError) as limited:
            await sdk.responses.create(model=MODEL, input="trigger error", stream=stream)
        assert limited.value.response.headers["retry-after"] == "1"
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.create(model=MODEL, input="x", conversation="conv_1")
    with pytest.raises(openai.BadRequestError) as background:
        await sdk.responses.create(model=MODEL, input="x", background=True)
    assert background.value.param == "background"
    with pytest.raises(openai.BadRequestError) as low:
        await sdk.responses.create(model=MODEL, input="x", max_output_tokens=5)
    assert (low.value.param, low.value.code) == ("max_output_tokens", "integer_below_min_value")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 405),
        ("GET", "/input_tokens", 405),
        ("GET", "/other", 400),
        ("POST", "/resp_1", 404),
        ("GET", "/resp_1/input_items", 404),
    ],
)
async def test_other_paths_and_methods(http_client: httpx2.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await http_client.request(method, f"/v1/responses{path}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_a_stored_response_is_not_changed_and_not_streamed(http_client: httpx2.AsyncClient) -> None:
    made = (await http_client.post("/v1/responses", json=response())).json()
    assert (await http_client.post(f"/v1/responses/{made['id']}")).status_code == 405
    streamed = await http_client.get(f"/v1/responses/{made['id']}?stream=true")
    assert streamed.json()["error"]["param"] == "stream"
    deleted = await http_client.delete(f"/v1/responses/{made['id']}")
    assert deleted.json() == {"id": made["id"], "object": "response", "deleted": True}


async def test_a_stream_has_no_done_and_can_do_without_padding(http_client: httpx2.AsyncClient) -> None:
    body = response(stream=True, stream_options={"include_obfuscation": False})
    answer = await http_client.post("/v1/responses", json=body)
    events = data_of(answer.text)
    assert "[DONE]" not in events
    assert not any("obfuscation" in event for event in events)
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_reset_forgets_what_was_stored_and_starts_the_ids_anew(http_client: httpx2.AsyncClient) -> None:
    first = (await http_client.post("/v1/responses", json=response())).json()
    await http_client.post("/reset-counters")
    assert (await http_client.get(f"/v1/responses/{first['id']}")).status_code == 404
    await http_client.post("/reset-counters")
    assert (await http_client.post("/v1/responses", json=response())).json()["id"] == first["id"]


@pytest.mark.parametrize("spec", ["error-event:0", "error-event:3", "error-event:99"])
async def test_a_stream_that_breaks_off_raises(server: MockServer, spec: str) -> None:
    base = f"{server.url}/scenario/{spec}/v1"
    async with openai.AsyncOpenAI(base_url=base, api_key="k", max_retries=0) as client:
        with pytest.raises(openai.APIError, match="broke off"):
            async with client.responses.stream(model=MODEL, input="one") as stream:
                await stream.get_final_response()
        failed = await client.responses.create(model=MODEL, input="one")
        assert failed.status == "failed" and failed.error is not None


async def test_a_stream_under_any_pace_and_shape_is_whole(server: MockServer) -> None:
    for spec in ("crlf", "cr", "comments:3", "dribble:9", "split-utf8", "huge-event:9k", "ttft:5,tps:5000,jitter:0.5"):
        base = f"{server.url}/scenario/{spec}/only/responses/v1"
        async with openai.AsyncOpenAI(base_url=base, api_key="k", max_retries=0) as client:
            async with client.responses.stream(model=MODEL, input="one two") as stream:
                final = await stream.get_final_response()
        assert final.output_text.endswith("Streaming response to: one two ")
