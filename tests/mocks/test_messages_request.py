from typing import Any

import pytest

from dragoman.mocks.answer import Refused
from dragoman.mocks.messages_form import CREATE
from dragoman.mocks.messages_request import MessagesRequest, cached_prefix, chat_request, read_messages
from dragoman.mocks.request import BadJson
from tests.mocks.client import body_of, message, request

TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {}}}
CACHED = {"cache_control": {"type": "ephemeral"}}
THINKING = {"type": "enabled", "budget_tokens": 1024}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}


def read(body: dict[str, Any]) -> MessagesRequest:
    return read_messages(request("POST", "/v1/messages", body), CREATE)


def test_a_request_is_read_for_the_brain() -> None:
    asked = read(
        message(
            system="be brief",
            stop_sequences=["x"],
            tools=[TOOL, {"type": "web_search_20250305", "name": "web_search"}],
            tool_choice={"type": "any", "disable_parallel_tool_use": True},
            output_config={"format": {"type": "json_schema", "schema": CLOSED}},
        )
    )
    chat = chat_request(asked)
    assert [(each.role, each.text) for each in chat.messages] == [("system", "be brief"), ("user", "one two")]
    assert (chat.limit, chat.stops, chat.tool_choice, chat.parallel_tool_calls) == (4096, ["x"], "required", False)
    assert [tool.name for tool in chat.tools or []] == ["f"]
    assert chat.response_format is not None and chat.response_format.json_schema is not None
    assert chat.response_format.json_schema.schema == CLOSED


@pytest.mark.parametrize(
    ("choice", "expected"), [({"type": "auto"}, "auto"), ({"type": "none"}, "none"), ({"type": "any"}, "required")]
)
def test_a_choice_of_tools_is_read(choice: object, expected: str) -> None:
    assert chat_request(read(message(tools=[TOOL], tool_choice=choice))).tool_choice == expected


def test_a_named_tool_is_read() -> None:
    choice = chat_request(read(message(tools=[TOOL], tool_choice={"type": "tool", "name": "f"}))).tool_choice
    assert choice is not None and not isinstance(choice, str)
    assert choice.function is not None and choice.function.name == "f"


def test_results_come_last_of_what_a_turn_says() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "http://x/"}}
    asked = read(
        message(
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "see"}, image]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "1", "content": "sunny"},
                        {"type": "text", "text": "a reminder"},
                    ],
                },
            ]
        )
    )
    assert [(each.role, each.text, each.images) for each in chat_request(asked).messages] == [
        ("user", "see", 1),
        ("assistant", "", 0),
        ("user", "a reminder", 0),
        ("tool", "sunny", 0),
    ]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"temperature": 1, "top_p": 1}, "`temperature` and `top_p` cannot both be specified for this model."),
        ({"stop_sequences": ["\n"]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        ({"system": [{"type": "text", "text": ""}]}, "system: text content blocks must be non-empty"),
        ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        (
            {"tools": [{**TOOL, "input_schema": {"type": "object", "anyOf": []}}]},
            "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",
        ),
        ({"tools": [{**TOOL, "strict": True}]}, "'additionalProperties' must be explicitly set to false"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice may only be specified while providing tools"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}}, "Tool 'g' not found in provided tools"),
        ({"thinking": THINKING, "max_tokens": 1024}, "`max_tokens` must be greater than `thinking.budget_tokens`."),
        ({"thinking": THINKING, "temperature": 0.5}, "`temperature` may only be set to 1 when thinking is enabled."),
        ({"thinking": THINKING, "top_k": 5}, "`top_k` must be unset when thinking is enabled."),
        (
            {"thinking": THINKING, "tools": [TOOL], "tool_choice": {"type": "any"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
        ({"messages": [{"role": "system", "content": "x"}]}, 'messages: Unexpected role "system".'),
        ({"unheard": 1}, "unheard: Extra inputs are not permitted"),
    ],
)
def test_members_that_do_not_go_together_are_a_400(members: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        read(message(**members))
    assert refused.value.answer.status == 400
    assert words in body_of(refused.value.answer)["error"]["message"]


def test_of_a_tool_that_anthropic_runs_nothing_is_read() -> None:
    odd = {"type": "web_search_20250305", "name": 1, "input_schema": 2}
    assert [tool.name for tool in read(message(tools=[odd, TOOL])).tools] == ["web_search_20250305", "f"]


@pytest.mark.parametrize("kind", ["adaptive", "enabled"])
def test_thinking_makes_the_brain_reason(kind: str) -> None:
    budget = {"budget_tokens": 1024} if kind == "enabled" else {}
    assert chat_request(read(message(thinking={"type": kind, **budget}))).reasons
    assert not chat_request(read(message(thinking={"type": "disabled"}))).reasons


def test_the_cached_prefix_ends_with_the_last_mark() -> None:
    def prefix(**members: object) -> list[str]:
        return [each.text for each in cached_prefix(read(message(**members)))]

    marked = [{"type": "text", "text": "be brief", **CACHED}]
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert prefix(system="be brief", messages=turns) == []
    assert prefix(system=marked, messages=turns) == ["be brief"]
    turns[1] = {"role": "assistant", "content": [{"type": "text", "text": "b", **CACHED}]}  # type: ignore[dict-item]
    assert prefix(system=marked, messages=turns) == ["be brief", "a", "b"]
    assert prefix(messages=turns) == ["a", "b"]
    assert prefix(system="be brief", messages=turns, **CACHED) == ["be brief", "a", "b", "c"]


def test_a_body_that_is_no_object_is_bad_json() -> None:
    with pytest.raises(BadJson):
        read_messages(request("POST", "/v1/messages", [1]), CREATE)
