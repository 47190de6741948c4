import json
from typing import Any

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects import calls
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages import tools
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Extra, Loss, Tool, ToolChoice, Turn
from tests.dialects.messages.answers import raw

SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
LOOK = Tool("look", "Looks.", raw(SCHEMA))
GO = Tool("go", parameters=raw(SCHEMA))


def render(turn: Turn, profile: Profile | None = None) -> tuple[Any, list[Loss]]:
    losses = Losses(turn)
    body = tools.render(turn, profile or Profile(), losses)
    return json.loads(msgspec.json.encode(body)), list(losses.told())


def turn(
    choice: ToolChoice | None = None, *, parallel: bool | None = None, offered: tuple[Tool, ...] = (LOOK,)
) -> Turn:
    return Turn(model="m", tools=offered, tool_choice=choice, parallel_tool_calls=parallel)


def test_tools_are_read() -> None:
    extras: list[Extra] = []
    given = [
        {"name": "look", "description": "Looks.", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "name": "a", "input_schema": {}, "strict": True, "input_examples": []},
        {"type": None, "name": "b", "input_schema": {}, "strict": False, "defer_loading": False},
    ]
    assert tools.parse_tools(raw(given), extras, frozenset()) == (
        LOOK, Tool("a", parameters=raw({}), strict=True), Tool("b", parameters=raw({}), strict=False),
    )  # fmt: skip
    assert extras == [Extra("messages", "tools[0].cache_control", raw({"type": "ephemeral"}))]


def test_tools_that_anthropic_defines_are_kept_by_their_type() -> None:
    extras: list[Extra] = []
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    assert tools.parse_tools(raw([{"name": "look", "input_schema": {}}, search]), extras, frozenset())[0].name == "look"
    assert extras == [Extra("messages", "tools[1].type", raw(search))]


def test_members_without_a_neutral_form_are_kept_by_name() -> None:
    extras: list[Extra] = []
    tool = {"name": "a", "input_schema": {}, "input_examples": [{"x": 1}]}
    tools.parse_tools(raw([tool]), extras, frozenset())
    assert [one.param for one in extras] == ["tools[0].input_examples"]


def test_a_deferred_tool_is_offered_once_it_is_found() -> None:
    given = raw([{"name": name, "input_schema": SCHEMA, "defer_loading": name != "look"} for name in ("look", "go")])
    extras: list[Extra] = []
    assert [tool.name for tool in tools.parse_tools(given, extras, frozenset())] == ["look"]
    assert [tool.name for tool in tools.parse_tools(given, extras, frozenset(["go"]))] == ["look", "go"]
    assert extras == []


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({}, "tools"),
        (["a"], "tools[0]"),
        ([{"input_schema": {}}], "tools[0].name"),
        ([{"name": "a"}], "tools[0].input_schema"),
        ([{"name": "a", "input_schema": {}, "strict": "yes"}], "tools[0].strict"),
    ],
)
def test_a_tool_that_is_wrong_is_named(value: object, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        tools.parse_tools(raw(value), [], frozenset())
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, param)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "auto"}, (ToolChoice("auto"), None)),
        ({"type": "any", "disable_parallel_tool_use": False}, (ToolChoice("required"), True)),
        ({"type": "tool", "name": "a", "disable_parallel_tool_use": True}, (ToolChoice("named", ("a",)), False)),
        ({"type": "none"}, (ToolChoice("none"), None)),
    ],
)
def test_choices_are_read(given: object, expected: object) -> None:
    assert tools.parse_choice(raw(given), []) == expected


@pytest.mark.parametrize(
    ("value", "param"),
    [({"type": "tool"}, "tool_choice.name"), ({"type": "required"}, "tool_choice.type"), ("auto", "tool_choice")],
)
def test_a_choice_that_is_wrong_is_named(value: object, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        tools.parse_choice(raw(value), [])
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, param)


def test_tools_are_rendered() -> None:
    assert render(turn(offered=(LOOK, GO))) == (
        {"tools": [
            {"name": "look", "description": "Looks.", "input_schema": SCHEMA},
            {"name": "go", "input_schema": SCHEMA},
        ]},
        [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        (msgspec.UNSET, {"type": "object", "properties": {}}),
        (raw(None), {"type": "object", "properties": {}}),
        (raw({}), {"type": "object"}),
        (raw({"properties": {}}), {"type": "object", "properties": {}}),
        (raw({"type": "object", "x": 1}), {"type": "object", "x": 1}),
    ],
)
def test_a_schema_says_that_it_is_an_objects(parameters: Any, schema: object) -> None:
    body, losses = render(turn(offered=(Tool("a", parameters=parameters),)))
    assert body["tools"] == [{"name": "a", "input_schema": schema}]
    assert losses == []


def test_a_schema_that_is_no_object_is_named() -> None:
    with pytest.raises(GatewayError) as raised:
        render(turn(offered=(Tool("a", parameters=raw([])),)))
    assert raised.value.param == "tools[0].parameters"


@pytest.mark.parametrize(("strict", "said"), [(True, {"strict": True}), (False, {}), (None, {})])
def test_strict_goes_where_it_is_understood(strict: bool | None, said: dict[str, bool]) -> None:
    body, losses = render(turn(offered=(Tool("a", parameters=raw(SCHEMA), strict=strict),)))
    assert body["tools"] == [{"name": "a", "input_schema": SCHEMA} | said]
    assert losses == []
    body, losses = render(turn(offered=(Tool("a", strict=strict),)), Profile(strict_tools=False))
    assert "strict" not in body["tools"][0]
    assert [loss.param for loss in losses] == (["tools[0].strict"] if strict else [])


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("auto"), True, {"type": "auto"}),
        (ToolChoice("required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("named", ("look",)), None, {"type": "tool", "name": "look"}),
        (ToolChoice("none"), False, {"type": "none"}),
    ],
)
def test_choices_are_rendered(choice: ToolChoice | None, parallel: bool | None, expected: object) -> None:
    body, losses = render(turn(choice, parallel=parallel))
    assert body.get("tool_choice") == expected
    assert losses == []


@pytest.mark.parametrize(("required", "kind"), [(False, "auto"), (True, "any")])
def test_of_allowed_tools_only_those_are_offered(required: bool, kind: str) -> None:
    choice = ToolChoice("allowed", ("go",), required=required)
    body, losses = render(turn(choice, offered=(LOOK, GO), parallel=False))
    assert [tool["name"] for tool in body["tools"]] == ["go"]
    assert body["tool_choice"] == {"type": kind, "disable_parallel_tool_use": True}
    assert [(loss.param, loss.kind) for loss in losses] == [("tool_choice", "mapped")]


def test_without_tools_there_is_nothing_to_choose() -> None:
    for choice in (None, ToolChoice("auto"), ToolChoice("none")):
        assert render(turn(choice, parallel=False, offered=())) == ({}, [])


@pytest.mark.parametrize(
    "given",
    [
        turn(ToolChoice("required"), offered=()),
        turn(ToolChoice("named", ("a",)), offered=()),
        turn(ToolChoice("allowed", ("a",))),
    ],
)
def test_a_demand_for_a_tool_that_is_not_there_is_named(given: Turn) -> None:
    with pytest.raises(GatewayError) as raised:
        render(given)
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, "tool_choice")


@pytest.mark.parametrize("custom_tools", ["native", "reject"])
def test_custom_tools_are_refused(custom_tools: Any) -> None:
    with pytest.raises(GatewayError) as raised:
        render(turn(offered=(LOOK, Tool("patch", kind="custom"))), Profile(custom_tools=custom_tools))
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "tools[1].type")


def test_custom_tools_are_offered_as_functions_where_the_profile_says_so() -> None:
    grammar = raw({"type": "grammar", "syntax": "lark", "definition": "start: X"})
    custom = Tool("patch", "Patches.", kind="custom", format=grammar)
    body, losses = render(turn(offered=(custom, Tool("b", kind="custom"))), Profile(custom_tools="wrap"))
    first, second = body["tools"]
    assert first["input_schema"] == second["input_schema"] == json.loads(bytes(calls.WRAP_SCHEMA))
    assert first["description"] == calls.wrap_description(custom)
    assert "start: X" in first["description"]
    assert [(loss.param, loss.kind) for loss in losses] == [("tools[0].type", "mapped"), ("tools[1].type", "mapped")]


LONG = "mcp__" + "x" * 80


def test_a_name_the_upstream_may_refuse_is_an_alias() -> None:
    body, losses = render(turn(ToolChoice("named", (LONG,)), offered=(LOOK, Tool(LONG))))
    alias = calls.alias(LONG)
    assert body["tools"][1]["name"] == body["tool_choice"]["name"] == alias
    assert [(loss.param, loss.kind) for loss in losses] == [("tools[1].name", "mapped")]


def test_a_name_goes_as_it_is_or_is_refused_where_the_profile_says_so() -> None:
    body, losses = render(turn(ToolChoice("named", (LONG,)), offered=(Tool(LONG),)), Profile(tool_names="keep"))
    assert body["tools"][0]["name"] == body["tool_choice"]["name"] == LONG
    assert losses == []
    with pytest.raises(GatewayError) as raised:
        render(turn(offered=(LOOK, Tool(LONG))), Profile(tool_names="reject"))
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "tools[1].name")
