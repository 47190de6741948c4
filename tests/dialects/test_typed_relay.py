"""Streams of typed events: whole, byte by byte, cut at every byte, and broken in every way."""

import json
from typing import Any

import pytest

from dragoman import errors
from dragoman.dialects.messages.dialect import KINDS as MESSAGES
from dragoman.dialects.responses.dialect import KINDS as RESPONSES
from dragoman.dialects.typed_relay import MAX_HELD, Kinds, TypedRelay
from dragoman.errors import GatewayError
from dragoman.turn import Usage

RESPONSE: dict[str, Any] = {"id": "resp_1", "model": "theirs", "output": [], "usage": None, "status": "in_progress"}
DONE_USAGE = {
    "input_tokens": 3, "output_tokens": 4, "total_tokens": 7, "input_tokens_details": {"cached_tokens": 1},
    "output_tokens_details": {"reasoning_tokens": 2},
}  # fmt: skip
RESPONSES_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "sequence_number": 0, "response": RESPONSE},
    {"type": "response.in_progress", "sequence_number": 1, "response": RESPONSE},
    {"type": "response.output_item.added", "sequence_number": 2, "output_index": 0, "item": {"type": "message"}},
    {"type": "response.output_text.delta", "sequence_number": 3, "delta": "hé"},
    {"type": "response.completed", "sequence_number": 4, "response": {**RESPONSE, "usage": DONE_USAGE}},
]
MESSAGES_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "msg_1", "model": "theirs", "usage": {"input_tokens": 5}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hé"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 6}},
    {"type": "message_stop"},
]
BOTH = pytest.mark.parametrize(
    ("kinds", "events"), [(RESPONSES, RESPONSES_EVENTS), (MESSAGES, MESSAGES_EVENTS)], ids=["responses", "messages"]
)


def stream(events: list[dict[str, Any]]) -> bytes:
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in events
    )


def feed(kinds: Kinds, parts: list[bytes]) -> tuple[TypedRelay, list[bytes]]:
    relay = TypedRelay("ours", kinds)
    out = [event for part in parts for event in relay.receive(part)]
    return relay, out + relay.eof()


def seen(out: list[bytes]) -> list[Any]:
    return [json.loads(event.partition(b"data: ")[2]) for event in out if b"[DONE]" not in event]


@BOTH
def test_events_pass_with_only_the_model_renamed(kinds: Kinds, events: list[dict[str, Any]]) -> None:
    relay, out = feed(kinds, [stream(events)])
    renamed = json.loads(json.dumps(events).replace("theirs", "ours"))
    assert seen(out) == renamed
    names = [f"event: {event['type']}".encode() for event in events] + ([b"data: [DONE]"] if kinds is RESPONSES else [])
    assert [event.partition(b"\n")[0] for event in out] == names
    assert relay.finished and relay.started and relay.failure is None


def test_usage_is_read_from_where_each_dialect_tells_it() -> None:
    assert feed(RESPONSES, [stream(RESPONSES_EVENTS)])[0].usage == Usage(3, 4, cached_tokens=1, reasoning_tokens=2)
    assert feed(MESSAGES, [stream(MESSAGES_EVENTS)])[0].usage == Usage(5, 6)


@BOTH
def test_cuts_between_reads_change_nothing(kinds: Kinds, events: list[dict[str, Any]]) -> None:
    data = stream(events)
    whole = feed(kinds, [data])[1]
    assert feed(kinds, [data[place : place + 1] for place in range(len(data))])[1] == whole
    for place in range(len(data)):
        assert feed(kinds, [data[:place], data[place:]])[1] == whole


@BOTH
def test_a_stream_that_ends_too_soon_never_looks_whole(kinds: Kinds, events: list[dict[str, Any]]) -> None:
    data = stream(events)
    for place in range(len(data) - 1):
        relay = TypedRelay("ours", kinds)
        try:
            out = [*relay.receive(data[:place]), *relay.eof()]
        except GatewayError as error:
            assert error.kind is errors.STREAM_ABORTED and not relay.started
            continue
        assert relay.started and not relay.finished and relay.failure is not None
        kind = seen(out)[-1]["type"]
        assert kind in ("error", "response.failed")


def test_a_broken_responses_stream_ends_in_an_error_and_a_failed_response() -> None:
    relay = TypedRelay("ours", RESPONSES)
    relay.receive(stream(RESPONSES_EVENTS[:4]))
    out = relay.fail(GatewayError(errors.IDLE_TIMEOUT, "too quiet"))
    error, failed = seen(out)
    assert (error["type"], error["sequence_number"], error["error"]["code"]) == ("error", 4, "idle_timeout")
    assert (error["code"], error["message"]) == ("idle_timeout", "too quiet")
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", 5)
    assert failed["response"]["id"] == "resp_1" and failed["response"]["status"] == "failed"
    assert failed["response"]["error"]["message"] == "too quiet"
    assert out[-1] == b"data: [DONE]\n\n"


@BOTH
@pytest.mark.parametrize("junk", [b"data: {}\n\n", b"data: nonsense\n\n", b"data: []\n\n", b'data: {"type":1}\n\n'])
def test_rubbish_is_an_error_before_content_and_an_event_after_it(
    kinds: Kinds, events: list[dict[str, Any]], junk: bytes
) -> None:
    with pytest.raises(GatewayError) as raised:
        TypedRelay("ours", kinds).receive(stream(events[:1]) + junk)
    assert raised.value.kind is errors.PROTOCOL_ERROR
    relay = TypedRelay("ours", kinds)
    relay.receive(stream(events[:4]))
    assert seen(relay.receive(junk))[0]["type"] == "error"
    assert relay.receive(stream(events[4:])) == []


FAILED = {"type": "response.failed", "sequence_number": 4, "response": {"error": {"code": "x", "message": "no"}}}


@pytest.mark.parametrize(
    ("kinds", "events", "failure", "behind"),
    [
        (RESPONSES, RESPONSES_EVENTS, {"type": "error", "sequence_number": 4, "error": {"message": "no"}},
         ["response.failed"]),
        (RESPONSES, RESPONSES_EVENTS, {"type": "error", "sequence_number": 4, "code": "x", "message": "no"},
         ["response.failed"]),
        (RESPONSES, RESPONSES_EVENTS, FAILED, []),
        (MESSAGES, MESSAGES_EVENTS, {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, []),
    ],
)  # fmt: skip
def test_an_upstreams_own_failure_passes_after_content_and_is_raised_before(
    kinds: Kinds, events: list[dict[str, Any]], failure: dict[str, Any], behind: list[str]
) -> None:
    with pytest.raises(GatewayError, match="The upstream reported: no"):
        TypedRelay("ours", kinds).receive(stream([*events[:1], failure]))
    relay = TypedRelay("ours", kinds)
    relay.receive(stream(events[:4]))
    out = relay.receive(stream([failure]))
    first, *rest = seen(out)
    assert (first, [event["type"] for event in rest]) == (failure, behind)
    assert (out[-1] == b"data: [DONE]\n\n") is (kinds is RESPONSES)
    assert relay.failure is not None and relay.eof() == []


def test_a_failed_response_behind_an_error_says_why() -> None:
    relay = TypedRelay("ours", RESPONSES)
    relay.receive(stream(RESPONSES_EVENTS[:4]))
    error = {"type": "error", "sequence_number": 4, "error": {"message": "no", "code": "context_length_exceeded"}}
    failed = seen(relay.receive(stream([error])))[1]
    assert (failed["sequence_number"], failed["response"]["status"]) == (5, "failed")
    assert failed["response"]["error"] == {"code": "context_length_exceeded", "message": "no"}
    assert failed["response"]["model"] == "ours"


@BOTH
def test_what_precedes_content_is_bounded(kinds: Kinds, events: list[dict[str, Any]]) -> None:
    relay = TypedRelay("ours", kinds)
    with pytest.raises(GatewayError, match="before any content"):
        for _ in range(MAX_HELD // 50):
            relay.receive(stream(events[:1]))


def test_pings_and_unknown_types_pass() -> None:
    relay = TypedRelay("ours", MESSAGES)
    relay.receive(stream(MESSAGES_EVENTS[:3]))
    assert seen(relay.receive(stream([{"type": "ping"}, {"type": "new_kind", "x": 1}]))) == [
        {"type": "ping"},
        {"type": "new_kind", "x": 1},
    ]


@BOTH
def test_an_events_name_is_its_type_and_never_more_than_a_line(kinds: Kinds, events: list[dict[str, Any]]) -> None:
    odd = b'event: other\ndata: {"type": "x.y"}\n\ndata: {"type": "a\\n\\ndata: b"}\n\n'
    _, out = feed(kinds, [stream(events[:-1]) + odd + stream(events[-1:])])
    named, nameless = (event for event in out if b"x.y" in event or b"data: b" in event)
    assert named == b'event: x.y\ndata: {"type": "x.y"}\n\n'
    assert nameless == b'data: {"type": "a\\n\\ndata: b"}\n\n'
