import json

import msgspec
import pytest

from dragoman.dialects.calls import WRAP_SCHEMA, alias
from dragoman.dialects.chat.tools import asks_functions
from dragoman.dialects.profile import PROFILES, Profile
from dragoman.turn import Extra, Format, Tool, ToolChoice, Turn
from tests.dialects.chat import sdk
from tests.dialects.chat.asking import INVALID, UNSUPPORTED, Json, losses, parsed, raw, refused, rendered
from tests.dialects.chat.test_conversation import USER

SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "additionalProperties": False}
GRAMMAR = {"type": "grammar", "definition": "start: /a+/", "syntax": "lark"}
F, G = Tool("f"), Tool("g", kind="custom")
LONG = "mcp__server__" + "x" * 60


def function(name: str = "f", **members: object) -> Json:
    return {"type": "function", "function": {"name": name} | members}


def custom(name: str = "g", **members: object) -> Json:
    return {"type": "custom", "custom": {"name": name} | members}


def tools(*given: object) -> tuple[Tool, ...]:
    return parsed(tools=list(given)).tools


def sent(*given: Tool, profile: Profile | None = None, **more: object) -> Json:
    """What becomes of a turn with these tools."""
    return rendered(turn(*given, **more), profile)


def turn(*given: Tool, **more: object) -> Turn:
    return msgspec.structs.replace(Turn("fast", items=(USER,), tools=given), **more)


def value(given: msgspec.Raw | msgspec.UnsetType) -> object:
    return given if given is msgspec.UNSET else json.loads(bytes(given))


def test_a_function_is_read_whole() -> None:
    (tool,) = tools(function(description="D", parameters=SCHEMA, strict=True))
    assert (tool.name, tool.description, value(tool.parameters), tool.strict, tool.kind) == (
        "f", "D", SCHEMA, True, "function",
    )  # fmt: skip


@pytest.mark.parametrize("strict", [None, False, True])
def test_strict_is_what_the_request_says(strict: bool | None) -> None:
    members: Json = {} if strict is None else {"strict": strict}
    (tool,) = tools(function(**members))
    assert tool.strict is strict
    # The dialects differ in the default, so it is always written.
    assert sent(tool)["tools"] == [function(strict=bool(strict))]


def test_what_a_function_does_not_say_stays_unsaid() -> None:
    assert tools(function()) == tools(function(description=None, parameters=None, strict=None)) == (F,)
    assert sent(F, profile=Profile(strict_tools=False))["tools"] == [function()]


def test_parameters_and_strict_of_every_tool_are_kept() -> None:
    given = [function("a", description="", parameters={}, strict=False), function("b", parameters=SCHEMA, strict=True)]
    assert sent(*tools(*given))["tools"] == given


def test_a_strict_schema_that_nobody_enforces_is_a_loss() -> None:
    lenient = Profile(strict_tools=False)
    assert losses(turn(F, Tool("h", strict=True)), lenient) == [("tools[1].strict", "dropped")]
    assert losses(turn(Tool("h", strict=False)), lenient) == []


@pytest.mark.parametrize(
    ("given", "neutral"),
    [
        (None, msgspec.UNSET),
        ({"type": "text"}, {"type": "text"}),
        ({"type": "grammar", "grammar": {"definition": "start: /a+/", "syntax": "lark"}}, GRAMMAR),
    ],
)
def test_the_format_of_a_custom_tool_is_flat_elsewhere(given: Json | None, neutral: object) -> None:
    body = custom(description="D") if given is None else custom(description="D", format=given)
    (tool,) = tools(body)
    assert (tool.kind, value(tool.format)) == ("custom", neutral)
    assert sent(tool)["tools"] == [body]


def test_a_custom_tool_is_native_wrapped_or_refused_never_text() -> None:
    tool = Tool("apply_patch", "Patches.", kind="custom", format=raw(GRAMMAR))
    assert sent(tool)["tools"][0]["type"] == "custom"
    wrap = Profile(custom_tools="wrap")
    (wrapped,) = sent(tool, profile=wrap)["tools"]
    assert wrapped["type"] == "function"
    assert wrapped["function"]["parameters"] == json.loads(bytes(WRAP_SCHEMA))
    assert wrapped["function"]["description"].startswith("Patches.")
    assert GRAMMAR["definition"] in wrapped["function"]["description"]
    assert wrapped["function"]["strict"] is False
    assert "strict" not in sent(tool, profile=Profile(custom_tools="wrap", strict_tools=False))["tools"][0]["function"]
    assert losses(turn(F, tool), wrap) == [("tools[1].type", "mapped")]
    refused(lambda: sent(F, tool, profile=Profile(custom_tools="reject")), "tools[1].type", UNSUPPORTED)


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "function"}, "tools[1].function"),
        ({"type": "custom"}, "tools[1].custom"),
        (function() | {"custom": {"name": "g"}}, "tools[1].function"),
        (custom() | {"function": {"name": "g"}}, "tools[1].custom"),
        ({"type": "web_search"}, "tools[1].type"),
        ({"function": {"name": "f"}}, "tools[1].type"),
        (function(parameters=[]), "tools[1].function.parameters"),
        (custom(format={"type": "grammar"}), "tools[1].custom.format.grammar"),
        (custom(format={"type": "text", "grammar": {"definition": "", "syntax": "lark"}}),
         "tools[1].custom.format.grammar"),
    ],
)  # fmt: skip
def test_a_tool_that_is_not_right_is_named(tool: Json, param: str) -> None:
    refused(lambda: tools(function(), tool), param, INVALID)


@pytest.mark.parametrize(
    ("choice", "neutral"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        (function(), ToolChoice("named", ("f",))),
        (custom(), ToolChoice("named", ("g",), "custom")),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function(), custom()]}},
            ToolChoice("allowed", ("f", "g")),
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [custom()]}},
            ToolChoice("allowed", ("g",), "custom", required=True),
        ),
    ],
)
def test_12_a_choice_is_nested_here_and_comes_back_as_it_was(choice: object, neutral: ToolChoice) -> None:
    given = parsed(tools=[function(), custom()], tool_choice=choice)
    assert given.tool_choice == neutral
    assert rendered(given)["tool_choice"] == choice


def test_a_choice_is_of_the_kind_that_its_tool_is() -> None:
    named = ToolChoice("named", ("g",))
    assert sent(F, G, tool_choice=named)["tool_choice"] == custom()
    assert sent(F, G, tool_choice=named, profile=Profile(custom_tools="wrap"))["tool_choice"] == function("g")
    assert sent(F, tool_choice=ToolChoice("named", ("x",), "custom"))["tool_choice"] == custom("x")


def test_46_where_nobody_knows_allowed_tools_only_those_are_offered() -> None:
    lacking = Profile(allowed_tools=False)
    for required, mode in ((False, "auto"), (True, "required")):
        given = turn(F, G, Tool("h"), tool_choice=ToolChoice("allowed", ("g", "h"), required=required),
                     parallel_tool_calls=False)  # fmt: skip
        body = rendered(given, lacking)
        assert [tool[tool["type"]]["name"] for tool in body["tools"]] == ["g", "h"]
        assert (body["tool_choice"], body["parallel_tool_calls"]) == (mode, False)
        assert losses(given, lacking) == [("tool_choice", "mapped")]
        assert len(rendered(given)["tools"]) == 3
    nobody = turn(F, tool_choice=ToolChoice("allowed", ("x",)))
    refused(lambda: rendered(nobody, lacking), "tool_choice", INVALID)


def test_the_place_of_a_tool_is_that_of_the_request_also_where_others_are_left_out() -> None:
    given = turn(F, Tool("h", strict=True), tool_choice=ToolChoice("allowed", ("h",)))
    assert losses(given, Profile(allowed_tools=False, strict_tools=False))[1] == ("tools[1].strict", "dropped")


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ("any", "tool_choice"),
        (7, "tool_choice"),
        ({"type": "function"}, "tool_choice.function"),
        ({"type": "custom", "function": {"name": "f"}}, "tool_choice.custom"),
        ({"type": "allowed_tools"}, "tool_choice.allowed_tools"),
        (function() | {"custom": {"name": "g"}}, "tool_choice.function"),
        ({"type": "web_search"}, "tool_choice.type"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function(), {"type": "custom"}]}},
         "tool_choice.allowed_tools.tools[1]"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": []}}, "tool_choice.allowed_tools.mode"),
    ],
)  # fmt: skip
def test_a_choice_that_is_not_right_is_named(choice: object, param: str) -> None:
    refused(lambda: parsed(tools=[function()], tool_choice=choice), param, INVALID)


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("named", ("f",)), ToolChoice("allowed", ("f",))])
def test_no_tool_can_be_demanded_where_there_is_none(choice: ToolChoice) -> None:
    refused(lambda: sent(tool_choice=choice), "tool_choice", INVALID)


@pytest.mark.parametrize("choice", [None, ToolChoice("auto"), ToolChoice("none")])
def test_without_tools_nothing_is_said_of_them(choice: ToolChoice | None) -> None:
    body = sent(tool_choice=choice, parallel_tool_calls=True)
    assert not body.keys() & {"tools", "tool_choice", "parallel_tool_calls"}


def test_a_long_name_goes_under_an_alias_as_it_is_or_not_at_all() -> None:
    given = turn(F, Tool(LONG), tool_choice=ToolChoice("named", (LONG,)))
    body = rendered(given)
    assert body["tools"][1]["function"]["name"] == body["tool_choice"]["function"]["name"] == alias(LONG)
    assert losses(given) == [("tools[1].name", "mapped")]
    kept = rendered(given, Profile(tool_names="keep"))
    assert kept["tools"][1]["function"]["name"] == kept["tool_choice"]["function"]["name"] == LONG
    refused(lambda: rendered(given, Profile(tool_names="reject")), "tools[1].name", UNSUPPORTED)
    assert rendered(turn(F), Profile(tool_names="reject"))["tools"][0]["function"]["name"] == "f"


def test_the_deprecated_form_is_upgraded() -> None:
    given = parsed(functions=[{"name": "f", "parameters": SCHEMA}], function_call={"name": "f"})
    assert (given.tools[0].name, given.tool_choice) == ("f", ToolChoice("named", ("f",)))
    assert given.parallel_tool_calls is False
    assert asks_functions(given)
    body = rendered(given)
    assert body["tools"] == [function(parameters=SCHEMA, strict=False)]
    assert not body.keys() & {"functions", "function_call"}
    for mode in ("auto", "none"):
        assert parsed(functions=[{"name": "f"}], function_call=mode).tool_choice == ToolChoice(mode)


def test_who_speaks_the_present_form_is_not_taken_for_old() -> None:
    assert not asks_functions(parsed(tools=[function()]))
    assert parsed(tools=[function()]).parallel_tool_calls is None


def test_two_forms_do_not_stand_together() -> None:
    refused(lambda: parsed(tools=[function()], functions=[{"name": "f"}]), "functions", INVALID)
    refused(lambda: parsed(functions=[{"name": "f"}], tool_choice="auto", function_call="auto"), "function_call",
            INVALID)  # fmt: skip
    refused(lambda: parsed(functions=[{"name": "f"}], function_call="always"), "function_call", INVALID)


def test_a_long_schema_goes_where_schemas_go() -> None:
    schema = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(100)}}
    given = {"type": "json_schema", "json_schema": {"name": "n", "description": "D", "schema": schema, "strict": True}}
    asked = parsed(response_format=given)
    assert asked.format is not None
    assert (asked.format.kind, asked.format.name, asked.format.description) == ("json_schema", "n", "D")
    assert asked.metadata is None
    assert rendered(asked)["response_format"] == given


@pytest.mark.parametrize("strict", [None, False, True])
def test_strict_of_a_format_is_kept_apart_absent_false_and_true(strict: bool | None) -> None:
    schema: Json = {"name": "n", "schema": {}} | ({} if strict is None else {"strict": strict})
    given = {"type": "json_schema", "json_schema": schema}
    assert rendered(parsed(response_format=given))["response_format"] == given
    lenient = Profile(strict_tools=False)
    body = rendered(parsed(response_format=given), lenient)["response_format"]["json_schema"]
    assert "strict" not in body
    assert losses(parsed(response_format=given), lenient) == (
        [("response_format.json_schema.strict", "dropped")] if strict else []
    )  # fmt: skip


def test_a_format_without_a_schema() -> None:
    assert parsed(response_format={"type": "json_object"}).format == Format("json_object")
    assert rendered(parsed(response_format={"type": "json_object"}))["response_format"] == {"type": "json_object"}
    text = parsed(response_format={"type": "text"})
    assert text.format == Format("text")
    assert "response_format" not in rendered(text)
    bare = {"type": "json_schema", "json_schema": {"name": "n"}}
    assert rendered(parsed(response_format=bare))["response_format"] == bare


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "text", "json_schema": {"name": "n"}}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.name"),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": "x"}}, "response_format.json_schema.schema"),
        ({"type": "xml"}, "response_format.type"),
    ],
)
def test_a_format_that_is_not_right_is_named(given: Json, param: str) -> None:
    refused(lambda: parsed(response_format=given), param, INVALID)


def test_the_mark_of_the_deprecated_form_says_nothing_to_upstreams() -> None:
    given = msgspec.structs.replace(turn(F), extras=(Extra("chat", "functions", raw(None)),))
    assert "functions" not in rendered(given)


@pytest.mark.parametrize("name", PROFILES)
def test_every_upstream_gets_tools_that_the_sdk_would_send(name: str) -> None:
    profile = PROFILES[name]
    kinds = (F, Tool(LONG, "D", raw(SCHEMA), True), *(() if profile.custom_tools == "reject" else (G,)))
    given = turn(*kinds, tool_choice=ToolChoice("allowed", ("f",)), parallel_tool_calls=True)
    sdk.check_request(rendered(given, profile))
