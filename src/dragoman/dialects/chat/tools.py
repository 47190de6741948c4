"""Tools, tool choice and text format of a Chat request in neutral form, and back.

The deprecated `functions` and `function_call` are read like `tools` and `tool_choice`. Who asked with them is
answered in their shape, so an `Extra` without a value tells the writer of the answer; see `asks_functions`.
"""

from typing import Final

import msgspec

from dragoman.dialects import calls
from dragoman.dialects.chat import rows
from dragoman.dialects.chat.members import Body, absent, invalid
from dragoman.dialects.mapping import Losses
from dragoman.dialects.profile import Profile
from dragoman.turn import CallKind, Extra, Format, Tool, ToolChoice, Turn
from dragoman.wire import chat_request as wire
from dragoman.wire.chat import raw

_tools: Final = msgspec.json.Decoder(list[wire.Tool])
_functions: Final = msgspec.json.Decoder(list[wire.FunctionTool])
_choice: Final = msgspec.json.Decoder(str | wire.ToolChoice)
_function_choice: Final = msgspec.json.Decoder(str | wire.Named)
_format: Final = msgspec.json.Decoder(wire.ResponseFormat)
_MODES: Final = ("auto", "none", "required")
_KINDS: Final[tuple[CallKind, ...]] = ("function", "custom")

FUNCTIONS: Final = Extra("chat", "functions", msgspec.Raw(b"null"))
"""Says nothing to any upstream: the caller spoke in the deprecated form."""


def asks_functions(turn: Turn) -> bool:
    """Whether the caller wants calls in the deprecated form."""
    return FUNCTIONS in turn.extras


def parse_tools(value: msgspec.Raw) -> tuple[Tool, ...]:
    return tuple(_tool(tool, f"tools[{number}]") for number, tool in enumerate(_tools.decode(value)))


def parse_functions(value: msgspec.Raw) -> tuple[Tool, ...]:
    """The deprecated `functions`, upgraded."""
    return tuple(_function(tool, f"functions[{number}]") for number, tool in enumerate(_functions.decode(value)))


def _tool(tool: wire.Tool, at: str) -> Tool:
    if tool.type == "function" and tool.function is not None and tool.custom is None:
        return _function(tool.function, f"{at}.function")
    if tool.type == "custom" and tool.custom is not None and tool.function is None:
        custom = tool.custom
        return Tool(custom.name, custom.description, kind="custom", format=_grammar(custom.format, f"{at}.custom"))
    raise invalid(f"{at}.{tool.type}", f"A tool of type {tool.type!r} needs the member {tool.type!r}, and no other.")


def _function(function: wire.FunctionTool, at: str) -> Tool:
    parameters = _object(function.parameters, f"{at}.parameters")
    return Tool(function.name, function.description, parameters, function.strict)


def _object(value: msgspec.Raw, at: str) -> msgspec.Raw | msgspec.UnsetType:
    if absent(value):
        return msgspec.UNSET
    if not bytes(value).startswith(b"{"):
        raise invalid(at, f"'{at}' must be an object.")
    return value


def _grammar(given: wire.CustomFormat | None, at: str) -> msgspec.Raw | msgspec.UnsetType:
    """A custom tool's format in Responses form: the grammar's members stand beside its type."""
    if given is None:
        return msgspec.UNSET
    if (given.type == "grammar") != (given.grammar is not None):
        raise invalid(f"{at}.format.grammar", "A format of type 'grammar' needs the member 'grammar', no other has it.")
    if given.grammar is None:
        return raw({"type": given.type})
    return raw({"type": given.type, "definition": given.grammar.definition, "syntax": given.grammar.syntax})


def render(turn: Turn, profile: Profile, losses: Losses) -> Body:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`. Raises `GatewayError`."""
    choice = turn.tool_choice
    if not turn.tools:
        if choice is not None and choice.mode not in ("auto", "none"):
            raise invalid("tool_choice", "A tool cannot be demanded where no tool is given.")
        return {}  # without tools, whether their calls may be parallel says nothing, and some upstreams refuse it
    offered = list(enumerate(turn.tools))
    if choice is not None and choice.mode == "allowed" and not profile.allowed_tools:
        offered = [(number, tool) for number, tool in offered if tool.name in choice.names]
        if not offered:
            raise invalid("tool_choice", "None of the allowed tools is among the tools.")
        losses.note(rows.ALLOWED_ALONE)
        choice = ToolChoice("required" if choice.required else "auto")
    sent = []
    for number, tool in offered:
        losses.tool = number
        sent.append(_body(tool, profile, losses))
    body: Body = {"tools": sent}
    if choice is not None:
        body["tool_choice"] = _render_choice(choice, turn.tools, profile)
    if turn.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = turn.parallel_tool_calls
    return body


def _body(tool: Tool, profile: Profile, losses: Losses) -> Body:
    if tool.namespace is not None:
        losses.note(rows.UNGROUPED, space=tool.namespace.name, name=tool.name)
    name = _named(tool.name, profile, losses)
    if tool.kind == "custom":
        return _custom(tool, name, profile, losses)
    function: Body = {"name": name}
    if (said := calls.description(tool)) is not None:
        function["description"] = said
    if tool.parameters is not msgspec.UNSET:
        function["parameters"] = tool.parameters
    if profile.strict_tools:
        # The dialects differ in what holds where nobody says, so it is always said.
        function["strict"] = bool(tool.strict)
    elif tool.strict:
        losses.note(rows.STRICT_IGNORED)
    return {"type": "function", "function": function}


def _named(name: str, profile: Profile, losses: Losses) -> str:
    if calls.is_plain(name) or profile.tool_names == "keep":
        return name
    if profile.tool_names == "reject":
        raise losses.refuse(rows.TOOL_NAME_REFUSED, name=name)
    losses.note(rows.TOOL_ALIAS, name=calls.alias(name))
    return calls.alias(name)


def _custom(tool: Tool, name: str, profile: Profile, losses: Losses) -> Body:
    if profile.custom_tools == "reject":
        raise losses.refuse(rows.NO_CUSTOM)
    if profile.custom_tools == "wrap":
        losses.note(rows.CUSTOM_WRAPPED)
        function: Body = {
            "name": name, "description": calls.wrap_description(tool), "parameters": calls.WRAP_SCHEMA,
        }  # fmt: skip
        if profile.strict_tools:
            function["strict"] = False
        return {"type": "function", "function": function}
    custom: Body = {"name": name}
    if (said := calls.description(tool)) is not None:
        custom["description"] = said
    if tool.format is not msgspec.UNSET:
        grammar: dict[str, msgspec.Raw] = msgspec.json.decode(tool.format, type=dict[str, msgspec.Raw])
        kind = grammar.pop("type", msgspec.Raw(b'"text"'))
        custom["format"] = {"type": kind, "grammar": grammar} if grammar else {"type": kind}
    return {"type": "custom", "custom": custom}


def parse_choice(value: msgspec.Raw) -> ToolChoice:
    choice = _choice.decode(value)
    if isinstance(choice, str):
        return _mode(choice, "tool_choice")
    given = [name for name in ("function", "custom", "allowed_tools") if getattr(choice, name) is not None]
    if given != [choice.type]:
        message = f"A tool choice of type {choice.type!r} needs the member {choice.type!r}, and no other."
        raise invalid(f"tool_choice.{choice.type}", message)
    if choice.allowed_tools is not None:
        return _allowed(choice.allowed_tools)
    named = choice.custom or choice.function
    assert named is not None
    return ToolChoice("named", (named.name,), "custom" if choice.custom is not None else "function")


def _allowed(allowed: wire.AllowedTools) -> ToolChoice:
    names: list[str] = []
    for number, tool in enumerate(allowed.tools):
        at = f"tool_choice.allowed_tools.tools[{number}]"
        given = {kind: named for kind in _KINDS if (named := getattr(tool, kind)) is not None}
        if list(given) != [tool.type]:
            raise invalid(at, f"An allowed tool of type {tool.type!r} needs the member {tool.type!r}, and no other.")
        names.append(given[tool.type].name)
    custom = bool(allowed.tools) and all(tool.type == "custom" for tool in allowed.tools)
    return ToolChoice("allowed", tuple(names), "custom" if custom else "function", required=allowed.mode == "required")


def parse_function_choice(value: msgspec.Raw) -> ToolChoice:
    """The deprecated `function_call`, upgraded."""
    choice = _function_choice.decode(value)
    return _mode(choice, "function_call") if isinstance(choice, str) else ToolChoice("named", (choice.name,))


def _mode(text: str, param: str) -> ToolChoice:
    for mode in _MODES:
        if text == mode:
            return ToolChoice(mode)
    raise invalid(param, f"{text!r} is no tool choice: use auto, none, required or a named tool.")


def _render_choice(choice: ToolChoice, tools: tuple[Tool, ...], profile: Profile) -> str | Body:
    """The choice; a tool is of the kind that the request's tools say, wrapped ones being functions."""
    wraps = profile.custom_tools == "wrap"
    kinds: dict[str, CallKind] = {tool.name: "function" if wraps else tool.kind for tool in tools}
    named: list[Body] = []
    for name in choice.names:
        kind = kinds.get(name, choice.kind)
        named.append({"type": kind, kind: {"name": calls.alias(name) if profile.tool_names == "alias" else name}})
    match choice.mode:
        case "named":
            return named[0]
        case "allowed":
            mode = "required" if choice.required else "auto"
            return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}
        case mode:
            return mode


def parse_format(value: msgspec.Raw) -> Format:
    given = _format.decode(value)
    schema = given.json_schema
    if (given.type == "json_schema") != (schema is not None):
        message = "A format of type 'json_schema' needs the member 'json_schema', no other has it."
        raise invalid("response_format.json_schema", message)
    if schema is None:
        return Format(given.type)
    described = _object(schema.schema, "response_format.json_schema.schema")
    return Format("json_schema", schema.name, schema.description, described, schema.strict)


def render_format(form: Format, profile: Profile, losses: Losses) -> Body:
    if form.kind != "json_schema":
        return {"type": form.kind}
    if losses.source == "messages":
        losses.note(rows.FORMAT_LAX)
    schema: Body = {"name": form.name}
    if form.description is not None:
        schema["description"] = form.description
    if form.schema is not msgspec.UNSET:
        schema["schema"] = form.schema
    if form.strict is not None:
        if profile.strict_tools:
            schema["strict"] = form.strict
        elif form.strict:
            losses.note(rows.FORMAT_STRICT_IGNORED)
    return {"type": "json_schema", "json_schema": schema}
