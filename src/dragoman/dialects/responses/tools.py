"""Tools, the choice among them and the format of the text: a request's members in neutral form.

The nested shape of Chat (`{"type":"function","function":{...}}`) is read like the flat one: clients that know
only Chat's tools send it here.
"""

from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dragoman.dialects import calls
from dragoman.dialects.mapping import Losses
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses import namespaces, rows
from dragoman.dialects.responses.members import absent, decode, invalid, join, members, read
from dragoman.turn import CallKind, Extra, Format, Tool, ToolChoice, Turn
from dragoman.wire import responses as wire

_MODES: Final = ("auto", "none", "required")
_KINDS: Final[tuple[CallKind, ...]] = ("function", "custom")
# What Chat means by leaving a function's parameters out; here they are required.
_NO_PARAMETERS: Final = Raw(b'{"type":"object","properties":{},"required":[],"additionalProperties":false}')


class _Function(msgspec.Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: Raw | UnsetType = UNSET
    strict: bool | None = None


class _Custom(msgspec.Struct, frozen=True):
    name: str
    description: str | None = None
    format: Raw | UnsetType = UNSET


class _Named(msgspec.Struct, frozen=True):
    name: str


class _Allowed(msgspec.Struct, frozen=True):
    mode: Literal["auto", "required"]
    tools: list[Raw]


class _Grammar(msgspec.Struct, frozen=True):
    """A custom tool's format as Chat nests it."""

    type: str
    grammar: Raw | UnsetType = UNSET


def parse_tools(given: list[Raw] | None, extras: list[Extra]) -> tuple[Tool, ...]:
    """The caller's own tools; a hosted one goes whole into an `Extra` named after its `type`."""
    tools: list[Tool] = []

    def own(value: Raw, at: str) -> Tool | None:
        return _parse_tool(value, at, extras)

    for number, value in enumerate(given or ()):
        at = f"tools[{number}]"
        if decode(value, wire.Kind, at).type == namespaces.KIND:
            tools += namespaces.parse(value, at, extras, own)
        elif tool := own(value, at):
            tools.append(tool)
        else:
            extras.append(Extra("responses", f"{at}.type", value))
    if any(tool.namespace for tool in tools):
        namespaces.check(tools)
    return tuple(tools)


def _parse_tool(value: Raw, at: str, extras: list[Extra]) -> Tool | None:
    """One of the caller's own tools, None for a hosted one."""
    match decode(value, wire.Kind, at).type:
        case "function":
            return _function(*_unnested(value, at, "function"), extras)
        case "custom":
            return _custom(*_unnested(value, at, "custom"), extras)
        case None:
            raise invalid(f"{at}.type", f"Missing required parameter: '{at}.type'.")
        case _:
            return None


def _unnested(value: Raw, at: str, kind: CallKind) -> tuple[Raw, str]:
    inner = members(value, at).get(kind)
    return (value, at) if inner is None or absent(inner) else (inner, f"{at}.{kind}")


def _function(value: Raw, at: str, extras: list[Extra]) -> Tool:
    tool = read(value, _Function, at, extras)
    return Tool(tool.name, tool.description, _object(tool.parameters, f"{at}.parameters"), tool.strict)


def _custom(value: Raw, at: str, extras: list[Extra]) -> Tool:
    tool = read(value, _Custom, at, extras)
    form = _object(tool.format, f"{at}.format")
    if form is not UNSET:
        nested = decode(form, _Grammar, f"{at}.format")
        if nested.grammar is not UNSET:
            inner = members(nested.grammar, f"{at}.format.grammar")
            form = Raw(msgspec.json.encode({"type": nested.type, **inner}))
    return Tool(tool.name, tool.description, kind="custom", format=form)


def _object(value: Raw | UnsetType, at: str) -> Raw | UnsetType:
    if value is UNSET or absent(value):
        return UNSET
    members(value, at)
    return value


def parse_choice(value: Raw, extras: list[Extra]) -> ToolChoice | None:
    """The choice; that of a hosted tool goes whole into an `Extra`."""
    at = "tool_choice"
    if absent(value):
        return None
    if bytes(value).startswith(b'"'):
        return _mode(decode(value, str, at))
    kind = decode(value, wire.Kind, at).type
    if kind is None:
        raise invalid(f"{at}.type", f"Missing required parameter: '{at}.type'.")
    if kind == "allowed_tools":
        choice = _allowed(value, at, extras)
    else:
        named = _named(value, at, extras)
        choice = None if named is None else ToolChoice("named", (named[1],), named[0])
    if choice is None:
        extras.append(Extra("responses", at, value))
    return choice


def _mode(text: str) -> ToolChoice:
    for mode in _MODES:
        if text == mode:
            return ToolChoice(mode)
    raise invalid("tool_choice", f"{text!r} is no tool choice: use auto, none, required or an object.")


def _named(value: Raw, at: str, extras: list[Extra]) -> tuple[CallKind, str] | None:
    """The kind and the name of one of the caller's own tools, None for a hosted one."""
    said = decode(value, wire.Kind, at).type
    for kind in _KINDS:
        if said == kind:
            inner, place = _unnested(value, at, kind)
            return kind, read(inner, _Named, place, extras).name
    return None


def _allowed(value: Raw, at: str, extras: list[Extra]) -> ToolChoice | None:
    inner = members(value, at).get("allowed_tools")
    if inner is not None:
        value, at = inner, f"{at}.allowed_tools"
    allowed = read(value, _Allowed, at, extras)
    named = [_named(tool, f"{at}.tools[{number}]", extras) for number, tool in enumerate(allowed.tools)]
    own = [one for one in named if one is not None]
    if len(own) < len(named):
        return None
    kind: CallKind = "custom" if own and all(one[0] == "custom" for one in own) else "function"
    return ToolChoice("allowed", tuple(one[1] for one in own), kind, required=allowed.mode == "required")


def parse_format(value: Raw, at: str, extras: list[Extra]) -> Format | None:
    if absent(value):
        return None
    match decode(value, wire.Kind, at).type:
        case "text":
            read(value, wire.TextFormat, at, extras)
            return Format("text")
        case "json_object":
            read(value, wire.JsonObjectFormat, at, extras)
            return Format("json_object")
        case "json_schema":
            form = read(value, wire.JsonSchemaFormat, at, extras)
            members(form.schema, f"{at}.schema")
            description = None if form.description is UNSET else form.description
            return Format(
                "json_schema", form.name, description, form.schema, None if form.strict is UNSET else form.strict
            )
        case other:
            name = join(at, "type")
            raise invalid(name, f"'{name}' must be text, json_object or json_schema, not {other!r}.")


def render_tools(
    tools: tuple[Tool, ...], profile: Profile, losses: Losses
) -> list[wire.FunctionTool | wire.CustomTool | Raw]:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER for a tool that the upstream cannot have."""
    rendered = []
    for number, tool in enumerate(namespaces.ungrouped(tools)):
        losses.tool = number
        rendered.append(_render_tool(tool, profile, losses))
    return namespaces.grouped(tools, rendered)


def _render_tool(tool: Tool, profile: Profile, losses: Losses) -> wire.FunctionTool | wire.CustomTool:
    name = _render_name(tool.name, profile, losses)
    if tool.kind == "custom":
        return _render_custom(tool, name, profile, losses)
    strict: bool | None = bool(tool.strict)
    if not profile.strict_tools:
        if tool.strict:
            losses.note(rows.STRICT_IGNORED)
        strict = None
    parameters = _NO_PARAMETERS if tool.parameters is UNSET else tool.parameters
    return wire.FunctionTool(name, tool.description, parameters, strict)


def _render_name(name: str, profile: Profile, losses: Losses) -> str:
    if calls.is_plain(name) or profile.tool_names == "keep":
        return name
    if profile.tool_names == "reject":
        raise losses.refuse(rows.TOOL_NAME_REFUSED, name=name)
    losses.note(rows.TOOL_ALIAS, name=calls.alias(name))
    return calls.alias(name)


def sent_name(name: str, profile: Profile) -> str:
    """The name under which an upstream knows a tool."""
    return calls.alias(name) if profile.tool_names == "alias" else name


def _render_custom(tool: Tool, name: str, profile: Profile, losses: Losses) -> wire.FunctionTool | wire.CustomTool:
    match profile.custom_tools:
        case "native":
            return wire.CustomTool(name, tool.description, tool.format)
        case "reject":
            raise losses.refuse(rows.NO_CUSTOM)
        case "wrap":
            losses.note(rows.CUSTOM_WRAPPED)
            return wire.FunctionTool(name, calls.wrap_description(tool), calls.WRAP_SCHEMA, False)


def render_choice(turn: Turn, profile: Profile) -> str | wire.NamedTool | wire.AllowedTools | None:
    """The choice; a tool is of the kind that the request's tools say, wrapped ones being functions."""
    choice = turn.tool_choice
    if choice is None:
        return None
    wraps = profile.custom_tools == "wrap"
    kinds: dict[str, CallKind] = {tool.name: "function" if wraps else tool.kind for tool in turn.tools}
    named = [wire.NamedTool(kinds.get(name, choice.kind), sent_name(name, profile)) for name in choice.names]
    match choice.mode:
        case "named":
            return named[0]
        case "allowed":
            return wire.AllowedTools("required" if choice.required else "auto", named)
        case mode:
            return mode


def render_format(form: Format, profile: Profile, losses: Losses) -> wire.Format:
    match form.kind:
        case "text":
            return wire.TextFormat()
        case "json_object":
            return wire.JsonObjectFormat()
        case "json_schema":
            if losses.source == "messages":
                losses.note(rows.FORMAT_LAX)
            strict: bool | UnsetType = UNSET if form.strict is None else form.strict
            if not profile.strict_tools:
                if form.strict:
                    losses.note(rows.FORMAT_STRICT_IGNORED)
                strict = UNSET
            schema = Raw(b"{}") if form.schema is UNSET else form.schema
            return wire.JsonSchemaFormat(
                form.name, schema, UNSET if form.description is None else form.description, strict
            )
