import json
from collections.abc import Iterable

import msgspec
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from dragoman.dialects.base import Setting
from dragoman.dialects.calls import alias, wrap
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.tools import FUNCTIONS
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
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    Stop,
    Stopped,
    TextDelta,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
    Used,
)
from dragoman.wire.common import ErrorBody
from tests.dialects.chat import sdk
from tests.dialects.chat.asking import NOW, Json, raw, setting
from tests.dialects.chat.events import data, unfold, whole
from tests.dialects.chat.replies import ANSWERS, ANY, ASKED, LONG, REQUESTS, USED, link
from tests.dialects.chat.streams import DONE

OPENED = Opened("resp_1", 1_600_000_000, "m")
ENDED = Stopped(Stop.END)
CALLED = (CallOpened("call_1", "f"), CallDelta("{}"), CallClosed("{}"))
OLD = Turn("fast", tools=(Tool("f"),), extras=(FUNCTIONS,))


def written(events: Iterable[Event], turn: Turn = ASKED, *, include_usage: bool = False) -> list[bytes]:
    return write(events, setting(turn, include_usage=include_usage))


def write(events: Iterable[Event], to: Setting) -> list[bytes]:
    writer = CHAT_CODEC.writer(to)
    return [event for given in events for event in writer.write(given)]


def chunks(*events: Event, turn: Turn = ASKED, include_usage: bool = False) -> list[Json]:
    """The chunks of an answer that has been opened and comes to its end."""
    last = () if isinstance(events[-1], Stopped) else (ENDED,)
    return data(written((OPENED, *events, *last), turn, include_usage=include_usage))


def deltas(*events: Event, turn: Turn = ASKED) -> list[Json]:
    """The deltas between the role and the end."""
    return [chunk["choices"][0]["delta"] for chunk in chunks(*events, turn=turn)[1:-1]]


def buffered(answer: Answer, to: Setting) -> Json:
    body: Json = json.loads(CHAT_CODEC.render_answer(answer, to))
    return body


@pytest.mark.parametrize("turn", [ASKED, OLD], ids=["tools", "functions"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_adds_up_to_the_buffered_answer(name: str, turn: Turn) -> None:
    answer = ANSWERS[name]
    asked = setting(turn, include_usage=True)
    for size in (1, 3, 99):
        streamed = whole(data(write(unfold(answer, size), setting(turn, include_usage=True))))
        assert streamed == buffered(answer, setting(asked.turn))


@settings(deadline=None, max_examples=200)
@given(ANY, REQUESTS, st.integers(1, 5))
def test_any_stream_adds_up_to_the_buffered_answer(answer: Answer, turn: Turn, size: int) -> None:
    streamed = whole(data(write(unfold(answer, size), setting(turn, include_usage=True))))
    assert streamed == buffered(answer, setting(turn))


@pytest.mark.parametrize("name", ANSWERS)
def test_the_sdk_accumulates_the_same_answer(name: str) -> None:
    streamed = sdk.streamed(written(unfold(ANSWERS[name]), include_usage=True))
    told = sdk.buffered(CHAT_CODEC.render_answer(ANSWERS[name], setting(ASKED)))
    assert said(streamed) == said(told)
    assert (streamed.id, streamed.model, streamed.created) == (told.id, told.model, told.created)
    assert (streamed.usage, streamed.system_fingerprint) == (told.usage, told.system_fingerprint)


def said(completion: ChatCompletion) -> object:
    """What an answer says, without what the SDK adds: members that are null, and of calls those of its own."""
    return bare(completion.to_dict()["choices"])


def bare(value: object) -> object:
    if isinstance(value, list):
        return [bare(inner) for inner in value]
    if isinstance(value, dict):
        given = {name: bare(inner) for name, inner in value.items() if name not in ("index", "parsed_arguments")}
        return {name: inner for name, inner in given.items() if inner is not None and inner != []}
    return value


def test_a_plain_stream_is_written_byte_for_byte() -> None:
    head = b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1600000000,"model":"fast","choices":'
    events = written((OPENED, TextDelta("Hi"), ENDED))
    rest = b',"logprobs":null,"finish_reason":'
    assert events == [
        b"data: "
        + head
        + b'[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}'
        + rest
        + b"null}]}\n\n",
        b"data: " + head + b'[{"index":0,"delta":{"content":"Hi"}' + rest + b"null}]}\n\n",
        b"data: " + head + b'[{"index":0,"delta":{}' + rest + b'"stop"}]}\n\n',
        DONE,
    ]


def test_an_id_of_our_own_is_kept_and_the_time_filled_in() -> None:
    (first, *_) = data(written((Opened("chatcmpl-7", 0, "m"), ENDED)))
    assert (first["id"], first["created"]) == ("chatcmpl-7", NOW)


def test_an_answer_that_nobody_opened_is_opened() -> None:
    (first, *_) = data(written((TextDelta("a"), ENDED)))
    assert (first["id"], first["created"], first["choices"][0]["delta"]["role"]) == ("chatcmpl-1", NOW, "assistant")


def test_the_role_comes_once_with_content_just_before_a_text() -> None:
    for event, content in ((TextDelta("a"), ""), (CALLED[0], None), (RefusalDelta("a"), None), (ENDED, None)):
        first, *others = chunks(event)
        assert first["choices"][0]["delta"] == {"role": "assistant", "content": content, "refusal": None}
        assert not any("role" in chunk["choices"][0]["delta"] for chunk in others)
    assert written((OPENED,)) == []


def test_arguments_without_deltas_are_delivered_whole() -> None:
    for arguments in ('{"x":1}', "{}"):
        begun, rest = deltas(CallOpened("call_1", "f"), CallClosed(arguments))
        assert begun["tool_calls"] == [
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
        ]
        assert rest["tool_calls"] == [{"index": 0, "function": {"arguments": arguments}}]


def test_what_the_deltas_left_out_is_sent_and_nothing_twice() -> None:
    begun = CallOpened("call_1", "f")
    for pieces, arguments, sent in (
        (('{"x"',), '{"x":1}', ['{"x"', ":1}"]),
        (('{"x":1}',), '{"x":1}', ['{"x":1}']),
        (('{"x":1}',), '{"x": 1}', ['{"x":1}']),  # what has been said cannot be unsaid
        ((), "", []),
    ):
        said = deltas(begun, *map(CallDelta, pieces), CallClosed(arguments))[1:]
        assert [delta["tool_calls"][0]["function"]["arguments"] for delta in said] == sent


def test_a_text_before_a_call_does_not_end_the_stream() -> None:
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks(TextDelta("a"), *CALLED)]
    assert reasons == [None, None, None, None, "tool_calls"]


def test_parallel_calls_count_up_whatever_stands_between() -> None:
    second = (CallOpened("call_2", "f"), CallClosed('{"y":2}'))
    said = deltas(TextDelta("a"), *CALLED, ReasoningDelta("hm"), *second)
    assert [call["index"] for delta in said for call in delta.get("tool_calls", ())] == [0, 0, 1, 1]


def test_usage_comes_if_asked_for_on_complete_and_incomplete_answers() -> None:
    for stop, reason in ((Stop.END, "stop"), (Stop.LENGTH, "length")):
        *given, last, usage = chunks(TextDelta("a"), Used(USED), Stopped(stop), include_usage=True)
        assert last["choices"][0]["finish_reason"] == reason
        assert all(chunk["usage"] is None for chunk in (*given, last))
        assert usage["choices"] == []
        assert usage["usage"] == {
            "prompt_tokens": 9,
            "completion_tokens": 3,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 2},
        }


def test_usage_stays_away_if_nobody_asked_or_nobody_knows() -> None:
    assert not any("usage" in chunk for chunk in chunks(TextDelta("a"), Used(USED)))
    assert all(chunk["choices"] for chunk in chunks(TextDelta("a"), include_usage=True))


def test_an_error_ends_the_stream_without_a_finish_reason() -> None:
    events = written((OPENED, TextDelta("a"), Failed("boom", "crash", "server_error")))
    error = {"message": "boom", "type": "server_error", "param": None, "code": "crash"}
    assert (json.loads(events[-2][6:]), events[-1]) == ({"error": error}, DONE)
    assert b'"finish_reason":"' not in b"".join(events)
    with pytest.raises(openai.APIError, match="boom"):
        sdk.chunks(events)
    with pytest.raises(openai.APIError, match="boom"):
        sdk.streamed(events)


def test_the_gateway_may_give_up_at_any_time() -> None:
    for events in ((), (OPENED,), (OPENED, TextDelta("a"))):
        writer = CHAT_CODEC.writer(setting())
        for event in events:
            writer.write(event)
        told, done = writer.fail(ErrorBody("silence", "server_error", None, "idle_timeout"))
        assert (json.loads(told[6:])["error"]["code"], done) == ("idle_timeout", DONE)


def test_after_the_end_nothing_is_written() -> None:
    for end in (ENDED, Failed("boom")):
        assert written((OPENED, end, TextDelta("a"), ENDED, Failed("x"))) == written((OPENED, end))


def test_an_answer_that_is_to_be_continued_is_an_error_not_an_end() -> None:
    with pytest.raises(WireError, match="a pause in the middle"):
        written((OPENED, TextDelta("a"), Stopped(Stop.PAUSE)))


def test_the_finish_reason_is_null_until_the_end_and_tells_of_calls() -> None:
    given = chunks(*CALLED, ENDED)
    assert [chunk["choices"][0]["finish_reason"] for chunk in given] == [None] * 3 + ["tool_calls"]


@pytest.mark.parametrize(
    ("events", "stop", "reason"),
    [
        ((TextDelta("a"),), Stop.TOOL_CALLS, "stop"),
        ((TextDelta("a"),), Stop.STOP_SEQUENCE, "stop"),
        (CALLED, Stop.LENGTH, "length"),
        ((), Stop.CONTENT_FILTER, "content_filter"),
        ((), Stop.REFUSAL, "content_filter"),
        ((RefusalDelta("No."),), Stop.REFUSAL, "stop"),
    ],
)
def test_why_an_answer_ended_has_its_finish_reason(events: tuple[Event, ...], stop: Stop, reason: str) -> None:
    assert chunks(*events, Stopped(stop))[-1]["choices"][0]["finish_reason"] == reason


def test_all_citations_come_at_the_end_counted_from_the_beginning() -> None:
    cited = Annotated(raw(link()))
    said = deltas(TextDelta("Hello"), cited, TextDelta(" you"), *CALLED, TextDelta("Bye"), cited)
    nested = [{name: value for name, value in link(at, at + 2).items() if name != "type"} for at in (0, 9)]
    assert said[-1]["annotations"] == [{"type": "url_citation", "url_citation": one} for one in nested]
    assert sum("annotations" in delta for delta in said) == 1


def test_a_new_part_of_reasoning_is_a_new_paragraph() -> None:
    said = deltas(
        ReasoningDelta("a", "summary", 0), ReasoningDelta("b", "summary", 0), ReasoningDelta("c", "summary", 1),
        ReasoningDelta("d", "text", 0), TextDelta("x"), ReasoningDelta("e", "text", 0),
    )  # fmt: skip
    assert [delta.get("reasoning_content") for delta in said] == ["a", "b", "\n\nc", "\n\nd", None, "\n\ne"]


def test_a_seal_says_nothing_but_parts_what_was_thought() -> None:
    said = deltas(ReasoningDelta("a"), ReasoningSealed("x", "messages"), ReasoningDelta("b"))
    assert [delta["reasoning_content"] for delta in said] == ["a", "\n\nb"]
    assert deltas(ReasoningSealed("x", "messages")) == []


def test_reasoning_that_the_caller_does_not_want_is_left_out() -> None:
    hidden = Turn("fast", thinking=Thinking(hidden=True))
    assert deltas(ReasoningDelta("a"), TextDelta("b"), turn=hidden) == [{"content": "b"}]


def test_tier_and_fingerprint_come_with_the_last_chunks() -> None:
    ended = Stopped(Stop.END, service_tier="flex", fingerprint="fp")
    *_, last, usage = chunks(TextDelta("a"), Used(USED), ended, include_usage=True)
    for chunk in (last, usage):
        assert (chunk["service_tier"], chunk["system_fingerprint"]) == ("flex", "fp")


def test_log_probabilities_go_beside_their_delta() -> None:
    drawn = raw({"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []})
    given = chunks(TextDelta("a", (drawn,)), TextDelta("b"))
    assert [chunk["choices"][0]["logprobs"] for chunk in given[1:3]] == [
        {"content": [json.loads(bytes(drawn))], "refusal": None}, None,
    ]  # fmt: skip


def test_raw_values_bring_no_line_ends_into_an_event() -> None:
    pretty = msgspec.Raw(json.dumps(link(), indent=2).encode())
    assert deltas(TextDelta("Hello", (pretty,)), Annotated(pretty))[-1]["annotations"]


def test_a_custom_call_has_raw_input_also_where_it_came_wrapped() -> None:
    begun = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "patch", "input": ""}}
    native = deltas(CallOpened("c", "patch", "custom"), CallDelta("*** "), CallDelta("x"), CallClosed("*** x"))
    wrapped = deltas(CallOpened("c", "patch"), CallDelta('{"input":'), CallDelta('"*** x"}'), CallClosed(wrap("*** x")))
    assert [delta["tool_calls"] for delta in native] == [
        [begun], [{"index": 0, "custom": {"input": "*** "}}], [{"index": 0, "custom": {"input": "x"}}],
    ]  # fmt: skip
    assert [delta["tool_calls"] for delta in wrapped] == [[begun], [{"index": 0, "custom": {"input": "*** x"}}]]


def test_a_call_under_an_alias_comes_back_under_its_name() -> None:
    (begun, _) = deltas(CallOpened("c", alias(LONG)), CallClosed("{}"))
    assert begun["tool_calls"][0]["function"]["name"] == LONG


def test_a_call_outside_of_the_allowed_tools_is_suppressed_with_all_its_pieces() -> None:
    turn = msgspec.structs.replace(ASKED, tool_choice=ToolChoice("allowed", ("patch",)))
    assert chunks(TextDelta("a"), *CALLED, TextDelta("b"), turn=turn) == chunks(TextDelta("a"), TextDelta("b"))
    said = deltas(*CALLED, CallOpened("c", "patch", "custom"), CallClosed("x"), turn=turn)
    assert [delta["tool_calls"][0]["index"] for delta in said] == [0, 0]


def test_who_asked_in_the_deprecated_form_is_answered_in_it() -> None:
    given = chunks(*CALLED, ENDED, turn=OLD)
    assert [chunk["choices"][0]["delta"].get("function_call") for chunk in given] == [
        None, {"name": "f", "arguments": ""}, {"arguments": "{}"}, None,
    ]  # fmt: skip
    assert given[-1]["choices"][0]["finish_reason"] == "function_call"
    events = written((OPENED, *CALLED, ENDED), OLD)
    (choice,) = sdk.streamed(events).choices
    assert choice.message.function_call is not None
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == ("f", "{}")


@pytest.mark.parametrize("name", ANSWERS)
def test_every_chunk_is_one_that_the_sdk_can_type(name: str) -> None:
    given = sdk.chunks(written(unfold(ANSWERS[name]), include_usage=True))
    assert {chunk.object for chunk in given} == {"chat.completion.chunk"}
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in given}) == 1
