from typing import Any

import pytest

from dragoman.mocks.answer import Refused
from dragoman.mocks.messages_history import blocks_of, check_history, read_turns, signature
from tests.mocks.client import body_of

Message = dict[str, Any]


def user(*content: object) -> Message:
    return {"role": "user", "content": list(content)}


def assistant(*content: object) -> Message:
    return {"role": "assistant", "content": list(content)}


def said(text: str) -> Message:
    return {"type": "text", "text": text}


def use(call_id: str) -> Message:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {}}


def result(call_id: str, content: object = "x") -> Message:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": signature("hm")}
HELLO = user(said("hello"))


def check(*messages: Message, thinking: bool = False) -> None:
    check_history(read_turns(messages), thinking=thinking)


@pytest.mark.parametrize(
    "messages",
    [
        [HELLO],
        [{"role": "user", "content": "x"}, HELLO, assistant(said("a")), assistant(said("b")), HELLO],
        [HELLO, assistant(said("so:"))],
        [HELLO, assistant()],
        [HELLO, {"role": "assistant", "content": ""}],
        [HELLO, assistant(said("a"), use("1"), use("2")), user(result("2"), result("1"), said("a reminder"))],
        [HELLO, assistant(use("1")), user(result("1")), user(said("x")), assistant(use("2")), user(result("2"))],
        [HELLO, assistant(use("1"), use("2")), user(result("1")), user(result("2"))],
        [HELLO, assistant(THOUGHT, said("a")), HELLO],
        [HELLO, assistant({**THOUGHT, "thinking": ""}, use("1")), user(result("1"))],
        [HELLO, assistant({"type": "redacted_thinking", "data": "x"}, said("a")), HELLO],
        [HELLO, assistant({"type": "code_execution_tool_result", "content": {"type": "x"}, "text": 1}), HELLO],
        [user({"type": "search_result", "source": "s", "title": "t", "content": [said("x")]})],
        [HELLO, assistant(use("1")), user(result("1", [{"type": "tool_reference", "text": 1}, said("x")]))],
    ],
)
def test_what_goes_together(messages: list[Message]) -> None:
    check(*messages)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([{"role": "user", "content": ""}], "messages.0: all messages must have non-empty content"),
        ([HELLO, assistant(), HELLO], "messages.1: all messages must have non-empty content"),
        ([user(said(""))], "messages: text content blocks must be non-empty"),
        ([user(said(" \n"))], "messages: text content blocks must contain non-whitespace text"),
        ([assistant(said("x")), HELLO], 'messages: first message must use the "user" role'),
        ([HELLO, assistant(said("so: "))], "final assistant content cannot end with trailing whitespace"),
        ([user(use("1"))], "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages"),
        ([HELLO, assistant(result("1"))], "`tool_result` blocks can only be in `user` messages"),
        ([user(THOUGHT)], "`thinking` blocks can only be in `assistant` messages"),
        (
            [HELLO, assistant(use("1"), use("2")), user(result("1"))],
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: 2.",
        ),
        ([HELLO, assistant(use("1"))], "messages.1: `tool_use` ids were found without"),
        ([HELLO, assistant(use("1")), user(said("x"), result("1"))], "messages.1: `tool_use` ids were found without"),
        (
            [HELLO, assistant(use("1")), HELLO, user(result("1"))],
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: 1.",
        ),
        (
            [HELLO, assistant(said("x")), user(said("x"), result("1"))],
            "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: 1.",
        ),
        ([user(result("1"))], "messages.0.content.0: unexpected `tool_use_id`"),
        (
            [HELLO, assistant(use("1")), user(result("1"), result("1"))],
            "messages.2.content.1: each tool_use must have a single result.",
        ),
        (
            [HELLO, assistant(use("1")), user(result("1")), assistant(use("1")), user(result("1"))],
            "messages: `tool_use` ids must be unique",
        ),
        (
            [HELLO, assistant({**THOUGHT, "thinking": "changed"}, said("a")), HELLO],
            "messages.1.content.0: Invalid `signature` in `thinking` block",
        ),
        ([HELLO, assistant({**THOUGHT, "signature": ""}, said("a")), HELLO], "Invalid `signature`"),
        (
            [HELLO, assistant(said("a"), THOUGHT), HELLO],
            "messages.1.content.0: If an assistant message contains any thinking blocks, the first block must be",
        ),
        (
            [user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "data:,x"}})],
            "messages.0.content.0.image.source.base64: invalid base64 data",
        ),
    ],
)
def test_what_does_not_go_together_is_named(messages: list[Message], words: str) -> None:
    with pytest.raises(Refused) as refused:
        check(*messages)
    error = body_of(refused.value.answer)["error"]
    assert error["type"] == "invalid_request_error"
    assert words in error["message"]


def test_with_a_budget_the_open_loop_begins_with_what_was_thought() -> None:
    loop = [HELLO, assistant(use("1")), user(result("1"))]
    with pytest.raises(Refused) as refused:
        check(*loop, thinking=True)
    message = body_of(refused.value.answer)["error"]["message"]
    assert message.startswith(
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
    )
    check(HELLO, assistant(THOUGHT, use("1")), user(result("1")), thinking=True)
    check(*loop, assistant(said("done")), HELLO, thinking=True)


def test_messages_of_one_role_are_one_turn() -> None:
    turns = read_turns([HELLO, HELLO, assistant(said("x")), {"role": "user", "content": "y"}])
    assert [(turn.role, len(turn.blocks), turn.last) for turn in turns] == [
        ("user", 2, 1),
        ("assistant", 1, 2),
        ("user", 1, 3),
    ]
    assert [block.place for block in turns[0].blocks] == ["messages.0.content.0", "messages.1.content.0"]


def test_content_of_any_form_is_blocks() -> None:
    assert [block.text for block in blocks_of("x")] == ["x"]
    assert blocks_of(None) == []
