"""The Responses tests of seed 000 in a harder form: over upstreams of every dialect, and what those were sent."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import Response

from tests.seeds.test_seed_000_wire import REQUIRED
from tests.support.live import Live, running

CHAT, RESPONSES, MESSAGES = "mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"
MODELS = (CHAT, RESPONSES, MESSAGES)
URL = "/v1/responses"
CITY: dict[str, Any] = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
}  # fmt: skip
PIXEL = base64.b64encode(bytes(range(256))).decode()
IMAGES = {"url": "https://example.org/a.png", "base64": f"data:image/png;base64,{PIXEL}"}

over_every_dialect = pytest.mark.parametrize("model", MODELS)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    def change(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["thinker"] = {"base_url": f"{mock_url}/v1", "direct": True, "profile": "deepseek"}
        values["models"]["house-chat"] = CHAT
        values["models"]["house-responses"] = RESPONSES
        values["models"]["careful"] = {"upstream": "mock-messages", "model": "claude-sonnet-4-5", "strict": True}

    with running(tmp_path_factory.mktemp("responses"), change, timing="instant") as gateway:
        yield gateway


def ask(http: httpx2.Client, model: str, given: object = "hi", **members: object) -> dict[str, Any]:
    response = http.post(URL, json={"model": model, "input": given, **members})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def told(http: httpx2.Client, model: str, given: object = "hi", **members: object) -> list[dict[str, Any]]:
    """The events of a streamed answer."""
    response = http.post(URL, json={"model": model, "input": given, "stream": True, **members})
    assert response.status_code == 200, response.text
    lines = response.text.splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def sent(live: Live) -> dict[str, Any]:
    """The body of the last request that reached an upstream."""
    body: dict[str, Any] = json.loads(live.entries()[-1].body)
    return body


# basic_responses_endpoint


@over_every_dialect
def test_a_response_is_whole_whoever_answers(http: httpx2.Client, model: str) -> None:
    body = ask(http, model)
    assert body.keys() >= REQUIRED
    response = Response.model_validate(body, strict=True)
    assert response.id.startswith("resp_") and (response.status, response.model) == ("completed", model)
    (item,) = body["output"]
    assert (item["type"], item["status"], item["role"]) == ("message", "completed", "assistant")
    assert [part["type"] for part in item["content"]] == ["output_text"] and item["content"][0]["annotations"] == []
    usage = body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    assert (usage["input_tokens_details"]["cached_tokens"], usage["output_tokens_details"]["reasoning_tokens"]) == (
        0,
        0,
    )


@over_every_dialect
def test_the_ids_of_answers_are_their_own(http: httpx2.Client, model: str) -> None:
    ids = [ask(http, model)["id"] for _ in range(3)] + [told(http, model)[0]["response"]["id"] for _ in range(3)]
    assert len(set(ids)) == 6


# responses: system message, parameters, metadata


@over_every_dialect
def test_instructions_come_before_a_system_message_and_both_arrive(live: Live, http: httpx2.Client, model: str) -> None:
    given = [{"role": "system", "content": "second"}, {"role": "user", "content": "third"}]
    assert ask(http, model, given, instructions="first")["instructions"] == "first"
    said = json.dumps(sent(live))
    assert said.index('"first"') < said.index('"second"') or model == RESPONSES
    assert said.count('"first"') == said.count('"second"') == said.count('"third"') == 1
    if model == CHAT:
        assert [message["role"] for message in sent(live)["messages"]] == ["system", "system", "user"]
    if model == MESSAGES:
        assert [part["text"] for part in sent(live)["system"]] == ["first", "second"]


@pytest.mark.parametrize(
    ("model", "limit"), [(CHAT, "max_completion_tokens"), (RESPONSES, "max_output_tokens"), (MESSAGES, "max_tokens")]
)
def test_parameters_reach_every_upstream_by_its_own_name(
    live: Live, http: httpx2.Client, model: str, limit: str
) -> None:
    body = ask(http, model, "word " * 60, max_output_tokens=50, temperature=0, metadata={"a": "b"})
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert body["output"][-1]["status"] == "incomplete"
    assert body["usage"]["output_tokens"] == 50
    assert (body["temperature"], body["max_output_tokens"], body["metadata"]) == (0, 50, {"a": "b"})
    assert (sent(live)[limit], sent(live)["temperature"]) == (50, 0)


def test_a_chat_limit_too_small_for_a_responses_upstream_is_raised_and_said(live: Live, http: httpx2.Client) -> None:
    body = {"model": RESPONSES, "messages": [{"role": "user", "content": "word " * 30}], "max_tokens": 10}
    response = http.post("/v1/chat/completions", json=body)
    assert response.status_code == 200 and response.json()["choices"][0]["finish_reason"] == "length"
    assert sent(live)["max_output_tokens"] == 16
    assert response.headers["x-dragoman-loss"] == "max_tokens;mapped"


# responses streaming


@over_every_dialect
def test_a_stream_says_what_a_whole_answer_says(http: httpx2.Client, model: str) -> None:
    events = told(http, model, "one two")
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    final = events[-1]["response"]
    assert text == "Streaming response to: one two " == final["output"][0]["content"][0]["text"]
    assert final.keys() == ask(http, model, "one two").keys()
    assert (final["status"], final["usage"]["output_tokens"] > 0) == ("completed", True)


# responses error_handling, invalid_model


@over_every_dialect
def test_errors_have_one_form_whoever_is_asked(sdk: openai.OpenAI, model: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.NotFoundError) as unknown:
            sdk.responses.create(model=f"{model.partition('/')[0]}/no-such-model", input="hi", stream=stream)
        assert (unknown.value.type, unknown.value.status_code) == ("invalid_request_error", 404)
        with pytest.raises(openai.BadRequestError) as wrong:
            sdk.responses.create(model=model, input="hi", temperature=2.5, stream=stream)
        assert (wrong.value.type, wrong.value.param) == ("invalid_request_error", "temperature")
        with pytest.raises(openai.RateLimitError) as limited:
            sdk.responses.create(model=model, input="trigger error", stream=stream)
        assert limited.value.type == "rate_limit_error" and limited.value.response.headers["retry-after"]


@over_every_dialect
@pytest.mark.parametrize("given", [{"input": 1}, {"input": [1]}, {"input": [{"role": "x", "content": "a"}]}, {}])
def test_an_input_that_is_none_is_refused_by_name(http: httpx2.Client, model: str, given: dict[str, object]) -> None:
    response = http.post(URL, json={"model": model, **given})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error" and error["param"].startswith("input")


# responses with_tools, tool_streaming


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("model", [CHAT, MESSAGES])
def test_a_forced_call_is_made_whichever_way_its_tool_is_written(
    live: Live, http: httpx2.Client, model: str, nested: bool
) -> None:
    function = {"name": "get_weather", "description": "Looks.", "parameters": CITY, "strict": True}
    tool = {"type": "function", "function": function} if nested else {"type": "function", **function}
    choice = {"type": "function", "name": "get_weather"}
    (call,) = ask(http, model, tools=[tool], tool_choice=choice)["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
    assert json.loads(call["arguments"]).keys() == {"city"}
    (offered,) = sent(live)["tools"]
    offered = offered.get("function", offered)
    assert (offered["name"], offered["description"], offered["strict"]) == ("get_weather", "Looks.", True)
    assert CITY in (offered.get("parameters"), offered.get("input_schema"))


@over_every_dialect
def test_parallel_calls_keep_apart_in_a_stream(http: httpx2.Client, model: str) -> None:
    tools = [{"type": "function", "name": name, "parameters": CITY} for name in ("one", "two")]
    text = 'call one {"city": "Oslo"}\ncall two {"city": "Rome"}'
    events = told(http, model, text, tools=tools)
    kinds = [event["type"] for event in events]
    for name, city in (("one", "Oslo"), ("two", "Rome")):
        (added,) = [
            event for event in events if event["type"] == "response.output_item.added" and event["item"]["name"] == name
        ]
        mine = [event for event in events if event.get("item_id") == added["item"]["id"]]
        *deltas, whole = mine
        assert {event["output_index"] for event in mine} == {added["output_index"]}
        assert {event["type"] for event in deltas} == {"response.function_call_arguments.delta"}
        assert whole["type"] == "response.function_call_arguments.done"
        assert "".join(event["delta"] for event in deltas) == whole["arguments"]
        assert json.loads(whole["arguments"]) == {"city": city}
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 2
    assert [item["name"] for item in events[-1]["response"]["output"]] == ["one", "two"]
    assert len({item["call_id"] for item in events[-1]["response"]["output"]}) == 2


# vision


@pytest.mark.parametrize("kind", IMAGES)
@over_every_dialect
def test_an_image_reaches_every_upstream_to_the_bit(live: Live, http: httpx2.Client, model: str, kind: str) -> None:
    image = {"type": "input_image", "image_url": IMAGES[kind], "detail": "high"}
    given = [{"role": "user", "content": [{"type": "input_text", "text": "look"}, image]}]
    assert "[1 image]" in ask(http, model, given)["output"][0]["content"][0]["text"]
    whole = sent(live)
    assert told(http, model, given)[-1]["type"] == "response.completed"
    for body in (whole, sent(live)):
        items: list[dict[str, Any]] = body.get("messages") or body["input"]
        part = items[0]["content"][1]
        if model == CHAT:
            assert part == {"type": "image_url", "image_url": {"url": IMAGES[kind], "detail": "high"}}
        elif model == RESPONSES:
            assert part == image
        elif kind == "url":
            assert part == {"type": "image", "source": {"type": "url", "url": IMAGES[kind]}}
        else:
            assert part == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


@over_every_dialect
def test_an_image_does_not_keep_a_tool_from_being_called(http: httpx2.Client, model: str) -> None:
    image = {"type": "input_image", "image_url": IMAGES["base64"]}
    given = [{"role": "user", "content": [image, {"type": "input_text", "text": "look"}]}]
    tools = [{"type": "function", "name": "get_weather", "parameters": CITY}]
    assert [item["type"] for item in ask(http, model, given, tools=tools)["output"]] == ["function_call"]


def test_a_detail_that_cannot_be_said_is_a_loss_which_a_strict_route_refuses(http: httpx2.Client) -> None:
    image = {"type": "input_image", "image_url": IMAGES["url"], "detail": "high"}
    given = [{"role": "user", "content": [{"type": "input_text", "text": "look"}, image]}]
    said = http.post(URL, json={"model": MESSAGES, "input": given, "max_output_tokens": 20})
    assert "detail;dropped" in said.headers["x-dragoman-loss"]
    refused = http.post(URL, json={"model": "careful", "input": given, "max_output_tokens": 20})
    assert refused.status_code == 400 and "detail" in refused.json()["error"]["param"]


# reasoning_content, reasoning_streaming


@pytest.mark.parametrize("model", ["thinker/deepseek-reasoner", MESSAGES])
def test_what_was_thought_is_an_item_of_its_own_and_streams_by_its_real_names(http: httpx2.Client, model: str) -> None:
    thought, said = ask(http, model, reasoning={"effort": "high", "summary": "auto"})["output"]
    assert (thought["type"], said["type"]) == ("reasoning", "message")
    (part,) = thought["content"] or thought["summary"]
    events = told(http, model, reasoning={"effort": "high", "summary": "auto"})
    deltas = [event for event in events if event["type"] == "response.reasoning_text.delta"]
    assert "".join(event["delta"] for event in deltas) == part["text"]
    assert {(event["output_index"], event["item_id"]) for event in deltas} == {(0, events[2]["item"]["id"])}
    final = events[-1]["response"]
    assert [item["type"] for item in final["output"]] == ["reasoning", "message"]


def test_tokens_of_thought_are_told_both_ways(http: httpx2.Client) -> None:
    model = "thinker/deepseek-reasoner"
    response = ask(http, model)
    chat = http.post(
        "/v1/chat/completions", json={"model": model, "messages": [{"role": "user", "content": "hi"}]}
    ).json()
    count = response["usage"]["output_tokens_details"]["reasoning_tokens"]
    assert count == chat["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert chat["choices"][0]["message"]["reasoning_content"] == response["output"][0]["content"][0]["text"]


# conversation_id_handling


@over_every_dialect
def test_a_previous_response_is_recalled(live: Live, http: httpx2.Client, model: str) -> None:
    first = ask(http, model, "My name is Ada.")
    second = ask(http, model, "What is it?", previous_response_id=first["id"])
    said = json.dumps(sent(live))
    assert said.index("My name is Ada.") < said.rindex("What is it?")
    assert (second["previous_response_id"], second["id"] != first["id"]) == (first["id"], True)
    third = told(http, model, "And now?", previous_response_id=second["id"])[-1]["response"]
    said = json.dumps(sent(live))
    assert said.index("My name is Ada.") < said.index("What is it?") < said.rindex("And now?")
    assert third["previous_response_id"] == second["id"]


@over_every_dialect
def test_a_conversation_is_recalled(live: Live, http: httpx2.Client, model: str) -> None:
    conversation = http.post("/v1/conversations", json={}).json()["id"]
    for text in ("My name is Ada.", "I live in Rome."):
        assert ask(http, model, text, conversation=conversation)["conversation"] == {"id": conversation}
    ask(http, model, "Who am I?", conversation=conversation)
    said = json.dumps(sent(live))
    assert said.index("My name is Ada.") < said.index("I live in Rome.") < said.rindex("Who am I?")
    ask(http, model, "Who am I?")
    assert "Ada" not in json.dumps(sent(live))


def test_a_history_that_nobody_keeps_is_refused_by_name(http: httpx2.Client) -> None:
    for name, value in (("previous_response_id", "resp_none"), ("conversation", "conv_none")):
        response = http.post(URL, json={"model": CHAT, "input": "hi", name: value})
        assert (response.status_code, response.json()["error"]["param"]) == (404, name)


# router_alias


@pytest.mark.parametrize("alias", ["house-chat", "house-responses"])
def test_an_alias_answers_by_the_name_that_was_asked_for(live: Live, http: httpx2.Client, alias: str) -> None:
    assert ask(http, alias)["model"] == alias
    assert {event["response"]["model"] for event in told(http, alias) if "response" in event} == {alias}
    body = {"model": alias, "messages": [{"role": "user", "content": "hi"}]}
    assert http.post("/v1/chat/completions", json=body).json()["model"] == alias
    assert sent(live)["model"] == "gpt-4"
    assert alias in {model["id"] for model in http.get("/v1/models").json()["data"]}


# vllm forwarding


def test_what_only_the_upstream_knows_passes_in_its_own_dialect_and_is_refused_in_another(
    live: Live, http: httpx2.Client
) -> None:
    extra = {"top_k": 5, "chat_template_kwargs": {"thinking": True}}
    body = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}], **extra}
    assert http.post("/v1/chat/completions", json=body).status_code == 200
    assert {name: sent(live)[name] for name in extra} == extra
    before = live.received
    refused = http.post(URL, json={"model": CHAT, "input": "hi", **extra})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "top_k")
    assert live.received == before
