from typing import Any

import pytest

from dragoman import errors
from dragoman.dialects.calls import is_plain
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Format, Loss, Tool, ToolCall, ToolChoice, Turn
from tests.dialects.responses.samples import Body, losses, parse, plain, raw, render

SCHEMA = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"], "x-odd": [1.5]}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
NOTHING = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}

# A tool as it comes, in neutral form, and as it goes to an upstream.
TOOLS: dict[str, tuple[Body, Tool, Body]] = {
    "flat": (
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        Tool("f", "d", raw(SCHEMA), True),
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
    ),
    "nested": (
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}},
        Tool("f", "d", raw(SCHEMA), True),
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
    ),
    "not strict": (
        {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False},
        Tool("f", None, raw(SCHEMA), False),
        {"type": "function", "name": "f", "description": None, "parameters": SCHEMA, "strict": False},
    ),
    "strict not said": (
        {"type": "function", "name": "f", "parameters": SCHEMA, "function": None},
        Tool("f", None, raw(SCHEMA)),
        {"type": "function", "name": "f", "description": None, "parameters": SCHEMA, "strict": False},
    ),
    "no parameters": (
        {"type": "function", "name": "f", "parameters": None, "strict": None},
        Tool("f"),
        {"type": "function", "name": "f", "description": None, "parameters": NOTHING, "strict": False},
    ),
    "custom": ({"type": "custom", "name": "p"}, Tool("p", kind="custom"), {"type": "custom", "name": "p"}),
    "custom with a grammar": (
        {"type": "custom", "name": "p", "description": "d", "format": GRAMMAR},
        Tool("p", "d", kind="custom", format=raw(GRAMMAR)),
        {"type": "custom", "name": "p", "description": "d", "format": GRAMMAR},
    ),
    "custom, nested": (
        {
            "type": "custom",
            "custom": {
                "name": "p",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}},
            },
        },
        Tool("p", kind="custom", format=raw(GRAMMAR)),
        {"type": "custom", "name": "p", "format": GRAMMAR},
    ),
}


@pytest.mark.parametrize("case", TOOLS)
def test_a_tool_in_neutral_form_and_on_its_way(case: str) -> None:
    given, expected, sent = TOOLS[case]
    turn = parse(tools=[given])
    assert plain(turn.tools) == plain((expected,))
    assert turn.extras == ()
    assert render(turn)["tools"] == [sent]
    assert losses(turn) == []


HOSTED = """
file_search computer computer_use_preview web_search web_search_preview mcp code_interpreter programmatic_tool_calling
image_generation local_shell shell apply_patch tool_search
""".split()


@pytest.mark.parametrize("kind", HOSTED)
def test_a_hosted_tool_is_kept_whole_under_its_type(kind: str) -> None:
    function = {"type": "function", "name": "f", "description": None, "parameters": SCHEMA, "strict": False}
    hosted = {"type": kind, "odd": 1}
    turn = parse(tools=[function, hosted, {**function, "name": "g"}])
    assert [tool.name for tool in turn.tools] == ["f", "g"]
    assert [(extra.param, plain(extra.value)) for extra in turn.extras] == [("tools[1].type", hosted)]
    assert [tool["type"] for tool in render(turn)["tools"]] == ["function", kind, "function"]


def test_members_of_functions_that_no_other_dialect_has_are_kept() -> None:
    function = {"type": "function", "name": "f", "description": None, "parameters": SCHEMA, "strict": False}
    vacuous = {"defer_loading": False, "async": False, "allowed_callers": ["direct"], "output_schema": None}
    assert parse(tools=[{**function, **vacuous}]).extras == ()
    odd = {
        "defer_loading": True,
        "async": True,
        "allowed_callers": ["programmatic"],
        "output_schema": {"type": "object"},
    }
    turn = parse(tools=[{**function, **odd}])
    assert [extra.param for extra in turn.extras] == [f"tools[0].{name}" for name in odd]
    assert render(turn)["tools"] == [{**function, **odd}]


CHOICES: dict[str, tuple[Any, ToolChoice | None, Any]] = {
    "none said": (None, None, None),
    "auto": ("auto", ToolChoice("auto"), "auto"),
    "none": ("none", ToolChoice("none"), "none"),
    "required": ("required", ToolChoice("required"), "required"),
    "named": (
        {"type": "function", "name": "f"},
        ToolChoice("named", ("f",)),
        {"type": "function", "name": "f"},
    ),
    "named, nested": (
        {"type": "function", "function": {"name": "f"}},
        ToolChoice("named", ("f",)),
        {"type": "function", "name": "f"},
    ),
    "custom": ({"type": "custom", "name": "p"}, ToolChoice("named", ("p",), "custom"), {"type": "custom", "name": "p"}),
    "allowed": (
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "p"}],
        },
        ToolChoice("allowed", ("f", "p"), required=True),
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "p"}],
        },
    ),
    "allowed, nested": (
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "p"}}]},
        },
        ToolChoice("allowed", ("p",), "custom"),
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "p"}]},
    ),
}
BOTH = [{"type": "function", "name": "f", "parameters": SCHEMA}, {"type": "custom", "name": "p"}]


@pytest.mark.parametrize("case", CHOICES)
def test_a_choice_in_neutral_form_and_on_its_way(case: str) -> None:
    given, expected, sent = CHOICES[case]
    turn = parse(tools=BOTH, tool_choice=given)
    assert turn.tool_choice == expected
    assert turn.extras == ()
    assert render(turn).get("tool_choice") == sent


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "web_search_preview"},
        {"type": "mcp", "server_label": "s"},
        {"type": "shell"},
        {"type": "apply_patch"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}, {"type": "mcp"}]},
    ],
)
def test_the_choice_of_a_hosted_tool_is_kept_whole(choice: Body) -> None:
    turn = parse(tools=BOTH, tool_choice=choice)
    assert turn.tool_choice is None
    assert [(extra.param, plain(extra.value)) for extra in turn.extras] == [("tool_choice", choice)]
    assert render(turn)["tool_choice"] == choice


FORMATS: dict[str, tuple[Any, Format | None]] = {
    "none": (None, None),
    "text": ({"type": "text"}, Format("text")),
    "json_object": ({"type": "json_object"}, Format("json_object")),
    "json_schema": (
        {"type": "json_schema", "name": "n", "schema": SCHEMA},
        Format("json_schema", "n", schema=raw(SCHEMA)),
    ),
    "strict": (
        {"type": "json_schema", "name": "n", "schema": SCHEMA, "description": "d", "strict": True},
        Format("json_schema", "n", "d", raw(SCHEMA), True),
    ),
    "not strict": (
        {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": False},
        Format("json_schema", "n", None, raw(SCHEMA), False),
    ),
}


@pytest.mark.parametrize("case", FORMATS)
def test_a_format_in_neutral_form_and_on_its_way(case: str) -> None:
    given, expected = FORMATS[case]
    turn = parse(text={"format": given})
    assert plain(turn.format) == plain(expected)
    assert render(turn).get("text") == (None if given is None else {"format": given})


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [7]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": 7}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": "x"}]}, "tools[0].parameters"),
        ({"tools": [{"type": "function", "name": "f", "strict": "yes"}]}, "tools[0].strict"),
        ({"tools": [{"type": "custom", "name": "p", "format": []}]}, "tools[0].format"),
        (
            {"tools": [{"type": "custom", "name": "p", "format": {"type": "grammar", "grammar": 7}}]},
            "tools[0].format.grammar",
        ),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": 7}, "tool_choice"),
        ({"tool_choice": {}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "none", "tools": []}}, "tool_choice.mode"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice.tools"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function"}]}},
            "tool_choice.tools[0].name",
        ),
        ({"text": "x"}, "text"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": []}}}, "text.format.schema"),
    ],
)
def test_what_is_not_right_is_named(members: Body, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(**members)
    assert (caught.value.kind, caught.value.param) == (errors.INVALID_REQUEST, param)


def test_unknown_members_of_a_choice_and_a_format_are_kept() -> None:
    choice = {"type": "function", "name": "f", "odd": 1}
    turn = parse(tools=BOTH, tool_choice=choice, text={"format": {"type": "text", "odd": 2}, "odd": 3})
    assert {extra.param: plain(extra.value) for extra in turn.extras} == {
        "tool_choice.odd": 1,
        "text.format.odd": 2,
        "text.odd": 3,
    }


def test_custom_tools_are_wrapped_for_upstreams_without_them() -> None:
    turn = parse(tools=[TOOLS["custom with a grammar"][0]], tool_choice={"type": "custom", "name": "p"})
    profile = Profile(custom_tools="wrap")
    body = render(turn, profile)
    (tool,) = body["tools"]
    assert (tool["type"], tool["name"], tool["strict"]) == ("function", "p", False)
    assert tool["parameters"]["required"] == ["input"]
    assert tool["description"].startswith("d\n\n")
    assert "start: /.+/" in tool["description"]
    assert body["tool_choice"] == {"type": "function", "name": "p"}
    assert losses(turn, profile) == [("tools[0].type", "mapped")]


def test_an_upstream_that_does_not_know_strict_is_not_told() -> None:
    profile = Profile(strict_tools=False)
    strict = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}
    turn = parse(tools=[TOOLS["flat"][0], TOOLS["not strict"][0]], text={"format": strict})
    body = render(turn, profile)
    assert [tool["strict"] for tool in body["tools"]] == [None, None]
    assert "strict" not in body["text"]["format"]
    assert losses(turn, profile) == [("tools[0].strict", "dropped"), ("text.format.strict", "dropped")]


@pytest.mark.parametrize(
    ("tool", "profile", "param"),
    [
        (Tool("p", kind="custom"), Profile(custom_tools="reject"), "tools[0].type"),
        (Tool("a" * 65), Profile(tool_names="reject"), "tools[0].name"),
        (Tool("a.b"), Profile(tool_names="reject"), "tools[0].name"),
        (Tool("ä", kind="custom"), Profile(tool_names="reject"), "tools[0].name"),
    ],
)
def test_a_tool_that_the_upstream_cannot_have_is_refused(tool: Tool, profile: Profile, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        render(Turn("m", tools=(tool,)), profile)
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, param)


ODD = "files/" + "read." * 20
ODD_TURN = Turn(
    "m",
    items=(ToolCall("c", ODD, "{}"), ToolCall("d", ODD, "x", "custom")),
    tools=(Tool(ODD),),
    tool_choice=ToolChoice("named", (ODD,)),
)


def test_a_name_beyond_the_rule_is_sent_as_an_alias_everywhere() -> None:
    body = render(ODD_TURN)
    (name,) = {body["tools"][0]["name"], body["tool_choice"]["name"], *(item["name"] for item in body["input"])}
    assert (len(name), is_plain(name)) == (64, True)
    assert losses(ODD_TURN) == [("tools[0].name", "mapped")]


def test_a_name_beyond_the_rule_may_be_kept() -> None:
    body = render(ODD_TURN, Profile(tool_names="keep"))
    assert {body["tools"][0]["name"], body["tool_choice"]["name"], body["input"][0]["name"]} == {ODD}
    assert losses(ODD_TURN, Profile(tool_names="keep")) == []


def test_a_loss_says_what_became_of_the_tool() -> None:
    from dragoman.dialects.responses.codec import RESPONSES

    turn = Turn("m", tools=(Tool("p", kind="custom"),))
    rendered = RESPONSES.render(turn, "up", Profile(custom_tools="wrap"))
    assert rendered.losses == (
        Loss("tools[0].type", "mapped", "a custom tool is offered as a function with one string"),
    )
