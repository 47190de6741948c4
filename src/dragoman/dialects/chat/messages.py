"""The messages of a Chat request as items of a turn.

One assistant message holds what in other dialects are several items: reasoning, text and calls of one turn.

role                may have, beside its content
------------------  -----------------------------------------------------------------------------------
system, developer,  name
user
assistant           name, refusal, tool_calls, function_call, annotations; reasoning of other servers
tool                tool_call_id (required), name
function            name (required); deprecated: it answers the last call of that name that has no answer
"""

from collections import deque
from typing import Final

import msgspec

from dragoman.dialects.chat import parts, rows
from dragoman.dialects.chat.members import absent, invalid
from dragoman.dialects.mapping import refuse
from dragoman.turn import CallKind, Item, Message, Place, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.wire import chat_request as wire

_messages: Final = msgspec.json.Decoder(list[wire.Message])
# Members that one role has and others have not.
_OWN: Final[dict[str, tuple[str, ...]]] = {
    "refusal": ("assistant",),
    "tool_calls": ("assistant",),
    "function_call": ("assistant",),
    "annotations": ("assistant",),
    "reasoning_content": ("assistant",),
    "reasoning": ("assistant",),
    "tool_call_id": ("tool",),
}


def parse(value: msgspec.Raw) -> tuple[tuple[Item, ...], tuple[Place, ...]]:
    """The items, and where each of them stood.

    Raises `GatewayError` naming the message that is not right, `msgspec.ValidationError` for a wrong shape.
    """
    messages = _messages.decode(value)
    if not messages:
        raise invalid("messages", "'messages' must hold at least one message.")
    history = _History()
    for number, message in enumerate(messages):
        history.add(message, number)
    return tuple(history.items), tuple(history.places)


class _History:
    """What has been said so far, and the calls that still want their results."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.places: list[Place] = []
        self._kinds: dict[str, CallKind] = {}
        self._functions: dict[str, deque[str]] = {}

    def add(self, message: wire.Message, number: int) -> None:
        at = f"messages[{number}]"
        _check(message, at)
        match message.role:
            case "assistant":
                self._said(message, at, number)
            case "tool":
                self._result(message, at)
            case "function":
                self._function_result(message, at)
            case role:
                if message.content is None:
                    raise invalid(f"{at}.content", f"Missing required parameter: '{at}.content'.")
                self._put(Message(role, parts.parse(message, at), name=message.name or ""), at)

    def _said(self, message: wire.Message, at: str, number: int) -> None:
        thought = message.reasoning_content or message.reasoning
        if thought:
            self._put(Reasoning(text=(thought,)), at)
        said = parts.parse(message, at)
        if message.refusal:
            said = (*said, Refusal(message.refusal))
        calls = message.tool_calls or message.function_call
        if not said and (message.name or not calls):
            said = (Text(""),)  # an empty message, or one whose name would be lost with it
        if said:
            self._put(Message("assistant", said, name=message.name or ""), at)
        for index, call in enumerate(message.tool_calls or ()):
            place = f"{at}.tool_calls[{index}]"
            self._call(_call(call, place), place)
        if message.function_call is not None:
            # The deprecated form has no id; one that follows from the place joins call and result.
            name = message.function_call.name
            identity = f"call_function_{number}"
            self._functions.setdefault(name, deque()).append(identity)
            self._call(ToolCall(identity, name, message.function_call.arguments), f"{at}.function_call")

    def _put(self, item: Item, at: str) -> None:
        self.items.append(item)
        self.places.append(Place(at))

    def _call(self, call: ToolCall, at: str) -> None:
        self._kinds[call.call_id] = call.kind
        self._put(call, at)

    def _result(self, message: wire.Message, at: str) -> None:
        if not message.tool_call_id:
            raise invalid(f"{at}.tool_call_id", f"Missing required parameter: '{at}.tool_call_id'.")
        kind = self._kinds.get(message.tool_call_id, "function")
        said = parts.parse(message, at)
        self._put(ToolResult(message.tool_call_id, said, kind, name=message.name or ""), at)

    def _function_result(self, message: wire.Message, at: str) -> None:
        if not message.name:
            raise invalid(f"{at}.name", f"Missing required parameter: '{at}.name'.")
        waiting = self._functions.get(message.name)
        if not waiting:
            raise invalid(f"{at}.name", f"No call of the function {message.name!r} precedes its result ('{at}').")
        self._put(ToolResult(waiting.popleft(), parts.parse(message, at), name=message.name), at)


def _check(message: wire.Message, at: str) -> None:
    """What stands where it says nothing would be lost without a word."""
    if not absent(message.audio):
        raise refuse(rows.NO_AUDIO_SAID, f"{at}.audio")
    for name, roles in _OWN.items():
        if message.role not in roles and getattr(message, name):
            raise invalid(f"{at}.{name}", f"A message of role {message.role!r} cannot have '{at}.{name}'.")


def _call(call: wire.Call, at: str) -> ToolCall:
    if call.type == "custom" and call.custom is not None and call.function is None:
        return ToolCall(call.id, call.custom.name, call.custom.input, "custom")
    if call.type == "function" and call.function is not None and call.custom is None:
        return ToolCall(call.id, call.function.name, call.function.arguments)
    raise invalid(f"{at}.{call.type}", f"A call of type {call.type!r} needs the member {call.type!r}, and no other.")
