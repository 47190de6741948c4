"""Faults that gateways of this kind are known for, as far as they lie in this dialect.

The numbers are shared by all dialects. Where a case joins two of them, the half of this one is tested: what
is read of a Responses caller or upstream, and what is written for one.
"""

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.errors import GatewayError
from dragoman.turn import (
    Annotated,
    Answer,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Format,
    Image,
    Message,
    Opened,
    Reasoning,
    ReasoningDelta,
    Stop,
    Stopped,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Usage,
    Used,
)
from tests.dialects.responses.samples import (
    USAGE,
    Body,
    call,
    datas,
    losses,
    message,
    parse,
    plain,
    raw,
    read,
    render,
    render_answer,
    response,
    stream,
    types,
    write,
)

OPENED = Opened("chatcmpl-1", 1_700_000_000, "up")
CREATED = {"type": "response.created", "response": response("in_progress", usage=None)}
SCHEMA = {"type": "object", "properties": {"a": {"type": "number", "description": "x" * 600}}}
CALL: list[Event] = [CallOpened("call_1", "f"), CallDelta("{}"), CallClosed("{}")]


def completed(*output: Body, status: str = "completed", **members: object) -> Body:
    return {"type": f"response.{status}", "response": response(status, output, **members)}


def finished(*events: Event, stop: Stop = Stop.END) -> list[Body]:
    return datas(write([OPENED, *events, Used(Usage(1, 2)), Stopped(stop)]))


def test_regression_01_arguments_without_deltas_are_delivered_whole() -> None:
    begun = call("f", "", "call_1", status="in_progress")
    added = {"type": "response.output_item.added", "output_index": 0, "item": begun}
    done = {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'}
    events = read(stream(CREATED, added, done, completed(call("f", '{"a":1}', "call_1"))))
    assert events[1:4] == [CallOpened("call_1", "f"), CallDelta('{"a":1}'), CallClosed('{"a":1}')]


def test_regression_02_a_tool_call_alone_makes_no_message() -> None:
    sent = finished(*CALL, stop=Stop.TOOL_CALLS)
    assert [item["type"] for item in sent[-1]["response"]["output"]] == ["function_call"]
    assert sent[-1]["response"]["id"].startswith("resp_")
    assert sent[-1]["response"]["output"][0]["id"].startswith("fc_")


def test_regression_03_a_part_is_announced_before_its_text_and_done_after_it() -> None:
    kinds = [event["type"] for event in finished(TextDelta("a"))]
    order = ["response.content_part.added", "response.output_text.delta", "response.output_text.done"]
    places = [kinds.index(kind) for kind in [*order, "response.content_part.done"]]
    assert places == sorted(places)


def test_regression_04_text_reasoning_and_a_call_are_one_answer() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}]}
    body = response(output=[message("a"), reasoning, call("f", "{}", "call_1")])
    answer = RESPONSES.parse_answer(msgspec.json.encode(body))
    assert [type(item) for item in answer.items] == [Message, Reasoning, ToolCall]
    assert answer.stop is Stop.TOOL_CALLS


def test_regression_05_the_end_of_a_text_item_is_not_the_end() -> None:
    done = {"type": "response.output_item.done", "output_index": 0, "item": message("a")}
    events = read(stream(CREATED, done, completed(message("a"), call("f", "{}", "call_1"))))
    assert [type(event) for event in events] == [
        Opened, TextDelta, CallOpened, CallDelta, CallClosed, Used, Stopped,
    ]  # fmt: skip


def test_regression_06_parallel_calls_do_not_run_together() -> None:
    first, second = call("f", '{"a":1}', "call_1", "fc_1"), call("g", '{"b":2}', "call_2", "fc_2")
    events: list[Body] = [CREATED]
    for index, item in enumerate((first, second)):
        events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "arguments": ""}})
    for piece in (0, 1):
        for index, item in enumerate((first, second)):
            half = item["arguments"][:3] if piece == 0 else item["arguments"][3:]
            events.append({"type": "response.function_call_arguments.delta", "output_index": index, "delta": half})
    closed = [event for event in read(stream(*events, completed(first, second))) if isinstance(event, CallClosed)]
    assert [event.arguments for event in closed] == ['{"a":1}', '{"b":2}']


def test_regression_07_calls_and_outputs_of_one_turn_keep_their_order_and_ids() -> None:
    history = [call("f", "{}", "call_1", "fc_1"), call("g", "{}", "call_2", "fc_2")]
    history += [{"type": "function_call_output", "call_id": f"call_{n}", "output": str(n)} for n in (1, 2)]
    items = parse(input=history).items
    assert [(type(item).__name__, getattr(item, "call_id", "")) for item in items] == [
        ("ToolCall", "call_1"), ("ToolCall", "call_2"), ("ToolResult", "call_1"), ("ToolResult", "call_2"),
    ]  # fmt: skip


def test_regression_08_text_beside_calls_is_not_lost() -> None:
    turn = Turn("m", items=(Message("assistant", (Text("t"),)), ToolCall("call_1", "f", "{}")))
    sent = render(turn)["input"]
    assert [item["type"] for item in sent] == ["message", "function_call"]
    assert sent[0]["content"][0]["text"] == "t"


def test_regression_09_a_tools_output_in_words_is_a_string() -> None:
    assert render(Turn("m", items=(ToolResult("call_1", (Text("20"),)),)))["input"][0]["output"] == "20"


def test_regression_10_a_text_of_the_history_has_annotations() -> None:
    sent = render(Turn("m", items=(Message("assistant", (Text("t"),)),)))["input"][0]
    assert sent["content"] == [{"type": "output_text", "text": "t", "annotations": []}]


def test_regression_11_tools_and_their_choice_are_flat() -> None:
    body = render(Turn("m", tools=(Tool("f", parameters=raw({})),), tool_choice=ToolChoice("named", ("f",))))
    assert body["tools"][0]["name"] == "f"
    assert body["tool_choice"] == {"type": "function", "name": "f"}


def test_regression_12_a_named_choice_stays_named() -> None:
    choice = parse(tool_choice={"type": "function", "name": "f"}).tool_choice
    assert choice == ToolChoice("named", ("f",))


def test_regression_13_flat_and_nested_tools_are_both_read() -> None:
    members = {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
    flat = parse(tools=[{"type": "function", **members}])
    nested = parse(tools=[{"type": "function", "function": members}])
    assert plain(flat.tools) == plain(nested.tools) == plain((Tool("f", "d", raw(SCHEMA), True),))


def test_regression_14_a_long_schema_goes_where_schemas_go() -> None:
    body = render(Turn("m", format=Format("json_schema", "n", schema=raw(SCHEMA), strict=True)))
    assert body["text"]["format"] == {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}
    assert "metadata" not in body


def test_regression_15_response_format_is_refused_with_its_name_here() -> None:
    with pytest.raises(GatewayError, match=r"text\.format") as caught:
        parse(response_format={"type": "json_object"})
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, "response_format")


def test_regression_16_an_answer_may_be_incomplete_and_empty() -> None:
    body = response("incomplete", incomplete_details={"reason": "max_output_tokens"})
    answer = RESPONSES.parse_answer(msgspec.json.encode(body))
    assert (answer.items, answer.stop, answer.usage) == ((), Stop.LENGTH, USAGE)


@pytest.mark.parametrize(
    ("stop", "reason"), [(Stop.LENGTH, "max_output_tokens"), (Stop.CONTENT_FILTER, "content_filter")]
)
def test_regression_17_an_answer_that_was_cut_says_why(stop: Stop, reason: str) -> None:
    last = finished(TextDelta("a"), stop=stop)[-1]
    assert (last["type"], last["response"]["incomplete_details"]) == ("response.incomplete", {"reason": reason})
    answer = Answer(id="", created=1, model="up", items=(Message("assistant", (Text("a"),)),), stop=stop)
    assert render_answer(answer)["status"] == "incomplete"


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_regression_18_usage_comes_with_every_end(status: str) -> None:
    assert Used(USAGE) in read(stream(CREATED, completed(status=status)))


def test_regression_19_a_call_has_one_id_everywhere() -> None:
    sent = finished(*CALL, stop=Stop.TOOL_CALLS)
    items = [event["item"] for event in sent if "item" in event] + sent[-1]["response"]["output"]
    assert {(item["id"], item["call_id"]) for item in items} == {("fc_1", "call_1")}


@pytest.mark.parametrize("events", [[TextDelta("a")], CALL, [ReasoningDelta("a")]])
def test_regression_20_the_last_item_is_done_too(events: list[Event]) -> None:
    assert [event["type"] for event in finished(*events)][-2] == "response.output_item.done"


def test_regression_21_numbers_rise_by_one_and_are_not_nested() -> None:
    sent = finished(ReasoningDelta("r"), TextDelta("a"), *CALL)
    assert [event["sequence_number"] for event in sent] == list(range(len(sent)))
    assert all("sequence_number" not in event.get("response", {}) for event in sent)


def test_regression_22_reasoning_is_an_item_of_its_own() -> None:
    sent = finished(ReasoningDelta("r"), TextDelta("a"), *CALL)
    lives = [(event["type"].rpartition(".")[2], event["output_index"]) for event in sent if "item" in event]
    assert lives == [("added", 0), ("done", 0), ("added", 1), ("done", 1), ("added", 2), ("done", 2)]


def test_regression_23_indices_are_integers_in_the_order_of_the_output() -> None:
    second: list[Event] = [CallOpened("call_2", "g"), CallClosed("{}")]
    sent = finished(*CALL, *second, TextDelta("late"))
    added = [event for event in sent if event["type"] == "response.output_item.added"]
    assert [type(event["output_index"]) for event in added] == [int] * 3
    assert [event["item"]["id"] for event in added] == [item["id"] for item in sent[-1]["response"]["output"]]


def test_regression_24_the_last_object_has_the_output() -> None:
    output = finished(TextDelta("a"), *CALL)[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call"]


def test_regression_25_a_text_has_one_id_from_beginning_to_end() -> None:
    sent = finished(TextDelta("a"), TextDelta("b"))
    ids = {event.get("item_id") or event["item"]["id"] for event in sent[2:-1]}
    assert ids == {sent[-1]["response"]["output"][0]["id"]}


def test_regression_26_an_error_in_the_middle_is_told_with_its_code() -> None:
    sent = write([OPENED, TextDelta("a"), Failed("boom", "context_length_exceeded", "invalid_request_error")])
    error, failed = datas(sent)[-2:]
    assert (error["type"], error["code"], error["error"]["code"]) == ("error", *["context_length_exceeded"] * 2)
    assert failed["sequence_number"] == error["sequence_number"] + 1
    assert (failed["response"]["status"], failed["response"]["error"]["code"]) == ("failed", "context_length_exceeded")
    assert sent[-1] == b"data: [DONE]\n\n"


def test_regression_27_a_stream_that_was_cut_has_no_end() -> None:
    whole = stream(CREATED, {"type": "response.output_text.delta", "delta": "a"}, completed())
    for end in range(whole.index(b"event: response.completed")):
        assert not any(isinstance(event, Stopped) for event in read(whole[:end]))


def test_regression_28_no_event_of_a_plain_text_is_missing() -> None:
    kinds = {event["type"] for event in finished(TextDelta("a"))}
    assert {"response.in_progress", "response.output_text.done"} <= kinds


def test_regression_29_strict_templates_get_one_leading_system_message() -> None:
    history = [{"role": "developer", "content": "b"}, {"role": "user", "content": "c"}]
    turn = parse(instructions="a", input=history)
    body = render(turn, Profile(merge_system=True))
    assert (body["instructions"], [item["role"] for item in body["input"]]) == ("a\n\nb", ["user"])
    assert losses(turn, Profile(merge_system=True)) == [("input", "mapped")]


def test_regression_30_a_developer_is_a_system_where_only_that_is_known() -> None:
    turn = parse(input=[{"role": "developer", "content": "b"}])
    assert render(turn, Profile(developer="system"))["input"][0]["role"] == "system"


def test_regression_31_the_text_of_an_earlier_answer_is_accepted() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    assert parse(input=[said]).items == (Message("assistant", (Text("a"),)),)


def test_regression_32_reasoning_is_neither_dropped_nor_said_aloud() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}]}
    assert parse(input=[item]).items == (Reasoning(("t",), id="rs_1"),)


@pytest.mark.parametrize("as_text", [False, True])
def test_regression_33_an_image_of_a_tool_is_an_image(as_text: bool) -> None:
    parts = [{"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}]
    output = bytes(raw(parts)).decode() if as_text else parts
    (item,) = parse(input=[{"type": "function_call_output", "call_id": "c", "output": output}]).items
    assert item == ToolResult("c", (Image("data:image/png;base64,AA=="),))


def test_regression_34_a_custom_tool_is_answered_with_raw_input() -> None:
    turn = parse(tools=[{"type": "custom", "name": "apply_patch"}])
    patch = "*** Begin Patch\n+a\n*** End Patch"
    wrapped = bytes(raw({"input": patch})).decode()
    answer = Answer(id="", created=1, model="up", items=(ToolCall("c", "apply_patch", wrapped),), stop=Stop.TOOL_CALLS)
    (item,) = render_answer(answer, turn)["output"]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", patch)
    with pytest.raises(GatewayError):
        render(turn, Profile(custom_tools="reject"))


def test_regression_35_late_citations_are_all_told() -> None:
    cited = [{"type": "url_citation", "start_index": n, "end_index": n, "title": "t", "url": "u"} for n in (0, 1)]
    part = {"type": "output_text", "text": "ab", "annotations": cited}
    delta = {"type": "response.output_text.delta", "delta": "ab"}
    events = read(stream(CREATED, delta, completed(message(part))))
    assert [plain(event.annotation) for event in events if isinstance(event, Annotated)] == cited
    sent = datas(write(events))
    streamed = [event["annotation"] for event in sent if "annotation" in event]
    assert streamed == sent[-1]["response"]["output"][0]["content"][0]["annotations"] == cited


def test_regression_36_created_comes_first_even_before_a_failure() -> None:
    assert types(write([Failed("boom")]))[0] == "response.created"


def test_regression_37_an_event_wraps_its_response() -> None:
    for event in finished(TextDelta("a")):
        assert event.get("object") is None
        assert ("response" in event) == (event["type"].count(".") == 1)


def test_regression_38_an_index_of_0_is_written() -> None:
    sent = finished(TextDelta("a"))
    assert all(event["output_index"] == 0 for event in sent[2:-1])
    assert all(event["content_index"] == 0 for event in sent[3:-2])


def test_regression_43_a_tool_is_strict_only_if_it_was_said() -> None:
    tools = tuple(
        Tool(name, parameters=raw({}), strict=strict) for name, strict in zip("fgh", (None, False, True), strict=True)
    )
    assert [tool["strict"] for tool in render(Turn("m", tools=tools))["tools"]] == [False, False, True]


def test_regression_44_a_text_is_told_once() -> None:
    done = {"type": "response.output_item.done", "output_index": 0, "item": message("a")}
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "a"}
    text = {"type": "response.output_text.done", "output_index": 0, "text": "a"}
    events = read(stream(CREATED, delta, text, done, completed(message("a"), call("f", "{}", "c"))))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["a"]
