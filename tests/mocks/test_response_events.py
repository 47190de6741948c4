"""The typed events, each against the official SDK's type and all of them against the order OpenAI keeps."""

import json
from typing import Any

import msgspec
import openai.types.responses as types
import pytest
from pydantic import TypeAdapter

from dragoman.mocks.answer import Frame
from dragoman.mocks.brain import Decision, ToolCall
from dragoman.mocks.response_events import Events
from dragoman.mocks.response_object import Ids, ended, failed, output_items, render_response
from dragoman.mocks.responses_request import ResponsesRequest
from dragoman.mocks.stamps import Stamps

EVENT: TypeAdapter[Any] = TypeAdapter(types.ResponseStreamEvent)
FULL = Decision("one two", (ToolCall("f", '{"a": 1}'), ToolCall("g", "raw", custom=True)), "tool_calls", reasoning="t")


def frames(decision: Decision, *, obfuscated: bool = True, **members: object) -> list[Frame]:
    asked = msgspec.convert({"model": "gpt-4o-mini", **members}, ResponsesRequest)
    ids = Ids(decision, Stamps())
    begun = render_response({}, asked, 5, ids.response)
    whole = ended(begun, output_items(decision, asked, ids), decision, 1)
    return list(Events(obfuscated=obfuscated).frames(begun, whole))


def events(decision: Decision, **members: Any) -> list[dict[str, Any]]:
    return [json.loads(frame.data) for frame in frames(decision, **members)]


ALL = pytest.mark.parametrize(
    "decision",
    [
        FULL,
        Decision("said"),
        Decision(refusal="I will not"),
        Decision(calls=(ToolCall("f", "{}"),)),
        Decision(calls=(ToolCall("f", "", custom=True),)),
        Decision("cut ", finish="length"),
        Decision(finish="length", reasoning="t"),
        Decision(),
    ],
)


@ALL
def test_every_event_is_of_the_sdk_s_type_and_numbered(decision: Decision) -> None:
    made = frames(decision, reasoning={"summary": "auto"})
    for number, frame in enumerate(made):
        event = json.loads(frame.data)
        assert event["type"] == frame.event
        assert event["sequence_number"] == number
        parsed = EVENT.validate_python(event)
        assert parsed.type == frame.event


@ALL
def test_items_open_and_close_one_after_another_as_in_the_final_object(decision: Decision) -> None:
    made = events(decision, reasoning={"summary": "auto"})
    assert [event["type"] for event in made[:2]] == ["response.created", "response.in_progress"]
    final = made[-1]["response"]
    assert made[-1]["type"] == f"response.{final['status']}"
    current: str | None = None
    done: list[object] = []
    for event in made[2:-1]:
        if event["type"] == "response.output_item.added":
            assert current is None and event["output_index"] == len(done)
            current = event["item"]["id"]
        elif event["type"] == "response.output_item.done":
            assert event["item"]["id"] == current
            done.append(event["item"])
            current = None
        else:
            assert (event["item_id"], event["output_index"]) == (current, len(done))
    assert done == final["output"]


@ALL
def test_deltas_are_the_whole_in_pieces(decision: Decision) -> None:
    pieces: dict[str, str] = {}
    for event in events(decision, reasoning={"summary": "auto"}):
        kind = event["type"].rpartition(".")[0]
        if event["type"].endswith(".delta"):
            pieces[kind] = pieces.get(kind, "") + event["delta"]
        for member in ("text", "refusal", "arguments", "input"):
            if event["type"].endswith(".done") and member in event:
                assert event[member] == pieces.get(kind, "")


def test_the_body_of_each_kind_of_item() -> None:
    kinds = [event["type"].removeprefix("response.") for event in events(FULL)]
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        *["function_call_arguments.delta"] * 3,
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        *["custom_tool_call_input.delta"] * 3,
        "custom_tool_call_input.done",
        "output_item.done",
        "completed",
    ]


def test_an_item_begins_empty_and_in_progress() -> None:
    begun = [event["item"] for event in events(FULL) if event["type"] == "response.output_item.added"]
    assert begun[0]["summary"] == []
    assert (begun[1]["status"], begun[1]["content"]) == ("in_progress", [])
    assert (begun[2]["status"], begun[2]["arguments"]) == ("in_progress", "")
    assert (begun[3]["status"], begun[3]["input"]) == ("in_progress", "")


def test_deltas_are_padded_unless_that_is_declined() -> None:
    deltas = [event for event in events(Decision("a bc def")) if event["type"].endswith(".delta")]
    assert {len(event["delta"]) + len(event["obfuscation"]) for event in deltas} == {16}
    assert all("obfuscation" not in json.loads(frame.data) for frame in frames(FULL, obfuscated=False))


def test_the_parts_tell_faults_where_to_aim() -> None:
    made = frames(Decision("a b"))
    assert [frame.part for frame in made] == [*["opening"] * 4, *["content"] * 2, *["closing"] * 3, "finish"]


def test_a_broken_stream_goes_on_counting() -> None:
    begun = render_response({}, ResponsesRequest("gpt-4o-mini"), 5, "resp_1")
    error, end = (json.loads(frame.data) for frame in Events(sent=4).broken(failed(begun, "no"), "no"))
    assert (error["sequence_number"], end["sequence_number"]) == (4, 5)
    assert error["error"] == {"type": "server_error", "code": "server_error", "message": "no", "param": None}
    assert (end["type"], end["response"]["status"]) == ("response.failed", "failed")
