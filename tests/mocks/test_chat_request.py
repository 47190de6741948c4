import msgspec
import pytest

from dragoman.mocks.chat_request import ChatRequest, fault
from tests.mocks.client import chat

TOOL = {"type": "function", "function": {"name": "f"}}


def parsed(**members: object) -> ChatRequest:
    return msgspec.convert(chat(**members), ChatRequest)  # type: ignore[arg-type]


def test_the_text_of_a_message_is_that_of_its_parts() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "b"},
    ]
    message = parsed(messages=[{"role": "user", "content": parts}]).messages[0]
    assert (message.text, message.images) == ("a b", 1)
    empty = parsed(messages=[{"role": "assistant", "content": None}]).messages[0]
    assert (empty.text, empty.images) == ("", 0)


def test_the_newer_limit_wins_and_a_stop_may_be_one_or_several() -> None:
    assert parsed(max_tokens=3, max_completion_tokens=2).limit == 2
    assert parsed(max_tokens=3).limit == 3
    assert (parsed(stop="a").stops, parsed(stop=["a", "b"]).stops, parsed().stops) == (["a"], ["a", "b"], [])


def test_unknown_members_are_ignored() -> None:
    assert fault(parsed(store=True, metadata={"a": "b"}, seed=1)) is None


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": [TOOL, {"type": "function"}]}, "tools[1]"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
    ],
)
def test_what_types_cannot_say_is_found(members: dict[str, object], param: str) -> None:
    found = fault(parsed(**members))
    assert found is not None
    assert found[1] == param


@pytest.mark.parametrize(
    "members",
    [
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}},
        {"tools": [{"type": "custom", "custom": {"name": "c"}}]},
        {"response_format": {"type": "text"}},
        {"stream": True, "stream_options": {"include_usage": True}},
    ],
)
def test_what_is_right_has_no_fault(members: dict[str, object]) -> None:
    assert fault(parsed(**members)) is None
