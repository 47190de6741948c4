"""Tools and tool choice of a Messages request in neutral form, and back.

choice here    neutral     back
-------------  ----------  -------------------------------------------------------------
auto           auto        auto
any            required    any
tool           named       tool
none           none        none
-              allowed     only those tools are offered, with auto or any

`disable_parallel_tool_use` is `parallel_tool_calls` turned round.
"""

from typing import Final

import msgspec

from dragoman.dialects import calls
from dragoman.dialects.fields import PARAMETERS
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages import rows
from dragoman.dialects.messages.members import Body, absent, decode, invalid, members, read
from dragoman.dialects.profile import Profile
from dragoman.turn import Extra, Tool, ToolChoice, Turn
from dragoman.wire import messages as wire

_OWN: Final = (None, "custom")
"""The types of a tool the caller defines; all others are Anthropic's."""
_ANY_OBJECT: Final[Body] = {"type": "object", "properties": {}}
_MODES: Final = {"auto": "auto", "required": "any", "none": "none"}


def parse_tools(value: msgspec.Raw, extras: list[Extra], found: frozenset[str]) -> tuple[Tool, ...]:
    """What the caller defines; a tool that Anthropic defines becomes an extra, so that it can be refused by name.

    A deferred tool is left out unless it is among those `found`.
    """
    tools = []
    for number, raw in enumerate(decode(value, list[msgspec.Raw], "tools")):
        at = f"tools[{number}]"
        kind = members(raw, at).get("type")
        if kind is not None and decode(kind, object, f"{at}.type") not in _OWN:
            extras.append(Extra("messages", f"{at}.type", raw))
            continue
        tool = read(raw, wire.Tool, at, extras)
        if tool.input_schema is msgspec.UNSET:
            raise invalid(f"{at}.input_schema", f"Missing required parameter: '{at}.input_schema'.")
        if tool.defer_loading and tool.name not in found:
            continue
        tools.append(Tool(tool.name, tool.description, tool.input_schema, tool.strict))
    return tuple(tools)


def parse_choice(value: msgspec.Raw, extras: list[Extra]) -> tuple[ToolChoice, bool | None]:
    """The choice, and whether calls may be parallel."""
    given = read(value, wire.ToolChoice, "tool_choice", extras)
    parallel = None if given.disable_parallel_tool_use is None else not given.disable_parallel_tool_use
    match given.type:
        case "tool":
            if not given.name:
                raise invalid("tool_choice.name", "A tool choice of type 'tool' needs the tool's name.")
            return ToolChoice("named", (given.name,)), parallel
        case "any":
            return ToolChoice("required"), parallel
        case "auto":
            return ToolChoice("auto"), parallel
        case "none":
            return ToolChoice("none"), parallel


def render(turn: Turn, profile: Profile, losses: Losses) -> Body:
    """The members `tools` and `tool_choice`. Raises `GatewayError`."""
    choice = turn.tool_choice
    if not turn.tools:
        if choice is not None and choice.mode in ("required", "named"):
            raise invalid("tool_choice", "A tool cannot be demanded where no tool is given.")
        return {}
    offered = list(enumerate(turn.tools))
    if choice is not None and choice.mode == "allowed":
        offered = [(number, tool) for number, tool in offered if tool.name in choice.names]
        if not offered:
            raise invalid("tool_choice", "None of the allowed tools is among the tools.")
        losses.note(rows.ALLOWED_ALONE)
    sent = []
    for number, tool in offered:
        losses.tool = number
        sent.append(_tool(tool, profile, losses))
    body: Body = {"tools": sent}
    rendered = _choice(choice, turn.parallel_tool_calls, profile)
    if rendered is not None:
        body["tool_choice"] = rendered
    return body


def name_of(tool: str, profile: Profile) -> str:
    """What an upstream calls a tool."""
    return calls.alias(tool) if profile.tool_names == "alias" else tool


def _choice(choice: ToolChoice | None, parallel: bool | None, profile: Profile) -> Body | None:
    body: Body
    match choice:
        case None if parallel is not False:
            return None
        case None:
            body = {"type": "auto"}
        case ToolChoice(mode="named"):
            body = {"type": "tool", "name": name_of(choice.names[0], profile)}
        case ToolChoice(mode="allowed"):
            body = {"type": "any" if choice.required else "auto"}
        case ToolChoice():
            body = {"type": _MODES[choice.mode]}
    if parallel is False and body["type"] != "none":
        body["disable_parallel_tool_use"] = True
    return body


def _tool(tool: Tool, profile: Profile, losses: Losses) -> Body:
    if tool.namespace is not None:
        losses.note(rows.UNGROUPED, space=tool.namespace.name, name=tool.name)
    name = _named(tool.name, profile, losses)
    if tool.kind == "custom":
        return _custom(tool, name, profile, losses)
    body: Body = {"name": name}
    if (said := calls.description(tool)) is not None:
        body["description"] = said
    body["input_schema"] = _schema(tool, losses)
    if tool.strict:
        if profile.strict_tools:
            body["strict"] = True
        else:
            losses.note(rows.STRICT_IGNORED)
    return body


def _named(name: str, profile: Profile, losses: Losses) -> str:
    known = name_of(name, profile)
    if known != name:
        losses.note(rows.TOOL_ALIAS, name=known)
    elif profile.tool_names == "reject" and not calls.is_plain(name):
        raise losses.refuse(rows.TOOL_NAME_REFUSED, name=name)
    return known


def _schema(tool: Tool, losses: Losses) -> msgspec.Raw | Body:
    """A schema must say that it is an object's; one that says nothing of it, or is not there, means that too."""
    if tool.parameters is msgspec.UNSET or absent(tool.parameters):
        return _ANY_OBJECT
    given = members(tool.parameters, losses.name(PARAMETERS))
    return tool.parameters if "type" in given else {"type": "object", **given}


def _custom(tool: Tool, name: str, profile: Profile, losses: Losses) -> Body:
    if profile.custom_tools != "wrap":
        raise losses.refuse(rows.NO_CUSTOM)
    losses.note(rows.CUSTOM_WRAPPED)
    return {"name": name, "description": calls.wrap_description(tool), "input_schema": calls.WRAP_SCHEMA}
