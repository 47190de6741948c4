"""Tools, tool choice and text format of a Chat request in neutral form, and back."""

from typing import Any, Final

import msgspec

from dragoman.dialects.chat.messages import Body, invalid, refuse
from dragoman.dialects.profile import Profile
from dragoman.turn import CallKind, Format, Loss, Tool, ToolChoice
from dragoman.wire import chat_request as wire

_tools: Final = msgspec.json.Decoder(list[wire.Tool])
_functions: Final = msgspec.json.Decoder(list[wire.FunctionTool])
_choice: Final = msgspec.json.Decoder(str | wire.ToolChoice)
_function_choice: Final = msgspec.json.Decoder(str | wire.Named)
_format: Final = msgspec.json.Decoder(wire.ResponseFormat)
_MODES: Final = ("auto", "none", "required")

WRAP_NOTE: Final = "Give the whole input of the tool as one string in the member `input`."
WRAP_SCHEMA: Final = msgspec.Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)


def parse_tools(value: msgspec.Raw) -> tuple[Tool, ...]:
    return tuple(_tool(tool, f"tools[{number}]") for number, tool in enumerate(_tools.decode(value)))


def parse_functions(value: msgspec.Raw) -> tuple[Tool, ...]:
    """The deprecated `functions`, upgraded."""
    return tuple(_function(function) for function in _functions.decode(value))


def _tool(tool: wire.Tool, at: str) -> Tool:
    if tool.type == "function" and tool.function is not None:
        return _function(tool.function)
    if tool.type == "custom" and tool.custom is not None:
        custom = tool.custom
        return Tool(custom.name, custom.description, kind="custom", format=_grammar(custom.format))
    raise invalid(at, f"A tool of type {tool.type!r} needs the member {tool.type!r}.")


def _function(function: wire.FunctionTool) -> Tool:
    return Tool(function.name, function.description, function.parameters, function.strict)


def _grammar(given: wire.CustomFormat | None) -> msgspec.Raw | msgspec.UnsetType:
    """A custom tool's format in Responses form: the grammar's members stand beside its type."""
    if given is None:
        return msgspec.UNSET
    body: Body = {"type": given.type}
    if given.grammar is not None:
        body |= {"definition": given.grammar.definition, "syntax": given.grammar.syntax}
    return msgspec.Raw(msgspec.json.encode(body))


def render_tools(tools: tuple[Tool, ...], profile: Profile, losses: list[Loss]) -> list[Body]:
    return [_body(tool, f"tools[{number}]", profile, losses) for number, tool in enumerate(tools)]


def _body(tool: Tool, at: str, profile: Profile, losses: list[Loss]) -> Body:
    if tool.kind == "custom":
        return _custom(tool, at, profile, losses)
    function: Body = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not msgspec.UNSET:
        function["parameters"] = tool.parameters
    if profile.strict_tools:
        function["strict"] = bool(tool.strict)
    elif tool.strict:
        losses.append(Loss(f"{at}.strict", "dropped", "the upstream does not enforce schemas"))
    return {"type": "function", "function": function}


def _custom(tool: Tool, at: str, profile: Profile, losses: list[Loss]) -> Body:
    if profile.custom_tools == "reject":
        raise refuse(f"{at}.type", "This upstream has no custom tools.")
    if profile.custom_tools == "wrap":
        losses.append(Loss(at, "mapped", "a custom tool is offered as a function with one string"))
        notes = [tool.description or "", WRAP_NOTE]
        if tool.format is not msgspec.UNSET:
            notes.append(f"Its format: {bytes(tool.format).decode()}")
        description = "\n\n".join(note for note in notes if note)
        return {
            "type": "function",
            "function": {"name": tool.name, "description": description, "parameters": WRAP_SCHEMA, "strict": False},
        }
    custom: Body = {"name": tool.name}
    if tool.description is not None:
        custom["description"] = tool.description
    if tool.format is not msgspec.UNSET:
        given: dict[str, Any] = msgspec.json.decode(tool.format)
        kind = given.pop("type")
        custom["format"] = {"type": kind, "grammar": given} if kind == "grammar" else {"type": kind}
    return {"type": "custom", "custom": custom}


def parse_choice(value: msgspec.Raw) -> ToolChoice:
    choice = _choice.decode(value)
    if isinstance(choice, str):
        return _mode(choice, "tool_choice")
    if choice.allowed_tools is not None and choice.type == "allowed_tools":
        names = tuple(_name(tool) for tool in choice.allowed_tools.tools)
        return ToolChoice("allowed", names, required=choice.allowed_tools.mode == "required")
    kind: CallKind = "custom" if choice.type == "custom" else "function"
    named = choice.custom if kind == "custom" else choice.function
    if named is None:
        raise invalid("tool_choice", f"A tool choice of type {choice.type!r} needs the member {choice.type!r}.")
    return ToolChoice("named", (named.name,), kind)


def parse_function_choice(value: msgspec.Raw) -> ToolChoice:
    """The deprecated `function_call`, upgraded."""
    choice = _function_choice.decode(value)
    return _mode(choice, "function_call") if isinstance(choice, str) else ToolChoice("named", (choice.name,))


def _mode(text: str, param: str) -> ToolChoice:
    for mode in _MODES:
        if text == mode:
            return ToolChoice(mode)
    raise invalid(param, f"{text!r} is no tool choice: use auto, none, required or a named tool.")


def _name(tool: wire.NamedTool) -> str:
    named = tool.custom if tool.type == "custom" else tool.function
    if named is None:
        raise invalid("tool_choice", "An allowed tool needs a name.")
    return named.name


def render_choice(choice: ToolChoice, profile: Profile) -> str | Body:
    match choice.mode:
        case "named":
            kind = "function" if choice.kind == "custom" and profile.custom_tools == "wrap" else choice.kind
            return {"type": kind, kind: {"name": choice.names[0]}}
        case "allowed":
            tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
            mode = "required" if choice.required else "auto"
            return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
        case mode:
            return mode


def parse_format(value: msgspec.Raw) -> Format:
    given = _format.decode(value)
    if given.type != "json_schema":
        return Format(given.type)
    schema = given.json_schema
    if schema is None:
        raise invalid("response_format.json_schema", "A json_schema format needs its schema.")
    return Format("json_schema", schema.name, schema.description, schema.schema, schema.strict)


def render_format(form: Format, profile: Profile, losses: list[Loss]) -> Body:
    if form.kind != "json_schema":
        return {"type": form.kind}
    schema: Body = {"name": form.name}
    if form.description is not None:
        schema["description"] = form.description
    if form.schema is not msgspec.UNSET:
        schema["schema"] = form.schema
    if form.strict is not None:
        if profile.strict_tools:
            schema["strict"] = form.strict
        elif form.strict:
            losses.append(Loss("text.format.strict", "dropped", "the upstream does not enforce schemas"))
    return {"type": "json_schema", "json_schema": schema}
