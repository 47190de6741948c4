"""Every dialect over upstreams of every dialect, with the official SDKs."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.support.live import Live, running


def broken(values: dict[str, Any], mock_url: str) -> None:
    for name, scenario in (("early", "cut-after:1"), ("busy", "status:529")):
        values["upstreams"][name] = {"base_url": f"{mock_url}/scenario/{scenario}/v1", "direct": True}
    values["models"]["lenient"] = {"upstream": "mock-chat", "model": "gpt-4", "allow_unknown": True}
    values["models"]["after-early"] = {"upstream": "early", "model": "gpt-4", "fallback": ["mock-chat/gpt-4"]}
    values["models"]["strict"] = {"upstream": "mock-chat", "model": "gpt-4", "strict": True}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("dialects"), broken, timing="instant") as live:
        yield live


@pytest.fixture
def sdk(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as client:
        yield client


@pytest.fixture
def claude(live: Live) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=live.url, api_key=live.key, max_retries=0) as client:
        yield client


MODELS = pytest.mark.parametrize(
    "model", ["mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"]
)


@MODELS
def test_a_chat_completion_is_whole_and_streams(sdk: openai.OpenAI, model: str) -> None:
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]
    whole = sdk.chat.completions.create(model=model, messages=messages)
    assert whole.choices[0].message.content == "Hello! How can I assist you today?"
    assert (whole.choices[0].finish_reason, whole.model) == ("stop", model)
    assert whole.usage is not None and whole.usage.total_tokens > 0
    options: Any = {"include_usage": True}
    chunks = list(sdk.chat.completions.create(model=model, messages=messages, stream=True, stream_options=options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].usage is not None and len({chunk.id for chunk in chunks}) == 1


@MODELS
def test_a_response_is_whole_and_echoes_what_was_asked(sdk: openai.OpenAI, model: str) -> None:
    response = sdk.responses.create(
        model=model, input="hello", instructions="Be brief.", temperature=0, metadata={"a": "b"}
    )
    assert response.output_text == "Hello! How can I assist you today?"
    assert (response.status, response.object, response.model) == ("completed", "response", model)
    assert response.temperature == 0 and response.instructions == "Be brief." and response.metadata == {"a": "b"}
    assert response.usage is not None and response.usage.total_tokens > 0


@MODELS
def test_a_response_stream_keeps_its_order_and_its_ids(sdk: openai.OpenAI, model: str) -> None:
    with sdk.responses.stream(model=model, input="a b c") as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert final.output_text == "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert final.usage is not None and final.usage.output_tokens > 0


@MODELS
def test_a_message_is_whole(claude: anthropic.Anthropic, model: str) -> None:
    message = claude.messages.create(
        model=model, max_tokens=50, system="Be brief.", messages=[{"role": "user", "content": "hello"}]
    )
    assert message.content[0].type == "text" and message.content[0].text == "Hello! How can I assist you today?"
    assert (message.stop_reason, message.model) == ("end_turn", model)
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


@MODELS
def test_a_message_stream_adds_up(claude: anthropic.Anthropic, model: str) -> None:
    with claude.messages.stream(model=model, max_tokens=50, messages=[{"role": "user", "content": "a b c"}]) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].type == "text" and final.content[0].text == text
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0


def test_tokens_are_counted_for_any_model(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model="gpt-4", messages=[{"role": "user", "content": "hello there"}])
    assert counted.input_tokens > 0


def test_another_upstream_is_asked_until_content_comes(sdk: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    with sdk.responses.stream(model="after-early", input="a b") as stream:
        assert stream.get_final_response().status == "completed"
    message = claude.messages.create(model="after-early", max_tokens=50, messages=[{"role": "user", "content": "a b"}])
    assert message.stop_reason == "end_turn"


def test_errors_have_the_callers_form(sdk: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    with pytest.raises(openai.NotFoundError):
        sdk.responses.create(model="nope", input="x")
    with pytest.raises(openai.RateLimitError):
        sdk.responses.create(model="gpt-4", input="trigger error")
    with pytest.raises(openai.BadRequestError) as unknown:
        sdk.responses.create(model="gpt-4", input="x", extra_body={"frobnicate": 1})
    assert (unknown.value.param, unknown.value.code) == ("frobnicate", "unsupported_parameter")
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(model="gpt-4", max_tokens=9, messages=[{"role": "user", "content": "trigger error"}])
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(model="nope", max_tokens=9, messages=[{"role": "user", "content": "x"}])
    with pytest.raises(anthropic.InternalServerError):
        claude.messages.create(model="busy/gpt-4", max_tokens=9, messages=[{"role": "user", "content": "x"}])
    with (
        pytest.raises(anthropic.AuthenticationError),
        anthropic.Anthropic(base_url=str(claude.base_url), api_key="wrong", max_retries=0) as stranger,
    ):
        stranger.messages.create(model="gpt-4", max_tokens=9, messages=[{"role": "user", "content": "x"}])


def test_what_was_lost_is_said_and_a_strict_route_refuses_it(live: Live) -> None:
    body = {
        "model": "gpt-4", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }  # fmt: skip
    said = httpx2.post(f"{live.url}/v1/messages", json=body, headers=live.headers())
    assert said.status_code == 200 and said.headers["x-dragoman-loss"]
    refused = httpx2.post(f"{live.url}/v1/messages", json={**body, "model": "strict"}, headers=live.headers())
    assert refused.status_code == 400 and refused.json()["error"]["type"] == "invalid_request_error"


def test_a_lenient_route_is_not_told_what_it_cannot_be_told(live: Live, sdk: openai.OpenAI) -> None:
    tools: Any = [{"type": "web_search"}, {"type": "function", "name": "look", "parameters": None, "strict": None}]
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(model="gpt-4", input="hello", tools=tools)
    assert refused.value.param == "tools[0].type" and "leave it out" in refused.value.message
    before = live.received
    given = sdk.responses.with_raw_response.create(model="lenient", input="hello", tools=tools, truncation="auto")
    assert {"tools[0].type;dropped", "truncation;dropped"} <= set(given.headers["x-dragoman-loss"].split(", "))
    (entry,) = live.entries(before)
    body = json.loads(entry.body)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look"] and "truncation" not in body
