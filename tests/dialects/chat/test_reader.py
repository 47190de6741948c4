import json
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.dialects.chat.answers import call_id
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.reader import MAX_CALLS, ChatReader
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallOpened,
    Failed,
    Item,
    Message,
    Opened,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Stop,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Usage,
    Used,
)
from tests.dialects.chat.asking import Json
from tests.dialects.chat.events import cut, fold
from tests.dialects.chat.reading import FINISHED, Reading, delta, piece, pieces, read, said
from tests.dialects.chat.replies import link
from tests.dialects.chat.streams import (
    BROKEN,
    COUNTED,
    DONE,
    HELLO,
    ROLE,
    SAID,
    STOP,
    WHOLE,
    WORLD,
    choice,
    chunk,
    event,
    stream,
)
from tests.fuzz.mutations import Mutation, mutate, mutations
from tests.wire.cuts import PLACES, at_places, every_way

F, G = ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", '{"y":2}')
CITED = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 2, "title": "T", "url": "https://x.org"},
}
TEXT = Message("assistant", (Text("Hello"),))

CALLS: Final[dict[str, tuple[bytes, tuple[Item, ...]]]] = {
    "in pieces": (
        stream(ROLE, pieces(piece(0, "a", "f", "")), pieces(piece(0, None, None, '{"x"')),
               pieces(piece(0, None, None, ":1}")), FINISHED),
        (F,),
    ),
    "at once": (stream(ROLE, pieces(piece(0, "a", "f", '{"x":1}')), FINISHED), (F,)),
    "the name comes late": (
        stream(pieces(piece(0, "a")), pieces(piece(0, None, None, '{"x":1}')), pieces(piece(0, None, "f")), FINISHED),
        (F,),
    ),
    "one after the other": (
        stream(pieces(piece(0, "a", "f", '{"x":')), pieces(piece(0, None, None, "1}")),
               pieces(piece(1, "b", "g", '{"y":')), pieces(piece(1, None, None, "2}")), FINISHED),
        (F, G),
    ),
    "in one chunk": (stream(pieces(piece(0, "a", "f", '{"x":1}'), piece(1, "b", "g", '{"y":2}')), FINISHED), (F, G)),
    "in turns": (
        stream(pieces(piece(0, "a", "f", '{"x":')), pieces(piece(1, "b", "g", '{"y":')),
               pieces(piece(0, None, None, "1}")), pieces(piece(1, None, None, "2}")), FINISHED),
        (F, G),
    ),
    "the second is named first": (
        stream(pieces(piece(1, "a", "f", '{"x":1}')), pieces(piece(0, "b", "g", '{"y":2}')), FINISHED), (F, G),
    ),
    "all under one index": (
        stream(pieces(piece(0, "a", "f", '{"x":1}')), pieces(piece(0, "b", "g", '{"y":2}')), FINISHED), (F, G),
    ),
    "without an index": (
        stream(pieces(piece(None, "a", "f", '{"x":')), pieces(piece(None, None, None, "1}")),
               pieces(piece(None, "b", "g", '{"y":')), pieces(piece(None, "b", None, "2}")), FINISHED),
        (F, G),
    ),
    "without an index or an id": (
        stream(pieces(piece(None, None, "f", '{"x":1}'), piece(None, None, "g", '{"y":2}')), FINISHED),
        (ToolCall(call_id(0, "chatcmpl-1"), "f", '{"x":1}'), ToolCall(call_id(1, "chatcmpl-1"), "g", '{"y":2}')),
    ),
    "alike without an index or an id": (
        stream(pieces(piece(None, "", "f", "{}"), piece(None, "", "f", "{}")), FINISHED),
        (ToolCall(call_id(0, "chatcmpl-1"), "f", "{}"), ToolCall(call_id(1, "chatcmpl-1"), "f", "{}")),
    ),
    "with an id on every piece": (
        stream(pieces(piece(0, "a", "f", '{"x":')), pieces(piece(0, "c", None, "1}")), FINISHED), (F,),
    ),
    "an object of arguments": (stream(pieces(piece(0, "a", "f", {"x": 1})), FINISHED), (F,)),
    "no arguments": (stream(pieces(piece(0, "a", "f")), FINISHED), (ToolCall("a", "f", "{}"),)),
    "arguments that are no JSON": (stream(pieces(piece(0, "a", "f", "x")), FINISHED), (ToolCall("a", "f", "x"),)),
    "text before": (stream(ROLE, HELLO, pieces(piece(0, "a", "f", '{"x":1}')), FINISHED), (TEXT, F)),
    "text after": (stream(pieces(piece(0, "a", "f", '{"x":1}')), HELLO, FINISHED), (F, TEXT)),
    "text between": (
        stream(pieces(piece(0, "a", "f", '{"x":1}')), HELLO, pieces(piece(1, "b", "g", '{"y":2}')), FINISHED),
        (F, TEXT, G),
    ),
    "text in the middle": (
        stream(pieces(piece(0, "a", "f", '{"x":')), HELLO, pieces(piece(0, None, None, "1}")), WORLD, FINISHED),
        (F, Message("assistant", (Text("Hello, wörld 🐉"),))),
    ),
    "reasoning and a call in one chunk": (
        stream(delta(reasoning_content="hm", tool_calls=[piece(0, "a", "f", '{"x":1}')]), FINISHED),
        (Reasoning(("hm",)), F),
    ),
    "said again at the end": (
        stream(pieces(piece(0, "a", "f", '{"x":1}')),
               chunk(choice({"tool_calls": [piece(0, "a", "f", '{"x":1}')]}, finish="tool_calls"))),
        (F,),
    ),
    "a custom call": (
        stream(pieces({"index": 0, "id": "a", "type": "custom", "custom": {"name": "p", "input": "*** "}}),
               pieces({"index": 0, "custom": {"input": "Begin"}}), HELLO, FINISHED),
        (ToolCall("a", "p", "*** Begin", "custom"), TEXT),
    ),
    "the deprecated form": (
        stream(delta(function_call={"name": "f", "arguments": ""}), delta(function_call={"arguments": '{"x":1}'}),
               chunk(choice(finish="function_call"))),
        (ToolCall(call_id(0, "chatcmpl-1"), "f", '{"x":1}'),),
    ),
    "empty texts beside": (
        stream(delta(content=""), delta(content="", tool_calls=[piece(0, "a", "f", '{"x":')]),
               delta(content="", reasoning_content="", refusal="", tool_calls=[piece(0, None, None, "1}")]), FINISHED),
        (F,),
    ),
}  # fmt: skip
"""Calls as servers send them, and what they are."""


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_the_same_whoever_sends_them(name: str) -> None:
    data, items = CALLS[name]
    reading = Reading((data,))
    assert reading.error is None
    answer = fold(reading.events)
    assert (answer.items, answer.stop) == (items, Stop.TOOL_CALLS)


@pytest.mark.parametrize("name", [*CALLS, *(name for name, data in {**WHOLE, **BROKEN}.items() if len(data) < 10_000)])
def test_the_events_are_the_same_however_the_stream_arrives(name: str) -> None:
    data = CALLS[name][0] if name in CALLS else {**WHOLE, **BROKEN}[name]
    whole = Reading((data,)).outcome
    for parts in every_way(data):
        assert Reading(parts).outcome == whole


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_ends_well(name: str) -> None:
    reading = Reading((WHOLE[name],))
    assert isinstance(reading.events[-1], Stopped)


# Of several choices only the first is read.
FIRST_IS_WHOLE = {"one of two choices unfinished", "a choice out of range"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_never_looks_whole(name: str) -> None:
    reading = Reading((BROKEN[name],))
    whole = bool(reading.events) and isinstance(reading.events[-1], Stopped)
    assert whole is (name in FIRST_IS_WHOLE)


@pytest.mark.parametrize("name", CALLS)
def test_a_stream_cut_at_any_byte_never_looks_whole_before_its_finish_reason(name: str) -> None:
    data, _ = CALLS[name]
    last = data.find(b'finish_reason": "')
    for end in range(len(data)):
        events = Reading((data[:end],)).events
        assert end > last or not any(isinstance(event, Stopped) for event in events)


def test_a_plain_answer_is_its_deltas() -> None:
    assert read(ROLE, HELLO, WORLD, STOP, COUNTED) == [
        Opened("chatcmpl-1", 1700000000, "qwen3-8b"),
        TextDelta("Hello"),
        TextDelta(", wörld 🐉"),
        Used(Usage(9, 3, 4, 0, 2)),
        Stopped(Stop.END),
    ]


def test_a_call_alone_opens_no_text() -> None:
    assert [type(event) for event in said(read(ROLE, pieces(piece(0, "a", "f", "{}")), FINISHED))] == [
        CallOpened, CallDelta, CallClosed,
    ]  # fmt: skip


def test_parallel_calls_are_not_merged() -> None:
    items = fold(Reading((CALLS["in turns"][0],)).events).items
    assert items == (F, G)


def test_the_id_of_a_call_is_the_upstreams() -> None:
    (opened, *_) = said(read(pieces(piece(0, "call_abc", "f", "{}")), FINISHED))
    assert opened == CallOpened("call_abc", "f")


@pytest.mark.parametrize("name", ["in pieces", "in turns", "no arguments"])
def test_the_last_call_is_closed_too(name: str) -> None:
    events = Reading((CALLS[name][0],)).events
    assert isinstance(events[-2], CallClosed)


def test_reasoning_is_an_item_of_its_own() -> None:
    events = said(read(ROLE, delta(reasoning_content="h"), delta(reasoning="m"), HELLO, STOP))
    assert events == [ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("Hello")]
    both = said(read(delta(reasoning_content="h", reasoning="h"), STOP))
    assert both == [ReasoningDelta("h")]


def test_late_text_follows_the_calls_in_order() -> None:
    events = said(Reading((CALLS["text between"][0],)).events)
    assert [type(event) for event in events] == [
        CallOpened, CallDelta, CallClosed, TextDelta, CallOpened, CallDelta, CallClosed,
    ]  # fmt: skip


def test_what_follows_a_whole_call_does_not_wait() -> None:
    reader = CHAT_CODEC.reader(profile=None)  # type: ignore[arg-type]
    assert said(reader.receive(event(pieces(piece(0, "a", "f", "{}"))))) == [CallOpened("a", "f"), CallDelta("{}")]
    assert reader.receive(event(HELLO)) == [CallClosed("{}"), TextDelta("Hello")]
    assert reader.receive(event(pieces(piece(1, "b", "g", '{"')))) == [CallOpened("b", "g"), CallDelta('{"')]
    assert reader.receive(event(WORLD)) == []
    assert reader.receive(event(pieces(piece(1, None, None, 'y":2}')))) == [
        CallDelta('y":2}'), CallClosed('{"y":2}'), TextDelta(", wörld 🐉"),
    ]  # fmt: skip


def test_more_of_a_call_that_was_complete_is_a_fault() -> None:
    data = stream(pieces(piece(0, "a", "f", "{}")), HELLO, pieces(piece(0, None, None, "}")), FINISHED)
    reading = Reading((data,))
    assert reading.error == "more of a call that was complete"
    assert said(reading.events)[-1] == TextDelta("Hello")


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("stop", Stop.END), ("length", Stop.LENGTH), ("content_filter", Stop.CONTENT_FILTER), ("tool_calls", Stop.END)],
)
def test_the_finish_reason_is_why_the_answer_ended(reason: str, stop: Stop) -> None:
    assert read(HELLO, chunk(choice(finish=reason)))[-1] == Stopped(stop)


def test_calls_count_for_more_than_a_stop() -> None:
    assert read(pieces(piece(0, "a", "f", "{}")), STOP)[-1] == Stopped(Stop.TOOL_CALLS)


def test_a_second_finish_reason_changes_nothing() -> None:
    double = chunk(choice(finish="tool_calls"), usage={"prompt_tokens": 1, "completion_tokens": 1})
    events = read(pieces(piece(0, "a", "f", "{}")), FINISHED, double, chunk(choice(finish="length")))
    assert [type(event) for event in said(events)] == [CallOpened, CallDelta, CallClosed]
    assert events[-2:] == [Used(Usage(1, 1)), Stopped(Stop.TOOL_CALLS)]


@pytest.mark.parametrize("reason", ["error", "abort", "network_error", "insufficient_system_resource"])
def test_a_finish_reason_that_is_none_is_a_failure(reason: str) -> None:
    (*_, last) = Reading((stream(HELLO, chunk(choice(finish=reason)), STOP),)).events
    assert last == Failed(f"The upstream ended its answer with {reason!r}.", reason)


def test_usage_is_the_last_that_was_said() -> None:
    early = {"prompt_tokens": 9, "completion_tokens": 1}
    assert Used(Usage(9, 3, 4, 0, 2)) in read(ROLE | {"usage": early}, HELLO | {"usage": None}, STOP, COUNTED)
    assert not any(isinstance(event, Used) for event in read(HELLO, STOP))


def test_tier_and_fingerprint_come_with_the_end() -> None:
    events = read(HELLO | {"service_tier": "flex"}, STOP | {"system_fingerprint": "fp"})
    assert events[-1] == Stopped(Stop.END, service_tier="flex", fingerprint="fp")


def test_an_error_of_the_upstream_keeps_its_words() -> None:
    (*_, last) = Reading((stream(ROLE, HELLO, SAID),)).events
    assert last == Failed("The model crashed", "crash", "server_error")
    (*_, last) = Reading((BROKEN["an error as text"],)).events
    assert last == Failed("overloaded", None, "upstream_error")
    (*_, last) = Reading((BROKEN["a named error event of text"],)).events
    assert last == Failed("The upstream reported an error.")


def test_even_a_failure_is_opened_first() -> None:
    assert Reading((stream(SAID),)).events[0] == Opened("", 0, "")


def test_refusals_are_their_own() -> None:
    assert said(read(delta(refusal="N"), delta(refusal="o."), STOP)) == [RefusalDelta("N"), RefusalDelta("o.")]


def test_log_probabilities_come_with_their_text() -> None:
    drawn = {"token": "Hello", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    given = chunk(choice({"content": "Hello"}) | {"logprobs": {"content": [drawn], "refusal": None}})
    (text,) = said(read(given, chunk(choice() | {"logprobs": {"content": None}}), STOP))
    assert isinstance(text, TextDelta)
    assert [json.loads(bytes(one)) for one in text.logprobs] == [drawn]


def test_late_citations_all_come() -> None:
    events = said(read(HELLO, delta(annotations=[CITED]), WORLD, delta(annotations=[CITED, CITED]), STOP))
    assert [type(event) for event in events] == [TextDelta, Annotated, TextDelta, Annotated, Annotated]
    assert [json.loads(bytes(event.annotation)) for event in events if isinstance(event, Annotated)] == [link()] * 3


def test_a_citation_is_counted_from_where_its_text_began() -> None:
    late = CITED | {"url_citation": CITED["url_citation"] | {"start_index": 5, "end_index": 7}}  # type: ignore[operator]
    events = read(HELLO, pieces(piece(0, "a", "f", "{}")), WORLD, delta(annotations=[late]), STOP)
    (cited,) = [event for event in events if isinstance(event, Annotated)]
    assert json.loads(bytes(cited.annotation)) == link(0, 2)


def test_what_is_written_over_several_lines_brings_no_line_ends_along() -> None:
    pretty = json.dumps(chunk(choice({"content": "Hi", "annotations": [CITED]})), indent=1).encode()
    data = b"".join(b"data: " + line + b"\n" for line in pretty.split(b"\n")) + b"\n" + stream(STOP)
    (cited,) = [event for event in Reading((data,)).events if isinstance(event, Annotated)]
    assert b"\n" not in bytes(cited.annotation)


def test_what_servers_leave_out_or_write_as_null_is_no_fault() -> None:
    nulls: Json = {"id": None, "created": None, "model": None, "choices": None, "usage": None}
    events = read({"choices": []}, nulls, {"choices": [{"delta": {"content": "a"}}]},
                  {"choices": [{"index": None, "delta": None, "finish_reason": "stop"}]})  # fmt: skip
    assert events == [Opened("", 0, ""), TextDelta("a"), Stopped(Stop.END)]


def test_several_calls_without_end_are_bounded() -> None:
    many = [pieces(piece(number, f"c{number}", "f", "{}")) for number in range(MAX_CALLS + 1)]
    assert len(fold(read(*many[:-1], FINISHED)).items) == MAX_CALLS
    assert Reading((stream(*many, FINISHED),)).error == f"more than {MAX_CALLS} tool calls"


def test_an_answer_is_bounded() -> None:
    reader = ChatReader(max_answer=3 * len(event(HELLO)))
    for _ in range(3):
        reader.receive(event(HELLO))
    with pytest.raises(WireError, match="too long"):
        reader.receive(event(HELLO))
    with pytest.raises(WireError, match="too long"):
        reader.receive(event(HELLO))
    with pytest.raises(WireError, match="too long"):
        reader.eof()


def test_an_event_is_bounded() -> None:
    assert Reading((b"data: " + b"x" * 100,), max_event=50).error == "an event of more than 50 bytes"


def test_an_end_mark_without_a_finish_reason_is_a_fault() -> None:
    assert Reading((stream(HELLO),)).error == "an end marker before any finish reason"
    assert Reading((stream(HELLO, end=b""),)).error is None


def test_a_call_without_a_name_is_a_fault() -> None:
    assert Reading((stream(pieces(piece(0, "a", None, "{}")), FINISHED),)).error == "a call without a name"
    assert Reading((stream(pieces(piece(0, "a", None, "{}")), FINISHED, end=b""),)).error == "a call without a name"


TEXTS = st.text(min_size=1, max_size=8)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "reasoning_content": TEXTS,
        "content": TEXTS,
        "refusal": TEXTS,
        "tool_calls": st.lists(
            st.tuples(TEXTS, TEXTS, st.just("") | st.dictionaries(TEXTS, st.integers(), max_size=2).map(json.dumps)),
            max_size=3,
            unique_by=lambda call: call[0],
        ),
    },
)


@settings(deadline=None, max_examples=200)
@given(MESSAGES, st.integers(1, 4), PLACES, st.sampled_from(["stop", "length", "tool_calls"]))
def test_a_stream_folds_to_the_answer_that_is_not_streamed(
    message: Json, size: int, places: set[int], finish: str
) -> None:
    calls = message.get("tool_calls", [])
    chunks = [delta(**{name: text}) for name, whole in message.items() if name != "tool_calls"
              for text in cut(whole, size)]  # fmt: skip
    for index, (identity, name, arguments) in enumerate(calls):
        chunks.append(pieces(piece(index, identity, name, "")))
        chunks += [pieces(piece(index, None, None, text)) for text in cut(arguments, size)]
    told = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls]
    whole = chunk() | {"choices": [{"index": 0, "message": message | {"tool_calls": told}, "finish_reason": finish}]}
    buffered = CHAT_CODEC.parse_answer(json.dumps(whole | COUNTED | {"choices": whole["choices"]}).encode())
    streamed = Reading(at_places(stream(ROLE, *chunks, chunk(choice(finish=finish)), COUNTED), places))
    assert streamed.error is None
    answer = fold(streamed.events)
    assert msgspec.structs.replace(answer, items=_joined(answer.items)) == buffered


def _joined(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Text and refusal of one message, which a stream may part, in the order in which a message has them."""
    parts = [part for item in items if isinstance(item, Message) for part in item.parts]
    parts.sort(key=lambda part: isinstance(part, Refusal))
    said = (Message("assistant", tuple(parts)),) if parts else ()
    rest = [item for item in items if not isinstance(item, Message)]
    thought = [item for item in rest if isinstance(item, Reasoning)]
    return (*thought, *said, *(item for item in rest if isinstance(item, ToolCall)))


WORDS = [
    b"data: ", b"\n\n", b"\n", b"{}", b"null", b'""', b'"', b"{", b"}", b"[", b"]", b",", b"\xff", DONE, b": ping\n\n",
    b"event: error\n", b'"index":1', b'"id":"z"', b'"name":"h"', b'"finish_reason":"stop"', b'"finish_reason": null',
    b'"content":"x"', b'"arguments":{"x":1e999}', b"1e999", b'"error":{}', b'"annotations":[7,{"type":"a","a":{}}]',
    event(pieces(piece(1, "z", "h", "{}"))), event(delta(content="x")), event(FINISHED), event(COUNTED),
]  # fmt: skip
STREAMS = [*(data for data, _ in CALLS.values()), *WHOLE.values()]


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(STREAMS), mutations(WORDS), PLACES)
def test_any_bytes_are_events_or_a_fault_and_the_same_however_they_arrive(
    data: bytes, changes: list[Mutation], places: set[int]
) -> None:
    broken = mutate(data, changes)
    assert Reading(at_places(broken, places)).outcome == Reading((broken,)).outcome
