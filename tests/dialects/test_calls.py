import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.dialects.calls import (
    WRAP_SCHEMA,
    Calls,
    alias,
    description,
    is_plain,
    unwrap,
    wrap,
    wrap_description,
)
from dragoman.turn import Namespace, Tool, ToolChoice, Turn

LONG = "mcp__server__" + "x" * 60
TURN = Turn("m", tools=(Tool("f"), Tool("patch", kind="custom"), Tool(LONG), Tool(LONG + "y", kind="custom")))


@pytest.mark.parametrize("name", ["f", "F-1_x", "x" * 64])
def test_a_name_that_follows_the_rule_has_no_alias(name: str) -> None:
    assert is_plain(name)
    assert alias(name) == name


@pytest.mark.parametrize("name", ["", "a.b", "a b", "ä", "x" * 65, "f\n", LONG])
def test_any_other_name_has_one_that_does(name: str) -> None:
    assert not is_plain(name)
    assert is_plain(alias(name))


@given(st.lists(st.text(), unique=True, max_size=9))
def test_aliases_are_valid_and_distinct(names: list[str]) -> None:
    aliases = list(map(alias, names))
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one) for one in aliases)
    assert len(set(aliases)) == len(names)


def test_an_alias_can_be_told_by_a_reader_of_logs() -> None:
    assert alias("server.tool") == "server_tool_" + alias("server.tool")[-8:]
    assert alias(LONG).startswith(LONG[:55])


def test_an_alias_is_its_tool_again() -> None:
    calls = Calls(TURN)
    assert [calls.name(name) for name in (alias(LONG), LONG, "f", "nobody")] == [LONG, LONG, "f", "nobody"]


def test_a_function_that_stands_for_a_custom_tool_is_unwrapped() -> None:
    calls = Calls(TURN)
    assert calls.unwraps("patch", "function")
    assert calls.unwraps(calls.name(alias(LONG + "y")), "function")
    assert not calls.unwraps("patch", "custom")
    assert not calls.unwraps("f", "function")


def test_only_allowed_tools_may_be_called() -> None:
    calls = Calls(msgspec.structs.replace(TURN, tool_choice=ToolChoice("allowed", ("f",))))
    assert [calls.permits(name) for name in ("f", "patch", "nobody")] == [True, False, False]
    for choice in (None, ToolChoice("auto"), ToolChoice("named", ("f",))):
        assert Calls(msgspec.structs.replace(TURN, tool_choice=choice)).permits("patch")


@given(st.text())
def test_what_is_wrapped_fits_the_schema_and_comes_out_as_it_was(text: str) -> None:
    wrapped = wrap(text)
    assert list(json.loads(wrapped)) == json.loads(bytes(WRAP_SCHEMA))["required"]
    assert unwrap(wrapped) == text


@pytest.mark.parametrize("arguments", ["", "*** Begin", "{", "[]", "{}", '{"input":7}', "[" * 9_000])
def test_what_is_no_wrapping_is_the_input_itself(arguments: str) -> None:
    assert unwrap(arguments) == arguments


def test_a_wrapped_tool_says_how_it_is_used() -> None:
    bare = wrap_description(Tool("patch", kind="custom"))
    assert "`input`" in bare
    grammar = msgspec.Raw(b'{"type":"grammar","syntax":"lark","definition":"start: /a+/"}')
    full = wrap_description(Tool("patch", "Patches files.", kind="custom", format=grammar))
    assert full.startswith("Patches files.\n\n" + bare)
    assert full.endswith("The input must follow this grammar (lark):\n\nstart: /a+/")
    text = msgspec.Raw(b'{"type":"text"}')
    assert wrap_description(Tool("patch", kind="custom", format=text)) == bare


def test_a_tool_says_what_its_namespace_is_where_there_are_none() -> None:
    crm, blank = Namespace("crm", "Customers."), Namespace("crm")
    tools = [Tool("crm__find", "Finds.", namespace=crm), Tool("crm__find", namespace=crm)]
    assert [description(tool) for tool in tools] == ["Customers.\n\nFinds.", "Customers."]
    assert description(Tool("crm__find", "Finds.", namespace=blank)) == "Finds."
    assert description(Tool("find")) is None
