import json

import msgspec
import pytest

from dragoman.dialects.calls import Calls, alias, is_plain, unwrap, wrap, wrap_description
from dragoman.turn import Tool, ToolChoice, Turn


@pytest.mark.parametrize("text", ["", "plain", '{"input":"x"}', 'quotes " and \\ and\nlines', "hé 🎈"])
def test_a_wrapped_input_comes_back_as_it_was(text: str) -> None:
    assert json.loads(wrap(text)) == {"input": text}
    assert unwrap(wrap(text)) == text


@pytest.mark.parametrize("arguments", ["", "raw text", "{}", '{"other":1}', '{"input":1}', "[" * 10_000])
def test_what_is_no_wrapping_is_the_input_itself(arguments: str) -> None:
    assert unwrap(arguments) == arguments


def test_the_description_keeps_the_format_that_nobody_enforces() -> None:
    tool = Tool("patch", "Edits files.", kind="custom", format=msgspec.Raw(b'{"type":"grammar"}'))
    text = wrap_description(tool)
    assert text.startswith("Edits files.") and '{"type":"grammar"}' in text
    assert wrap_description(Tool("patch", kind="custom"))


@pytest.mark.parametrize("name", ["a", "get_weather", "x" * 64, "A-1"])
def test_a_plain_name_is_its_own_alias(name: str) -> None:
    assert is_plain(name) and alias(name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, "server.tool", "mit leer", "wetter/ä"])
def test_another_name_gets_one_that_follows_the_rule_and_is_restored(name: str) -> None:
    short = alias(name)
    assert is_plain(short) and short == alias(name)
    assert Calls(Turn("m", tools=(Tool(name),))).name(short) == name


def test_two_long_names_do_not_fall_together() -> None:
    assert alias("x" * 70 + "a") != alias("x" * 70 + "b")


def test_a_call_outside_the_allowed_tools_is_not_permitted() -> None:
    tools = (Tool("a"), Tool("b"))
    free, bound = Turn("m", tools=tools), Turn("m", tools=tools, tool_choice=ToolChoice("allowed", ("a",)))
    assert Calls(free).permits("b")
    assert Calls(bound).permits("a") and not Calls(bound).permits("b")


def test_only_a_function_that_stands_for_a_custom_tool_is_unwrapped() -> None:
    calls = Calls(Turn("m", tools=(Tool("patch", kind="custom"), Tool("plain"))))
    assert calls.unwraps("patch", "function")
    assert not calls.unwraps("patch", "custom") and not calls.unwraps("plain", "function")
