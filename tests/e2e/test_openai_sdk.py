"""The official `openai` SDK, unmodified but for `base_url` and `api_key`: what it can do, it does here."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from pydantic import BaseModel

from tests.support.live import Live

MODEL = "gpt-4o-mini"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
ECHO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "one two"}]
GREETING = "Hello! How can I assist you today?"
STREAMED = "Streaming response to: one two "
WEATHER: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
CLOCK: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {"name": "clock", "parameters": {"type": "object"}},
}


@pytest.fixture(scope="module")
def live(faulty: Live) -> Live:
    return faulty


def asked(live: Live) -> dict[str, Any]:
    """The body of the last request that reached the upstream."""
    sent: dict[str, Any] = json.loads(live.entries()[-1].body)
    return sent


# Buffered and streamed, in every way the SDK has


def test_a_buffered_answer(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == GREETING
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7
    assert live.booked(str(answer._request_id)).state == "settled"


def test_a_streamed_answer(sdk: openai.OpenAI) -> None:
    with sdk.chat.completions.create(model=MODEL, messages=ECHO, stream=True) as stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == STREAMED


def test_a_streamed_answer_with_usage(sdk: openai.OpenAI) -> None:
    stream = sdk.chat.completions.create(
        model=MODEL, messages=ECHO, stream=True, stream_options={"include_usage": True}
    )
    *chunks, trailer = stream
    assert trailer.usage is not None
    assert trailer.usage.completion_tokens == 5
    assert all(chunk.usage is None for chunk in chunks)


def test_a_raw_answer(live: Live, sdk: openai.OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    assert raw.headers["x-oagw-error-source"] == "upstream"
    assert raw.parse().choices[0].message.content == GREETING
    assert raw.request_id == raw.headers["x-request-id"]
    streamed = sdk.chat.completions.with_raw_response.create(model=MODEL, messages=ECHO, stream=True)
    assert streamed.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed.parse()) == STREAMED
    for answer in (raw, streamed):
        assert live.booked(answer.headers["x-request-id"]).state == "settled"


def test_a_streaming_response(sdk: openai.OpenAI) -> None:
    with sdk.chat.completions.with_streaming_response.create(model=MODEL, messages=ECHO, stream=True) as response:
        lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"


def test_the_stream_helper(sdk: openai.OpenAI) -> None:
    with sdk.chat.completions.stream(model=MODEL, messages=ECHO) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content == STREAMED
    assert final.choices[0].finish_reason == "stop"


async def test_the_async_client(async_sdk: openai.AsyncOpenAI) -> None:
    answer = await async_sdk.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == GREETING
    stream = await async_sdk.chat.completions.create(model=MODEL, messages=ECHO, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == STREAMED
    raw = await async_sdk.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    assert raw.parse().choices[0].message.content == GREETING
    async with async_sdk.chat.completions.stream(model=MODEL, messages=ECHO) as helper:
        assert "".join([event.delta async for event in helper if event.type == "content.delta"]) == STREAMED
        assert (await helper.get_final_completion()).choices[0].message.content == STREAMED


async def test_many_streams_at_once_are_never_mixed_up(async_sdk: openai.AsyncOpenAI) -> None:
    async def call(number: int) -> str:
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": f"caller {number} says {number}"}]
        stream = await async_sdk.chat.completions.create(model=MODEL, messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    texts = await asyncio.gather(*map(call, range(50)))
    assert texts == [f"Streaming response to: caller {number} says {number} " for number in range(50)]


def test_several_choices(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model=MODEL, messages=HELLO, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    texts = ["", "", ""]
    for chunk in sdk.chat.completions.create(model=MODEL, messages=ECHO, n=3, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [STREAMED] * 3


def test_a_stream_that_is_closed_early_is_let_go(live: Live, sdk: openai.OpenAI) -> None:
    live.mock.queue.add("instant,stall-after:3")
    stream = sdk.chat.completions.create(model=MODEL, messages=ECHO, stream=True)
    next(iter(stream))
    before = live.mock.departed
    stream.close()
    live.until(lambda: live.mock.departed == before + 1, "the upstream is let go")
    assert live.booked(stream.response.headers["x-request-id"]).state == "cancelled"


# Tools


def run_tool(name: str, arguments: str) -> str:
    given = json.loads(arguments)
    return f"{name} of {given.get('city', 'nothing')}"


def test_an_agent_loop_ends_after_its_tool(live: Live, sdk: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "the weather, please"}]
    first = sdk.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    assert asked(live)["tools"] == [WEATHER]
    message = first.choices[0].message
    (call,) = message.tool_calls or []
    assert call.type == "function"
    arguments = json.loads(call.function.arguments)
    assert call.function.name == "get_weather"
    assert set(arguments) == {"city", "days"}
    messages.append(message.model_dump(exclude_none=True))  # type: ignore[arg-type]
    result = run_tool(call.function.name, call.function.arguments)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    second = sdk.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content == f"The tool returned: {result}"
    assert asked(live)["messages"][2]["tool_call_id"] == asked(live)["messages"][1]["tool_calls"][0]["id"] == call.id


def test_a_streamed_agent_loop_ends_after_its_tool(sdk: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "the weather, please"}]
    with sdk.chat.completions.stream(model=MODEL, messages=messages, tools=[WEATHER]) as stream:
        pieces = [event for event in stream if event.type == "tool_calls.function.arguments.delta"]
        message = stream.get_final_completion().choices[0].message
    (call,) = message.tool_calls or []
    assert len(pieces) > 1
    assert "".join(piece.arguments_delta for piece in pieces) == call.function.arguments
    assert json.loads(call.function.arguments).keys() == {"city", "days"}
    messages.append(message.to_dict())  # type: ignore[arg-type]
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "sun"})
    with sdk.chat.completions.stream(model=MODEL, messages=messages, tools=[WEATHER]) as stream:
        assert stream.get_final_completion().choices[0].message.content == "The tool returned: sun"


def test_parallel_calls_keep_their_places(sdk: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "in parallel"}]
    answer = sdk.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER, CLOCK])
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls if call.type == "function"] == ["get_weather", "clock"]
    assert calls[0].id != calls[1].id
    gathered: dict[int, list[str]] = {}
    for chunk in sdk.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER, CLOCK], stream=True):
        for delta in chunk.choices[0].delta.tool_calls or []:
            assert delta.function is not None
            name, arguments = gathered.setdefault(delta.index, ["", ""])
            gathered[delta.index] = [name + (delta.function.name or ""), arguments + (delta.function.arguments or "")]
    assert [gathered[index][0] for index in (0, 1)] == ["get_weather", "clock"]
    assert all(isinstance(json.loads(arguments), dict) for _, arguments in gathered.values())
    single = sdk.chat.completions.create(
        model=MODEL, messages=messages, tools=[WEATHER, CLOCK], parallel_tool_calls=False
    )
    assert len(single.choices[0].message.tool_calls or []) == 1


def test_the_choice_of_a_tool_is_kept(live: Live, sdk: openai.OpenAI) -> None:
    named: Any = {"type": "function", "function": {"name": "clock"}}
    choices: list[tuple[Any, list[str]]] = [
        (named, ["clock"]),
        ("required", ["get_weather"]),
        ("none", []),
        ("auto", ["get_weather"]),
    ]
    for choice, names in choices:
        answer = sdk.chat.completions.create(model=MODEL, messages=ECHO, tools=[WEATHER, CLOCK], tool_choice=choice)
        calls = answer.choices[0].message.tool_calls or []
        assert [call.function.name for call in calls if call.type == "function"] == names
        assert asked(live)["tool_choice"] == choice


# Structured output


class Step(BaseModel):
    explanation: str
    done: bool


class Plan(BaseModel):
    title: str
    steps: list[Step]
    score: float


def test_structured_output_is_parsed(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.parse(model=MODEL, messages=ECHO, response_format=Plan)
    assert isinstance(answer.choices[0].message.parsed, Plan)
    assert asked(live)["response_format"]["json_schema"]["strict"] is True
    with sdk.chat.completions.stream(model=MODEL, messages=ECHO, response_format=Plan) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Plan)


def test_a_tools_arguments_are_parsed(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.parse(model=MODEL, messages=ECHO, tools=[openai.pydantic_function_tool(Plan)])
    (call,) = answer.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Plan)


def test_json_mode(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model=MODEL, messages=ECHO, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


def test_images_reach_the_upstream_unchanged(live: Live, sdk: openai.OpenAI) -> None:
    messages: Any = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.test/a.png?x=%20y"}},
            ],
        }
    ]
    assert "[2 images]" in str(sdk.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content)
    assert asked(live)["messages"] == messages


# Models and embeddings


def test_models_are_listed_and_each_can_be_retrieved(sdk: openai.OpenAI) -> None:
    names = [model.id for model in sdk.models.list()]
    assert len(names) == len(set(names))
    assert {"gpt-4o-mini", "gpt-4", "gpt-3.5-turbo", "house-model", "mock-chat/gpt-4", "text-embedding-3-small"} <= set(
        names
    )
    for name in names:
        model = sdk.models.retrieve(name)
        assert (model.id, model.object) == (name, "model")
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("nothing-like-that")


def test_a_scoped_key_is_listed_what_it_may_use_and_no_more(live: Live, sdk: openai.OpenAI) -> None:
    """A name the scope matches is of no use to a key that may not use what it stands for."""
    for scope, names in (
        (("gpt-4", "house-*"), {"gpt-4"}),
        (("gpt-4", "house-model"), {"gpt-4", "house-model"}),
        (("gpt-4*", "house-*"), {"gpt-4", "gpt-4o-mini", "house-model"}),
        (("nothing",), set()),
    ):
        scoped = sdk.with_options(api_key=live.issue(models=scope))
        listed = {model.id for model in scoped.models.list()}
        assert listed == names
        for name in ("gpt-4", MODEL, "house-model"):
            if name in listed:
                assert scoped.chat.completions.create(model=name, messages=HELLO).model == name
            else:
                with pytest.raises(openai.PermissionDeniedError):
                    scoped.chat.completions.create(model=name, messages=HELLO)


def test_embeddings(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.embeddings.create(model="text-embedding-3-small", input=["one two", "one two", "three"])
    vectors = [item.embedding for item in answer.data]
    assert [len(vector) for vector in vectors] == [1536] * 3
    assert vectors[0] == vectors[1] != vectors[2]
    assert answer.model == "text-embedding-3-small"
    assert answer.usage.prompt_tokens == 5
    floats = sdk.embeddings.create(model="text-embedding-3-small", input="one", encoding_format="float", dimensions=8)
    assert len(floats.data[0].embedding) == 8
    assert asked(live)["dimensions"] == 8


# One public name, another one upstream


def names_of(answers: Iterable[Any]) -> set[str]:
    return {answer.model for answer in answers}


def test_a_model_answers_under_the_name_it_was_asked_by(live: Live, sdk: openai.OpenAI) -> None:
    for name in ("house-model", f"mock-chat/{MODEL}"):
        assert sdk.chat.completions.create(model=name, messages=ECHO).model == name
        assert asked(live)["model"] == MODEL
        options: Any = {"stream": True, "stream_options": {"include_usage": True}}
        assert names_of(sdk.chat.completions.create(model=name, messages=ECHO, **options)) == {name}
        assert asked(live)["model"] == MODEL
        with sdk.chat.completions.stream(model=name, messages=ECHO) as stream:
            assert stream.get_final_completion().model == name
        raw = sdk.chat.completions.with_raw_response.create(model=name, messages=ECHO)
        row = live.booked(raw.headers["x-request-id"])
        assert row.settlement is not None
        assert (row.reservation.name, row.settlement.upstream, row.settlement.model) == (name, "mock-chat", MODEL)
