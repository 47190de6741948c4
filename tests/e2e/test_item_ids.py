"""Within a history an item's id is its own: callers may not repeat one, and an upstream that does is put right."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from tests.support.live import Live, running
from tests.support.scripted import scripted

MODEL = "mock-chat/gpt-4"
MINE: Any = {"role": "user", "content": "hello", "id": "msg_mine"}
OTHER: Any = {"role": "user", "content": "and more"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("ids"), timing="instant") as live:
        yield live


def refused(sdk: openai.OpenAI, param: str, **asked: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="Duplicate item found with id 'msg_mine'") as caught:
        sdk.responses.create(model=MODEL, **asked)
    assert caught.value.param == param


def test_an_id_cannot_stand_twice_in_an_input(sdk: openai.OpenAI) -> None:
    refused(sdk, "input[2].id", input=[MINE, OTHER, MINE])


def test_an_id_of_the_history_cannot_come_again(sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model=MODEL, input=[MINE])
    second = sdk.responses.create(model=MODEL, input=[OTHER], previous_response_id=first.id)
    refused(sdk, "input[1].id", input=[OTHER, MINE], previous_response_id=second.id)
    reference = {"type": "item_reference", "id": "msg_mine"}
    refused(sdk, "input[0].id", input=[reference, OTHER], previous_response_id=second.id)
    assert sdk.responses.create(model=MODEL, input=[MINE]).status == "completed"  # another history


def test_an_id_of_a_conversation_cannot_come_again(sdk: openai.OpenAI) -> None:
    conversation = sdk.conversations.create(items=[MINE])
    refused(sdk, "input[0].id", input=[MINE], conversation=conversation.id)


def test_a_conversation_does_not_begin_with_an_id_twice(live: Live) -> None:
    body = {"items": [MINE, OTHER, MINE]}
    answer = httpx2.post(f"{live.url}/v1/conversations", json=body, headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "items[2].id")


def test_of_those_who_bring_an_id_to_a_conversation_at_once_one_succeeds(sdk: openai.OpenAI) -> None:
    conversation = sdk.conversations.create()

    def speak(_: int) -> bool:
        try:
            sdk.responses.create(model=MODEL, input=[MINE], conversation=conversation.id)
        except openai.BadRequestError as error:
            assert error.param in ("input", "input[0].id")
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(speak, range(8))).count(True) == 1
    listed = [item.id for item in sdk.conversations.items.list(conversation.id)]
    assert len(listed) == 2
    assert listed.count("msg_mine") == 1


ANSWER = {
    "id": "resp_up", "object": "response", "created_at": 1, "model": "m", "status": "completed", "error": None,
    "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1.0,
    "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": None,
    "output": [{"type": "message", "id": "msg_0", "status": "completed", "role": "assistant", "content": [
        {"type": "output_text", "text": text, "annotations": [], "logprobs": []}]} for text in ("one", "two")],
}  # fmt: skip


def test_ids_that_an_upstream_repeats_are_told_apart_where_they_are_kept(tmp_path: Path) -> None:
    asked: list[bytes] = []
    with scripted(json.dumps(ANSWER).encode(), "application/json", asked) as url:

        def change(values: dict[str, Any], mock_url: str) -> None:
            values["upstreams"]["native"] = {"base_url": url, "dialects": ["responses"], "direct": True}

        with (
            running(tmp_path, change, timing="instant") as live,
            openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as sdk,
        ):
            first = sdk.responses.create(model="native/m", input="a")
            second = sdk.responses.create(model="native/m", input="b", previous_response_id=first.id)
            third = sdk.responses.create(model="native/m", input="c", previous_response_id=second.id)
            whole = [item.id for item in sdk.responses.input_items.list(third.id, order="asc").data]
            assert len(set(whole)) == len(whole) == 7
            assert [item.id for item in sdk.responses.input_items.list(third.id, order="asc", limit=1)] == whole
            sent = [item["id"] for item in json.loads(asked[-1])["input"] if "id" in item]
            assert len(set(sent)) == len(sent) == 4
            assert sdk.responses.retrieve(second.id).output_text == "onetwo"
