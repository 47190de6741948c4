"""What a request says of state, and the whole question it becomes."""

import json
from itertools import count
from typing import Any

import pytest
from msgspec import Raw

from dragoman.dialects.responses import continuation
from dragoman.dialects.responses.continuation import Given
from dragoman.errors import GatewayError
from dragoman.wire.chat import Fields, parse_fields, render_fields


def fields(**members: Any) -> Fields:
    return parse_fields(json.dumps({"model": "m", **members}).encode())


def whole(request: Fields, *history: Any, found: dict[str, Any] | None = None) -> dict[str, Any]:
    asked = continuation.parse(request)
    past = [json.dumps(item).encode() for item in history]
    kept = {name: json.dumps(item).encode() for name, item in (found or {}).items()}
    own = list(map(bytes, continuation.resolve(asked, kept)))
    body: dict[str, Any] = json.loads(render_fields(continuation.expand(request, past, own)))
    return body


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


def test_a_request_says_nothing_of_state_but_that_it_is_stored() -> None:
    asked = continuation.parse(fields(input="hi"))
    assert (asked.previous, asked.conversation, asked.background, asked.store) == ("", "", False, True)
    assert asked.references is None
    part = {"type": "input_text", "text": "hi"}
    assert json.loads(bytes(asked.items[0])) == {"type": "message", "role": "user", "content": [part]}


@pytest.mark.parametrize("given", ["conv_1", {"id": "conv_1"}])
def test_a_conversation_is_named_by_id_or_object(given: Any) -> None:
    assert continuation.parse(fields(conversation=given)).conversation == "conv_1"


def test_null_says_nothing() -> None:
    names = ("input", "previous_response_id", "conversation", "background", "store")
    asked = continuation.parse(fields(**dict.fromkeys(names)))
    assert (asked.items, asked.previous, asked.conversation, asked.background, asked.store) == ((), "", "", False, True)


def test_history_stands_before_the_input_and_state_is_gone() -> None:
    request = fields(input="now", previous_response_id="resp_1", background=True, store=True, temperature=0)
    body = whole(request, message("then"), {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"})
    assert body.keys() == {"model", "input", "temperature", "store"}
    assert body["store"] is False
    assert [item.get("type") for item in body["input"]] == ["message", "function_call", "message"]
    assert body["input"][2]["content"][0]["text"] == "now"


def test_a_prompt_alone_stays_alone() -> None:
    assert "input" not in whole(fields(prompt={"id": "p"}))
    assert whole(fields(prompt={"id": "p"}, input=[]))["input"] == []


@pytest.mark.parametrize("reference", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}])
def test_a_reference_is_replaced_in_its_place(reference: dict[str, Any]) -> None:
    request = fields(input=[message("a"), reference, message("c")])
    assert continuation.parse(request).references == {1: "msg_1"}
    body = whole(request, found={"msg_1": message("b")})
    assert [item["content"] for item in body["input"]] == ["a", "b", "c"]


def test_a_reference_to_nothing_is_named() -> None:
    with pytest.raises(GatewayError, match="msg_1") as caught:
        whole(fields(input=[{"id": "msg_1"}]))
    assert (caught.value.kind.status, caught.value.param) == (404, "input[0].id")


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        ({"type": "reasoning", "id": "rs_1", "summary": []}, False),
        ({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None}, False),
        ({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}, True),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}]},
            True,
        ),
        (message("on reasoning"), True),
    ],
)
def test_reasoning_that_says_nothing_is_left_out_of_the_history(item: dict[str, Any], kept: bool) -> None:
    assert (item in whole(fields(input="x"), item)["input"]) is kept


def test_items_keep_their_ids_or_get_fresh_ones_by_their_kind() -> None:
    kinds = ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning", "odd")
    items = [Raw(b'{"role":"user"}'), Raw(b'{"id":"mine"}')] + [Raw(b'{"type":"%s"}' % kind.encode()) for kind in kinds]
    numbers = count()
    given = continuation.identify(items, lambda prefix: f"{prefix}{next(numbers)}")
    assert [item.id for item in given] == ["msg_0", "mine", "fc_1", "fco_2", "ctc_3", "ctco_4", "rs_5", "item_6"]
    assert [item.value for item in given] == items


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (
            {"role": "user", "content": "hi"},
            {"type": "message", "status": "completed", "content": [{"type": "input_text", "text": "hi"}]},
        ),
        (
            {"role": "assistant", "content": "hi", "status": "incomplete"},
            {
                "type": "message", "status": "incomplete",
                "content": [{"type": "output_text", "text": "hi", "annotations": []}],
            },
        ),
        ({"type": "function_call", "id": "other", "name": "f"}, {"type": "function_call", "name": "f"}),
        ({"type": "message", "role": "user", "content": [1]}, {"content": [1]}),
    ],
)  # fmt: skip
def test_an_item_is_listed_whole_and_under_its_id(value: dict[str, Any], shown: dict[str, Any]) -> None:
    listed = json.loads(bytes(continuation.listed(Given("item_1", Raw(json.dumps(value).encode())))))
    assert listed["id"] == "item_1"
    assert {**listed, **shown} == listed


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "item_reference", "id": "x"}, "items[1]"),
        ({"type": "message", "role": "nobody", "content": "x"}, "items[1].role"),
        ({"type": "function_call", "call_id": "x"}, "items[1].name"),
        ("text", "items[1]"),
    ],
)
def test_an_item_that_is_none_is_named_where_it_stands(item: Any, param: str) -> None:
    values = [Raw(json.dumps(value).encode()) for value in (message("a"), item)]
    with pytest.raises(GatewayError) as caught:
        continuation.check(values, "items")
    assert caught.value.param == param


def test_items_that_are_right_are_given_back() -> None:
    values = [Raw(json.dumps(message("a")).encode())]
    assert continuation.check(values, "items") == values


@pytest.mark.parametrize(
    ("given", "include"),
    [
        ({"reasoning": {"effort": "low"}}, ["reasoning.encrypted_content"]),
        ({"reasoning": {}, "include": ["a"]}, ["a", "reasoning.encrypted_content"]),
        ({"reasoning": {}, "include": ["reasoning.encrypted_content"]}, ["reasoning.encrypted_content"]),
        ({"reasoning": {}, "include": 7}, 7),
        ({"include": ["a"]}, ["a"]),
        ({"reasoning": None}, None),
    ],
)
def test_the_seals_of_reasoning_are_asked_for(given: dict[str, Any], include: Any) -> None:
    asked: dict[str, Any] = json.loads(render_fields(continuation.ask_seals(fields(**given))))
    assert asked.get("include") == include
