import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.dialects.messages import response
from dragoman.dialects.messages.stream import MAX_HELD, MAX_OPEN, MessagesReader
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
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
    Usage,
    Used,
)
from tests.dialects.messages.events import fold
from tests.dialects.messages.streams import (
    BOTH,
    BROKEN,
    CITED,
    OVERLOADED,
    PAGE,
    PING,
    START,
    STOP,
    WRONG,
    call,
    delta,
    end,
    event,
    redacted,
    searched,
    start,
    stop,
    stream,
    text,
    thought,
)
from tests.wire.cuts import PLACES, Parts, at_places, every_way

OPENED = Opened("msg_1", 0, "claude-x")
USED = Used(Usage(input_tokens=10, output_tokens=7, cached_tokens=2, cache_write_tokens=3))


def read(*parts: bytes, max_event: int = 1 << 20) -> list[Event]:
    reader = MessagesReader(max_event)
    return [one for part in parts for one in reader.receive(part)] + reader.eof()


def outcome(parts: Parts) -> tuple[list[Event], str]:
    """The events that came, and why no more did."""
    reader = MessagesReader()
    events: list[Event] = []
    try:
        for part in parts:
            events += reader.receive(part)
        events += reader.eof()
    except WireError as error:
        return events, str(error)
    return events, ""


@pytest.mark.parametrize("name", BOTH)
def test_a_stream_adds_up_to_the_finished_answer(name: str) -> None:
    streamed, whole = BOTH[name]
    assert fold(read(streamed)) == response.parse(json.dumps(whole, ensure_ascii=False).encode())


@pytest.mark.parametrize("name", [*BOTH, *BROKEN])
def test_the_network_does_not_matter(name: str) -> None:
    data = BOTH[name][0] if name in BOTH else BROKEN[name]
    expected = outcome((data,))
    assert all(outcome(parts) == expected for parts in every_way(data))


@pytest.mark.parametrize("name", WRONG)
def test_bytes_that_are_no_stream_are_an_error_after_all_that_came_before(name: str) -> None:
    data, message = WRONG[name]
    expected = outcome((data,))
    assert message in expected[1]
    assert all(outcome(parts) == expected for parts in every_way(data))


@pytest.mark.parametrize("name", BOTH)
def test_events_keep_the_rules_of_the_vocabulary(name: str) -> None:
    events = read(BOTH[name][0])
    assert isinstance(events[0], Opened)
    assert isinstance(events[-1], Stopped)
    assert [type(one) for one in events].count(Used) == 1
    calling = False
    for one in events:
        assert calling == isinstance(one, CallDelta | CallClosed)
        calling = isinstance(one, CallOpened) or (calling and not isinstance(one, CallClosed))
        assert not isinstance(one, TextDelta) or one.text


def test_text_comes_as_it_is_sent() -> None:
    assert read(BOTH["text"][0]) == [
        OPENED,
        TextDelta("Hello"),
        TextDelta(", wörld 🐉"),
        USED,
        Stopped(Stop.END, service_tier="default"),
    ]


def test_calls_come_one_after_the_other_with_whole_arguments() -> None:
    events = read(BOTH["thought, text and two calls"][0])
    assert events[1:] == [
        ReasoningDelta("Let me"),
        ReasoningDelta(" see"),
        ReasoningSealed("sig==", "messages"),
        TextDelta("I look."),
        CallOpened("toolu_2", "look"),
        CallDelta('{"at"'),
        CallDelta(': "ö"}'),
        CallClosed('{"at": "ö"}'),
        CallOpened("toolu_3", "go"),
        CallClosed("{}"),
        USED,
        Stopped(Stop.TOOL_CALLS, service_tier="default"),
    ]


def test_citations_come_after_their_text_with_its_place_in_the_run() -> None:
    given = [one for one in read(BOTH["two texts, cited"][0]) if isinstance(one, Annotated)]
    first, second = (json.loads(bytes(one.annotation)) for one in given)
    assert first == {
        "type": "url_citation", "url": "https://example.org/", "title": "Example", "start_index": 4, "end_index": 13,
    }  # fmt: skip
    assert second == PAGE


def test_a_citation_in_the_start_of_a_block_counts() -> None:
    events = read(stream(START, start(0, type="text", text="Hi", citations=[CITED]), stop(0), end(), STOP))
    assert [type(one) for one in events[1:3]] == [TextDelta, Annotated]


def test_a_call_ends_a_run_of_text() -> None:
    data = stream(START, *text(0, "Hello"), *call(1, "a"), *text(2, "Hi", cited=(CITED,)), end("tool_use"), STOP)
    (cited,) = [json.loads(bytes(one.annotation)) for one in read(data) if isinstance(one, Annotated)]
    assert (cited["start_index"], cited["end_index"]) == (0, 2)


def test_unsigned_thoughts_are_parts_of_one() -> None:
    events = read(stream(START, *thought(0, "a", "b"), *thought(1, "c"), *redacted(2, "z"), end(), STOP))
    assert events[1:5] == [
        ReasoningDelta("a"),
        ReasoningDelta("b"),
        ReasoningDelta("c", part=1),
        ReasoningSealed("redacted:z", "messages"),
    ]


def test_a_tool_that_the_api_runs_itself_is_passed_over() -> None:
    events = read(stream(START, *searched(0), *text(2, "Two."), end(), STOP))
    assert events[1:3] == [TextDelta("Two."), USED]


def test_blocks_that_overlap_are_put_in_order() -> None:
    one, two = call(0, "a", '{"x":', "1}"), call(1, "b", '{"y":2}')
    mixed = [one[0], two[0], two[1], one[1], two[2], start(2, type="text", text="t"), one[2], one[3]]
    data = stream(START, *mixed, delta(2, "text_delta", text="!"), stop(2), end("tool_use"), STOP)
    assert read(data)[1:10] == [
        CallOpened("toolu_0", "a"),
        CallDelta('{"x":'),
        CallDelta("1}"),
        CallClosed('{"x":1}'),
        CallOpened("toolu_1", "b"),
        CallDelta('{"y":2}'),
        CallClosed('{"y":2}'),
        TextDelta("t"),
        TextDelta("!"),
    ]
    assert all(outcome(parts) == outcome((data,)) for parts in every_way(data))


def test_a_block_nobody_ended_ends_with_the_message() -> None:
    data = stream(START, *call(0, "a", "{}")[:-1], *text(1, "t")[:-1], end("tool_use"), stop(0), STOP)
    assert read(data)[3:5] == [CallClosed("{}"), TextDelta("t")]


def test_what_is_held_is_bounded() -> None:
    behind = [start(0, type="text", text=""), start(1, type="text", text="")]
    with pytest.raises(WireError, match="out of turn"):
        read(stream(START, *behind), *[event(delta(1, "text_delta", text="x" * 1000))] * (MAX_HELD // 1000 + 1))
    with pytest.raises(WireError, match="more open blocks"):
        read(stream(START, *(start(index, type="text", text="") for index in range(MAX_OPEN + 1))))
    with pytest.raises(WireError, match="out of turn"):
        cited = event(delta(0, "citations_delta", citation={**CITED, "cited_text": "x" * 1000}))
        read(stream(START, start(0, type="text", text="")), *[cited] * (MAX_HELD // 1000))


def test_holding_begins_anew_when_everything_has_been_given() -> None:
    pair = [start(0, type="text", text=""), start(1, type="text", text=""), delta(1, "text_delta", text="x" * 9000)]
    rounds = [stream(*pair, stop(0), stop(1))] * (MAX_HELD // 9000 + 1)
    assert len(read(stream(START), *rounds, stream(end(), STOP))) == len(rounds) + 3


def test_an_event_has_a_bound() -> None:
    with pytest.raises(WireError, match="more than 100 bytes"):
        read(stream(START), max_event=100)


def test_an_error_ends_the_stream_as_the_upstream_says() -> None:
    failed = Failed("Overloaded", None, "overloaded_error")
    assert read(BROKEN["an error at once"]) == [failed]
    assert read(BROKEN["an error after content"] + stream(*text(1, "late"))) == [OPENED, TextDelta("Hel"), failed]


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        (b'event: error\ndata: {"type":"error"}\n\n', Failed("The upstream reported an error.")),
        (b'data: {"error":{"message":"no","code":7}}\n\n', Failed("no", "7", "api_error")),
        (b'event: error\ndata: {"error":"no"}\n\n', Failed("no", None, "api_error")),
        (event(OVERLOADED).replace(b"overloaded_error", b"rate_limit_error"),
         Failed("Overloaded", "rate_limit_exceeded", "rate_limit_error")),
    ],
)  # fmt: skip
def test_errors_of_other_forms_are_errors(data: bytes, failed: Failed) -> None:
    assert read(data) == [failed]


@pytest.mark.parametrize("name", ["cut in a text", "cut before the end", "nothing"])
def test_a_stream_that_was_cut_has_no_end(name: str) -> None:
    events = read(BROKEN[name])
    assert not any(isinstance(one, Stopped | Failed | Used) for one in events)


def test_only_the_end_marker_may_be_missing() -> None:
    events = read(stream(START, *text(0, "Hello"), end()))
    assert events[-1] == Stopped(Stop.END, service_tier="default")


def test_nothing_comes_after_the_end() -> None:
    reader = MessagesReader()
    reader.receive(BOTH["text"][0])
    assert reader.done
    assert reader.receive(stream(*text(9, "late"), OVERLOADED) + b"data: rubbish\n\n") == []
    assert reader.eof() == []


def test_a_second_beginning_and_a_second_end_say_nothing() -> None:
    data = stream(START, START, *text(0, "Hello"), end("max_tokens"), end("end_turn"), STOP)
    assert read(data) == [OPENED, TextDelta("Hello"), USED, Stopped(Stop.LENGTH, service_tier="default")]


def test_pings_comments_unknown_events_and_chat_end_markers_say_nothing() -> None:
    noise = b": ping\n\n" + event(PING) + event({"type": "novelty", "index": 3}) + b"data: [DONE]\n\ndata:\n\n"
    odd = delta(0, "novelty_delta", text="x")
    data = stream(START) + noise + stream(*text(0, "Hello")[:2], odd, stop(0), stop(0)) + noise + stream(end(), STOP)
    assert read(data)[1:3] == [TextDelta("Hello"), USED]


def test_text_and_thoughts_in_the_start_of_a_block_count() -> None:
    data = stream(
        START,
        start(0, type="thinking", thinking="hm", signature="s"),
        stop(0),
        start(1, type="text", text="Hello"),
        stop(1),
        end(),
        STOP,
    )
    assert read(data)[1:4] == [ReasoningDelta("hm"), ReasoningSealed("s", "messages"), TextDelta("Hello")]


def test_a_call_without_an_id_gets_one_from_its_place() -> None:
    data = stream(START, start(3, type="tool_use", name="a", input=None), stop(3), end("tool_use"), STOP)
    assert read(data)[1:3] == [CallOpened("call_3", "a"), CallClosed("{}")]


def test_usage_is_the_last_number_said_of_each() -> None:
    later = {"input_tokens": 50, "cache_read_input_tokens": 20, "output_tokens_details": {"thinking_tokens": 6}}
    final = {**end(), "usage": {"output_tokens": 9, **later}}
    events = read(stream(START, final, STOP))
    assert events[1] == Used(Usage(73, 9, 20, 3, 6))


def test_no_usage_is_no_usage() -> None:
    bare = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "usage": None}}
    events = read(stream(bare, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP))
    assert events == [Opened("msg_1", 0, "m"), Stopped(Stop.END)]


def test_a_refusal_that_explains_itself_is_a_refusal_and_one_that_does_not_a_filter() -> None:
    assert read(BOTH["a refusal with words"][0])[1:] == [
        RefusalDelta("I will not."),
        USED,
        Stopped(Stop.REFUSAL, service_tier="default"),
    ]
    assert read(BOTH["a refusal without words"][0])[-1] == Stopped(Stop.CONTENT_FILTER, service_tier="default")


def test_arguments_cut_by_the_limit_are_given_as_they_came() -> None:
    events = read(stream(START, *call(0, "a", '{"x": "lon'), end("max_tokens"), STOP))
    assert events[3] == CallClosed('{"x": "lon')
    assert events[-1] == Stopped(Stop.LENGTH, service_tier="default")


PIECES = [
    *(event(one) for one in (START, PING, STOP, OVERLOADED, end(), end("tool_use"), stop(0), stop(1))),
    *(event(one) for index in (0, 1) for one in (*text(index, "ä"), *call(index, "a", "{"), *thought(index, "h"))),
    *(event(one) for one in (*redacted(1, "z"), *searched(0), delta(0, "citations_delta", citation=CITED))),
    b"", b"\n\n", b"data: ", b"{", b"null", b'{"type":"error"}', b"data: [1]\n\n", b'"\\ud800"', b"\xff", b"[" * 2000,
    b'data: {"type":"content_block_start","content_block":{"type":"text"}}\n\n',
]  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.binary(max_size=8), st.integers(0, 25), PLACES)
def test_whatever_comes_gives_events_or_a_wire_error(
    pieces: list[bytes], noise: bytes, where: int, places: set[int]
) -> None:
    data = b"".join([*pieces[:where], noise, *pieces[where:]])
    events, why = outcome(at_places(data, places))
    whole = outcome((data,))
    assert why == whole[1]
    assert events == whole[0][: len(events)] or whole[0] == events[: len(whole[0])]
    endings = [one for one in events if isinstance(one, Stopped | Failed)]
    assert endings == events[-1:] or not endings


def test_what_is_kept_of_an_answer_is_bounded() -> None:
    reader = MessagesReader(max_answer=2000)
    reader.receive(stream(START, *call(0, "look")[:1]))
    with pytest.raises(WireError, match="too long"):
        for _ in range(100):
            reader.receive(event(delta(0, "input_json_delta", partial_json="x")))
