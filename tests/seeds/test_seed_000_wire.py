"""Seed 000 in a harder form, as far as it can be seen from the caller's side: against any server."""

import json
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

from tests.integration.target import Target

CHAT, RESPONSES = "/chat/completions", "/responses"
COUNTING = "Count from one to one hundred, in words."
REQUIRED = {
    "id", "object", "created_at", "error", "incomplete_details", "instructions", "model", "tools", "output",
    "parallel_tool_calls", "metadata", "tool_choice", "temperature", "top_p",
}  # fmt: skip
"""The members that OpenAI's reference requires of a Response."""
CITY: dict[str, Any] = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
}  # fmt: skip
WEATHER: dict[str, Any] = {"name": "get_weather", "description": "The weather of a city.", "parameters": CITY}
FUNCTION: dict[str, Any] = {"type": "function", **WEATHER, "strict": True}


def chat(model: str, text: str, **members: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **members}


def events(client: httpx2.Client, path: str, request: dict[str, object]) -> list[str]:
    """The data of each event of a streamed answer."""
    response = client.post(path, json=request)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert response.text.endswith("\n\n")
    lines = response.text.splitlines()
    return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


# Chat completions


def test_a_chat_completion_is_valid_to_the_letter(wire: httpx2.Client, test_model: str, test_prompt: str) -> None:
    response = wire.post(CHAT, json=chat(test_model, test_prompt))
    assert response.status_code == 200
    assert response.headers["x-request-id"]
    answer = ChatCompletion.model_validate_json(response.content, strict=True)
    assert answer.id.startswith("chatcmpl-")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("include_usage", [False, True])
def test_a_chat_stream_has_its_whole_form(
    wire: httpx2.Client, test_model: str, test_prompt: str, include_usage: bool
) -> None:
    options = {"include_usage": include_usage}
    *data, done = events(wire, CHAT, chat(test_model, test_prompt, stream=True, stream_options=options))
    assert done == "[DONE]"
    chunks = [ChatCompletionChunk.model_validate_json(item, strict=True) for item in data]
    assert len({(chunk.id, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].id.startswith("chatcmpl-")
    if include_usage:
        trailer = chunks.pop()
        assert trailer.choices == [] and trailer.usage is not None and trailer.usage.completion_tokens > 0
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert len(choices) == len(chunks)
    assert [choice.delta.role for choice in choices] == ["assistant", *[None] * (len(choices) - 1)]
    assert [choice.finish_reason for choice in choices] == [*[None] * (len(choices) - 1), "stop"]
    assert all(chunk.usage is None for chunk in chunks)


def test_a_limit_ends_a_chat_completion_by_length(chat2response_client: openai.OpenAI, test_model: str) -> None:
    answer = chat2response_client.chat.completions.create(
        model=test_model, messages=[{"role": "user", "content": COUNTING}], max_completion_tokens=16
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None and answer.usage.completion_tokens <= 16


# Responses


def test_a_response_has_every_required_member(wire: httpx2.Client, test_model: str, test_prompt: str) -> None:
    asked = {"model": test_model, "input": test_prompt, "instructions": "Be brief.", "metadata": {"a": "b"}}
    said = wire.post(RESPONSES, json=asked | {"temperature": 0.9, "max_output_tokens": 50})
    assert said.status_code == 200, said.text
    body = said.json()
    assert body.keys() >= REQUIRED
    response = Response.model_validate_json(said.content, strict=True)
    assert (response.object, response.status, response.error) == ("response", "completed", None)
    assert (response.instructions, response.metadata, response.temperature) == ("Be brief.", {"a": "b"}, 0.9)
    assert response.max_output_tokens == 50
    assert all(item["status"] == "completed" and item["id"] for item in body["output"] if item["type"] == "message")
    assert response.usage is not None and response.usage.output_tokens <= 50
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert body["usage"]["input_tokens_details"].keys() >= {"cached_tokens"}
    assert body["usage"]["output_tokens_details"].keys() >= {"reasoning_tokens"}


def test_a_response_stream_tells_its_whole_life(wire: httpx2.Client, test_model: str, test_prompt: str) -> None:
    data = events(wire, RESPONSES, {"model": test_model, "input": test_prompt, "stream": True})
    told = [json.loads(item) for item in data if item != "[DONE]"]
    kinds = [event["type"] for event in told]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    text = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
    final = Response.model_validate(told[-1]["response"])
    assert text and text == told[-4]["text"] == told[-3]["part"]["text"] == final.output_text
    assert told[-2]["item"]["content"][0]["text"] == text
    assert len({event["response"]["id"] for event in told if "response" in event}) == 1
    assert len({event["item_id"] for event in told if "item_id" in event}) == 1


def test_a_limit_makes_a_response_incomplete(chat2response_client: openai.OpenAI, test_model: str) -> None:
    response = chat2response_client.responses.create(model=test_model, input=COUNTING, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None and response.incomplete_details.reason == "max_output_tokens"


# Tools


def test_a_chat_call_that_must_be_made_is_made(chat2response_client: openai.OpenAI, test_model: str) -> None:
    tools: Any = [{"type": "function", "function": WEATHER}]
    answer = chat2response_client.chat.completions.create(
        model=test_model,
        messages=[{"role": "user", "content": "How is the weather in Tokyo?"}],
        tools=tools,
        tool_choice="required",
    )
    (call, *_) = answer.choices[0].message.tool_calls or []
    assert answer.choices[0].finish_reason == "tool_calls"
    assert call.type == "function" and call.function.name == "get_weather" and call.id
    assert isinstance(json.loads(call.function.arguments)["city"], str)


def test_a_streamed_call_of_a_response_adds_up(wire: httpx2.Client, test_model: str) -> None:
    asked = {"model": test_model, "input": "How is the weather in Tokyo?", "tools": [FUNCTION], "stream": True}
    data = events(wire, RESPONSES, asked | {"tool_choice": "required", "parallel_tool_calls": False})
    told = [json.loads(item) for item in data if item != "[DONE]"]
    (added,) = [event for event in told if event["type"] == "response.output_item.added"]
    (done,) = [event for event in told if event["type"] == "response.output_item.done"]
    (whole,) = [event for event in told if event["type"] == "response.function_call_arguments.done"]
    deltas = [event["delta"] for event in told if event["type"] == "response.function_call_arguments.delta"]
    assert added["item"]["name"] == done["item"]["name"] == "get_weather"
    assert added["item"]["call_id"] == done["item"]["call_id"] and done["item"]["status"] == "completed"
    assert "".join(deltas) == whole["arguments"] == done["item"]["arguments"]
    assert isinstance(json.loads(whole["arguments"])["city"], str)
    assert told[-1]["response"]["output"] == [done["item"]]


# Errors


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_an_unknown_model_is_the_error_that_it_is_without_a_gateway(
    chat2response_client: openai.OpenAI, openai_client: openai.OpenAI, path: str, test_prompt: str
) -> None:
    for stream in (False, True):
        said = [refused(client, path, "invalid-model-name", test_prompt, stream=stream) for client in (
            openai_client, chat2response_client
        )]  # fmt: skip
        for error in said:
            assert isinstance(error, openai.APIStatusError) and 400 <= error.status_code < 500
            assert error.code == "model_not_found"
        assert type(said[0]) is type(said[1])


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_temperature_out_of_range_is_refused_by_name(
    chat2response_client: openai.OpenAI, openai_client: openai.OpenAI, test_model: str, test_prompt: str, path: str
) -> None:
    for client in (openai_client, chat2response_client):
        error = refused(client, path, test_model, test_prompt, temperature=2.5)
        assert isinstance(error, openai.BadRequestError)
        assert (error.param, error.type) == ("temperature", "invalid_request_error")


def test_a_wrong_key_is_refused(target: Target, test_model: str, test_prompt: str) -> None:
    with openai.OpenAI(base_url=target.gateway.base_url, api_key="wrong", max_retries=0) as stranger:
        for path in (CHAT, RESPONSES):
            error = refused(stranger, path, test_model, test_prompt)
            assert isinstance(error, openai.AuthenticationError) and error.code == "invalid_api_key"


def refused(client: openai.OpenAI, path: str, model: str, text: str, **members: Any) -> openai.APIError:
    with pytest.raises(openai.APIError) as caught:
        if path == CHAT:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **members)
        else:
            client.responses.create(model=model, input=text, **members)
    return caught.value
