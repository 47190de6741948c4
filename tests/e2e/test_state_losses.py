"""What a history does not carry as it was is told like any other loss: of Chat calls that go on, and of compactions."""

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from tests.support.live import Live, running

MODEL = "mock-chat/gpt-4"
PHASED: Any = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Well.", "phase": "commentary"}]
HELLO: Any = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello"}]


def strict(values: dict[str, Any], mock_url: str) -> None:
    values["models"]["strict"] = {"upstream": "mock-chat", "model": "gpt-4", "strict": True}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("losses"), strict, timing="instant") as live:
        yield live


def go_on(live: Live, query: str, model: str = MODEL, messages: Any = None, **more: Any) -> httpx2.Response:
    body = {"model": model, "messages": HELLO if messages is None else messages, **more}
    return httpx2.post(f"{live.url}/v1/chat/completions?{query}", json=body, headers=live.headers())


def losses(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return answer.headers.get("x-dragoman-loss", "").split(", ")


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_call_is_told_what_its_history_loses(live: Live, sdk: openai.OpenAI, stream: bool) -> None:
    first = sdk.responses.create(model="mock-responses/gpt-4", input=PHASED)
    told = go_on(live, f"previous_response_id={first.id}", stream=stream)
    assert losses(told) == ["previous_response_id.phase;dropped"]
    talk = sdk.conversations.create(items=PHASED)
    assert losses(go_on(live, f"conversation_id={talk.id}", stream=stream)) == ["conversation_id.phase;dropped"]


def test_a_chat_call_is_told_of_reasoning_that_it_cannot_give_back(live: Live, sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model="mock-responses/gpt-4", input="think", reasoning={"effort": "high"})
    sealed = [item for item in first.output if item.type == "reasoning"]
    assert sealed
    told = losses(go_on(live, f"previous_response_id={first.id}"))
    assert "previous_response_id.encrypted_content;dropped" in told


def test_a_chat_call_is_told_what_is_not_kept_of_it_as_it_was(live: Live, sdk: openai.OpenAI) -> None:
    talk = sdk.conversations.create()
    named = [{"role": "user", "content": "hello", "name": "Ada", "mood": "glad"}]
    told = losses(go_on(live, f"conversation_id={talk.id}", messages=named))
    assert told == ["messages[0].name;mapped", "messages[0].mood;dropped"]
    assert losses(go_on(live, f"conversation_id={talk.id}")) == [""]


def test_a_strict_route_refuses_a_history_that_loses_something(live: Live, sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model=MODEL, input="hello")
    assert go_on(live, f"previous_response_id={first.id}", "strict").status_code == 200
    first = sdk.responses.create(model="mock-responses/gpt-4", input=PHASED)
    refused = go_on(live, f"previous_response_id={first.id}", "strict")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "previous_response_id.phase")


def test_places_are_counted_from_the_callers_own_messages(live: Live, sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model=MODEL, input="hello")
    odd = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}
    claude = "mock-messages/claude-sonnet-4-5"
    for messages, own in (([odd], "messages[0]"), ([HELLO[0], HELLO[1], odd], "messages[2]")):
        refused = go_on(live, f"previous_response_id={first.id}", claude, messages)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"].startswith(own), refused.text


PICTURED: Any = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "http://x"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_image", "image_url": "http://x"}]},
]  # fmt: skip


def compact(live: Live, **asked: Any) -> httpx2.Response:
    body = {"model": MODEL, **asked}
    return httpx2.post(f"{live.url}/v1/responses/compact", json=body, headers=live.headers())


def test_a_compaction_is_told_what_its_summary_cannot_know(live: Live, sdk: openai.OpenAI) -> None:
    own = ["input[1].content[1];dropped", "input[2];dropped", "input[4].output[0];dropped"]
    assert losses(compact(live, input=PICTURED)) == own
    first = sdk.responses.create(model="mock-responses/gpt-4", input=PICTURED[1:2])
    told = losses(compact(live, input=PICTURED[1:2], previous_response_id=first.id))
    assert told == ["previous_response_id.content[1];dropped", "input[0].content[1];dropped"]
    assert losses(compact(live, input="a long story")) == [""]


def test_a_compaction_is_told_what_the_call_for_its_summary_loses(live: Live) -> None:
    claude = "mock-messages/claude-sonnet-4-5"
    assert losses(compact(live, model=claude, input="a long story", prompt_cache_key="k")) == [
        "prompt_cache_key;dropped"
    ]


def test_a_strict_route_refuses_to_compact_what_loses_something(live: Live) -> None:
    assert compact(live, model="strict", input="a long story").status_code == 200
    mark = live.received
    refused = compact(live, model="strict", input=PICTURED)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input[1].content[1]")
    assert live.received == mark
