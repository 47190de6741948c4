from typing import Any

import httpx2
import msgspec
import pytest

from dragoman.mocks.chat_history import history_fault, parameter_fault
from dragoman.mocks.chat_request import Message
from tests.mocks.client import chat

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def fault(*messages: dict[str, Any]) -> tuple[str, str] | None:
    return history_fault(msgspec.convert(messages, list[Message]))


def test_a_conversation_with_tools_is_fine() -> None:
    assert (
        fault(
            {"role": "developer", "content": "x"},
            {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "file"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "2"}]},
            {"role": "tool", "tool_call_id": "2", "content": "x"},
            {"role": "tool", "tool_call_id": "1", "content": "x"},
            {"role": "user", "content": "x"},
        )
        is None
    )


@pytest.mark.parametrize(
    ("messages", "param", "words"),
    [
        (
            [{"role": "model", "content": "x"}],
            "messages[0].role",
            "Invalid value: 'model'. Supported values are: 'system'",
        ),
        (
            [{"role": "user", "content": [{"type": "text"}, {"type": "input_text", "text": "x"}]}],
            "messages[0].content[1].type",
            "Invalid value: 'input_text'",
        ),
        (
            [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "1", "content": "x"}],
            "messages.[1].role",
            "must be a response to a preceeding message",
        ),
        ([{"role": "assistant", "tool_calls": [CALL]}], "messages.[0].role", "did not have response messages: 1"),
        (
            [{"role": "assistant", "tool_calls": [CALL]}, {"role": "user"}, {"role": "tool", "tool_call_id": "1"}],
            "messages.[0].role",
            "must be followed by tool messages",
        ),
    ],
)
def test_what_does_not_go_together_is_named(messages: list[dict[str, Any]], param: str, words: str) -> None:
    found = fault(*messages)
    assert found is not None
    assert found[1] == param and words in found[0]


def test_another_api_s_parameter_is_refused_and_an_unknown_one_is_not() -> None:
    assert parameter_fault(["model", "x_vendor"]) is None
    assert parameter_fault(["model", "max_output_tokens"]) == (
        "Unknown parameter: 'max_output_tokens'",
        "max_output_tokens",
    )


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": "x"}, "input"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:x"}]}]}, None),
        ({"messages": [{"role": "tool", "tool_call_id": "1", "content": "x"}]}, "messages.[0].role"),
        ({"tools": [{"type": "function", "name": "flat"}]}, "tools[0]"),
    ],
)
async def test_the_endpoint_answers_with_a_400(
    http_client: httpx2.AsyncClient, members: dict[str, Any], param: str | None
) -> None:
    answer = await http_client.post("/v1/chat/completions", json=chat(**members))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == (param or "messages[0].content[0].image_url")
