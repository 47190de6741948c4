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
    Used,
)
from dragoman.wire import sse
from tests.dialects.responses.samples import (
    ANSWERS,
    SEALED,
    USAGE,
    Body,
    call,
    events_of,
    message,
    parse,
    plain,
    raw,
    read,
    response,
    stream,
    write,
)
from tests.wire.cuts import PLACES, at_places, every_way

OPENED = Opened("resp_up", 1700000000, "up-1")
CREATED = {"type": "response.created", "response": response("in_progress", usage=None)}
IN_PROGRESS = {"type": "response.in_progress", "response": response("in_progress", usage=None)}


def added(index: int | None, item: Body) -> Body:
    return {"type": "response.output_item.added", "item": item, **({} if index is None else {"output_index": index})}


def done(index: int | None, item: Body) -> Body:
    return {"type": "response.output_item.done", "item": item, **({} if index is None else {"output_index": index})}


def of(kind: str, index: int | None = 0, **members: Any) -> Body:
    place = {} if index is None else {"output_index": index}
    return {"type": f"response.{kind}", **place, **members}


def text(delta: str, index: int | None = 0, part: int = 0, **members: Any) -> Body:
    return of("output_text.delta", index, delta=delta, content_index=part, **members)


def completed(*output: Body, **members: Any) -> Body:
    return {"type": "response.completed", "response": response("completed", output, **members)}


def citation(start: int, end: int) -> Body:
    return {"type": "url_citation", "start_index": start, "end_index": end, "title": "t", "url": "http://x/"}


def reasoning(id: str = "rs_up", **members: Any) -> Body:
    return {"type": "reasoning", "id": id, "summary": [], **members}


def custom(name: str, text: str, call_id: str) -> Body:
    return {"type": "custom_tool_call", "id": "ctc_up", "call_id": call_id, "name": name, "input": text}


def ended(*events: Event, stop: Stop = Stop.END, tier: str | None = None) -> list[Event]:
    return [OPENED, *events, Used(USAGE), Stopped(stop, service_tier=tier)]


SAID = message("Hello")
CITED = {"type": "output_text", "text": "ab", "annotations": [citation(0, 1), citation(1, 2)]}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
A, B = call("f", '{"a":1}', "call_a", "fc_a"), call("g", '{"b":2}', "call_b", "fc_b")
A_EVENTS: list[Event] = [CallOpened("call_a", "f"), CallDelta('{"a"'), CallDelta(":1}"), CallClosed('{"a":1}')]
B_EVENTS: list[Event] = [CallOpened("call_b", "g"), CallDelta('{"b":2}'), CallClosed('{"b":2}')]


def begun(item: Body) -> Body:
    return {
        **item,
        **({"arguments": ""} if item["type"] == "function_call" else {"input": ""}),
        "status": "in_progress",
    }


def arguments(delta: str, index: int | None = 0, **members: Any) -> Body:
    return of("function_call_arguments.delta", index, delta=delta, **members)


STREAMS: dict[str, tuple[list[Body], list[Event]]] = {
    "text": (
        [CREATED, IN_PROGRESS, added(0, message()), text("Hel"), text("lo"), done(0, SAID), completed(SAID)],
        ended(TextDelta("Hel"), TextDelta("lo")),
    ),
    "text, every event of its part": (
        [
            CREATED,
            added(0, message()),
            of("content_part.added", part={"type": "output_text", "text": "", "annotations": []}, content_index=0),
            text("Hello"),
            of("output_text.done", text="Hello", content_index=0),
            of("content_part.done", part={"type": "output_text", "text": "Hello"}, content_index=0),
            done(0, SAID),
            completed(SAID),
        ],
        ended(TextDelta("Hello")),
    ),
    "text only in its done event": (
        [CREATED, added(0, message()), done(0, SAID), completed(SAID)],
        ended(TextDelta("Hello")),
    ),
    "text only at the end": ([CREATED, completed(SAID)], ended(TextDelta("Hello"))),
    "text of which the deltas are a part": (
        [CREATED, added(0, message()), text("Hel"), completed(SAID)],
        ended(TextDelta("Hel"), TextDelta("lo")),
    ),
    "text that disagrees with its deltas": (
        [CREATED, added(0, message()), text("Hellooo"), done(0, SAID), completed(SAID)],
        ended(TextDelta("Hellooo")),
    ),
    "empty deltas": ([CREATED, added(0, message()), text(""), completed(message(""))], ended()),
    "no output at the end": (
        [CREATED, added(0, message()), text("Hello"), done(0, SAID), completed()],
        ended(TextDelta("Hello")),
    ),
    "no indices": (
        [CREATED, added(None, message()), text("Hello", None), done(None, SAID), completed(SAID)],
        ended(TextDelta("Hello")),
    ),
    "every index 0, told apart by id": (
        [
            CREATED,
            added(0, message()),
            text("Hello", 0, item_id="msg_up"),
            done(0, SAID),
            added(0, begun(A)),
            arguments('{"a"', 0, item_id="fc_a"),
            arguments(":1}", 0, item_id="fc_a"),
            done(0, A),
            completed(SAID, A),
        ],
        ended(TextDelta("Hello"), *A_EVENTS, stop=Stop.TOOL_CALLS),
    ),
    "ids that change with every event": (
        [
            CREATED,
            added(0, message(id="x1")),
            text("Hello", 0, item_id="x2"),
            done(0, message("Hello", id="x3")),
            completed(message("Hello", id="x4")),
        ],
        ended(TextDelta("Hello")),
    ),
    "deltas of an item that nobody announced": (
        [CREATED, text("Hel", None), text("lo", None), completed(SAID)],
        ended(TextDelta("Hel"), TextDelta("lo")),
    ),
    "no created event": (
        [added(0, message()), text("Hello"), completed(SAID)],
        [Opened("", 0, ""), TextDelta("Hello"), Used(USAGE), Stopped(Stop.END)],
    ),
    "queued first": (
        [{**CREATED, "type": "response.queued"}, CREATED, IN_PROGRESS, completed()],
        ended(),
    ),
    "a commentary and an answer": (
        [
            CREATED,
            added(0, message(id="msg_1", phase="commentary")),
            text("a", 0),
            done(0, message("a", id="msg_1", phase="commentary")),
            added(1, message(id="msg_2")),
            text("b", 1),
            done(1, message("b", id="msg_2")),
            completed(message("a", id="msg_1"), message("b", id="msg_2")),
        ],
        ended(TextDelta("a"), TextDelta("b")),
    ),
    "refusal": (
        [
            CREATED,
            added(0, message()),
            of("refusal.delta", delta="N", content_index=0),
            of("refusal.done", refusal="No", content_index=0),
            done(0, message({"type": "refusal", "refusal": "No"})),
            completed(message({"type": "refusal", "refusal": "No"})),
        ],
        ended(RefusalDelta("N"), RefusalDelta("o")),
    ),
    "function": (
        [
            CREATED,
            added(0, begun(A)),
            arguments('{"a"'),
            arguments(":1}"),
            of("function_call_arguments.done", arguments='{"a":1}'),
            done(0, A),
            completed(A),
        ],
        ended(*A_EVENTS, stop=Stop.TOOL_CALLS),
    ),
    "function whose name comes last": (
        [CREATED, added(0, {"type": "function_call", "id": "fc_a"}), arguments('{"a"'), arguments(":1}"), done(0, A)]
        + [completed(A)],
        ended(*A_EVENTS, stop=Stop.TOOL_CALLS),
    ),
    "function only at the end": ([CREATED, completed(B)], ended(*B_EVENTS, stop=Stop.TOOL_CALLS)),
    "function with nothing but deltas, and an end without output": (
        [CREATED, added(0, begun(A)), arguments('{"a"'), arguments(":1}"), completed()],
        ended(*A_EVENTS, stop=Stop.TOOL_CALLS),
    ),
    "function without arguments": (
        [
            CREATED,
            added(0, begun(A)),
            of("function_call_arguments.done", arguments=""),
            completed({**A, "arguments": ""}),
        ],
        ended(CallOpened("call_a", "f"), CallClosed("{}"), stop=Stop.TOOL_CALLS),
    ),
    "function without a call id": (
        [CREATED, completed({**B, "call_id": None})],
        ended(CallOpened("fc_b", "g"), *B_EVENTS[1:], stop=Stop.TOOL_CALLS),
    ),
    "function whose end disagrees with its deltas": (
        [CREATED, added(0, begun(A)), arguments('{"a":1}'), done(0, {**A, "arguments": "{}"}), completed(A)],
        ended(A_EVENTS[0], CallDelta('{"a":1}'), A_EVENTS[3], stop=Stop.TOOL_CALLS),
    ),
    "a late delta of a closed call": (
        [CREATED, added(0, begun(A)), done(0, A), arguments("zzz"), completed(A)],
        ended(A_EVENTS[0], CallDelta('{"a":1}'), A_EVENTS[3], stop=Stop.TOOL_CALLS),
    ),
    "two functions at once": (
        [
            CREATED,
            added(0, begun(A)),
            added(1, begun(B)),
            arguments('{"a"', 0),
            arguments('{"b":2}', 1),
            done(1, B),
            arguments(":1}", 0),
            done(0, A),
            completed(A, B),
        ],
        ended(*A_EVENTS, *B_EVENTS, stop=Stop.TOOL_CALLS),
    ),
    "three functions at once, the third inside the second": (
        [
            CREATED,
            added(0, begun(A)),
            added(1, begun(B)),
            added(2, custom("p", "", "call_c")),
            of("custom_tool_call_input.delta", 2, delta="x"),
            of("custom_tool_call_input.done", 2, input="x"),
            arguments('{"b":2}', 1),
            done(1, B),
            arguments('{"a"', 0),
            arguments(":1}", 0),
            done(0, A),
            completed(A, B, custom("p", "x", "call_c")),
        ],
        ended(
            *A_EVENTS,
            *B_EVENTS,
            CallOpened("call_c", "p", "custom"),
            CallDelta("x"),
            CallClosed("x"),
            stop=Stop.TOOL_CALLS,
        ),
    ),
    "text inside a function": (
        [CREATED, added(0, begun(B)), added(1, message()), text("Hello", 1), done(0, B), completed(B, SAID)],
        ended(*B_EVENTS, TextDelta("Hello"), stop=Stop.TOOL_CALLS),
    ),
    "custom": (
        [
            CREATED,
            added(0, custom("p", "", "call_c")),
            of("custom_tool_call_input.delta", delta="ra"),
            of("custom_tool_call_input.done", input="raw"),
            done(0, custom("p", "raw", "call_c")),
            completed(custom("p", "raw", "call_c")),
        ],
        ended(
            CallOpened("call_c", "p", "custom"),
            CallDelta("ra"),
            CallDelta("w"),
            CallClosed("raw"),
            stop=Stop.TOOL_CALLS,
        ),
    ),
    "custom without input": (
        [CREATED, completed(custom("p", "", "call_c"))],
        ended(CallOpened("call_c", "p", "custom"), CallClosed(""), stop=Stop.TOOL_CALLS),
    ),
    "a summary in two parts, and a seal": (
        [
            CREATED,
            added(0, reasoning()),
            of("reasoning_summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""}),
            of("reasoning_summary_text.delta", summary_index=0, delta="a"),
            of("reasoning_summary_text.done", summary_index=0, text="a"),
            of("reasoning_summary_part.done", summary_index=0, part={"type": "summary_text", "text": "a"}),
            of("reasoning_summary_text.delta", summary_index=1, delta="b"),
            done(0, reasoning(summary=[{"type": "summary_text", "text": x} for x in "ab"], encrypted_content="S")),
            completed(reasoning(summary=[{"type": "summary_text", "text": x} for x in "ab"], encrypted_content="S")),
        ],
        ended(ReasoningDelta("a", "summary", 0), ReasoningDelta("b", "summary", 1), ReasoningSealed("S", "responses")),
    ),
    "reasoning text under either name": (
        [
            CREATED,
            added(0, reasoning()),
            of("reasoning_text.delta", content_index=0, delta="a"),
            of("reasoning.delta", content_index=0, delta="b"),
            done(0, reasoning(content=[{"type": "reasoning_text", "text": "abc"}])),
            completed(),
        ],
        ended(ReasoningDelta("a"), ReasoningDelta("b"), ReasoningDelta("c")),
    ),
    "reasoning only at the end": (
        [
            CREATED,
            completed(
                reasoning(
                    summary=[{"type": "summary_text", "text": "s"}],
                    content=[{"type": "reasoning_text", "text": "t"}],
                    encrypted_content="S",
                ),
                SAID,
            ),
        ],
        ended(
            ReasoningDelta("s", "summary"), ReasoningDelta("t"), ReasoningSealed("S", "responses"), TextDelta("Hello")
        ),
    ),
    "two reasonings in a row go on counting their parts": (
        [
            CREATED,
            added(0, reasoning("rs_1")),
            of("reasoning_summary_text.delta", 0, summary_index=0, delta="a"),
            of("reasoning_summary_text.delta", 0, summary_index=1, delta="b"),
            added(1, reasoning("rs_2")),
            of("reasoning_summary_text.delta", 1, summary_index=0, delta="c"),
            of("reasoning_summary_text.delta", 1, summary_index=1, delta="d"),
            completed(),
        ],
        ended(*[ReasoningDelta(said, "summary", part) for part, said in enumerate("abcd")]),
    ),
    "reasoning after text counts from 0 again": (
        [
            CREATED,
            of("reasoning_text.delta", 0, content_index=0, delta="a"),
            text("Hello", 1),
            of("reasoning_text.delta", 2, content_index=0, delta="b"),
            completed(),
        ],
        ended(ReasoningDelta("a"), TextDelta("Hello"), ReasoningDelta("b")),
    ),
    "annotations": (
        [
            CREATED,
            added(0, message()),
            text("ab"),
            of("output_text.annotation.added", annotation=citation(0, 1), annotation_index=0, content_index=0),
            done(0, message(CITED)),
            completed(message(CITED)),
        ],
        ended(TextDelta("ab"), Annotated(raw(citation(0, 1))), Annotated(raw(citation(1, 2)))),
    ),
    "annotations of a later part are shifted": (
        [
            CREATED,
            completed(message("xyz", {**CITED, "annotations": [citation(0, 1), {"type": "file_path", "index": 1}]})),
        ],
        ended(
            TextDelta("xyz"),
            TextDelta("ab"),
            Annotated(raw(citation(3, 4))),
            Annotated(raw({"type": "file_path", "index": 1})),
        ),
    ),
    "annotations after another item are not": (
        [CREATED, completed(message("xyz", id="msg_1"), B, message(CITED, id="msg_2"))],
        ended(
            TextDelta("xyz"),
            *B_EVENTS,
            TextDelta("ab"),
            Annotated(raw(citation(0, 1))),
            Annotated(raw(citation(1, 2))),
            stop=Stop.TOOL_CALLS,
        ),
    ),
    "log probabilities": (
        [CREATED, text("a", logprobs=[{"token": "a", "logprob": -1, "top_logprobs": [{"token": "b", "logprob": -2}]}])]
        + [completed()],
        ended(
            TextDelta(
                "a",
                (
                    raw(
                        {
                            "token": "a",
                            "logprob": -1.0,
                            "bytes": None,
                            "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": None}],
                        }
                    ),
                ),
            )
        ),
    ),
    "a hosted tool beside a text": (
        [
            CREATED,
            added(0, SEARCH),
            of("web_search_call.searching", 0, item_id="ws_1"),
            done(0, SEARCH),
            added(1, message()),
            text("Hello", 1),
            done(1, SAID),
            completed(SEARCH, SAID, service_tier="flex"),
        ],
        ended(TextDelta("Hello"), tier="flex"),
    ),
    "incomplete": (
        [CREATED, text("Hel"), {"type": "response.incomplete", "response": response("incomplete", [message("Hel")])}],
        ended(TextDelta("Hel"), stop=Stop.LENGTH),
    ),
    "incomplete by its event alone": (
        [CREATED, {"type": "response.incomplete", "response": {**response(), "status": None}}],
        ended(stop=Stop.LENGTH),
    ),
    "filtered": (
        [
            CREATED,
            {
                "type": "response.incomplete",
                "response": response("incomplete", incomplete_details={"reason": "content_filter"}),
            },
        ],
        ended(stop=Stop.CONTENT_FILTER),
    ),
    "a call that was cut": (
        [
            CREATED,
            added(0, begun(A)),
            arguments('{"a"'),
            {"type": "response.incomplete", "response": response("incomplete", [{**A, "arguments": '{"a"'}])},
        ],
        ended(A_EVENTS[0], CallDelta('{"a"'), CallClosed('{"a"'), stop=Stop.LENGTH),
    ),
    "completed by its event, incomplete by its status": (
        [CREATED, {"type": "response.completed", "response": response("incomplete")}],
        ended(stop=Stop.LENGTH),
    ),
    "failed": (
        [
            CREATED,
            text("Hel"),
            {
                "type": "response.failed",
                "response": response("failed", error={"code": "rate_limit_exceeded", "message": "slow down"}),
            },
        ],
        [OPENED, TextDelta("Hel"), Failed("slow down", "rate_limit_exceeded")],
    ),
    "failed without a word": (
        [CREATED, {"type": "response.failed", "response": response("failed")}],
        [OPENED, Failed("The upstream reported an error.")],
    ),
    "completed with the status failed": (
        [
            CREATED,
            {
                "type": "response.completed",
                "response": response("failed", [SAID], error={"code": "server_error", "message": "oops"}),
            },
        ],
        [OPENED, Failed("oops", "server_error")],
    ),
    "cancelled": (
        [CREATED, {"type": "response.cancelled", "response": response("cancelled")}],
        [OPENED, Failed("The upstream reported an error.")],
    ),
    "a flat error, then failed": (
        [
            CREATED,
            {"type": "error", "code": "server_error", "message": "oops", "param": None},
            {"type": "response.failed", "response": response("failed")},
        ],
        [OPENED, Failed("oops", "server_error")],
    ),
    "a nested error": (
        [CREATED, {"type": "error", "error": {"type": "rate_limit_error", "code": 429, "message": "slow down"}}],
        [OPENED, Failed("slow down", "429", "rate_limit_error")],
    ),
    "an error before anything else": (
        [{"type": "error", "error": "oops"}],
        [Opened("", 0, ""), Failed("oops")],
    ),
    "nothing is read after the end": (
        [CREATED, completed(), CREATED, text("more"), completed(SAID)],
        ended(),
    ),
}


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
