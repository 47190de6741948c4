"""The items of a request's input in neutral form, and back.

Each item of the input becomes exactly one of the turn, so that places in error messages stay right. What
has no neutral form, a hosted tool's call or a reference to a stored item, is kept whole as `Native`.

Calls are joined to their outputs by `call_id`; on the way out the `id` of an item goes along only where a
Responses server gave it. Reasoning of another provider keeps its text and loses its seal, which nobody else
can open.
"""

from collections.abc import Callable
from typing import Final, TypeGuard

import msgspec
from msgspec import UNSET, Raw

from dragoman.dialects.calls import wrap
from dragoman.dialects.mapping import Losses
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses import parts, rows
from dragoman.dialects.responses.members import decode, invalid, members, read
from dragoman.dialects.responses.namespaces import bare, whole
from dragoman.dialects.responses.tools import sent_name
from dragoman.turn import (
    INSTRUCTIONS,
    CallKind,
    Extra,
    Item,
    Message,
    Native,
    Part,
    Place,
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


def places(instructions: tuple[Item, ...], given: str | list[Raw]) -> tuple[Place, ...]:
    """Where the items of both stand."""
    first = (Place(INSTRUCTIONS, (INSTRUCTIONS,)),) if instructions else ()
    if isinstance(given, str):
        return (*first, Place("input", ("input",)))
    return (*first, *(Place(f"input[{number}]") for number in range(len(given))))


def parse(given: str | list[Raw], extras: list[Extra]) -> tuple[Item, ...]:
    """Raises `GatewayError` INVALID_REQUEST naming the item that is not right."""
    if isinstance(given, str):
        return (Message("user", (Text(given),)),)
    return tuple(_parse_item(value, f"input[{number}]", extras) for number, value in enumerate(given))


def parse_instructions(text: str | None) -> tuple[Item, ...]:
    return (Message("system", (Text(text),), id=INSTRUCTIONS),) if text else ()


def _instructs(item: Item) -> TypeGuard[Message]:
    return isinstance(item, Message) and item.role in ("system", "developer")


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


def render(
    items: tuple[Item, ...], profile: Profile, losses: Losses, *, stores: bool = False
) -> tuple[str | None, list[InputItem]]:
    """The `instructions` and the `input`; `stores`: the upstream keeps what it is told, and knows it by its ids.

    Raises `GatewayError` UNSUPPORTED_PARAMETER.
    """
    return _Renderer(profile, losses, stores=stores).render(items)


class _Renderer:
    """One item after the other; what changes on the way is noted in `losses`."""

    def __init__(self, profile: Profile, losses: Losses, *, stores: bool) -> None:
        self._profile = profile
        self._losses = losses
        self._stores = stores
        self._messages = 0
        self._thoughts = 0

    def render(self, items: tuple[Item, ...]) -> tuple[str | None, list[InputItem]]:
        instructions = self._merge(items) if self._profile.merge_system else None
        merged = instructions is not None
        leading = not merged and bool(items) and is_instructions(items[0])
        if leading:
            instructions = self._instructions(items[0])
        rendered: list[InputItem] = []
        for number, item in enumerate(items):
            self._losses.item = number
            if (merged and _instructs(item)) or (leading and number == 0):
                continue
            one = self._item(item)
            if one is not None:
                rendered.append(one)
        return instructions, rendered

    def _instructions(self, item: Item) -> str | None:
        """They are one text here; what was several is joined, and loses its cache breakpoints."""
        texts = []
        for number, part in enumerate(item.parts if isinstance(item, Message) else ()):
            self._losses.part = number
            if isinstance(part, Text):
                texts.append(part.text)
                if part.cache is not UNSET:
                    self._losses.note(rows.INSTRUCTIONS_CACHE)
        return "\n\n".join(filter(None, texts)) or None

    def _merge(self, items: tuple[Item, ...]) -> str | None:
        """One leading system message, as strict templates want it; None where there is no need to merge."""
        system = [(number, item) for number, item in enumerate(items) if _instructs(item)]
        if not system or (len(system) == 1 and not system[0][0]):
            return None
        texts: list[str] = []
        for number, item in system:
            self._losses.item = number
            for part in self._named(item):
                if not isinstance(part, Text):
                    raise self._losses.refuse(rows.MERGED_PARTS)
                texts.append(part.text)
        self._losses.note(rows.MERGED)
        return "\n\n".join(texts)

    def _item(self, item: Item) -> InputItem | None:
        match item:
            case Message(role="assistant"):
                return self._said(item)
            case Message():
                return self._message(item)
            case ToolCall():
                return self._call(item)
            case ToolResult():
                return self._result(item)
            case Reasoning():
                return self._reasoning(item)
            case Native():
                if item.dialect != "responses":
                    raise self._losses.refuse(rows.NO_NATIVE, item.param, kind=item.kind)
                return item.value

    def _message(self, item: Message) -> InputItem:
        role: wire.Role = item.role
        if role == "developer" and self._profile.developer == "system":
            role = "system"
        return wire.InputMessage(role, self._inputs(self._named(item)), phase=item.phase or None)

    def _inputs(self, said: tuple[Part, ...]) -> list[Raw]:
        content = []
        for number, part in enumerate(said):
            self._losses.part = number
            content.append(parts.render_input(part, self._losses))
        return content

    def _said(self, item: Message) -> InputItem:
        content = []
        for number, part in enumerate(self._named(item)):
            self._losses.part = number
            content.append(parts.render_output(part, self._losses))
        identity = item.id if item.id.startswith("msg_") else self._message_id()
        status = None if identity is None else "completed"
        return wire.InputMessage("assistant", content, identity, status, item.phase or None)

    def _message_id(self) -> str | None:
        """The reference demands an id, and servers that go by it refuse a message without one. Who stores messages
        may look the id up, and takes none as well."""
        self._messages += 1
        return None if self._stores else f"msg_{self._messages}"

    def _named(self, item: Message) -> tuple[Part, ...]:
        """The parts, the participant's name before the first text: Responses has no other place for it."""
        if not item.name:
            return item.parts
        if self._profile.names == "reject":
            raise self._losses.refuse(rows.NAME_REFUSED)
        for number, part in enumerate(item.parts):
            if isinstance(part, Text):
                self._losses.note(rows.NAME_PREFIXED)
                named = msgspec.structs.replace(part, text=f"{item.name}: {part.text}")
                return (*item.parts[:number], named, *item.parts[number + 1 :])
        self._losses.note(rows.NAME_DROPPED)
        return item.parts

    def _call(self, item: ToolCall) -> InputItem:
        name, space = sent_name(bare(item.name, item.namespace), self._profile), item.namespace or None
        if item.kind == "custom":
            if self._wraps():
                return wire.FunctionCall(item.call_id, name, wrap(item.arguments), namespace=space)
            identity = item.id if item.id.startswith("ctc_") else None
            return wire.CustomToolCall(item.call_id, name, item.arguments, identity, namespace=space)
        identity = item.id if item.id.startswith("fc_") else None
        return wire.FunctionCall(item.call_id, name, item.arguments or "{}", identity, namespace=space)

    def _wraps(self) -> bool:
        """Whether a custom tool goes as a function. Raises `GatewayError` where the upstream can have neither."""
        if self._profile.custom_tools == "reject":
            raise self._losses.refuse(rows.NO_CUSTOM_CALL)
        return self._profile.custom_tools == "wrap"

    def _result(self, item: ToolResult) -> InputItem:
        output = self._output(item)
        if item.kind == "custom" and not self._wraps():
            return wire.CustomToolCallOutput(item.call_id, output)
        return wire.FunctionCallOutput(item.call_id, output)

    def _output(self, item: ToolResult) -> str | list[Raw]:
        said = item.parts
        if item.is_error:
            self._losses.note(rows.ERROR_PREFIXED, prefix=FAILED)
            said = (Text(FAILED), *said)
            if len(said) == 2 and isinstance(said[1], Text):
                said = (Text(FAILED + said[1].text),)
        match said:
            case ():
                return ""
            case (Text(cache=msgspec.UNSET) as text,):
                return text.text
            case _:
                return self._inputs(said)

    def _reasoning(self, item: Reasoning) -> InputItem | None:
        own = bool(item.seal) and item.sealed_by == SEALER
        if item.seal and not own:
            if not (item.text or item.summary):
                self._losses.lack(rows.SEALED)
                return None
            self._losses.note(rows.SEAL_UNREAD)
        if not own and not self._profile.reasoning_field:
            self._losses.note(rows.NO_REASONING)
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
