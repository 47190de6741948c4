"""The messages of a Chat request as items of a turn, and back.

One assistant message holds what in other dialects are several items: text, reasoning and calls of one
turn. Tool messages follow their assistant message directly, before anything lifted out of them.
"""

from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import (
    Audio,
    File,
    Image,
    Item,
    Loss,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.wire import chat_request as wire

Body = dict[str, Any]
"""A JSON object being built; its values are JSON values."""

_messages: Final = msgspec.json.Decoder(list[wire.Message])


def refuse(param: str, message: str) -> GatewayError:
    return GatewayError(errors.UNSUPPORTED_PARAMETER, message, param=param)


def invalid(param: str, message: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, message, param=param)


def parse(value: msgspec.Raw) -> tuple[Item, ...]:
    """Raises `GatewayError` naming the message that is not right."""
    items: list[Item] = []
    functions: dict[str, list[str]] = {}
    for number, message in enumerate(_messages.decode(value)):
        at = f"messages[{number}]"
        if bytes(message.audio) != b"null":
            raise refuse(f"{at}.audio", "Audio of an earlier answer cannot be translated.")
        match message.role:
            case "assistant":
                items += _assistant(message, at, number, functions)
            case "tool":
                if not message.tool_call_id:
                    raise invalid(f"{at}.tool_call_id", "A tool message needs the id of its call.")
                items.append(ToolResult(message.tool_call_id, _parts(message, at)))
            case "function":
                waiting = functions.get(message.name or "")
                if not waiting:
                    raise invalid(at, f"No call of the function {message.name!r} precedes its result.")
                items.append(ToolResult(waiting.pop(0), _parts(message, at), name=message.name or ""))
            case role:
                items.append(Message(role, _parts(message, at), name=message.name or ""))
    return tuple(items)


def _assistant(message: wire.Message, at: str, number: int, functions: dict[str, list[str]]) -> list[Item]:
    items: list[Item] = []
    thought = message.reasoning_content or message.reasoning
    if thought:
        items.append(Reasoning(text=(thought,)))
    parts = _parts(message, at)
    if message.refusal:
        parts = (*parts, Refusal(message.refusal))
    if parts:
        items.append(Message("assistant", parts, name=message.name or ""))
    for index, call in enumerate(message.tool_calls or ()):
        items.append(_call(call, f"{at}.tool_calls[{index}]"))
    if message.function_call is not None:
        # The deprecated form has no id; one that follows from the place joins call and result.
        identity = f"call_{number}_{message.function_call.name}"
        functions.setdefault(message.function_call.name, []).append(identity)
        items.append(ToolCall(identity, message.function_call.name, message.function_call.arguments))
    return items


def _call(call: wire.Call, at: str) -> ToolCall:
    if call.type == "custom" and call.custom is not None:
        return ToolCall(call.id, call.custom.name, call.custom.input, "custom")
    if call.type == "function" and call.function is not None:
        return ToolCall(call.id, call.function.name, call.function.arguments)
    raise invalid(at, f"A call of type {call.type!r} needs the member {call.type!r}.")


def _parts(message: wire.Message, at: str) -> tuple[Part, ...]:
    content = message.content
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),) if content or message.role != "assistant" else ()
    return tuple(_part(part, f"{at}.content[{index}]") for index, part in enumerate(content))


def _part(part: wire.ContentPart, at: str) -> Part:
    if part.text is not None and part.type == "text":
        return Text(part.text, cache=part.prompt_cache_breakpoint)
    if part.image_url is not None and part.type == "image_url":
        return Image(url=part.image_url.url, detail=part.image_url.detail or "auto")
    if part.input_audio is not None and part.type == "input_audio":
        return Audio(part.input_audio.data, part.input_audio.format)
    if part.file is not None and part.type == "file":
        return File(data=part.file.file_data or "", file_id=part.file.file_id or "", filename=part.file.filename or "")
    if part.refusal is not None and part.type == "refusal":
        return Refusal(part.refusal)
    raise invalid(at, f"A part of type {part.type!r} needs the member {part.type!r}.")


class Renderer:
    """Items as Chat messages for one upstream; `losses` tells what changed on the way."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._messages: list[Body] = []
        self._lifted: list[Body] = []
        self.losses: list[Loss] = []

    def render(self, items: tuple[Item, ...]) -> list[Body]:
        """Raises `GatewayError` UNSUPPORTED_PARAMETER for what Chat cannot say."""
        for number, item in enumerate(items):
            if not isinstance(item, ToolResult):
                self._drop_lifted()
            self._item(item, f"input[{number}]")
        self._drop_lifted()
        return self._merged() if self._profile.merge_system else self._messages

    def _item(self, item: Item, at: str) -> None:
        match item:
            case Message(role="assistant"):
                self._speak(item, at)
            case Message():
                role = self._profile.developer if item.role == "developer" else item.role
                body: Body = {"role": role, "content": self._content(item.parts, at)}
                self._name(body, item, at)
                self._messages.append(body)
            case ToolCall():
                calls = self._assistant().setdefault("tool_calls", [])
                calls.append(self._call(item, at))
            case ToolResult():
                self._result(item, at)
            case Reasoning():
                self._think(item, at)
            case Native():
                raise refuse(item.param, f"An item of type {item.kind!r} has no place in Chat Completions.")

    def _assistant(self) -> Body:
        """The assistant message that is being written; items of one turn make one message."""
        if self._messages and self._messages[-1]["role"] == "assistant":
            return self._messages[-1]
        body: Body = {"role": "assistant", "content": None}
        self._messages.append(body)
        return body

    def _speak(self, item: Message, at: str) -> None:
        body = self._assistant()
        if "tool_calls" in body:  # text after calls begins a turn of its own
            body = {"role": "assistant", "content": None}
            self._messages.append(body)
        self._name(body, item, at)
        for part in item.parts:
            if isinstance(part, Refusal):
                body["refusal"] = (body.get("refusal") or "") + part.text
            elif isinstance(part, Text):
                body["content"] = (body["content"] or "") + part.text
            else:
                raise refuse(at, "An assistant message can hold text only.")

    def _think(self, item: Reasoning, at: str) -> None:
        text = "".join(item.text) or "\n\n".join(item.summary)
        field = self._profile.reasoning_field
        if item.seal:
            raise refuse(f"{at}.encrypted_content", "Sealed reasoning means nothing to this upstream.")
        if not field:
            self.losses.append(Loss(at, "dropped", "the upstream takes no reasoning of earlier turns"))
        elif text:
            self._assistant()[field] = text

    def _call(self, item: ToolCall, at: str) -> Body:
        if item.kind == "function":
            return {
                "id": item.call_id,
                "type": "function",
                "function": {"name": item.name, "arguments": item.arguments or "{}"},
            }
        if self._profile.custom_tools == "native":
            return {"id": item.call_id, "type": "custom", "custom": {"name": item.name, "input": item.arguments}}
        if self._profile.custom_tools == "wrap":
            wrapped = msgspec.json.encode({"input": item.arguments}).decode()
            return {"id": item.call_id, "type": "function", "function": {"name": item.name, "arguments": wrapped}}
        raise refuse(at, "This upstream has no custom tools.")

    def _result(self, item: ToolResult, at: str) -> None:
        texts = [part.text for part in item.parts if isinstance(part, (Text, Refusal))]
        others = [part for part in item.parts if not isinstance(part, (Text, Refusal))]
        text = "".join(texts)
        if item.is_error:
            text = f"Error: {text}"
            self.losses.append(Loss(at, "mapped", "a failed tool's output begins with 'Error: '"))
        if others and self._profile.tool_images == "reject":
            raise refuse(at, "This upstream takes text only from a tool.")
        self._messages.append({"role": "tool", "tool_call_id": item.call_id, "content": text})
        if others:
            self.losses.append(Loss(at, "mapped", "what is no text goes into a user message after the tool messages"))
            content = [part_body(part, at) for part in others]
            note = {"type": "text", "text": f"Output of the tool call {item.call_id}:"}
            self._lifted.append({"role": "user", "content": [note, *content]})

    def _drop_lifted(self) -> None:
        self._messages += self._lifted
        self._lifted.clear()

    def _content(self, parts: tuple[Part, ...], at: str) -> str | list[Body]:
        if all(isinstance(part, Text) and part.cache is msgspec.UNSET for part in parts) and len(parts) < 2:
            return "".join(part.text for part in parts if isinstance(part, Text))
        return [part_body(part, at) for part in parts]

    def _name(self, body: Body, item: Message, at: str) -> None:
        if item.name:
            body["name"] = item.name

    def _merged(self) -> list[Body]:
        """One leading system message: strict templates refuse a second or a late one."""
        system = [message for message in self._messages if message["role"] in ("system", "developer")]
        if len(system) < 2 and (not system or self._messages[0] is system[0]):
            return self._messages
        text = "\n\n".join(_plain(message["content"]) for message in system)
        self.losses.append(Loss("input", "mapped", "system messages are merged into one at the beginning"))
        rest = [message for message in self._messages if message["role"] not in ("system", "developer")]
        return [{"role": system[0]["role"], "content": text}, *rest]


def part_body(part: Part, at: str) -> Body:
    match part:
        case Text():
            body: Body = {"type": "text", "text": part.text}
            if part.cache is not msgspec.UNSET:
                body["prompt_cache_breakpoint"] = part.cache
            return body
        case Refusal():
            return {"type": "text", "text": part.text}
        case Image():
            if not part.url:
                raise refuse(f"{at}.file_id", "An image can be given to this upstream by URL or data only.")
            return {"type": "image_url", "image_url": {"url": part.url, "detail": part.detail}}
        case Audio():
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        case File():
            if part.url:
                raise refuse(f"{at}.file_url", "A file can be given to this upstream by data or id only.")
            members = {"file_data": part.data, "file_id": part.file_id, "filename": part.filename}
            return {"type": "file", "file": {name: value for name, value in members.items() if value}}


def _plain(content: str | list[Body]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
