from collections.abc import Callable
from typing import Any

import pytest

from dragoman.mocks.answer import Refused
from dragoman.mocks.chat_request import ChatRequest
from dragoman.mocks.request import BadJson
from dragoman.mocks.responses_form import CREATE
from dragoman.mocks.responses_request import (
    SEAL,
    chat_request,
    check_items,
    read_body,
    read_items,
    read_request,
)
from dragoman.mocks.seal import sealed
from tests.mocks.client import body_of, request, response

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "done"}
CUSTOM = {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}
USER = {"role": "user", "content": "x"}
SAID = {"role": "assistant", "content": "x"}


def unknown(item_id: str) -> None:
    return None


def read(body: dict[str, Any]) -> ChatRequest:
    checked = read_body(request("POST", "/v1/responses", body), CREATE)
    asked = read_request(checked)
    items = read_items(checked["input"], unknown)
    check_items(items)
    return chat_request(asked, items)


def refused(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(Refused) as caught:
        call()
    answer = caught.value.answer
    error: dict[str, Any] = body_of(answer)["error"]
    return {**error, "status": answer.status}


def test_a_string_is_one_message_and_instructions_come_first() -> None:
    chat = read(response("hello", instructions="be brief"))
    assert [(message.role, message.text) for message in chat.messages] == [("system", "be brief"), ("user", "hello")]


def test_items_become_messages() -> None:
    parts = [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "data:,"}]
    said = {"role": "assistant", "content": [{"type": "output_text", "text": "ok", "annotations": []}]}
    listed = {**OUTPUT, "output": [{"type": "input_text", "text": "listed"}]}
    chat = read(
        response([{"role": "user", "content": parts}, said, CALL, listed, {"type": "web_search_call", "id": 1}])
    )
    assert [(message.role, message.text, message.images) for message in chat.messages] == [
        ("user", "see", 1),
        ("assistant", "ok", 0),
        ("tool", "listed", 0),
    ]


def test_no_input_at_all_is_an_empty_message() -> None:
    assert [message.text for message in read(response([])).messages] == [""]


def test_tools_and_their_choice_are_read() -> None:
    tools = [TOOL, {"type": "custom", "name": "c"}, {"type": "web_search", "name": 1}]
    chat = read(response(tools=tools, tool_choice={"type": "custom", "name": "c"}, parallel_tool_calls=False))
    assert [tool.name for tool in chat.tools or []] == ["f", "c"]
    assert not isinstance(chat.tool_choice, str) and chat.tool_choice is not None
    assert chat.tool_choice.custom is not None and chat.tool_choice.custom.name == "c"
    assert chat.parallel_tool_calls is False
    assert read(response(tools=tools, tool_choice={"type": "web_search"})).tool_choice == "none"
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}
    choice = read(response(tools=tools, tool_choice=allowed)).tool_choice
    assert not isinstance(choice, str) and choice is not None and choice.allowed_tools is not None
    assert [tool.name for tool in choice.allowed_tools.tools] == ["f"]


@pytest.mark.parametrize(
    ("reasoning", "reasons"),
    [
        (None, False),
        ({}, False),
        ({"effort": "none"}, False),
        ({"effort": "none", "summary": "auto"}, False),
        ({"effort": "low"}, True),
        ({"summary": "auto"}, True),
    ],
)
def test_reasoning_is_asked_for_by_effort_or_summary(reasoning: object, reasons: bool) -> None:
    assert read(response(reasoning=reasoning)).reasons is reasons


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"messages": []}, "messages", "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"max_tokens": 100}, "max_tokens", "unsupported_parameter"),
        ({"reasoning_effort": "low"}, "reasoning_effort", "unsupported_parameter"),
        ({"unheard": 1}, "unheard", "unknown_parameter"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options", None),
        (
            {"conversation": "conv_1", "previous_response_id": "resp_1"},
            "previous_response_id",
            "mutually_exclusive_parameters",
        ),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice", "invalid_value"),
        (
            {
                "tools": [TOOL],
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "f"}]},
            },
            "tool_choice",
            "invalid_value",
        ),
        ({"tools": [{**TOOL, "parameters": {"type": "object"}}]}, "tools[0].parameters", "invalid_function_parameters"),
        ({"tools": [{**TOOL, "parameters": {"type": "string"}}]}, "tools[0].parameters", "invalid_function_parameters"),
        ({"tools": [{**TOOL, "strict": True}]}, "tools[0].parameters", "invalid_function_parameters"),
        (
            {"text": {"format": {"type": "json_schema", "name": "x", "strict": True, "schema": {"type": "object"}}}},
            "text.format.schema",
            "invalid_json_schema",
        ),
    ],
)
def test_members_that_do_not_go_together_are_a_400(members: dict[str, Any], param: str, code: str | None) -> None:
    error = refused(lambda: read(response(**members)))
    assert (error["status"], error["param"], error["code"]) == (400, param, code)


def test_what_was_chat_completions_is_told_where_it_is_now() -> None:
    message = refused(lambda: read(response(response_format={})))["message"]
    assert "moved to 'text.format'" in message


def test_a_strict_schema_needs_every_property() -> None:
    schema = {"type": "object", "properties": {"unit": {}}, "additionalProperties": False, "required": []}
    error = refused(lambda: read(response(tools=[{**TOOL, "strict": True, "parameters": schema}])))
    assert error["message"].endswith("an array including every key in properties. Missing 'unit'.")
    assert read(response(tools=[{**TOOL, "strict": False, "parameters": schema}])).tools


@pytest.mark.parametrize(
    ("items", "status", "param", "words"),
    [
        ([USER, CALL], 400, "input", "No tool output found for function call c."),
        ([USER, OUTPUT], 400, "input", "No tool call found for function call output with call_id c."),
        ([USER, CUSTOM, OUTPUT], 400, "input", "No tool call found for function call output"),
        ([{**CALL, "id": "call_1"}, OUTPUT], 400, "input[0].id", "Expected an ID that begins with 'fc'."),
        ([{**SAID, "id": "chatcmpl-1"}], 400, "input[0].id", "Expected an ID that begins with 'msg'."),
        (
            [{"type": "item_reference", "id": "msg_1"}],
            404,
            "input",
            "Items are not persisted when `store` is set to false.",
        ),
        ([{"type": "reasoning", "id": "rs_1", "summary": []}, SAID], 404, "input", "Item with id 'rs_1' not found."),
        (
            [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "foreign-blob"}, SAID],
            400,
            None,
            "The encrypted content fore...blob could not be verified.",
        ),
        (
            [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sealed("x", SEAL)}, USER],
            400,
            "input",
            "was provided without its required following item.",
        ),
        (
            [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sealed("x", SEAL)}],
            400,
            "input",
            "was provided without its required following item.",
        ),
    ],
)
def test_items_that_do_not_go_together_are_refused(
    items: list[dict[str, Any]], status: int, param: str | None, words: str
) -> None:
    error = refused(lambda: read(response(items)))
    assert (error["status"], error["param"]) == (status, param)
    assert words in error["message"]


def test_reasoning_of_its_own_is_accepted_back() -> None:
    thought = {"type": "reasoning", "summary": [], "encrypted_content": sealed("x", SEAL)}
    assert read(response([USER, thought, CALL, OUTPUT])).messages
    assert read(response([USER, thought, SAID, USER])).messages


def test_a_reference_is_replaced_by_its_item() -> None:
    items = read_items([{"type": "item_reference", "id": "msg_1"}], lambda item_id: {"id": item_id, **SAID})
    assert items == ({"id": "msg_1", **SAID},)


def test_a_body_that_is_no_object_is_bad_json() -> None:
    with pytest.raises(BadJson):
        read_body(request("POST", "/v1/responses", [1]), CREATE)
