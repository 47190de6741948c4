import json

import msgspec
import pytest

from dragoman.mocks.brain import (
    GREETING,
    REASONING,
    REFUSAL,
    Decision,
    ToolCall,
    cut,
    decide,
    prompt_tokens,
    rate_limited,
)
from dragoman.mocks.chat_request import ChatRequest
from tests.mocks.client import chat

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME = {"type": "function", "function": {"name": "time"}}
CUSTOM = {"type": "custom", "custom": {"name": "shell"}}


def parsed(text: str = "one two", **members: object) -> ChatRequest:
    return msgspec.convert(chat(text, **members), ChatRequest)


def called(text: str = "one two", **members: object) -> list[str]:
    return [call.name for call in decide(parsed(text, **members)).calls]


def test_the_keywords_of_the_seed() -> None:
    assert decide(parsed("Well, HELLO there")).text == GREETING
    assert decide(parsed("anything")).text.startswith('You said: "anything".')
    assert "mock" in decide(parsed("anything")).text
    assert decide(parsed("hello you", stream=True)).text == "Streaming response to: hello you "


@pytest.mark.parametrize(
    ("text", "limited"), [("trigger error", True), ("An ERROR", True), ("hello error", False), ("fine", False)]
)
def test_error_is_a_rate_limit_unless_hello_comes_with_it(text: str, limited: bool) -> None:
    assert rate_limited(parsed(text)) is limited


def test_a_tool_result_with_error_in_it_is_no_rate_limit() -> None:
    messages = [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "1", "content": "error: none"}]
    assert not rate_limited(parsed(messages=messages))


def test_images_are_acknowledged_and_counted() -> None:
    parts = [{"type": "text", "text": "look"}] + [{"type": "image_url"}] * 2
    request = parsed(messages=[{"role": "user", "content": parts}])
    assert "look [2 images]" in decide(request).text
    assert prompt_tokens(request) == 4 + 1 + 2 * 85


def test_a_prompt_counts_words_and_messages() -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "one two three"}]
    assert prompt_tokens(parsed(messages=messages)) == 4 + 2 + 4 + 3


def test_a_limit_and_a_stop_cut_the_text() -> None:
    assert cut("a b c d", [], 2) == Decision("a b ", finish="length")
    assert cut("a b c d", [], 4) == Decision("a b c d")
    assert cut("a b c d", ["d", "b"], 4) == Decision("a ", stop="b")
    assert cut("a b c d", ["c"], 1) == Decision("a ", finish="length")


def test_tools_lead_to_a_valid_call_of_the_first() -> None:
    decision = decide(parsed("hello", tools=[WEATHER, TIME]))
    assert decision.finish == "tool_calls"
    assert decision.calls == (ToolCall("weather", '{"city": "text"}'),)
    assert decision.text == ""


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ["weather"]),
        ("required", ["weather"]),
        ("none", []),
        ({"type": "function", "function": {"name": "time"}}, ["time"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TIME]}}, ["time"]),
        ({"type": "custom", "custom": {"name": "shell"}}, ["shell"]),
    ],
)
def test_a_tool_choice_is_honoured(choice: object, expected: list[str]) -> None:
    assert called(tools=[WEATHER, TIME, CUSTOM], tool_choice=choice) == expected


def test_two_calls_are_made_where_the_text_asks_for_parallel_ones() -> None:
    assert called("in parallel", tools=[WEATHER, TIME]) == ["weather", "time"]
    assert called("in parallel", tools=[WEATHER]) == ["weather", "weather"]
    assert called("in parallel", tools=[WEATHER, TIME], parallel_tool_calls=False) == ["weather"]
    named = {"type": "function", "function": {"name": "time"}}
    assert called("in parallel", tools=[WEATHER, TIME], tool_choice=named) == ["time"]


def test_a_custom_tool_gets_text_and_a_tool_without_parameters_an_empty_object() -> None:
    assert decide(parsed("do it", tools=[CUSTOM])).calls == (ToolCall("shell", "do it", custom=True),)
    assert decide(parsed(tools=[TIME])).calls == (ToolCall("time", "{}"),)


def test_after_its_result_the_loop_ends_with_a_text_that_quotes_it() -> None:
    loop = [
        {"role": "user", "content": "parallel weather"},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "late"}]},
    ]
    decision = decide(parsed(messages=loop, tools=[WEATHER], tool_choice="required"))
    assert (decision.text, decision.calls, decision.finish) == ("The tool returned: sunny | late", (), "stop")
    again = [*loop, {"role": "assistant", "content": "It is sunny."}, {"role": "user", "content": "and now?"}]
    assert called(messages=again, tools=[WEATHER]) == ["weather"]


def test_a_reminder_behind_the_results_does_not_start_the_loop_anew() -> None:
    loop = [
        {"role": "user", "content": "weather"},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {"role": "user", "content": "a reminder of an error"},
    ]
    assert decide(parsed(messages=loop, tools=[WEATHER])).text == "The tool returned: sunny"
    assert not rate_limited(parsed(messages=loop))
    assert called(messages=[*loop, {"role": "user", "content": "now?"}], tools=[WEATHER]) == ["weather"]


def test_two_rounds_of_calls_are_one_loop() -> None:
    def round_of(call: str) -> list[dict[str, object]]:
        function = {"id": call, "type": "function", "function": {"name": "weather"}}
        return [
            {"role": "assistant", "content": None, "tool_calls": [function]},
            {"role": "tool", "tool_call_id": call, "content": f"result {call}"},
        ]

    messages = [{"role": "user", "content": "x"}, *round_of("1"), *round_of("2")]
    assert decide(parsed(messages=messages, tools=[WEATHER])).text == "The tool returned: result 1 | result 2"


def test_keywords_are_looked_for_in_the_last_text_alone() -> None:
    parts = [{"type": "text", "text": "context: hello, error, refuse"}, {"type": "text", "text": "say it"}]
    request = parsed(messages=[{"role": "user", "content": parts}])
    assert not rate_limited(request)
    assert decide(request).text.startswith('You said: "context: hello, error, refuse say it"')
    empty = parsed(messages=[{"role": "user", "content": [{"type": "image_url"}]}])
    assert "[1 image]" in decide(empty).text


def test_what_is_refused_has_no_text_and_no_calls() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x"}}
    decision = decide(parsed("please Refuse", tools=[WEATHER], response_format=schema))
    assert decision == Decision(refusal=REFUSAL)
    assert decision.tokens == 8


def test_reasoning_comes_before_the_text_and_out_of_its_limit() -> None:
    assert decide(parsed(reasoning_effort="none")).reasoning == ""
    thought = decide(parsed("hello", reasoning_effort="low"))
    assert (thought.reasoning, thought.text, thought.reasoning_tokens) == (REASONING, GREETING, 21)
    assert thought.tokens == 21 + 7
    short = decide(parsed("hello", reasoning_effort="low", max_completion_tokens=23))
    assert (short.text, short.finish, short.tokens) == ("Hello! How ", "length", 23)
    spent = decide(parsed("hello", reasoning_effort="low", max_completion_tokens=16))
    assert (spent.text, spent.finish, spent.tokens) == ("", "length", 16)
    assert decide(parsed(model="deepseek-reasoner")).reasoning == REASONING


def test_a_response_format_leads_to_json() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert json.loads(decide(parsed(response_format=form)).text) == {"n": 1}
    assert json.loads(decide(parsed(response_format={"type": "json_object"})).text)["reply"].startswith("You said")
    assert "".join(json.loads(decide(parsed(response_format=form, stream=True)).text)) == "n"
    short = decide(parsed(response_format={"type": "json_object"}, max_tokens=2))
    assert short.finish == "length"
    assert json.loads(decide(parsed(response_format={"type": "json_schema", "json_schema": {"name": "x"}})).text) == {}


def test_a_decision_counts_its_words_and_its_calls() -> None:
    assert Decision("a b").tokens == 2
    assert Decision(calls=(ToolCall("f", '{"a": 1}'), ToolCall("g", "{}"))).tokens == 3 + 2


def test_a_line_dictates_a_call() -> None:
    text = 'please\ncall time {"zone": "UTC"}\ncall weather {"city": "Oslo"}\ncall nothing {}\ncall time [broken'
    decision = decide(parsed(text, tools=[WEATHER, TIME]))
    assert decision.calls == (ToolCall("time", '{"zone": "UTC"}'), ToolCall("weather", '{"city": "Oslo"}'))


def test_a_custom_tool_is_dictated_a_string_and_a_function_an_object() -> None:
    tools = [WEATHER, CUSTOM]
    assert decide(parsed('call shell "ls\\n-l"', tools=tools)).calls == (ToolCall("shell", "ls\n-l", custom=True),)
    for wrong in ('call shell {"a": 1}', 'call weather "Oslo"', 'call shell "open'):
        assert called(wrong, tools=tools) == ["weather"]


def test_system_messages_behind_what_was_said_change_nothing() -> None:
    late = {"role": "system", "content": "error, refuse"}
    asked = {"role": "user", "content": "hello"}
    assert not rate_limited(parsed(messages=[asked, late]))
    assert decide(parsed(messages=[asked, late])).text == GREETING
    results = [asked, {"role": "tool", "tool_call_id": "1", "content": "sun"}, late]
    assert decide(parsed(messages=results, tools=[WEATHER])).text == "The tool returned: sun"
    assert rate_limited(parsed(messages=[{"role": "system", "content": "trigger error"}]))
