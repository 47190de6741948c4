"""The response object around an answer: what its request asked for, as it took effect.

Every key is there, in the nullability that Open Responses demands. What the request left open is said with
the default that held. A summary of reasoning is echoed where one came, for asking alone brings none.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dragoman.dialects.base import Setting
from dragoman.dialects.responses import namespaces
from dragoman.dialects.responses.items import is_instructions
from dragoman.dialects.responses.parts import raw
from dragoman.turn import Format, Message, Stop, Text, Tool, ToolChoice, Turn, Usage
from dragoman.wire import responses as wire

# How an answer that stopped so has ended: its status, and why it is incomplete.
OUTCOMES: Final[dict[Stop, tuple[wire.Status, str | None]]] = {
    Stop.END: ("completed", None),
    Stop.STOP_SEQUENCE: ("completed", None),
    Stop.TOOL_CALLS: ("completed", None),
    Stop.LENGTH: ("incomplete", "max_output_tokens"),
    Stop.CONTENT_FILTER: ("incomplete", "content_filter"),
    Stop.REFUSAL: ("incomplete", "content_filter"),
    Stop.PAUSE: ("incomplete", "max_messages"),
}
_TIERS: Final = {"standard": "default"}  # of Messages
_DISABLED: Final = Raw(b'"disabled"')


def begin(setting: Setting, identity: str, created: int) -> wire.Response:
    """The response before anything has come."""
    turn = setting.turn
    sampling = turn.sampling
    extras = {extra.param: extra.value for extra in turn.extras if extra.dialect == "responses"}
    return wire.Response(
        id=identity if identity.startswith("resp_") else setting.new_id("resp_"),
        created_at=created or setting.now,
        status="in_progress",
        background="background" in extras,
        conversation=_conversation(extras.get("conversation")),
        instructions=_instructions(turn),
        max_output_tokens=sampling.max_output_tokens,
        max_tool_calls=turn.max_tool_calls,
        model=turn.model,
        parallel_tool_calls=turn.parallel_tool_calls is not False,
        previous_response_id=extras.get("previous_response_id", wire.NULL),
        prompt_cache_key=turn.prompt_cache_key,
        reasoning=wire.ReasoningEcho(turn.thinking.effort),
        safety_identifier=turn.safety_identifier,
        service_tier="default",
        store=turn.store is True,
        temperature=_said(sampling.temperature, 1.0),
        text=wire.TextEcho(_format(turn.format), UNSET if turn.verbosity is None else turn.verbosity),
        tool_choice=extras["tool_choice"] if "tool_choice" in extras else _choice(turn.tool_choice, turn.tools),
        tools=_tools(turn, extras),
        top_logprobs=sampling.top_logprobs or 0,
        top_p=_said(sampling.top_p, 1.0),
        presence_penalty=_said(sampling.presence_penalty, 0.0),
        frequency_penalty=_said(sampling.frequency_penalty, 0.0),
        truncation=extras.get("truncation", _DISABLED),
        user=turn.user,
        metadata=turn.metadata or {},
    )


def end(
    begun: wire.Response,
    output: list[wire.OutputItem],
    setting: Setting,
    *,
    stop: Stop,
    usage: Usage | None,
    service_tier: str | None,
) -> wire.Response:
    """The response when all has come."""
    status, reason = outcome(stop, refused=refuses(output))
    return msgspec.structs.replace(
        begun,
        status=status,
        completed_at=max(setting.now, begun.created_at) if status == "completed" else None,
        incomplete_details=None if reason is None else wire.IncompleteDetails(reason),
        output=output,
        reasoning=_reasoning(begun.reasoning, setting.turn, output),
        service_tier=_TIERS.get(service_tier or "default", service_tier or "default"),
        usage=None if usage is None else render_usage(usage),
    )


def fail(
    begun: wire.Response,
    output: list[wire.OutputItem],
    setting: Setting,
    error: wire.ResponseError,
    usage: Usage | None,
) -> wire.Response:
    """The response when something went wrong; what had come whole stays in it."""
    return msgspec.structs.replace(
        begun,
        status="failed",
        error=error,
        output=output,
        reasoning=_reasoning(begun.reasoning, setting.turn, output),
        usage=None if usage is None else render_usage(usage),
    )


def outcome(stop: Stop, *, refused: bool) -> tuple[wire.Status, str | None]:
    """The status and why it is incomplete. A refusal in words is complete; one without is the work of a filter."""
    return ("completed", None) if stop is Stop.REFUSAL and refused else OUTCOMES[stop]


def refuses(output: list[wire.OutputItem]) -> bool:
    messages = [item for item in output if isinstance(item, wire.OutputMessage)]
    return any(isinstance(part, wire.RefusalPart) for message in messages for part in message.content)


def _reasoning(echo: wire.ReasoningEcho, turn: Turn, output: list[wire.OutputItem]) -> wire.ReasoningEcho:
    summarised = any(isinstance(item, wire.ReasoningItem) and item.summary for item in output)
    return wire.ReasoningEcho(echo.effort, turn.thinking.summary) if summarised else echo


def render_usage(usage: Usage) -> wire.Usage:
    return wire.Usage(
        usage.input_tokens,
        wire.InputTokensDetails(usage.cached_tokens, usage.cache_write_tokens),
        usage.output_tokens,
        wire.OutputTokensDetails(usage.reasoning_tokens),
        usage.total_tokens,
    )


def _said(value: float | None, default: float) -> float:
    return default if value is None else value


def _instructions(turn: Turn) -> str | None:
    match turn.items[:1]:
        case (Message() as message,) if is_instructions(message):
            return "\n\n".join(part.text for part in message.parts if isinstance(part, Text))
    return None


def _conversation(value: Raw | None) -> Raw | UnsetType:
    """A conversation is named by its id, or by an object that has it; it is answered as an object."""
    if value is None:
        return UNSET
    return raw({"id": value}) if bytes(value).startswith(b'"') else value


def _format(form: Format | None) -> wire.Format:
    if form is None or form.kind == "text":
        return wire.TextFormat()
    if form.kind == "json_object":
        return wire.JsonObjectFormat()
    schema = Raw(b"{}") if form.schema is UNSET else form.schema
    return wire.JsonSchemaFormat(form.name, schema, form.description, bool(form.strict))


def _choice(choice: ToolChoice | None, tools: tuple[Tool, ...]) -> str | wire.NamedTool | wire.AllowedTools:
    if choice is None:
        return "auto"
    kinds = {tool.name: tool.kind for tool in tools}
    named = [wire.NamedTool(kinds.get(name, choice.kind), name) for name in choice.names]
    match choice.mode:
        case "named":
            return named[0]
        case "allowed":
            return wire.AllowedTools("required" if choice.required else "auto", named)
        case mode:
            return mode


def _tools(turn: Turn, extras: dict[str, Raw]) -> list[wire.FunctionTool | wire.CustomTool | Raw]:
    """The tools in their order; a hosted one stands where its `Extra` says."""
    tools: list[wire.FunctionTool | wire.CustomTool | Raw] = namespaces.grouped(
        turn.tools, map(_tool, namespaces.ungrouped(turn.tools))
    )
    for param, value in extras.items():
        if param.startswith("tools[") and param.endswith("].type"):
            tools.insert(int(param[len("tools[") : -len("].type")]), value)
    return tools


def _tool(tool: Tool) -> wire.FunctionTool | wire.CustomTool:
    if tool.kind == "custom":
        return wire.CustomTool(tool.name, tool.description, tool.format)
    parameters = wire.NULL if tool.parameters is UNSET else tool.parameters
    return wire.FunctionTool(tool.name, tool.description, parameters, bool(tool.strict))
