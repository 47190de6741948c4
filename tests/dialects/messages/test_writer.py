import json
from typing import Any

import anthropic
import pytest
from hypothesis import given, settings

from dragoman.dialects.base import Setting
from dragoman.dialects.calls import alias
from dragoman.dialects.messages import response
from dragoman.dialects.messages.stream import MessagesReader
from dragoman.dialects.messages.writer import MessagesWriter
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    Answer,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Opened,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Stop,
    Stopped,
    TextDelta,
    Tool,
    Turn,
    Used,
)
from dragoman.wire.common import ErrorBody
from tests.dialects.messages.answers import ANSWERS, LINK, SOME
from tests.dialects.messages.events import USAGE, events_of, fold
from tests.dialects.messages.sdk import buffered, check_events, client, said, streamed
from tests.dialects.messages.setting import asked

Json = dict[str, Any]
OPENED = Opened("chatcmpl-1", 1, "gpt-x")
TEXT = Stopped(Stop.END)


def write(*events: Event, setting: Setting | None = None) -> list[bytes]:
    writer = MessagesWriter(setting or asked())
    return [one for event in events for one in writer.write(event)]


def shape(*events: Event, setting: Setting | None = None) -> list[Any]:
    """What a stream says, in short: types, and blocks and deltas by what they hold."""
    out: list[Any] = []
    for body in check_events(write(*events, setting=setting)):
        match body["type"]:
            case "content_block_start":
                out.append((body["index"], "start", body["content_block"]["type"]))
            case "content_block_delta":
                delta = body["delta"]
                out.append((body["index"], *(value for name, value in delta.items() if name != "type")))
            case "content_block_stop":
                out.append((body["index"], "stop"))
            case kind:
                out.append(kind)
    return out


@pytest.mark.parametrize("name", ANSWERS)
def test_the_sdk_makes_the_same_of_the_stream_and_the_finished_answer(name: str) -> None:
    answer = ANSWERS[name]
    whole = buffered(response.render(answer, asked()))
    assert said(streamed(write(*events_of(answer)))) == said(whole)


def same(answer: Answer, setting: Setting, other: Setting) -> None:
    assert said(streamed(write(*events_of(answer), setting=setting))) == said(buffered(response.render(answer, other)))


@settings(max_examples=200, deadline=None)
@given(SOME)
def test_every_stream_adds_up_to_the_finished_answer(answer: Answer) -> None:
    same(answer, asked(), asked())
    same(answer, asked(hidden=True, estimate=9), asked(hidden=True, estimate=9))


@settings(max_examples=200, deadline=None)
@given(SOME)
def test_blocks_never_overlap_and_count_up(answer: Answer) -> None:
    bodies = check_events(write(*events_of(answer)))
    assert [body["type"] for body in (bodies[0], *bodies[-2:])] == ["message_start", "message_delta", "message_stop"]
    index, is_open = -1, False
    for body in bodies[1:-2]:
        begins = body["type"] == "content_block_start"
        assert is_open != begins
        index += begins
        assert body["index"] == index
        is_open = body["type"] != "content_block_stop"
    assert not is_open


@settings(max_examples=200, deadline=None)
@given(SOME)
def test_our_own_reader_reads_what_is_written(answer: Answer) -> None:
    reader = MessagesReader()
    events = reader.receive(b"".join(write(*events_of(answer))))
    assert reader.done
    read = fold(events)
    assert read == response.parse(response.render(answer, asked()))


def test_a_text_is_one_block() -> None:
    assert shape(OPENED, TextDelta("a"), TextDelta("b"), Used(USAGE), TEXT) == [
        "message_start", (0, "start", "text"), (0, "a"), (0, "b"), (0, "stop"), "message_delta", "message_stop",
    ]  # fmt: skip


def test_the_beginning_has_our_name_of_the_model_and_a_number_of_input_tokens() -> None:
    (start,) = check_events(write(OPENED))
    assert start["message"] == {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "fast", "content": [], "stop_reason": None,
        "stop_sequence": None, "stop_details": None,
        "usage": {
            "input_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0,
        },
    }  # fmt: skip
    (start,) = check_events(write(Opened("msg_9", 0, "claude-x"), setting=asked(estimate=250)))
    assert (start["message"]["id"], start["message"]["usage"]["input_tokens"]) == ("msg_9", 250)


def test_the_end_has_what_was_used() -> None:
    end = check_events(write(OPENED, Used(USAGE), Stopped(Stop.STOP_SEQUENCE, "###")))[1]
    assert end == {
        "type": "message_delta",
        "delta": {"stop_reason": "stop_sequence", "stop_sequence": "###", "stop_details": None},
        "usage": {
            "input_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 4},
        },
    }  # fmt: skip


def test_a_call_is_given_as_it_comes() -> None:
    call = CallOpened("call_1", "look")
    events: list[Event] = [
        OPENED,
        TextDelta("a"),
        call,
        CallDelta('{"x'),
        CallDelta('":1}'),
        CallClosed('{"x":1}'),
        TEXT,
    ]
    assert shape(*events)[4:8] == [(1, "start", "tool_use"), (1, '{"x'), (1, '":1}'), (1, "stop")]


def test_what_no_delta_gave_comes_with_the_end_of_the_call() -> None:
    assert shape(OPENED, CallOpened("c", "a"), CallClosed('{"x":1}'))[2:] == [(0, '{"x":1}'), (0, "stop")]
    half = shape(OPENED, CallOpened("c", "a"), CallDelta('{"x"'), CallClosed('{"x":1}'))
    assert half[2:] == [(0, '{"x"'), (0, ":1}"), (0, "stop")]
    # A server that says one thing and then another is not said after twice.
    assert shape(OPENED, CallOpened("c", "a"), CallDelta('{"x" : 1}'), CallClosed('{"x":1}'))[3:] == [(0, "stop")]
    assert shape(OPENED, CallOpened("c", "a"), CallClosed("{}"))[2:] == [(0, "stop")]


def test_a_custom_tool_is_given_whole() -> None:
    events: list[Event] = [
        OPENED,
        CallOpened("c", "patch", "custom"),
        CallDelta('a"'),
        CallDelta("b"),
        CallClosed('a"b'),
    ]
    assert shape(*events)[2:] == [(0, '{"input":"a\\"b"}'), (0, "stop")]


def test_arguments_that_are_no_object_are_an_error_at_the_end_unless_they_were_cut() -> None:
    torn: list[Event] = [OPENED, CallOpened("c", "look"), CallDelta('{"x'), CallClosed('{"x')]
    assert shape(*torn, Stopped(Stop.LENGTH))[-1] == "message_stop"
    for stop in (Stop.END, Stop.TOOL_CALLS):
        with pytest.raises(WireError, match="a call of 'look' with arguments that are no JSON object"):
            write(*torn, Stopped(stop))


def test_the_writer_can_still_fail_after_it_raised() -> None:
    writer = MessagesWriter(asked())
    for event in (OPENED, CallOpened("c", "look"), CallClosed("[]")):
        writer.write(event)
    with pytest.raises(WireError):
        writer.write(Stopped(Stop.TOOL_CALLS))
    assert len(writer.fail(ErrorBody("broken", "server_error"))) == 1


def test_a_tool_that_was_sent_under_another_name_has_its_own_again() -> None:
    long = "mcp__" + "x" * 80
    turn = Turn(model="fast", tools=(Tool(long),))
    setting = Setting(turn, asked().new_id, 0)
    events: list[Event] = [OPENED, CallOpened("c", alias(long)), CallClosed("{}"), Stopped(Stop.TOOL_CALLS)]
    (block,) = streamed(write(*events, setting=setting)).content
    assert block.type == "tool_use"
    assert block.name == long


def test_parts_of_a_thought_are_apart() -> None:
    deltas = [ReasoningDelta("a", "summary"), ReasoningDelta("b", "summary", 1), ReasoningDelta("c", "text")]
    events = shape(OPENED, *deltas, ReasoningDelta("d", "text"), TextDelta("x"))
    assert events[2:7] == [(0, "a"), (0, "\n\nb"), (0, "\n\nc"), (0, "d"), (0, "stop")]


def test_a_signature_ends_its_thought() -> None:
    sealed = ReasoningSealed("sig", "messages")
    events = shape(OPENED, ReasoningDelta("a"), sealed, ReasoningDelta("b"), sealed, sealed)
    assert events[1:5] == [(0, "start", "thinking"), (0, "a"), (0, "sig"), (0, "stop")]
    assert [one for one in events[5:] if "stop" in one] == [(1, "stop"), (2, "stop")]


def test_a_foreign_seal_ends_its_thought_and_says_nothing() -> None:
    foreign = ReasoningSealed("gAAA", "responses")
    assert shape(OPENED, ReasoningDelta("a"), foreign, ReasoningDelta("b"))[2:5] == [
        (0, "a"), (0, "stop"), (1, "start", "thinking"),
    ]  # fmt: skip
    assert shape(OPENED, TextDelta("a"), foreign, TextDelta("b"))[2:] == [(0, "a"), (0, "b")]


def test_thoughts_are_hidden_where_the_caller_wants_none() -> None:
    sealed = ReasoningSealed("sig", "messages")
    events: list[Event] = [OPENED, ReasoningDelta("a"), TextDelta("x")]
    assert shape(*events, setting=asked(hidden=True))[1:] == [(0, "start", "text"), (0, "x")]
    events = [OPENED, ReasoningDelta("a"), sealed, TextDelta("x")]
    assert shape(*events, setting=asked(hidden=True))[1:4] == [(0, "start", "thinking"), (0, "sig"), (0, "stop")]


def test_a_citation_goes_with_the_text_that_is_open_or_not_at_all() -> None:
    cited = Annotated(LINK)
    link = {
        "type": "web_search_result_location", "url": "https://x.org", "title": "T", "cited_text": "",
        "encrypted_index": "",
    }  # fmt: skip
    assert shape(OPENED, TextDelta("a"), cited)[3:] == [(0, link)]
    assert shape(OPENED, cited) == ["message_start"]
    assert shape(OPENED, TextDelta("a"), CallOpened("c", "n"), cited)[-1] == (1, "start", "tool_use")


def test_an_upstream_error_ends_the_stream_and_the_sdk_raises() -> None:
    events = write(OPENED, TextDelta("a"), Failed("Overloaded", "slow_down", "overloaded_error"))
    assert check_events(events)[-1] == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded", "details": {"error_code": "slow_down"}},
    }
    with pytest.raises(anthropic.APIStatusError, match="Overloaded") as raised:
        streamed(events)
    assert (raised.value.type, raised.value.error_code) == ("overloaded_error", "slow_down")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("idle_timeout", "timeout_error"),
        ("rate_limit_exceeded", "rate_limit_error"),
        ("link_unavailable", "overloaded_error"),
        ("stream_aborted", "api_error"),
        (None, "api_error"),
    ],
)
def test_our_own_errors_have_the_type_of_their_status(code: str | None, kind: str) -> None:
    (event,) = MessagesWriter(asked()).fail(ErrorBody("sorry", "server_error", None, code))
    assert check_events([event])[0]["error"]["type"] == kind


def test_nothing_follows_an_end() -> None:
    writer = MessagesWriter(asked())
    for event in (OPENED, TextDelta("a"), TEXT):
        writer.write(event)
    assert writer.fail(ErrorBody("late", "server_error")) == []
    writer = MessagesWriter(asked())
    assert len(writer.fail(ErrorBody("once", "server_error"))) == 1
    assert writer.fail(ErrorBody("twice", "server_error")) == []


def test_the_sdk_reads_a_whole_stream_with_a_tool_call_event_by_event() -> None:
    answer = ANSWERS["calls after text"]
    body = b": ping\n\n".join(write(*events_of(answer)))
    ask: Json = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    with client(body, kind="text/event-stream") as sdk, sdk.messages.stream(**ask) as stream:
        texts = [event.text for event in stream if event.type == "text"]
        message = stream.get_final_message()
    assert "".join(texts) == "I look."
    assert [(block.name, block.input) for block in message.content if block.type == "tool_use"] == [
        ("look", {"at": "ö", "n": [1, 2.5]}), ("go", {}), ("stay", {}),
    ]  # fmt: skip


def test_an_answer_of_nothing_but_foreign_seals_is_empty_and_ends() -> None:
    sealed = Reasoning(seal="gAAA", sealed_by="responses")
    events = events_of(Answer(id="", created=0, model="", items=(sealed,), stop=Stop.END))
    assert json.loads(buffered(response.render(fold(events), asked())).to_json())["content"] == []
    assert shape(*events) == ["message_start", "message_delta", "message_stop"]
