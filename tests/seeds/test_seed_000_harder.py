"""The Chat tests of seed 000 in a harder form: the whole wire on the caller's side, and what the upstream saw."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

from tests.seeds.relay import Relay
from tests.support.live import Live

MODEL = "gpt-4o-mini"
PROMPT: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi"}]
URL = "/v1/chat/completions"


@pytest.fixture(scope="module")
def live(rich: Live) -> Live:
    return rich


@pytest.fixture(scope="module")
def direct(live: Live) -> Iterator[openai.OpenAI]:
    """The SDK without the gateway, for comparison."""
    with openai.OpenAI(base_url=f"{live.mock_url}/v1", api_key="none", max_retries=0) as client:
        yield client


def body(content: object = "Say hi", **members: object) -> dict[str, object]:
    return {"model": MODEL, "messages": [{"role": "user", "content": content}], **members}


def asked(live: Live) -> dict[str, Any]:
    """The body of the last request that reached the upstream."""
    sent: dict[str, Any] = json.loads(live.entries()[-1].body)
    return sent


def events(http: httpx2.Client, request: dict[str, object]) -> list[str]:
    """The data of each event of a streamed answer."""
    response = http.post(URL, json=request)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *blocks, rest = response.text.split("\n\n")
    assert rest == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [block.removeprefix("data: ") for block in blocks]


# basic_chat_completion


def test_an_answer_is_whole_and_valid_to_the_letter(live: Live, http: httpx2.Client, direct: openai.OpenAI) -> None:
    http.post(f"{live.mock_url}/reset-counters")
    own = direct.chat.completions.with_raw_response.create(model=MODEL, messages=PROMPT).text
    http.post(f"{live.mock_url}/reset-counters")
    response = http.post(URL, json=body())
    assert response.json() == json.loads(own)
    answer = ChatCompletion.model_validate_json(response.content, strict=True)
    assert answer.id.startswith("chatcmpl-")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert "service_tier" in response.json()
    row = live.booked(response.headers["x-request-id"])
    assert row.settlement is not None
    assert row.settlement.usage is not None
    booked = (row.settlement.usage.input_tokens, row.settlement.usage.output_tokens)
    assert booked == (answer.usage.prompt_tokens, answer.usage.completion_tokens)


def test_members_that_nobody_knows_reach_the_upstream(live: Live, http: httpx2.Client) -> None:
    extra = {"x_number": 1.50, "x_null": None, "x_deep": {"a": [1, {"b": "\u00e9"}]}, "metadata": {"k": "v"}}
    assert http.post(URL, json=body(**extra)).status_code == 200
    assert asked(live) == body(**extra)


# streaming_chat_completion


@pytest.mark.parametrize("include_usage", [None, False, True])
@pytest.mark.parametrize("choices", [1, 3])
def test_a_stream_has_its_whole_form(live: Live, http: httpx2.Client, include_usage: bool | None, choices: int) -> None:
    options = {} if include_usage is None else {"stream_options": {"include_usage": include_usage}}
    *data, done = events(http, body(stream=True, n=choices, **options))
    assert done == "[DONE]"
    chunks = [ChatCompletionChunk.model_validate_json(item, strict=True) for item in data]
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].id.startswith("chatcmpl-")
    trailer = chunks.pop() if include_usage else None
    for index in range(choices):
        mine = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
        assert [choice.delta.role for choice in mine] == ["assistant", *[None] * (len(mine) - 1)]
        assert [choice.finish_reason for choice in mine] == [*[None] * (len(mine) - 1), "stop"]
        assert "".join(choice.delta.content or "" for choice in mine) == "Streaming response to: Say hi "
    assert all(chunk.choices for chunk in chunks)
    if trailer is not None:
        assert trailer.choices == []
        assert trailer.usage is not None
        assert trailer.usage.completion_tokens == 5 * choices
    else:
        # The upstream was asked for it and says `"usage": null` on the way; no number may reach the caller.
        assert all(json.loads(item).get("usage") is None for item in data)
    assert asked(live)["stream_options"] == {"include_usage": True}


def test_a_streams_usage_is_booked_though_nobody_asked_for_it(live: Live, http: httpx2.Client) -> None:
    response = http.post(URL, json=body(stream=True, stream_options={"include_obfuscation": False}))
    assert asked(live)["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    row = live.booked(response.headers["x-request-id"])
    assert row.settlement is not None
    assert row.settlement.usage is not None
    assert row.settlement.usage.output_tokens == 5


def test_a_buffered_call_gets_no_stream_options(live: Live, http: httpx2.Client) -> None:
    for flag in ({}, {"stream": False}, {"stream": None}):
        assert http.post(URL, json=body(**flag)).json()["object"] == "chat.completion"
        assert asked(live) == body(**flag)


# chat_completion_with_system_message


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_reach_the_upstream_in_their_place(live: Live, sdk: openai.OpenAI, role: str) -> None:
    messages: Any = [
        {"role": role, "content": "Answer in \u65e5\u672c\u8a9e.\n\t\u0000 and \U0001f600"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": "three"},
        {"role": "user", "content": "four"},
    ]
    for stream in (False, True):
        answer = sdk.chat.completions.create(model=MODEL, messages=messages, stream=stream)
        if stream:
            list(answer)
        assert asked(live)["messages"] == messages


# chat_completion_with_max_tokens


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_reaches_the_upstream_and_shows(live: Live, sdk: openai.OpenAI, http: httpx2.Client, name: str) -> None:
    limit: Any = {name: 3}
    answer = sdk.chat.completions.create(model=MODEL, messages=PROMPT, **limit)
    assert asked(live)[name] == 3
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3
    *data, _ = events(http, body(stream=True, **limit))
    assert [json.loads(item)["choices"][0]["finish_reason"] for item in data][-1] == "length"


# chat_completion_with_temperature


@pytest.mark.parametrize("temperature", [0, 0.0, 0.7, 1e-9, 2])
def test_a_temperature_reaches_the_upstream_as_given(live: Live, http: httpx2.Client, temperature: float) -> None:
    assert http.post(URL, json=body(temperature=temperature)).status_code == 200
    sent = asked(live)["temperature"]
    assert (sent, type(sent)) == (temperature, type(temperature))
    assert json.dumps(sent) in live.entries()[-1].body


def test_a_temperature_out_of_range_is_refused_by_name(sdk: openai.OpenAI, direct: openai.OpenAI) -> None:
    for stream in (False, True):
        said = []
        for client in (direct, sdk):
            with pytest.raises(openai.BadRequestError) as caught:
                client.chat.completions.create(model=MODEL, messages=PROMPT, temperature=2.5, stream=stream)
            said.append((caught.value.param, caught.value.code, caught.value.body))
        assert said[0] == said[1]
        assert said[1][0] == "temperature"


# error_handling_invalid_model


def test_an_unknown_model_is_the_error_that_it_is_without_a_gateway(
    live: Live, sdk: openai.OpenAI, direct: openai.OpenAI
) -> None:
    for client, model in ((direct, "gpt-none"), (sdk, "gpt-none"), (sdk, "mock-chat/gpt-none")):
        for stream in (False, True):
            with pytest.raises(openai.NotFoundError) as caught:
                client.chat.completions.create(model=model, messages=PROMPT, stream=stream)
            error = caught.value
            assert (error.status_code, error.code, error.param) == (404, "model_not_found", "model")
            assert error.type == "invalid_request_error"
            if client is sdk:
                assert error.request_id
                source = "upstream" if "/" in model else "gateway"
                assert error.response.headers["x-oagw-error-source"] == source


def test_a_model_of_a_wrong_kind_is_named_as_the_fault(live: Live, http: httpx2.Client) -> None:
    before = live.received
    models: list[object] = [None, 1, "", [], {"a": 1}]
    for model in models:
        response = http.post(URL, json={**body(), "model": model})
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "model"
    assert live.received == before


# empty_message_handling


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": ""},
        {"role": "user", "content": None},
        {"role": "user", "content": []},
        {"role": "user"},
        {"role": "user", "content": " \n\t "},
    ],
)
def test_an_empty_message_goes_through_as_it_is(live: Live, http: httpx2.Client, message: dict[str, object]) -> None:
    request = {"model": MODEL, "messages": [message]}
    response = http.post(URL, json=request)
    assert response.status_code == 200
    assert isinstance(response.json()["choices"][0]["message"]["content"], str)
    assert asked(live) == request


@pytest.mark.parametrize(
    ("messages", "source"),
    [
        ([], "upstream"),
        ([{}], "upstream"),
        (["text"], "upstream"),
        (None, "gateway"),
        ("text", "gateway"),
        ({}, "gateway"),
    ],
)
def test_messages_that_are_none_are_refused_by_name(http: httpx2.Client, messages: object, source: str) -> None:
    for stream in (False, True):
        response = http.post(URL, json={"model": MODEL, "messages": messages, "stream": stream})
        assert response.status_code == 400
        assert response.headers["x-oagw-error-source"] == source
        assert response.headers["content-type"].startswith("application/json")
        error = response.json()["error"]
        assert error["type"] == "invalid_request_error"
        assert error["param"].startswith("messages")


def test_a_megabyte_of_message_arrives_whole(live: Live, http: httpx2.Client) -> None:
    text = "\u20ac" * 350_000
    assert http.post(URL, json=body(text, max_tokens=1)).status_code == 200
    assert live.entries()[-1].body_length > 1 << 20


# response_latency, streaming_latency: what can be shown without a clock


def test_the_first_token_arrives_while_the_upstream_still_speaks(live: Live, sdk: openai.OpenAI, relay: Relay) -> None:
    """The second token is held back until the first has been read here: nothing on the way may wait for it."""
    live.run(lambda: relay.hold(b'"content":"response "'))
    raw = sdk.chat.completions.with_raw_response.create(model=f"slow/{MODEL}", messages=PROMPT, stream=True)
    stream = iter(raw.parse())
    first = list(itertools.islice(stream, 2))
    assert first[0].choices[0].delta.role == "assistant"
    assert first[1].choices[0].delta.content == "Streaming "
    assert live.gateway.in_flight == 1
    live.run(relay.release)
    rest = list(stream)
    assert len(rest) == 5
    assert rest[0].choices[0].delta.content == "response "
    assert rest[-1].choices[0].finish_reason == "stop"
    row = live.booked(str(raw.headers["x-request-id"]))
    assert row.settlement is not None
    assert row.settlement.first_token_ms is not None
    assert 0 <= row.settlement.first_token_ms <= row.settlement.duration_ms


def test_a_stream_that_breaks_before_its_first_token_is_a_plain_error(live: Live, sdk: openai.OpenAI) -> None:
    """The head waits for content, which a role alone is not."""
    live.mock.queue.add("instant,cut-after:1")
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.chat.completions.create(model=MODEL, messages=PROMPT, stream=True)
    assert (caught.value.status_code, caught.value.code) == (502, "stream_aborted")


def test_every_call_is_booked_once_with_its_times(live: Live, http: httpx2.Client) -> None:
    ids = [f"latency-{number}" for number in range(10)]
    for number, request_id in enumerate(ids):
        http.post(URL, json=body(stream=bool(number % 2)), headers={"X-Request-ID": request_id})
    for number, request_id in enumerate(ids):
        row = live.booked(request_id)
        assert row.settlement is not None
        assert (row.state, row.settlement.status, row.settlement.model) == ("settled", 200, MODEL)
        assert (row.settlement.first_token_ms is not None) == bool(number % 2)
    rows = live.run(lambda: live.gateway.ledger.rows(limit=200))
    assert sum(row.reservation.request_id in ids for row in rows) == len(ids)
