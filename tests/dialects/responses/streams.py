"""Streams of upstreams, whole and faulty, each with the events that it gives."""

from typing import Any

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
from tests.dialects.responses.samples import USAGE, Body, call, message, raw, response

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
    "function announced and finished twice": (
        [
            CREATED,
            added(0, begun(A)),
            added(0, begun(A)),
            arguments('{"a"'),
            arguments(":1}"),
            *[of("function_call_arguments.done", arguments='{"a":1}')] * 2,
            *[done(0, A)] * 2,
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
        [OPENED, TextDelta("Hel"), Failed("slow down", "rate_limit_exceeded", "rate_limit_error")],
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
        [OPENED, Failed("oops", "server_error", "server_error")],
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
        [OPENED, Failed("oops", "server_error", "server_error")],
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
