"""Faults that gateways of this kind are known for, each held off on the whole way from one dialect to another.

Every number from 1 to 46 has one test here, or is named in `ELSEWHERE` with the test that has it.
"""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from tests.golden.crossing import DONE, OPEN, answered, passage, refused, sent, streamed, wire
from tests.golden.matrix import Json, bridge
from tests.golden.samples import (
    C_USAGE,
    CITED,
    FLAT,
    NESTED,
    ROLE,
    SCHEMA,
    call_item,
    chat_stream,
    chunk,
    completion,
    created,
    ended,
    function_call,
    message,
    output,
    piece,
    reasoning,
    response,
    text_item,
    tool_call,
)
from tests.golden.seen import calls, deltas, finishes, last, text_of, types

TESTS: Final = Path(__file__).parent.parent
ELSEWHERE: Final = {
    41: "e2e/test_state.py::test_only_a_background_response_can_be_cancelled_or_streamed_again",
    42: "e2e/test_hosted_tools.py::test_parallel_calls_of_hosted_tools_are_streamed_as_they_happen_and_kept",
}
WRAPS: Final = msgspec.structs.replace(OPEN, custom_tools="wrap")


def test_regression_01_arguments_that_come_without_deltas_are_delivered_whole() -> None:
    item = call_item(0, 1, '{"city":"Rome"}', deltas=False)
    events = streamed("chat", "responses", created(), *item, ended(function_call(1, '{"city":"Rome"}')))
    assert calls(events) == {0: '{"city":"Rome"}'}


def test_regression_02_a_call_alone_makes_no_message() -> None:
    events = streamed("responses", "chat", *chat_stream(piece(0), finish="tool_calls"))
    assert [item["type"] for item in last(events)["output"]] == ["function_call"]
    assert not [event for event in events if "message" in json.dumps(event) and "item" in event]
    ids = [last(events)["id"], *(item["id"] for item in last(events)["output"])]
    assert [identity.split("_")[0] for identity in ids] == ["resp", "fc"]


def test_regression_03_a_part_is_announced_before_its_text_and_ended_in_order() -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a"), chunk(content="b")))
    assert types(events)[2:-1] == [
        "response.output_item.added", "response.content_part.added", "response.output_text.delta",
        "response.output_text.delta", "response.output_text.done", "response.content_part.done",
        "response.output_item.done",
    ]  # fmt: skip


def test_regression_04_text_reasoning_and_a_call_are_one_choice() -> None:
    body = answered("chat", "responses", response(message("a"), reasoning("r"), function_call(1)))
    (choice,) = body["choices"]
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("a", "r")
    assert choice["message"]["tool_calls"] == [tool_call(1)]
    assert choice["finish_reason"] == "tool_calls"


def test_regression_05_the_end_of_a_text_item_is_not_the_end_of_the_answer() -> None:
    items = [*text_item(0, "a"), *call_item(1, 1)]
    events = streamed("chat", "responses", created(), *items, ended(message("a"), function_call(1)))
    assert [finish for finish in finishes(events) if finish] == ["tool_calls"]
    assert finishes(events)[-1] == "tool_calls"


def test_regression_06_parallel_calls_keep_their_index_and_arguments() -> None:
    items = [*call_item(1, 1, '{"a":1}'), *call_item(2, 2, '{"b":2}')]
    whole = ended(message("t"), function_call(1, '{"a":1}'), function_call(2, '{"b":2}'))
    events = streamed("chat", "responses", created(), *text_item(0, "t"), *items, whole)
    assert calls(events) == {0: '{"a":1}', 1: '{"b":2}'}


def test_regression_07_calls_and_outputs_of_a_turn_are_one_message_and_those_after_it() -> None:
    history = [function_call(1), function_call(2), output(1, "one"), output(2, "two")]
    messages = sent("responses", "chat", input=history)["messages"]
    assert messages == [
        {"role": "assistant", "content": None, "tool_calls": [tool_call(1), tool_call(2)]},
        {"role": "tool", "tool_call_id": "call_1", "content": "one"},
        {"role": "tool", "tool_call_id": "call_2", "content": "two"},
    ]


def test_regression_08_text_beside_calls_is_not_lost() -> None:
    said = {"role": "assistant", "content": "t", "tool_calls": [tool_call(1)]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "20"}
    first, second, _ = sent("chat", "responses", messages=[said, result])["input"]
    assert (first["role"], first["content"][0]["text"]) == ("assistant", "t")
    assert (second["type"], second["call_id"]) == ("function_call", "call_1")


def test_regression_09_a_tools_output_in_words_is_a_string() -> None:
    history = [
        {"role": "assistant", "tool_calls": [tool_call(1)]},
        {"role": "tool", "tool_call_id": "call_1", "content": "20"},
    ]
    assert sent("chat", "responses", messages=history)["input"][-1]["output"] == "20"


def test_regression_10_a_text_of_the_history_has_annotations() -> None:
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    (part,) = sent("chat", "responses", messages=history)["input"][1]["content"]
    assert part == {"type": "output_text", "text": "b", "annotations": []}


def test_regression_11_tools_and_their_choice_are_flat_for_responses() -> None:
    body = sent("chat", "responses", tools=[NESTED], tool_choice={"type": "function", "function": {"name": "weather"}})
    assert body["tools"] == [FLAT]
    assert body["tool_choice"] == {"type": "function", "name": "weather"}


def test_regression_12_a_named_choice_stays_named() -> None:
    body = sent("responses", "chat", tools=[FLAT], tool_choice={"type": "function", "name": "weather"})
    assert body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize("given", [FLAT, NESTED], ids=["flat", "nested"])
def test_regression_13_tools_of_both_shapes_are_kept_whole(given: Json) -> None:
    assert sent("responses", "chat", tools=[given])["tools"] == [NESTED]


def test_regression_14_a_long_schema_goes_where_schemas_go() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": "x" * 600}}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    body = sent("chat", "responses", response_format=form)
    assert body["text"]["format"] == {"type": "json_schema", "name": "n", "schema": schema}
    assert "metadata" not in body


def test_regression_15_response_format_is_refused_with_its_name_in_responses() -> None:
    error = refused("responses", "chat", response_format={"type": "json_object"})
    assert (error.kind, error.param) == (errors.UNSUPPORTED_PARAMETER, "response_format")
    assert "'text.format'" in error.message


def test_regression_16_an_answer_that_reasoning_ate_up_is_an_empty_one() -> None:
    body = answered(
        "chat", "responses", response(status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    )
    assert (body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]) == (None, "length")
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 12


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_regression_17_length_and_content_filter_are_incomplete(finish: str, reason: str) -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a"), finish=finish))
    assert events[-2]["type"] == "response.incomplete"
    for body in (last(events), answered("responses", "chat", completion(finish, content="a"))):
        assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": reason})
        assert body["output"][-1]["status"] == "incomplete"


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_regression_18_usage_comes_with_every_end(status: str) -> None:
    events = streamed("chat", "responses", created(), *text_item(0, "a"), ended(message("a"), status=status))
    assert events[-1] == DONE and events[-2]["choices"] == []
    usage = events[-2]["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 5
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 12


def test_regression_19_a_call_has_the_same_ids_wherever_it_is_told() -> None:
    """That the stored response is the one of the last event is in e2e/test_state.py."""
    events = streamed("responses", "chat", *chat_stream(piece(0), piece(1), finish="tool_calls"))
    told = [event["item"] for event in events if event != DONE and "item" in event] + last(events)["output"]
    assert len({(item["id"], item["call_id"]) for item in told}) == 2
    assert {item["call_id"] for item in told} == {"call_1", "call_2"}


@pytest.mark.parametrize("said", [chunk(content="a"), piece(0), chunk(reasoning_content="a")])
def test_regression_20_the_last_item_is_done_too(said: Json) -> None:
    events = streamed("responses", "chat", *chat_stream(said))
    assert types(events)[-2] == "response.output_item.done"
    assert events[-3]["item"] == last(events)["output"][-1]


def test_regression_21_numbers_rise_by_one_and_are_not_nested() -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a"), piece(0)))[:-1]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert not any("sequence_number" in event.get("response", {}) for event in events)


def test_regression_22_reasoning_is_an_item_of_its_own_closed_before_the_next() -> None:
    said = [chunk(reasoning_content="r"), chunk(content="a"), piece(0)]
    events = streamed("responses", "chat", *chat_stream(*said, finish="tool_calls"))
    lives = [(event["type"].rpartition(".")[2], event["output_index"], event["item"]["type"])
             for event in events if event != DONE and "item" in event]  # fmt: skip
    assert lives == [
        ("added", 0, "reasoning"), ("done", 0, "reasoning"), ("added", 1, "message"), ("done", 1, "message"),
        ("added", 2, "function_call"), ("done", 2, "function_call"),
    ]  # fmt: skip


def test_regression_23_indices_are_integers_in_the_order_of_the_output() -> None:
    events = streamed("responses", "chat", *chat_stream(piece(0), piece(1), chunk(content="late")))
    added = [event for event in events if event != DONE and event["type"] == "response.output_item.added"]
    assert [(type(event["output_index"]), event["output_index"]) for event in added] == [(int, 0), (int, 1), (int, 2)]
    assert [event["item"]["id"] for event in added] == [item["id"] for item in last(events)["output"]]


def test_regression_24_the_last_object_has_the_whole_output() -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a"), piece(0), finish="tool_calls"))
    assert [item["type"] for item in last(events)["output"]] == ["message", "function_call"]
    assert last(events)["output"][0]["content"][0]["text"] == "a"


def test_regression_25_a_text_has_one_id_from_its_beginning_to_its_end() -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a"), chunk(content="b")))
    ids = {event.get("item_id") or event["item"]["id"] for event in events[2:-2]}
    assert ids == {last(events)["output"][0]["id"]}


def test_regression_26_an_error_in_the_middle_keeps_its_code_and_ends_the_stream() -> None:
    error = {"error": {"message": "Too long.", "type": "invalid_request_error", "code": "context_length_exceeded"}}
    events = streamed("responses", "chat", ROLE, chunk(content="a"), error)
    assert types(events)[-2:] == ["error", "response.failed"] and events[-1] == DONE
    told, failed = events[-3:-1]
    assert (told["code"], told["error"]["code"]) == ("context_length_exceeded", "context_length_exceeded")
    assert failed["sequence_number"] == told["sequence_number"] + 1
    assert (failed["response"]["status"], failed["response"]["error"]["code"]) == ("failed", "context_length_exceeded")


@pytest.mark.parametrize("back", ["chat", "responses", "messages"])
def test_regression_27_a_connection_that_broke_is_an_error_and_never_an_end(back: Any) -> None:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    begun: dict[str, list[Json]] = {
        "chat": [ROLE, chunk(content="a")],
        "responses": [created(), *text_item(0, "a")],
        "messages": [{"type": "message_start", "message": {"id": "msg_1", "model": "m"}}, block, delta],
    }
    for front in ("chat", "responses", "messages"):
        relay = passage(front, back, stream=True).stream()
        out = [event for one in begun[back] for event in relay.receive(wire(one))]
        out += relay.fail(GatewayError(errors.STREAM_ABORTED, "The connection broke."))
        assert (relay.finished, relay.failure is not None) == (False, True)
        assert b'"error"' in b"".join(out[-3:])
        assert not re.search(rb'"(finish_reason|stop_reason)":"|response\.completed', b"".join(out))
        with pytest.raises(GatewayError):
            passage(front, back, stream=True).stream().eof()


def test_regression_28_no_event_of_a_plain_text_is_missing() -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a")))
    assert {"response.in_progress", "response.output_text.done"} <= set(types(events))


def test_regression_29_a_strict_template_gets_one_leading_system_message() -> None:
    history = [{"role": "developer", "content": "b"}, {"role": "user", "content": "c"}]
    messages = sent("responses", "chat", OPEN, instructions="a", input=history)["messages"]
    assert messages == [{"role": "system", "content": "a\n\nb"}, {"role": "user", "content": "c"}]


def test_regression_30_a_developer_is_a_system_where_only_that_is_known() -> None:
    history = [{"role": "developer", "content": "b"}, {"role": "user", "content": "c"}]
    profile = Profile(developer="system")
    assert [one["role"] for one in sent("responses", "chat", profile, input=history)["messages"]] == ["system", "user"]


def test_regression_31_the_text_of_an_earlier_answer_is_accepted() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    assert sent("responses", "chat", input=[said])["messages"] == [{"role": "assistant", "content": "a"}]


def test_regression_32_reasoning_goes_to_the_provider_and_never_into_the_text() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "r"}]}
    (one,) = sent("responses", "chat", OPEN, input=[thought, message("a")])["messages"]
    assert one == {"role": "assistant", "content": "a", "reasoning_content": "r"}


@pytest.mark.parametrize("as_text", [False, True], ids=["as parts", "as a string of JSON"])
def test_regression_33_an_image_of_a_tool_reaches_the_model_as_an_image(as_text: bool) -> None:
    parts = [{"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}]
    history = [function_call(1), output(1, json.dumps(parts) if as_text else parts)]
    body = sent("responses", "chat", input=history)
    images = [part["image_url"]["url"] for one in body["messages"] if isinstance(one["content"], list)
              for part in one["content"] if part["type"] == "image_url"]  # fmt: skip
    assert images == ["data:image/png;base64,AAAA"]
    assert "AAAA" not in body["messages"][1]["content"]
    result = sent("responses", "messages", input=history)["messages"][1]["content"][0]
    assert result["content"][0]["source"]["data"] == "AAAA"


def test_regression_34_a_custom_tool_comes_back_with_raw_input() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}
    tools = [{"type": "custom", "name": "apply_patch", "format": grammar}]
    patch = "*** Begin Patch\n+a\n*** End Patch"
    (offered,) = sent("responses", "chat", WRAPS, tools=tools)["tools"]
    assert offered["type"] == "function" and grammar["definition"] in offered["function"]["description"]
    wrapped = tool_call(1, json.dumps({"input": patch}), "apply_patch")
    events = streamed("responses", "chat", *chat_stream(chunk(tool_calls=[{"index": 0, **wrapped}])),
                      profile=WRAPS, tools=tools)  # fmt: skip
    for body in (last(events), answered("responses", "chat", completion(tool_calls=[wrapped]), WRAPS, tools=tools)):
        (item,) = body["output"]
        assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", patch)
    error = refused("responses", "chat", Profile(custom_tools="reject"), tools=tools)
    assert error.kind is errors.UNSUPPORTED_PARAMETER


def test_regression_35_late_citations_are_all_told() -> None:
    text = [event for event in text_item(0, "ab") if event["type"].endswith("delta")]
    late = streamed("chat", "responses", created(), *text, ended(message("ab", CITED)))
    nested = [{"type": "url_citation", "url_citation": {k: v for k, v in one.items() if k != "type"}} for one in CITED]
    assert [one for delta in deltas(late) for one in delta.get("annotations", ())] == nested
    whole = answered("chat", "responses", response(message("ab", CITED)))
    assert whole["choices"][0]["message"]["annotations"] == nested
    events = streamed("responses", "chat", *chat_stream(chunk(content="ab"), chunk(annotations=nested)))
    told = [event["annotation"] for event in events if event != DONE and "annotation" in event]
    assert told == CITED == last(events)["output"][0]["content"][0]["annotations"]


def test_regression_36_created_comes_first_even_before_a_failure() -> None:
    error = {"error": {"message": "no"}}
    assert types(streamed("responses", "chat", ROLE, chunk(content="a"), error))[0] == "response.created"
    asked = bridge("responses", json.dumps({"model": "m", "input": "Hi", "stream": True}).encode())
    first = asked.stream_error(GatewayError(errors.REQUEST_TIMEOUT, "too slow"))[0]
    assert first.startswith(b"event: response.created\n") and b'"sequence_number":0' in first


def test_regression_37_an_event_wraps_its_response() -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a")))[:-1]
    assert all(event.get("object") is None for event in events)
    assert all(("response" in event) == (event["type"].count(".") == 1) for event in events)


def test_regression_38_an_index_of_0_is_written() -> None:
    events = streamed("responses", "chat", *chat_stream(chunk(content="a")))
    assert all(event["output_index"] == 0 for event in events[2:-2])
    assert all(event["content_index"] == 0 for event in events[3:-3])


def test_regression_39_an_upstream_that_says_stop_after_calls_means_its_calls() -> None:
    stream = chat_stream(piece(0), finish="stop")
    assert last(streamed("responses", "chat", *stream))["output"][0]["type"] == "function_call"
    ending = next(event for event in streamed("messages", "chat", *stream) if event["type"] == "message_delta")
    assert ending["delta"]["stop_reason"] == "tool_use"
    assert answered("messages", "chat", completion("stop", tool_calls=[tool_call(1)]))["stop_reason"] == "tool_use"
    events = streamed("chat", "responses", created(), *call_item(0, 1), ended(function_call(1)))
    assert finishes(events)[-1] == "tool_calls" and set(finishes(events)[:-1]) == {None}


def test_regression_40_a_finish_that_comes_twice_gives_the_call_once() -> None:
    again = chunk("tool_calls") | {"usage": C_USAGE}
    stream: list[Json | str] = [ROLE, piece(0), chunk("tool_calls"), again, DONE]
    assert len(last(streamed("responses", "chat", *stream))["output"]) == 1
    begun = [event for event in streamed("messages", "chat", *stream) if event["type"] == "content_block_start"]
    assert len(begun) == 1


@pytest.mark.parametrize(("given", "strict"), [({}, False), ({"strict": False}, False), ({"strict": True}, True)])
def test_regression_43_a_tool_is_strict_only_if_it_was_said(given: Json, strict: bool) -> None:
    tools = [{"name": "weather", "input_schema": SCHEMA, **given}]
    assert sent("messages", "responses", tools=tools)["tools"][0]["strict"] is strict
    assert sent("messages", "chat", tools=tools)["tools"][0]["function"]["strict"] is strict


def test_regression_44_a_text_is_told_once_also_when_the_history_has_a_call() -> None:
    history = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [tool_call(1)]},
        {"role": "tool", "tool_call_id": "call_1", "content": "20"},
    ]
    events = streamed("chat", "responses", created(), *text_item(0, "20 degrees"), ended(message("20 degrees")),
                      messages=history, tools=[NESTED])  # fmt: skip
    assert text_of(events) == "20 degrees"
    assert sum(bool(delta.get("content")) for delta in deltas(events)) == 1


def test_regression_45_allowed_tools_and_one_call_at_a_time_reach_messages() -> None:
    time = {"type": "function", "function": {"name": "time"}}
    choice = {"mode": "required", "tools": [{"type": "function", "function": {"name": "weather"}}]}
    allowed = {"type": "allowed_tools", "allowed_tools": choice}
    body = sent("chat", "messages", tools=[NESTED, time], tool_choice=allowed, parallel_tool_calls=False)
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(("back", "profile", "name"), [
    ("chat", Profile(), "max_completion_tokens"), ("chat", OPEN, "max_tokens"), ("messages", Profile(), "max_tokens"),
])  # fmt: skip
def test_regression_46_limits_and_choices_are_never_dropped(back: Any, profile: Profile, name: str) -> None:
    body = sent("responses", back, profile, max_output_tokens=77, tools=[FLAT], tool_choice="required")
    assert body[name] == 77
    assert body["tool_choice"] in ("required", {"type": "any"})


def numbered() -> list[int]:
    tree = ast.parse(Path(__file__).read_text("utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [int(found[1]) for name in names if (found := re.match(r"test_regression_(\d\d)_", name))]


def test_each_fault_has_its_test_or_says_where_it_is() -> None:
    here = numbered()
    assert all(one < other for one, other in pairwise(here))
    assert sorted([*here, *ELSEWHERE]) == list(range(1, 47))


def test_a_test_that_is_elsewhere_is_there() -> None:
    for place in ELSEWHERE.values():
        path, _, name = place.partition("::")
        tree = ast.parse((TESTS / path).read_text("utf-8"))
        functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert name in functions, place
