import json
from typing import Any

import pytest

from dragoman import errors
from dragoman.dialects.base import Setting
from dragoman.dialects.calls import alias
from dragoman.dialects.messages import response
from dragoman.dialects.messages.citations import citation
from dragoman.errors import GatewayError
from dragoman.turn import Answer, Message, Reasoning, Refusal, Stop, Text, Tool, ToolCall, Turn, Usage
from tests.dialects.messages.answers import ANSWERS, answer, said
from tests.dialects.messages.sdk import buffered
from tests.dialects.messages.setting import asked
from tests.dialects.messages.streams import BOTH, START
from tests.dialects.messages.streams import answer as native

Json = dict[str, Any]


def parse(body: Json) -> Answer:
    return response.parse(json.dumps(body, ensure_ascii=False).encode())


def render(given: Answer, **more: Any) -> Json:
    body: Json = json.loads(response.render(given, asked(**more)))
    return body


def test_an_answer_is_read_whole() -> None:
    assert parse(BOTH["thought, text and two calls"][1]) == Answer(
        id="msg_1",
        created=0,
        model="claude-x",
        items=(
            Reasoning(("Let me see",), seal="sig==", sealed_by="messages"),
            Message("assistant", (Text("I look."),)),
            ToolCall("toolu_2", "look", '{"at": "ö"}'),
            ToolCall("toolu_3", "go", "{}"),
        ),
        stop=Stop.TOOL_CALLS,
        usage=Usage(10, 7, 2, 3),
        service_tier="default",
    )


def test_thoughts_are_joined_to_their_seals() -> None:
    items = parse(BOTH["redacted, unsigned and hidden thoughts"][1]).items
    assert items == (
        Reasoning(seal="redacted:zzz", sealed_by="messages"),
        Reasoning(("a", "b"), seal="redacted:yyy", sealed_by="messages"),
        Reasoning(seal="s", sealed_by="messages"),
        Message("assistant", (Text("ok"),)),
        Reasoning(("c",)),
    )


def test_neighbouring_texts_are_one_with_the_places_of_its_citations() -> None:
    (item,) = parse(BOTH["two texts, cited"][1]).items
    assert isinstance(item, Message)
    (text,) = item.parts
    assert isinstance(text, Text)
    assert text.text == "Hi. Go there. Bye."
    places = [json.loads(bytes(one)) for one in text.annotations]
    assert [(one["type"], one.get("start_index"), one.get("end_index")) for one in places] == [
        ("url_citation", 4, 13), ("page_location", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", Stop.END),
        ("stop_sequence", Stop.STOP_SEQUENCE),
        ("max_tokens", Stop.LENGTH),
        ("model_context_window_exceeded", Stop.LENGTH),
        ("tool_use", Stop.END),  # what it holds counts: there is no call
        ("pause_turn", Stop.PAUSE),
        ("refusal", Stop.CONTENT_FILTER),  # without a word
        ("a reason of a later day", Stop.END),
    ],
)
def test_every_stop_reason_is_read(reason: str, expected: Stop) -> None:
    assert parse(native([{"type": "text", "text": "a"}], reason)).stop is expected


def test_a_call_is_a_reason_to_stop_whatever_the_upstream_says() -> None:
    call = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    assert parse(native([call], "end_turn")).stop is Stop.TOOL_CALLS
    assert parse(native([call], "tool_use")).stop is Stop.TOOL_CALLS
    assert parse(native([call], "max_tokens")).stop is Stop.LENGTH


def test_a_refusal_that_explains_itself_is_one() -> None:
    read = parse(BOTH["a refusal with words"][1])
    assert (read.stop, read.items) == (Stop.REFUSAL, (Message("assistant", (Refusal("I will not."),)),))


def test_an_explanation_after_a_text_stands_in_its_message() -> None:
    details = {"type": "refusal", "explanation": "I will not."}
    read = parse(native([{"type": "text", "text": "Well. "}], "refusal", stop_details=details))
    assert read.items == (Message("assistant", (Text("Well. "), Refusal("I will not."))),)


def test_an_explanation_of_anything_else_is_no_refusal() -> None:
    details = {"type": "refusal", "explanation": "?"}
    assert parse(native([], "end_turn", stop_details=details)).items == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no message"),
        (b"<html>", "no message"),
        (b"[]", "no message"),
        (b'{"content": [{"type": "text", "text": 1}]}', "no message"),
        (b'{"content": [{"type": "tool_use", "name": "a", "input": "\xff"}], "stop_reason": "end_turn"}', "no message"),
        (b'{"content": [{"type": "text", "text": "a", "citations": [{}]}]}', "no message"),
        (b"[" * 100_000, "no message"),
        (b"{}", "an answer without content"),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}', "the error 'Busy'"),
        (b'{"content": [], "error": {"message": "odd"}}', "the error 'odd'"),
    ],
)
def test_what_is_no_answer_is_a_protocol_error(body: bytes, message: str) -> None:
    with pytest.raises(GatewayError, match=message) as raised:
        response.parse(body)
    assert raised.value.kind is errors.PROTOCOL_ERROR


def test_an_answer_without_an_end_was_cut() -> None:
    with pytest.raises(GatewayError) as raised:
        parse({**START["message"]})
    assert raised.value.kind is errors.STREAM_ABORTED


def test_an_unreadable_usage_is_none() -> None:
    assert parse(native([], usage={"input_tokens": -1})).usage is None
    assert parse(native([], usage=None)).usage is None
    assert parse(native([], usage={"input_tokens": 3})).usage == Usage(3)


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_is_rendered_is_what_the_sdk_expects(name: str) -> None:
    message = buffered(response.render(ANSWERS[name], asked()))
    assert (message.model, message.role, message.type) == ("fast", "assistant", "message")


def test_an_answer_is_rendered_whole() -> None:
    assert render(ANSWERS["calls after text"]) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "fast",
        "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": "ö", "n": [1, 2.5]}},
            {"type": "tool_use", "id": "call_2", "name": "go", "input": {}},
            {"type": "tool_use", "id": "call_3", "name": "stay", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 2,
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 4},
        },
    }


def test_arguments_go_as_the_upstream_wrote_them() -> None:
    assert b'"input":{"at": "\xc3\xb6", "n": [1, 2.50]}' in response.render(ANSWERS["calls after text"], asked())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nothing", []),
        ("two messages of two texts", [{"type": "text", "text": "abc"}]),
        ("text, then a refusal", [{"type": "text", "text": "Well"}, {"type": "text", "text": "No. Never."}]),
        ("a custom tool",
         [{"type": "tool_use", "id": "call_1", "name": "patch", "input": {"input": '*** "Begin"\n'}}]),
        ("thought with a signature",
         [{"type": "thinking", "thinking": "hm\n\nso", "signature": "sig"}, {"type": "text", "text": "Hi"}]),
        ("thought without one",
         [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "Hi"}]),
        ("a summary and the text",
         [{"type": "thinking", "thinking": "a\n\nb\n\nc", "signature": ""}, {"type": "text", "text": "Hi"}]),
        ("only a signature",
         [{"type": "thinking", "thinking": "", "signature": "sig"}, {"type": "text", "text": "Hi"}]),
        ("a redacted thought", [{"type": "redacted_thinking", "data": "zz"}, {"type": "text", "text": "Hi"}]),
        ("a thought with a redacted end",
         [{"type": "thinking", "thinking": "a", "signature": ""}, {"type": "redacted_thinking", "data": "zz"},
          {"type": "text", "text": "Hi"}]),
        ("thought sealed elsewhere",
         [{"type": "thinking", "thinking": "a", "signature": ""},
          {"type": "thinking", "thinking": "b", "signature": ""}, {"type": "text", "text": "Hi"}]),
        ("items that are none of an answer's", [{"type": "text", "text": "Hi"}]),
    ],
)  # fmt: skip
def test_items_become_blocks(name: str, content: list[Json]) -> None:
    assert render(ANSWERS[name])["content"] == content


def test_thoughts_without_a_seal_between_them_are_one_block() -> None:
    thoughts = (Reasoning(("a",)), Reasoning(summary=("b",)), Reasoning(("c",), seal="s", sealed_by="messages"))
    others = (Reasoning(("d",), seal="x", sealed_by="responses"), Reasoning(("e",)))
    assert render(answer(*thoughts, *others))["content"] == [
        {"type": "thinking", "thinking": "a\n\nb\n\nc", "signature": "s"},
        {"type": "thinking", "thinking": "d", "signature": ""},
        {"type": "thinking", "thinking": "e", "signature": ""},
    ]


def test_thoughts_are_hidden_where_the_caller_wants_none() -> None:
    assert render(ANSWERS["thought without one"], hidden=True)["content"] == [{"type": "text", "text": "Hi"}]
    signed = render(ANSWERS["thought with a signature"], hidden=True)["content"]
    assert signed[0] == {"type": "thinking", "thinking": "", "signature": "sig"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "max_tokens"),
        ("text", "end_turn"),
        ("a stop sequence", "stop_sequence"),
        ("calls after text", "tool_use"),
        ("a call, and a stop that does not say so", "tool_use"),
        ("calls announced that never came", "end_turn"),
        ("a pause", "pause_turn"),
    ],
)
def test_every_end_has_its_stop_reason(name: str, reason: str) -> None:
    body = render(ANSWERS[name])
    assert (body["stop_reason"], body["stop_details"]) == (reason, None)
    assert body["stop_sequence"] == ("###" if reason == "stop_sequence" else None)


@pytest.mark.parametrize("name", ["text, then a refusal", "a filtered text", "a refusal that ends so"])
def test_a_refusal_says_so(name: str) -> None:
    body = render(ANSWERS[name])
    assert body["stop_reason"] == "refusal"
    assert body["stop_details"] == {"type": "refusal", "category": None, "explanation": None}


def test_an_id_of_this_dialect_stays() -> None:
    assert response.render(parse(BOTH["text"][1]), asked()).startswith(b'{"id":"msg_1",')


def test_usage_that_nobody_reported_is_an_estimate_and_a_zero() -> None:
    assert render(ANSWERS["no usage"], estimate=40)["usage"] == {
        "input_tokens": 40, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0,
    }  # fmt: skip


def test_citations_go_along_in_their_order() -> None:
    (block,) = render(ANSWERS["text with citations"])["content"]
    assert [one["type"] for one in block["citations"]] == [
        "web_search_result_location", "char_location", "web_search_result_location",
    ]  # fmt: skip
    text = ANSWERS["text with citations"].items[0]
    assert isinstance(text, Message)
    assert isinstance(text.parts[0], Text)
    assert block["citations"][0] == citation(text.parts[0].annotations[0])


def test_arguments_that_are_no_object_are_an_error_unless_they_were_cut() -> None:
    for arguments in ('{"x', "[]", "1", "nope"):
        with pytest.raises(GatewayError, match="'look'") as raised:
            render(answer(ToolCall("call_1", "look", arguments), stop=Stop.TOOL_CALLS))
        assert raised.value.kind is errors.PROTOCOL_ERROR
    (block,) = render(answer(ToolCall("call_1", "look", '{"x'), stop=Stop.LENGTH))["content"]
    assert block["input"] == {}


def test_a_tool_that_was_sent_under_another_name_has_its_own_again() -> None:
    long = "look at that!"
    setting = Setting(Turn(model="fast", tools=(Tool(long),)), asked().new_id, 0)
    given = answer(ToolCall("a", alias(long), "{}"), ToolCall("b", "other", "{}"))
    body: Json = json.loads(response.render(given, setting))
    assert [block["name"] for block in body["content"]] == [long, "other"]


def test_the_service_that_answered_is_named_if_it_has_a_name_here() -> None:
    for tier, name in (("default", "standard"), ("priority", "priority"), ("flex", None), (None, None)):
        given = Answer(id="", created=0, model="", items=(said("a"),), stop=Stop.END, service_tier=tier)
        assert render(given)["usage"].get("service_tier") == name
