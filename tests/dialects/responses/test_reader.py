from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent

from dragoman.dialects.profile import Profile
from dragoman.dialects.responses import reader as machine
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.dialects.responses.reader import ResponsesReader
from dragoman.errors import WireError
from dragoman.turn import (
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Opened,
    ReasoningDelta,
    RefusalDelta,
    Stopped,
    TextDelta,
)
from dragoman.wire import sse
from tests.dialects.responses.samples import (
    ANSWERS,
    SEALED,
    Body,
    events_of,
    message,
    parse,
    plain,
    read,
    response,
    stream,
    write,
)
from tests.dialects.responses.streams import (
    CREATED,
    OPENED,
    SAID,
    STREAMS,
    A,
    added,
    arguments,
    citation,
    completed,
    ended,
    reasoning,
    text,
)
from tests.wire.cuts import PLACES, at_places, every_way


@pytest.mark.parametrize("case", STREAMS)
def test_the_events_of_a_stream(case: str) -> None:
    sent, expected = STREAMS[case]
    assert plain(read(stream(*sent))) == plain(expected)
    assert [type(event) for event in read(stream(*sent))] == [type(event) for event in expected]


@pytest.mark.parametrize("case", STREAMS)
def test_however_the_network_cuts_a_stream_its_events_are_the_same(case: str) -> None:
    sent = stream(*STREAMS[case][0]) + b"data: [DONE]\n\n"
    expected = plain(read(sent))
    for pieces in every_way(sent):
        assert plain(read(*pieces)) == expected


@pytest.mark.parametrize("case", STREAMS)
def test_every_answer_is_either_finished_or_failed_and_only_once(case: str) -> None:
    reader = RESPONSES.reader(profile=Profile())
    done_before = reader.done
    events = reader.receive(stream(*STREAMS[case][0]))
    assert (done_before, reader.done) == (False, True)
    assert sum(isinstance(event, Opened) for event in events) == 1
    assert [isinstance(event, Stopped | Failed) for event in events] == [False] * (len(events) - 1) + [True]


TYPES = """
response.audio.delta response.audio.done response.audio.transcript.delta response.audio.transcript.done
response.code_interpreter_call_code.delta response.code_interpreter_call_code.done
response.code_interpreter_call.completed response.code_interpreter_call.in_progress
response.code_interpreter_call.interpreting response.compaction.compacting response.content_part.added
response.content_part.done response.file_search_call.completed response.file_search_call.in_progress
response.file_search_call.searching response.image_generation_call.completed
response.image_generation_call.generating response.image_generation_call.in_progress
response.image_generation_call.partial_image response.mcp_call_arguments.delta response.mcp_call_arguments.done
response.mcp_call.completed response.mcp_call.failed response.mcp_call.in_progress
response.mcp_list_tools.completed response.mcp_list_tools.failed response.mcp_list_tools.in_progress
response.output_text.done response.reasoning_summary_part.added response.reasoning_summary_part.done
response.reasoning_summary_text.done response.reasoning_text.done response.refusal.done
response.shell_call_command.added response.shell_call_command.delta response.shell_call_command.done
response.shell_call_output_content.delta response.shell_call_output_content.done
response.web_search_call.completed response.web_search_call.in_progress response.web_search_call.searching
response.reasoning.done response.steer.accepted response.future.invention keepalive
""".split()


@pytest.mark.parametrize("kind", TYPES)
def test_an_event_without_a_neutral_form_is_passed_over(kind: str) -> None:
    odd = {"type": kind, "output_index": 0, "delta": {"stdout": "x"}, "code": 1, "part": None, "text": "z"}
    assert plain(read(stream(CREATED, odd, completed()))) == plain(ended())


def test_every_type_of_the_reference_is_either_read_or_passed_over() -> None:
    union: Any = ResponseStreamEvent
    members: tuple[Any, ...] = get_args(get_args(union)[0])
    known = {get_args(member.model_fields["type"].annotation)[0] for member in members}
    read_types = {*machine._DELTAS, *machine._CALLS_DONE, *machine._HANDLERS}
    assert len(known) == 59
    assert known - read_types <= set(TYPES)
    assert read_types - known == {"response.reasoning.delta", "response.cancelled"}


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b": ping\n\n", b"data: {"])
def test_a_stream_that_is_cut_gives_no_end(end: bytes) -> None:
    reader = RESPONSES.reader(profile=Profile())
    events = reader.receive(stream(CREATED, text("Hel")) + end) + reader.eof()
    assert events == [OPENED, TextDelta("Hel")]
    assert not reader.done


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"null",
        b"<html>",
        b'{"type":7}',
        b'{"type":"response.created"}',
        b'{"type":"response.completed","response":[]}',
        b'{"type":"response.completed","response":{"output":[7]}}',
        b'{"type":"response.completed","response":{"output":[{"type":"function_call"}]}}',
        b'{"type":"response.output_text.delta","output_index":0}',
        b'{"type":"response.output_text.delta","output_index":-1,"delta":"x"}',
        b'{"type":"response.output_text.delta","delta":null}',
        b'{"type":"response.output_text.delta","delta":"x","logprobs":[7]}',
        b'{"type":"response.output_text.delta","delta":"\xff"}',
        b'{"type":"response.output_text.annotation.added"}',
        b'{"type":"response.output_item.added","item":7}',
        b'{"type":"response.output_item.done","item":{"type":"message","content":7}}',
        b'{"type":"response.output_item.added","item":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_no_event_is_an_error_after_all_that_came_before(data: bytes) -> None:
    reader = RESPONSES.reader(profile=Profile())
    assert reader.receive(stream(CREATED, text("Hel")) + sse.render(data)) == [OPENED, TextDelta("Hel")]
    for _ in range(2):
        with pytest.raises(WireError):
            reader.receive(b"")
        with pytest.raises(WireError):
            reader.eof()
    assert gather((sse.render(data),))[1]


def test_an_error_may_come_without_a_type() -> None:
    assert read(b'data: {"error":{"message":"oops","type":"server_error"}}\n\n')[1] == Failed(
        "oops", None, "server_error"
    )
    assert read(b'event: error\ndata: {"message":"oops"}\n\n')[1] == Failed("oops")
    assert read(b'data: {"hello":1}\n\n') == []


def test_an_event_may_have_its_type_in_its_name_only() -> None:
    assert read(b'event: response.output_text.delta\ndata: {"delta":"a"}\n\n')[1] == TextDelta("a")


def test_a_call_that_never_gets_a_name_is_an_error() -> None:
    sent = stream(CREATED, arguments("{}"), completed())
    assert read(sent[: sent.index(b"event: response.completed")]) == [OPENED]
    reader = RESPONSES.reader(profile=Profile())
    assert reader.receive(sent) == [OPENED]
    with pytest.raises(WireError, match="without a name"):
        reader.eof()


def test_an_answer_has_bounds() -> None:
    reader = ResponsesReader(max_answer=1000)
    with pytest.raises(WireError, match="too long"):
        for _ in range(100):
            reader.receive(stream(text("abc")))
    reader = ResponsesReader()
    with pytest.raises(WireError, match="items"):
        for number in range(machine.MAX_ITEMS + 1):
            reader.receive(stream(added(number, message(id=f"msg_{number}"))))
    reader = RESPONSES.reader(max_event=100, profile=Profile())
    with pytest.raises(WireError, match="100 bytes"):
        reader.receive(stream(text("x" * 200)))


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.integers(1, 13), PLACES)
def test_what_the_writer_wrote_is_read_again(answer: Any, size: int, places: set[int]) -> None:
    sent = b"".join(write(events_of(answer, size), parse(**SEALED)))
    again = b"".join(write(read(*at_places(sent, places)), parse(**SEALED)))
    # Written again it differs in nothing but the way in which texts were cut.
    assert plain(read(again)) == plain(read(sent))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.sampled_from(["", "a", "message", "function_call", "output_text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "call_id", "name", "arguments", "content", "text", "output", "status", "error"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from([*machine._DELTAS, *machine._CALLS_DONE, *machine._HANDLERS, "x"])},
    optional={
        "delta": st.sampled_from(["", "a", 7]),
        "output_index": st.integers(0, 2) | st.none(),
        "content_index": st.integers(0, 2),
        "summary_index": st.integers(0, 2),
        "item_id": st.sampled_from(["a", "b"]),
        "item": st.sampled_from([message("a", id="a"), {**A, "id": "a"}, {**A, "id": "b"}, reasoning("b")]) | _JSON,
        "arguments": st.sampled_from(["", "{}", "a"]),
        "input": st.sampled_from(["", "x", None]),
        "annotation": st.just(citation(0, 1)) | _JSON,
        "response": st.sampled_from([response("completed", [A, SAID]), response("incomplete"), response("failed")])
        | _JSON,
        "error": _JSON,
        "message": st.none() | st.text(max_size=3),
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_EVENTS, max_size=12), PLACES)
def test_any_stream_gives_events_by_the_rules_or_a_wire_error(sent: list[Body], places: set[int]) -> None:
    data = stream(*sent)
    events, fault = gather(at_places(data, places))
    whole, same_fault = gather((data,))
    assert (plain(events), fault) == (plain(whole), same_fault)
    open_call = ""
    for number, event in enumerate(events):
        assert isinstance(event, Opened) == (number == 0)
        match event:
            case CallOpened():
                assert open_call == ""
                assert event.name
                open_call = event.call_id
            case CallDelta():
                assert open_call
            case CallClosed():
                assert open_call
                open_call = ""
            case TextDelta() | RefusalDelta() | ReasoningDelta():
                assert open_call == ""
                assert event.text
            case Stopped() | Failed():
                assert number == len(events) - 1
    write(events)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), PLACES)
def test_any_bytes_give_events_or_a_wire_error(data: bytes, places: set[int]) -> None:
    assert gather(at_places(data, places)) == gather((data,))


def gather(pieces: tuple[bytes, ...]) -> tuple[list[Event], str]:
    reader = RESPONSES.reader(profile=Profile())
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.receive(piece)
        events += reader.eof()
    except WireError as error:
        return events, str(error)
    return events, ""
