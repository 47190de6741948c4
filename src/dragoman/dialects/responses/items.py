"""The items of a request's input in neutral form, and back.

Each item of the input becomes exactly one of the turn, so that places in error messages stay right. What
has no neutral form, a hosted tool's call or a reference to a stored item, is kept whole as `Native`.

Calls are joined to their outputs by `call_id`; on the way out the `id` of an item goes along only where a
Responses server gave it. Reasoning of another provider keeps its text and loses its seal, which nobody else
can open.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from dragoman.dialects.calls import wrap
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses import parts
from dragoman.dialects.responses.members import decode, invalid, members, read, refuse
from dragoman.dialects.responses.namespaces import bare, whole
from dragoman.dialects.responses.tools import sent_name
from dragoman.turn import (
    INSTRUCTIONS,
    CallKind,
    Extra,
    Item,
    Loss,
    Message,
    Native,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.wire import responses as wire

SEALER: Final = "responses"
"""Who made the `encrypted_content` that comes in: a Responses upstream, or this gateway in its place."""
FAILED: Final = "Error: "
"""Before the output of a tool that failed, for which there is no member."""

InputItem = (
    wire.InputMessage
    | wire.FunctionCall
    | wire.CustomToolCall
    | wire.FunctionCallOutput
    | wire.CustomToolCallOutput
    | wire.ReasoningItem
    | Raw
)


def parse(given: str | list[Raw], extras: list[Extra]) -> tuple[Item, ...]:
    """Raises `GatewayError` INVALID_REQUEST naming the item that is not right."""
    if isinstance(given, str):
        return (Message("user", (Text(given),)),)
    return tuple(_parse_item(value, f"input[{number}]", extras) for number, value in enumerate(given))


def parse_instructions(text: str | None) -> tuple[Item, ...]:
    return (Message("system", (Text(text),), id=INSTRUCTIONS),) if text else ()


def is_instructions(item: Item) -> bool:
    return isinstance(item, Message) and item.id == INSTRUCTIONS


def _parse_item(value: Raw, at: str, extras: list[Extra]) -> Item:
    kind = decode(value, wire.Kind, at).type or _implied(value, at)
    parse_one = _PARSERS.get(kind)
    if parse_one is not None:
        return parse_one(value, at, extras)
    return Native("responses", kind, f"{at}.id" if kind == "item_reference" else at, value)


def _implied(value: Raw, at: str) -> str:
    """The type of an item that does not say it: the easy form of a message, or a reference."""
    names = members(value, at).keys()
    if "role" in names:
        return "message"
    if "id" in names:
        return "item_reference"
    raise invalid(f"{at}.type", f"Missing required parameter: '{at}.type'.")


def _message(value: Raw, at: str, extras: list[Extra]) -> Item:
    message = read(value, wire.InputMessage, at, extras)
    found = parts.parse(message.content, f"{at}.content", extras)
    if isinstance(found, str):
        return Native("responses", "message", found, value)
    return Message(message.role, found, id=message.id or "", phase=message.phase or "")


def _function_call(value: Raw, at: str, extras: list[Extra]) -> Item:
    call = read(value, wire.FunctionCall, at, extras)
    space = call.namespace or ""
    return ToolCall(call.call_id, whole(space, call.name), call.arguments, id=call.id or "", namespace=space)


def _custom_call(value: Raw, at: str, extras: list[Extra]) -> Item:
    call = read(value, wire.CustomToolCall, at, extras)
    space = call.namespace or ""
    return ToolCall(call.call_id, whole(space, call.name), call.input, "custom", call.id or "", space)


def _function_output(value: Raw, at: str, extras: list[Extra]) -> Item:
    output = read(value, wire.FunctionCallOutput, at, extras)
    name = whole(output.namespace, output.name) if output.name else ""
    return _result(output, "function", value, at, extras, name)


def _custom_output(value: Raw, at: str, extras: list[Extra]) -> Item:
    return _result(read(value, wire.CustomToolCallOutput, at, extras), "custom", value, at, extras)


def _result(
    output: wire.FunctionCallOutput | wire.CustomToolCallOutput,
    kind: CallKind,
    value: Raw,
    at: str,
    extras: list[Extra],
    name: str = "",
) -> Item:
    found = parts.parse_output(output.output, f"{at}.output", extras)
    if isinstance(found, str):
        return Native("responses", f"{kind}_call_output", found, value)
    return ToolResult(output.call_id, found, kind, name=name)


def _reasoning(value: Raw, at: str, extras: list[Extra]) -> Item:
    item = read(value, wire.ReasoningItem, at, extras)
    seal = item.encrypted_content or ""
    return Reasoning(
        text=tuple(part.text for part in item.content or () if part.text),
        summary=tuple(part.text for part in item.summary if part.text),
        seal=seal,
        sealed_by=SEALER if seal else "",
        id=item.id or "",
    )


_PARSERS: Final[dict[str, Callable[[Raw, str, list[Extra]], Item]]] = {
    "message": _message,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
    "function_call_output": _function_output,
    "custom_tool_call_output": _custom_output,
    "reasoning": _reasoning,
}


def render(items: tuple[Item, ...], profile: Profile, losses: list[Loss]) -> tuple[str | None, list[InputItem]]:
    """The `instructions` and the `input`. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    if profile.merge_system:
        items = _merged(items, losses)
    instructions, items = _split(items, losses)
    renderer = _Renderer(profile, losses)
    rendered = [renderer.render(item, f"input[{number}]") for number, item in enumerate(items)]
    return instructions, [item for item in rendered if item is not None]


def _split(items: tuple[Item, ...], losses: list[Loss]) -> tuple[str | None, tuple[Item, ...]]:
    """The instructions are one text here; what was several is joined, and loses its cache breakpoints."""
    match items[:1]:
        case (Message() as message,) if is_instructions(message):
            texts = [part for part in message.parts if isinstance(part, Text)]
            if any(text.cache is not UNSET for text in texts):
                losses.append(Loss("instructions.cache_control", "dropped", "the upstream caches by itself"))
            return "\n\n".join(text.text for text in texts if text.text) or None, items[1:]
    return None, items


def _merged(items: tuple[Item, ...], losses: list[Loss]) -> tuple[Item, ...]:
    """One leading system message, as strict templates want it."""
    system = [item for item in items if isinstance(item, Message) and item.role in ("system", "developer")]
    if not system or (len(system) == 1 and items[0] is system[0]):
        return items
    said: list[Part] = [part for message in system for part in message.parts]
    texts = [part.text for part in said if isinstance(part, Text)]
    if len(texts) < len(said):
        raise refuse("input", "This upstream takes one system message, of text only.")
    losses.append(Loss("input", "mapped", "system messages are merged into one at the beginning"))
    merged = Message("system", (Text("\n\n".join(texts)),), id=INSTRUCTIONS)
    return (merged, *(item for item in items if item not in system))


class _Renderer:
    """One item after the other; what changes on the way is noted in `losses`."""

    def __init__(self, profile: Profile, losses: list[Loss]) -> None:
        self._profile = profile
        self._losses = losses
        self._thoughts = 0

    def render(self, item: Item, at: str) -> InputItem | None:
        match item:
            case Message(role="assistant"):
                return self._said(item, at)
            case Message():
                return self._message(item, at)
            case ToolCall():
                return self._call(item, at)
            case ToolResult():
                return self._result(item, at)
            case Reasoning():
                return self._reasoning(item, at)
            case Native():
                if item.dialect != "responses":
                    raise refuse(item.param, f"An item of type {item.kind!r} cannot be sent to this upstream.")
                return item.value

    def _message(self, item: Message, at: str) -> InputItem:
        role: wire.Role = item.role
        if role == "developer" and self._profile.developer == "system":
            role = "system"
        said = self._named(item, at)
        content = [parts.render_input(part, at, self._losses) for part in said]
        return wire.InputMessage(role, content, phase=item.phase or None)

    def _said(self, item: Message, at: str) -> InputItem:
        said = self._named(item, at)
        content = [parts.render_output(part, at) for part in said]
        if item.id.startswith("msg_"):
            return wire.InputMessage("assistant", content, item.id, "completed", item.phase or None)
        return wire.InputMessage("assistant", content, phase=item.phase or None)

    def _named(self, item: Message, at: str) -> tuple[Part, ...]:
        """The parts, the participant's name before the first text: Responses has no other place for it."""
        if not item.name:
            return item.parts
        if self._profile.names == "reject":
            raise refuse("name", f"The name of a participant ({at}) cannot be sent to this upstream.")
        for number, part in enumerate(item.parts):
            if isinstance(part, Text):
                self._losses.append(Loss(f"{at}.name", "mapped", "a participant's name stands before the text"))
                named = msgspec.structs.replace(part, text=f"{item.name}: {part.text}")
                return (*item.parts[:number], named, *item.parts[number + 1 :])
        self._losses.append(Loss(f"{at}.name", "dropped", "there is no text for the name to stand before"))
        return item.parts

    def _call(self, item: ToolCall, at: str) -> InputItem:
        name, space = sent_name(bare(item.name, item.namespace), self._profile), item.namespace or None
        if item.kind == "custom":
            if self._wraps(at):
                return wire.FunctionCall(item.call_id, name, wrap(item.arguments), namespace=space)
            identity = item.id if item.id.startswith("ctc_") else None
            return wire.CustomToolCall(item.call_id, name, item.arguments, identity, namespace=space)
        identity = item.id if item.id.startswith("fc_") else None
        return wire.FunctionCall(item.call_id, name, item.arguments or "{}", identity, namespace=space)

    def _wraps(self, at: str) -> bool:
        """Whether a custom tool goes as a function. Raises `GatewayError` where the upstream can have neither."""
        if self._profile.custom_tools == "reject":
            raise refuse(f"{at}.type", "This upstream has no custom tools.")
        return self._profile.custom_tools == "wrap"

    def _result(self, item: ToolResult, at: str) -> InputItem:
        output = self._output(item, at)
        if item.kind == "custom" and not self._wraps(at):
            return wire.CustomToolCallOutput(item.call_id, output)
        return wire.FunctionCallOutput(item.call_id, output)

    def _output(self, item: ToolResult, at: str) -> str | list[Raw]:
        said = item.parts
        if item.is_error:
            self._losses.append(Loss(f"{at}.is_error", "mapped", f"a failed tool's output begins with {FAILED!r}"))
            said = (Text(FAILED), *said)
            if len(said) == 2 and isinstance(said[1], Text):
                said = (Text(FAILED + said[1].text),)
        match said:
            case ():
                return ""
            case (Text(cache=msgspec.UNSET) as text,):
                return text.text
            case _:
                return [parts.render_input(part, at, self._losses) for part in said]

    def _reasoning(self, item: Reasoning, at: str) -> InputItem | None:
        own = bool(item.seal) and item.sealed_by == SEALER
        if item.seal and not own:
            said = bool(item.text or item.summary)
            if not said and not self._profile.allow_unknown:
                message = f"Reasoning sealed by another provider ({at}) cannot be read by this upstream."
                raise refuse(f"{at}.encrypted_content", message)
            self._losses.append(Loss(f"{at}.encrypted_content", "dropped", "another provider sealed it"))
            if not said:
                return None
        self._thoughts += 1
        content = [wire.ReasoningText(text) for text in item.text]
        return wire.ReasoningItem(
            [wire.SummaryText(text) for text in item.summary],
            # The reference demands an id; who sealed the reasoning goes by the seal.
            item.id or (UNSET if own else f"rs_{self._thoughts}"),
            content or UNSET,
            item.seal if own else UNSET,
        )
