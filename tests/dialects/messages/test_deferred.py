import json

import msgspec
import pytest

from dragoman.dialects.messages import deferred
from dragoman.dialects.messages.request import parse
from dragoman.errors import GatewayError
from dragoman.turn import Text, ToolResult
from tests.dialects.messages.answers import raw

SEARCH = {"type": "tool_use", "id": "a", "name": "search", "input": {}}
FOUND = {"type": "tool_reference", "tool_name": "go"}


def conversation(*inner: object) -> list[object]:
    return [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": [SEARCH]},
        {"role": "user", "content": [
            {"type": "text", "text": "tool_reference"},
            {"type": "tool_result", "tool_use_id": "a", "content": list(inner) or "tool_reference"},
        ]},
    ]  # fmt: skip


def test_results_of_a_search_name_what_they_found() -> None:
    text = {"type": "text", "text": "Found:"}
    assert deferred.found(raw(conversation(text, FOUND, {**FOUND, "tool_name": "look"}))) == {"go", "look"}
    assert deferred.found(raw(conversation())) == frozenset()
    assert deferred.found(raw([{"role": "user", "content": "Hi"}])) == frozenset()


def test_what_is_no_reference_is_an_error_of_the_caller() -> None:
    with pytest.raises(GatewayError):
        deferred.found(raw(conversation({"type": "tool_reference"})))


def test_a_reference_becomes_a_text_and_its_tool_is_offered() -> None:
    tools: list[object] = [
        {"name": name, "input_schema": {}, "defer_loading": name != "search"} for name in ("search", "go", "fly")
    ]
    body = {"model": "m", "max_tokens": 9, "messages": conversation(FOUND), "tools": tools}
    turn = parse(json.dumps(body).encode())
    assert [tool.name for tool in turn.tools] == ["search", "go"]
    assert ToolResult("a", (Text("The tool go can be called now."),)) in turn.items
    assert turn.extras == ()
    before = parse(msgspec.json.encode({**body, "messages": conversation()}))
    assert [tool.name for tool in before.tools] == ["search"]
