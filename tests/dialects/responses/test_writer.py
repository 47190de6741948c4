from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import APIError, OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from dragoman.dialects.calls import alias
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.turn import (
    Annotated,
    Answer,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Message,
    Opened,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Refusal,
    RefusalDelta,
    Stop,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Turn,
    Usage,
    Used,
)
from dragoman.wire.common import ErrorBody
from tests.dialects.responses.samples import (
    ANSWERS,
    SEALED,
    Body,
    datas,
    events_of,
    parse,
    raw,
    render_answer,
    setting,
    types,
    write,
)

OPENED = Opened("chatcmpl-9", 1_700_000_000, "up")
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
HEAD = ["response.created", "response.in_progress"]
TEXT = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]
CITATION = {"type": "url_citation", "start_index": 0, "end_index": 2, "title": "t", "url": "http://x/"}

# What happens, and the events it makes, between the first two and the last.
MACHINE: dict[str, tuple[list[Event], list[str]]] = {
    "nothing": ([], []),
    "text": ([TextDelta("a")], TEXT),
    "annotated text": (
        [TextDelta("a"), Annotated(raw(CITATION))],
        [*TEXT[:3], "response.output_text.annotation.added", *TEXT[3:]],
    ),
    "refusal": (
        [RefusalDelta("no"), RefusalDelta("!")],
        [*TEXT[:2], "response.refusal.delta", "response.refusal.delta", "response.refusal.done", *TEXT[4:]],
    ),
    "text and refusal": (
        [TextDelta("a"), RefusalDelta("no")],
        [*TEXT[:5], TEXT[1], "response.refusal.delta", "response.refusal.done", *TEXT[4:]],
    ),
    "function": (
        [CallOpened("c", "f"), CallDelta("{"), CallDelta("}"), CallClosed("{}")],
        [
            TEXT[0],
            "response.function_call_arguments.delta",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            TEXT[5],
        ],
    ),
    "function without deltas": (
        [CallOpened("c", "f"), CallClosed("{}")],
        [TEXT[0], "response.function_call_arguments.delta", "response.function_call_arguments.done", TEXT[5]],
    ),
    "custom": (
        [CallOpened("c", "f", "custom"), CallDelta("x"), CallClosed("x")],
        [TEXT[0], "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", TEXT[5]],
    ),
    "empty custom": (
        [CallOpened("c", "f", "custom"), CallClosed("")],
        [TEXT[0], "response.custom_tool_call_input.done", TEXT[5]],
    ),
    "summary of two parts": (
        [ReasoningDelta("a", "summary", 0), ReasoningDelta("b", "summary", 1)],
        [
            TEXT[0],
            *[
                "response.reasoning_summary_part.added",
                "response.reasoning_summary_text.delta",
                "response.reasoning_summary_text.done",
                "response.reasoning_summary_part.done",
            ]
            * 2,
            TEXT[5],
        ],
    ),
    "reasoning text": (
        [ReasoningDelta("a"), ReasoningDelta("b")],
        [
            *TEXT[:2],
            "response.reasoning_text.delta",
            "response.reasoning_text.delta",
            "response.reasoning_text.done",
            *TEXT[4:],
        ],
    ),
    "sealed reasoning alone": ([ReasoningSealed("s", "responses")], [TEXT[0], TEXT[5]]),
    "two seals": (
        [ReasoningSealed("s", "responses"), ReasoningSealed("t", "responses")],
        [TEXT[0], TEXT[5], TEXT[0], TEXT[5]],
    ),
}


def finished(events: list[Event], stop: Stop = Stop.END) -> list[Event]:
    return [OPENED, *events, Used(Usage(1, 2, 3, 4, 5)), Stopped(stop)]


@pytest.mark.parametrize("case", MACHINE)
def test_the_events_of_each_kind_of_item(case: str) -> None:
    events, expected = MACHINE[case]
    sent = write(finished(events))
    assert types(sent) == [*HEAD, *expected, "response.completed"]
    assert sent[-1] == b"data: [DONE]\n\n"


@pytest.mark.parametrize("case", MACHINE)
def test_each_result_is_one_whole_event_whose_name_is_its_type(case: str) -> None:
    for number, one in enumerate(write(finished(MACHINE[case][0]))[:-1]):
        (data,) = datas([one])
        assert one.startswith(f"event: {data['type']}\ndata: ".encode())
        assert one.count(b"\n") == 3
        assert data["sequence_number"] == number


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.integers(1, 13))
def test_the_stream_of_an_answer_ends_with_the_buffered_answer(answer: Answer, size: int) -> None:
    turn = parse(**SEALED)
    sent = datas(write(events_of(answer, size), turn))
    assert sent[-1]["response"] == render_answer(answer, turn)
    assert sent[-1]["type"] == f"response.{sent[-1]['response']['status']}"


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.integers(1, 13))
def test_every_stream_keeps_the_rules_of_its_machine(answer: Answer, size: int) -> None:
    sent = datas(write(events_of(answer, size), parse(**SEALED)))
    assert [event["sequence_number"] for event in sent] == list(range(len(sent)))
    assert [event["type"] for event in sent[:2]] == HEAD
    for event in sent[:2]:
        assert event["response"]["output"] == []
        assert event["response"]["usage"] is None
    done: list[Body] = []
    open_index = None
    for event in sent[2:-1]:
        EVENT.validate_python(event)
        if event["type"] == "response.output_item.added":
            assert open_index is None
            assert event["output_index"] == len(done)
            open_index, identity = event["output_index"], event["item"]["id"]
            continue
        assert event["output_index"] == open_index
        assert event.get("item_id", identity) == identity
        if event["type"] == "response.output_item.done":
            assert event["item"]["id"] == identity
            done.append(event["item"])
            open_index = None
    assert done == sent[-1]["response"]["output"]
    assert len({event["response"]["id"] for event in (sent[0], sent[1], sent[-1])}) == 1


@settings(max_examples=200, deadline=None)
@given(ANSWERS, st.integers(1, 13))
def test_deltas_concatenate_to_their_done_event(answer: Answer, size: int) -> None:
    said: dict[tuple[str, int], str] = {}
    for event in datas(write(events_of(answer, size), parse(**SEALED))):
        kind = event["type"]
        place = str(event.get("item_id")), int(event.get("content_index", 0) or event.get("summary_index", 0))
        if kind.endswith(".delta"):
            said[place] = said.get(place, "") + event["delta"]
        elif kind.endswith(".done") and "part" not in kind and "item" not in kind:
            whole = [event[name] for name in ("text", "refusal", "arguments", "input") if name in event]
            assert [said.pop(place, "")] == whole
    assert said == {}


def sdk(body: bytes, kind: str = "text/event-stream") -> OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=body)

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return OpenAI(api_key="k", base_url="http://gateway/v1", http_client=client, max_retries=0)


@pytest.mark.parametrize("case", MACHINE)
def test_the_official_sdk_accumulates_the_same_object(case: str) -> None:
    events = finished(MACHINE[case][0])
    with sdk(b"".join(write(events))) as client:
        with client.responses.stream(model="m", input="hi") as stream:
            final = stream.get_final_response()
    with sdk(datas_of_last(events), "application/json") as client:
        assert unparsed(final.to_dict()) == client.responses.create(model="m", input="hi").to_dict()


def unparsed(value: Any) -> Any:
    """Without what the SDK's helper adds of its own."""
    if isinstance(value, list):
        return [unparsed(one) for one in value]
    if isinstance(value, dict):
        return {name: unparsed(one) for name, one in value.items() if not name.startswith("parsed")}
    return value


def datas_of_last(events: list[Event]) -> bytes:
    return bytes(raw(datas(write(events))[-1]["response"]))


@settings(max_examples=50, deadline=None)
@given(ANSWERS)
def test_the_official_sdk_reads_any_stream(answer: Answer) -> None:
    sent = write(events_of(answer))
    with sdk(b"".join(sent)) as client:
        got = [event.to_dict() for event in client.responses.create(model="m", input="hi", stream=True)]
    assert got == datas(sent)
    Response.model_validate(got[-1]["response"])


def test_the_sdks_snapshots_are_the_text_so_far() -> None:
    events = finished([TextDelta("a"), TextDelta("b"), CallOpened("c", "f"), CallDelta("{"), CallClosed("{}")])
    with sdk(b"".join(write(events))) as client:
        with client.responses.stream(model="m", input="hi") as stream:
            snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
            assert stream.get_final_response().output_text == "ab"
    assert snapshots == ["a", "ab"]


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (Stop.END, "completed", None),
        (Stop.STOP_SEQUENCE, "completed", None),
        (Stop.TOOL_CALLS, "completed", None),
        (Stop.LENGTH, "incomplete", "max_output_tokens"),
        (Stop.CONTENT_FILTER, "incomplete", "content_filter"),
        (Stop.REFUSAL, "incomplete", "content_filter"),
        (Stop.PAUSE, "incomplete", "max_messages"),
    ],
)
@pytest.mark.parametrize("said", ["text", "function", "custom", "reasoning text", "sealed reasoning alone", "nothing"])
def test_how_an_answer_stopped_is_its_status_and_that_of_its_last_item(
    stop: Stop, status: str, reason: str | None, said: str
) -> None:
    *_, last = datas(
        write(finished([TextDelta("first"), CallOpened("k", "g"), CallClosed("{}"), *MACHINE[said][0]], stop))
    )
    assert last["type"] == f"response.{status}"
    response = last["response"]
    assert response["status"] == status
    assert response["incomplete_details"] == ({"reason": reason} if reason else None)
    assert (response["completed_at"] is None) == (status != "completed")
    assert [item["status"] for item in response["output"][:-1]] == ["completed"] * (len(response["output"]) - 1)
    assert response["output"][-1]["status"] == status


def test_a_refusal_in_words_is_a_complete_answer() -> None:
    *_, last = datas(write(finished([RefusalDelta("no")], Stop.REFUSAL)))
    assert (last["type"], last["response"]["incomplete_details"]) == ("response.completed", None)
    assert last["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_an_annotation_after_its_text_goes_into_a_text_of_its_own() -> None:
    call: list[Event] = [CallOpened("c", "f"), Annotated(raw(CITATION)), CallClosed("{}")]
    *_, last = datas(write(finished([TextDelta("a"), *call])))
    texts = [item["content"][0] for item in last["response"]["output"] if item["type"] == "message"]
    assert [(text["text"], text["annotations"]) for text in texts] == [("a", []), ("", [CITATION])]


def test_an_annotation_before_its_text_waits_for_it() -> None:
    *_, last = datas(write(finished([Annotated(raw(CITATION)), TextDelta("a")])))
    assert last["response"]["output"][0]["content"][0]["annotations"] == [CITATION]


def test_log_probabilities_have_lists_of_bytes() -> None:
    said = raw({"token": "a", "logprob": -1.5, "bytes": None, "top_logprobs": [{"token": "b", "logprob": -2.5}]})
    top = [{"token": "b", "logprob": -2.5, "bytes": []}]
    expected = [{"token": "a", "logprob": -1.5, "bytes": [], "top_logprobs": top}]
    sent = datas(write(finished([TextDelta("a", (said,))])))
    assert [event["logprobs"] for event in sent if "logprobs" in event] == [expected, expected]
    assert sent[-1]["response"]["output"][0]["content"][0]["logprobs"] == expected


def test_a_seal_is_shown_only_to_who_asked_for_it() -> None:
    events = finished([ReasoningDelta("a"), ReasoningSealed("s", "responses")])
    assert "encrypted_content" not in datas(write(events))[-1]["response"]["output"][0]
    assert datas(write(events, parse(**SEALED)))[-1]["response"]["output"][0]["encrypted_content"] == "s"
    foreign = finished([ReasoningDelta("a"), ReasoningSealed("s", "messages")])
    assert "encrypted_content" not in datas(write(foreign, parse(**SEALED)))[-1]["response"]["output"][0]


def test_reasoning_after_a_seal_is_an_item_of_its_own() -> None:
    events = finished([ReasoningDelta("a"), ReasoningSealed("s", "responses"), ReasoningDelta("b")])
    output = datas(write(events))[-1]["response"]["output"]
    assert [item["content"][0]["text"] for item in output] == ["a", "b"]


WRAPPED = parse(tools=[{"type": "custom", "name": "patch"}])


def test_a_wrapped_custom_tool_comes_back_as_a_custom_call_with_raw_input() -> None:
    arguments = '{"input":"*** Begin\\n"}'
    deltas: list[Event] = [CallDelta(arguments[:5]), CallDelta(arguments[5:])]
    sent = datas(write(finished([CallOpened("c", "patch"), *deltas, CallClosed(arguments)]), WRAPPED))
    assert [event["type"] for event in sent[2:-1]] == MACHINE["custom"][1]
    item = sent[-1]["response"]["output"][0]
    assert (item["type"], item["input"], item["id"][:4]) == ("custom_tool_call", "*** Begin\n", "ctc_")


def test_an_alias_comes_back_as_the_name_it_stands_for() -> None:
    name = "files/read"
    turn = parse(tools=[{"type": "function", "name": name, "parameters": {}}])
    events: list[Event] = [CallOpened("c", alias(name)), CallClosed("{}")]
    assert datas(write(finished(events), turn))[-1]["response"]["output"][0]["name"] == name
    answer = Answer(id="", created=1, model="up", items=(ToolCall("c", alias(name), "{}"),), stop=Stop.TOOL_CALLS)
    assert render_answer(answer, turn)["output"][0]["name"] == name


def test_a_call_outside_of_the_allowed_tools_is_suppressed() -> None:
    tools: list[Body] = [{"type": "function", "name": name, "parameters": {}} for name in ("f", "g")]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
    turn = parse(tools=tools, tool_choice=choice)
    calls: list[Event] = []
    for name in ("g", "f"):
        calls += [CallOpened(f"call_{name}", name), CallDelta("{}"), CallClosed("{}")]
    assert [item["name"] for item in datas(write(finished(calls), turn))[-1]["response"]["output"]] == ["f"]


def test_what_has_been_streamed_of_a_call_is_not_unsaid() -> None:
    *_, last = datas(write(finished([CallOpened("c", "f"), CallDelta("[1]"), CallClosed("{}")])))
    assert last["response"]["output"][0]["arguments"] == "[1]"


def test_a_call_that_nobody_closed_is_closed_at_the_end() -> None:
    sent = write(finished([CallOpened("c", "f"), CallDelta("{}")], Stop.LENGTH))
    assert types(sent)[-3:] == ["response.function_call_arguments.done", TEXT[5], "response.incomplete"]


def test_after_the_end_nothing_is_sent() -> None:
    writer = RESPONSES.writer(setting())
    for event in finished([TextDelta("a")]):
        writer.write(event)
    assert writer.write(TextDelta("b")) == []
    assert writer.fail(ErrorBody("m", "server_error")) == []


@pytest.mark.parametrize("before", [[], [OPENED], [OPENED, CallOpened("c", "f"), CallClosed("{}"), TextDelta("a")]])
@pytest.mark.parametrize("by", ["event", "gateway"])
def test_a_failure_is_an_error_then_a_failed_response(before: list[Event], by: str) -> None:
    writer = RESPONSES.writer(setting())
    sent = [one for event in before for one in writer.write(event)]
    if by == "event":
        sent += writer.write(Failed("boom", "rate_limit_exceeded", "rate_limit_error"))
    else:
        sent += writer.fail(ErrorBody("boom", "rate_limit_error", None, "rate_limit_exceeded"))
    got = datas(sent)
    assert [event["type"] for event in got[:2]] == HEAD
    assert [event["sequence_number"] for event in got] == list(range(len(got)))
    nested = {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "boom", "param": None}
    flat = {"code": "rate_limit_exceeded", "message": "boom", "param": None}
    assert got[-2] == {"type": "error", "sequence_number": len(got) - 2, "error": nested, **flat}
    failed = got[-1]["response"]
    assert (got[-1]["type"], failed["status"]) == ("response.failed", "failed")
    assert failed["error"] == {"code": "rate_limit_exceeded", "message": "boom"}
    assert [item["type"] for item in failed["output"]] == (["function_call"] if len(before) > 1 else [])
    assert failed["completed_at"] is None
    Response.model_validate(failed)
    assert sent[-1] == b"data: [DONE]\n\n"


def test_the_sdk_raises_on_a_failure() -> None:
    sent = write([OPENED, TextDelta("a"), Failed("boom")])
    with sdk(b"".join(sent)) as client:
        with pytest.raises(APIError, match="boom"):
            list(client.responses.create(model="m", input="hi", stream=True))
        with pytest.raises(APIError, match="boom"), client.responses.stream(model="m", input="hi") as stream:
            stream.get_final_response()


def test_usage_counted_before_a_failure_is_told() -> None:
    *_, last = datas(write([OPENED, Used(Usage(1, 2)), Failed("boom")]))
    assert last["response"]["usage"]["total_tokens"] == 3


def test_no_usage_is_null() -> None:
    *_, last = datas(write([OPENED, TextDelta("a"), Stopped(Stop.END)]))
    assert last["response"]["usage"] is None


def test_a_stream_without_an_opening_event_begins_all_the_same() -> None:
    sent = datas(write([TextDelta("a"), Stopped(Stop.END)]))
    assert [event["type"] for event in sent[:2]] == HEAD
    assert sent[0]["response"]["id"] == "resp_0"


def test_the_answer_of_a_whole_turn() -> None:
    turn: Turn = parse(**SEALED, instructions="Be brief.", reasoning={"effort": "low", "summary": "auto"})
    answer = Answer(
        id="chatcmpl-1",
        created=5,
        model="up",
        items=(
            Reasoning(("t",), ("s",), "seal", "responses"),
            Message("assistant", (Text("a"), Refusal("no"))),
            ToolCall("call_1", "f", '{"x":1}'),
        ),
        stop=Stop.TOOL_CALLS,
    )
    *_, last = datas(write(events_of(answer), turn))
    assert [item["id"] for item in last["response"]["output"]] == ["rs_1", "msg_2", "fc_3"]
    assert last["response"]["reasoning"] == {"effort": "low", "summary": "auto"}
    assert last["response"]["instructions"] == "Be brief."
