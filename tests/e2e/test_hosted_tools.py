"""Tools that an upstream runs itself: several calls in one answer pass whole, are kept, and are given back in order."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import openai
import pytest

from tests.support.live import Live, running
from tests.support.scripted import scripted

Json = dict[str, Any]
TOOLS: Final[list[Json]] = [
    {"type": "web_search"},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "mcp", "server_label": "maps", "server_url": "https://mcp.example", "require_approval": "never"},
]
CALLS: Final[list[Json]] = [
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "tides"}},
    {"type": "web_search_call", "id": "ws_2", "status": "completed", "action": {"type": "search", "query": "moon"}},
    {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["tides"], "results": [
        {"file_id": "file_1", "filename": "a.txt", "score": 0.5, "text": "high at noon", "attributes": {}}]},
    {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1 + 1", "container_id": "cntr_1",
     "outputs": [{"type": "logs", "logs": "2"}]},
    {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "maps", "tools": [
        {"name": "way", "input_schema": {"type": "object"}, "description": None, "annotations": None}]},
    {"type": "mcp_call", "id": "mcp_1", "server_label": "maps", "name": "way", "arguments": '{"to":"sea"}',
     "output": "south", "error": None, "approval_request_id": None, "status": "completed"},
]  # fmt: skip
SAID: Final[Json] = {
    "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
    "content": [{"type": "output_text", "text": "At noon.", "annotations": [], "logprobs": []}],
}  # fmt: skip
OUTPUT: Final = [*CALLS, SAID]
_BASE: Final[Json] = {
    "id": "resp_up", "object": "response", "created_at": 1_800_000_000, "model": "m", "error": None,
    "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
    "temperature": 1.0, "tool_choice": "auto", "tools": TOOLS, "top_p": 1.0,
}  # fmt: skip
DONE: Final[Json] = {
    **_BASE, "status": "completed", "output": OUTPUT,
    "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
              "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 14},
}  # fmt: skip
STEPS: Final = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    "mcp_list_tools": ("in_progress", "completed"),
    "mcp_call": ("in_progress", "completed"),
}


def happening() -> list[Json]:
    """The events of an answer all of whose calls run at the same time."""
    events: list[Json] = [
        {"type": f"response.{kind}", "response": {**_BASE, "status": "in_progress", "output": [], "usage": None}}
        for kind in ("created", "in_progress")
    ]
    for at, item in enumerate(CALLS):
        begun = {**item, "status": "in_progress"} if "status" in item else item
        events.append({"type": "response.output_item.added", "output_index": at, "item": begun})
    for step in range(3):
        for at, item in enumerate(CALLS):
            for name in STEPS[item["type"]][step : step + 1]:
                events.append({"type": f"response.{item['type']}.{name}", "output_index": at, "item_id": item["id"]})
    for at, item in reversed(list(enumerate(CALLS))):
        events.append({"type": "response.output_item.done", "output_index": at, "item": item})
    events.append({"type": "response.output_item.added", "output_index": len(CALLS), "item": {**SAID, "content": []}})
    events.append({"type": "response.output_item.done", "output_index": len(CALLS), "item": SAID})
    events.append({"type": "response.completed", "response": DONE})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def streamed() -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in happening())


@contextmanager
def over(state: Path, answer: bytes, content_type: str) -> Iterator[tuple[Live, openai.OpenAI, list[bytes]]]:
    """A gateway over a Responses upstream that gives this answer; what reached it; and a client."""
    asked: list[bytes] = []
    with scripted(answer, content_type, asked) as url:

        def change(values: Json, mock_url: str) -> None:
            values["upstreams"]["native"] = {"base_url": url, "dialects": ["responses"], "direct": True}

        with (
            running(state, change, timing="instant") as live,
            openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as sdk,
        ):
            yield live, sdk, asked


def check_kept(sdk: openai.OpenAI, asked: list[bytes], identity: str, stream: bool) -> None:
    """The answer can be read, is listed for the turn that follows on it, and goes to that turn's upstream whole."""
    assert json.loads(json.dumps(sdk.responses.retrieve(identity).to_dict()["output"])) == OUTPUT
    tools: Any = TOOLS
    following = sdk.responses.create(
        model="native/m", input="And tomorrow?", previous_response_id=identity, tools=tools, stream=stream
    )
    if isinstance(following, openai.Stream):
        following = list(following)[-1].response  # type: ignore[union-attr]
    assert [
        item for item in json.loads(asked[-1])["input"] if item.get("id") in {one["id"] for one in OUTPUT}
    ] == OUTPUT
    listed = [item.to_dict() for item in sdk.responses.input_items.list(following.id, order="asc")]
    assert [item for item in listed if item["id"] in {one["id"] for one in OUTPUT}] == OUTPUT


def test_parallel_calls_of_hosted_tools_pass_whole_and_are_kept(tmp_path: Path) -> None:
    with over(tmp_path, json.dumps(DONE).encode(), "application/json") as (_, sdk, asked):
        tools: Any = TOOLS
        made = sdk.responses.create(model="native/m", input="When is high tide?", tools=tools)
        assert made.to_dict()["output"] == OUTPUT
        assert json.loads(asked[0])["tools"] == TOOLS
        check_kept(sdk, asked, made.id, stream=False)


def test_parallel_calls_of_hosted_tools_are_streamed_as_they_happen_and_kept(tmp_path: Path) -> None:
    with over(tmp_path, streamed(), "text/event-stream") as (live, sdk, asked):
        body = {"model": "native/m", "input": "When is high tide?", "tools": TOOLS, "stream": True}
        told = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers()).text
        events = [json.loads(line[6:]) for line in told.split("\n") if line.startswith("data: {")]
        identity = events[0]["response"]["id"]
        assert [without_response(event) for event in events] == [without_response(event) for event in happening()]
        assert events[-1]["response"]["output"] == OUTPUT
        check_kept(sdk, asked, identity, stream=True)


def without_response(event: Json) -> Json:
    """An event apart from the response object, in which the gateway speaks of what it keeps."""
    return {name: value for name, value in event.items() if name != "response"}


@pytest.mark.parametrize("model", ["mock-chat/gpt-4", "mock-messages/claude-sonnet-4-5"])
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: str(tool["type"]))
@pytest.mark.parametrize("stream", [False, True])
def test_hosted_tools_are_refused_by_name_where_nobody_hosts_them(
    live: Live, model: str, tool: Json, stream: bool
) -> None:
    mark = live.received
    own = {"type": "function", "name": "look", "parameters": {"type": "object"}}
    body = {"model": model, "input": "Hi", "tools": [own, tool], "stream": stream}
    answer = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tools[1].type")
    assert live.received == mark
