"""The events of a message, each against the official SDK's type and all of them against the order Anthropic keeps."""

import json
from typing import Any

import anthropic.types as types
import pytest
from pydantic import TypeAdapter

from dragoman.mocks.brain import Decision, ToolCall
from dragoman.mocks.message_stream import Ids, Reply, text_delta
from dragoman.mocks.messages_history import signature
from dragoman.mocks.stamps import Stamps

EVENT: TypeAdapter[Any] = TypeAdapter(types.RawMessageStreamEvent)
COUNTED = {
    "input_tokens": 7,
    "cache_creation_input_tokens": 1,
    "cache_read_input_tokens": 2,
    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 0},
}
CALLS = (ToolCall("f", '{"a": [1, 2]}'), ToolCall("g", "{}"))


def reply(decision: Decision, *, shown: bool = True) -> Reply:
    return Reply("claude-haiku-4-5", decision, Ids(decision, Stamps()), COUNTED, shown=shown)


def events(decision: Decision, *, shown: bool = True) -> list[dict[str, Any]]:
    return [json.loads(frame.data) for frame in reply(decision, shown=shown).frames()]


ALL = pytest.mark.parametrize(
    "decision",
    [
        Decision("one two", CALLS, "tool_calls", reasoning="hm hm"),
        Decision("said"),
        Decision("cut", stop="x"),
        Decision("cut", finish="length", stop="x"),
        Decision(refusal="I will not"),
        Decision(calls=CALLS, finish="tool_calls"),
        Decision(),
    ],
)


@ALL
def test_every_event_is_of_the_sdk_s_type(decision: Decision) -> None:
    for frame in reply(decision).frames():
        event = json.loads(frame.data)
        assert event["type"] == frame.event
        if frame.event != "ping":
            assert EVENT.validate_python(event).type == frame.event
    assert types.Message.model_validate(reply(decision).whole()).role == "assistant"


@ALL
def test_blocks_open_and_close_one_after_another(decision: Decision) -> None:
    made = [event for event in events(decision) if event["type"] != "ping"]
    assert made[0]["type"] == "message_start"
    assert [event["type"] for event in made[-2:]] == ["message_delta", "message_stop"]
    count, within = 0, False
    for event in made[1:-2]:
        assert event["index"] == count
        assert (event["type"] == "content_block_start") is not within
        within = event["type"] != "content_block_stop"
        count += not within
    assert not within
    assert count == len(reply(decision).whole()["content"])  # type: ignore[arg-type]


@ALL
def test_the_events_fold_to_the_whole(decision: Decision) -> None:
    whole: Any = reply(decision).whole()
    folded: dict[int, str] = {}
    for event in events(decision):
        if event["type"] == "content_block_delta":
            text = next(value for name, value in event["delta"].items() if name != "type")
            if event["delta"]["type"] != "signature_delta":
                folded[event["index"]] = folded.get(event["index"], "") + text
    for index, block in enumerate(whole["content"]):
        if block["type"] == "tool_use":
            assert json.loads(folded[index]) == block["input"]
        else:
            assert folded[index] == block.get("thinking", block.get("text"))
    end = events(decision)[-2]
    assert end["delta"] == {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    assert end["usage"]["output_tokens"] == whole["usage"]["output_tokens"] == decision.tokens


@pytest.mark.parametrize(
    ("decision", "reason", "sequence"),
    [
        (Decision("a"), "end_turn", None),
        (Decision("a", stop="x"), "stop_sequence", "x"),
        (Decision("a", finish="length", stop="x"), "max_tokens", None),
        (Decision(calls=CALLS, finish="tool_calls"), "tool_use", None),
        (Decision(refusal="no"), "refusal", None),
    ],
)
def test_a_message_says_why_it_ends(decision: Decision, reason: str, sequence: str | None) -> None:
    whole = reply(decision).whole()
    assert (whole["stop_reason"], whole["stop_sequence"]) == (reason, sequence)
    assert (whole["stop_details"] is None) is (reason != "refusal")


def test_the_start_has_no_content_and_the_prompt_s_usage() -> None:
    start = events(Decision("said"))[0]["message"]
    assert (start["content"], start["stop_reason"]) == ([], None)
    assert start["usage"] == {**COUNTED, "output_tokens": 1, "service_tier": "standard"}


def test_a_ping_comes_in_the_first_block_and_input_begins_empty() -> None:
    made = events(Decision(calls=CALLS, finish="tool_calls"))
    assert [event["type"] for event in made[:4]] == [
        *("message_start", "content_block_start", "ping", "content_block_delta")
    ]
    assert made[1]["content_block"]["input"] == {}
    assert made[3]["delta"] == {"type": "input_json_delta", "partial_json": ""}


def test_thinking_is_signed_and_can_be_left_out() -> None:
    decision = Decision("said", reasoning="hm hm")
    deltas = [event["delta"] for event in events(decision) if event.get("index") == 0 and "delta" in event]
    assert deltas == [
        {"type": "thinking_delta", "thinking": "hm "},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": signature("hm hm")},
    ]
    hidden = [event["delta"] for event in events(decision, shown=False) if event.get("index") == 0 and "delta" in event]
    assert hidden == deltas[-1:]
    assert events(decision)[-2]["usage"]["output_tokens_details"] == {"thinking_tokens": 2}


def test_the_parts_tell_faults_where_to_aim() -> None:
    parts = [frame.part for frame in reply(Decision("a b")).frames()]
    assert parts == ["opening", "opening", "opening", "content", "content", "closing", "finish", "done"]
    assert text_delta("x").part == "content"
