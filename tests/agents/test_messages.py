import pytest

from dragoman.agents import messages
from dragoman.errors import GatewayError
from dragoman.turn import Message, Text, ToolCall, ToolResult, Turn

HISTORY: list[messages.ChatMessage] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "1 + 2?"},
    {
        "role": "assistant", "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "3"},
]  # fmt: skip


def test_messages_are_read_and_written_as_they_were() -> None:
    turn = messages.parse(HISTORY)
    assert [type(item) for item in turn.items] == [Message, Message, ToolCall, ToolResult]
    assert messages.render(turn.items) == HISTORY


def test_a_text_is_the_user_s() -> None:
    assert messages.parse("hi").items == (Message("user", (Text("hi"),)),)
    turn = Turn("m")
    assert messages.parse(turn) is turn


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(GatewayError) as caught:
        messages.parse([{"role": "user"}])
    assert caught.value.param is not None and caught.value.param.startswith("messages[0]")
    with pytest.raises(GatewayError) as caught:
        messages.parse("hi", temperature="warm")
    assert caught.value.param == "temperature"
