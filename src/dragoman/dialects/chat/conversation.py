"""The items of a turn as the messages of a Chat request to one upstream.

item                     goes to
-----------------------  --------------------------------------------------------------------------
system, developer        a message of its own, or the one leading system message, by the profile
user                     a message of its own
assistant, reasoning,    the assistant's message that is being written: what one turn said is one
call                     message, texts joined in order and calls behind them
tool result              a tool message, directly after the message with its call and the results
                         before it; what is no text, a user message after all of them
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.dialects import calls
from dragoman.dialects.chat import parts
from dragoman.dialects.chat.members import Body, invalid, refuse
from dragoman.dialects.profile import Profile
from dragoman.turn import (
    INSTRUCTIONS,
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

_SYSTEM: Final = ("system", "developer")
_PARAGRAPH: Final = "\n\n"
_FAILED: Final = "Error: "
"""Before the output of a tool that failed, for which there is no member."""
_ELSEWHERE: Final = "The output follows in a message of the user."


class Conversation:
    """Messages being written; `losses` tells what changed on the way."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._messages: list[Body] = []
        self._turn: Body | None = None
        """The assistant's message that what it says next belongs to."""
        self._owners: dict[str, Body] = {}
        """The assistant's message in which each call is."""
        self._lifted: list[Body] = []
        self.losses: list[Loss] = []

    def render(self, items: tuple[Item, ...]) -> list[Body]:
        """Raises `GatewayError` UNSUPPORTED_PARAMETER for what Chat, or this upstream, cannot be told."""
        uncounted = 1 if items and isinstance(items[0], Message) and items[0].id == INSTRUCTIONS else 0
        for number, item in enumerate(items):
            if not isinstance(item, ToolResult):
                self._set_down()
            self._item(item, f"input[{number - uncounted}]" if number >= uncounted else INSTRUCTIONS)
        self._set_down()
        for message in self._messages:
            if message["content"] is None and not message.keys() & {"tool_calls", "refusal"}:
                message["content"] = ""  # no upstream takes a message that says nothing and calls nothing
        return self._merged() if self._profile.merge_system else self._messages

    def _item(self, item: Item, at: str) -> None:
        match item:
            case Message(role="assistant"):
                self._speak(item, at)
            case Message():
                self._tell(item, at)
            case ToolCall():
                body = self._assistant()
                body.setdefault("tool_calls", []).append(self._call(item, at))
                self._owners[item.call_id] = body
            case ToolResult():
                self._result(item, at)
            case Reasoning():
                self._think(item, at)
            case Native():
                raise refuse(item.param, f"An item of type {item.kind!r} ({item.param}) has no place in Chat.")

    def _put(self, body: Body) -> None:
        self._messages.append(body)
        self._turn = None

    def _tell(self, item: Message, at: str) -> None:
        role = self._profile.developer if item.role == "developer" else item.role
        said, name = self._named(item, at)
        self._put({"role": role, "content": self._content(said, at), **name})

    def _content(self, said: tuple[Part, ...], at: str) -> str | list[Body]:
        """A string where one will do, else a list of parts."""
        rendered = [parts.render(part, at, self.losses) for part in said]
        if all(part.keys() == {"type", "text"} for part in rendered):
            if len(rendered) < 2:
                return "".join(part["text"] for part in rendered)
            if not self._profile.text_parts:
                self.losses.append(Loss(at, "mapped", "the texts of a message are joined to one"))
                return _joined(rendered)
        return rendered

    def _named(self, item: Message, at: str) -> tuple[tuple[Part, ...], Body]:
        """The parts, and the member for the participant's name, or the name in front of the first text."""
        if not item.name:
            return item.parts, {}
        match self._profile.names:
            case "keep":
                return item.parts, {"name": item.name}
            case "reject":
                raise refuse(f"{at}.name", f"The name of a participant ({at}) cannot be sent to this upstream.")
            case "prefix":
                self.losses.append(Loss(f"{at}.name", "mapped", "a participant's name stands before the text"))
                return _prefixed(item), {}

    def _assistant(self) -> Body:
        if self._turn is None:
            self._turn = {"role": "assistant", "content": None}
            self._messages.append(self._turn)
        return self._turn

    def _speak(self, item: Message, at: str) -> None:
        said, name = self._named(item, at)
        body = self._assistant()
        if body["content"] is not None and body.get("name") != name.get("name"):
            self._turn = None  # somebody else speaks
            body = self._assistant()
        body |= name
        if "tool_calls" in body and said:
            self.losses.append(Loss(at, "mapped", "what was said after a call stands before it"))
        for part in said:
            if isinstance(part, Refusal) and self._profile.refusals:
                body["refusal"] = body.get("refusal", "") + part.text
            elif isinstance(part, Text | Refusal):
                body["content"] = (body["content"] or "") + part.text
                self._note(part, at)
            else:
                kind = type(part).__name__.lower()
                raise refuse(f"{at}.content", f"An assistant's message ({at}) cannot hold an {kind} part.")

    def _note(self, part: Text | Refusal, at: str) -> None:
        if isinstance(part, Refusal):
            self.losses.append(Loss(at, "mapped", "an earlier refusal is sent as text"))
        elif part.annotations:
            self.losses.append(Loss(f"{at}.annotations", "dropped", "annotations of earlier answers do not go back"))
        elif parts.breakpoint_of(part) is not None:
            self.losses.append(Loss(f"{at}.prompt_cache_breakpoint", "dropped", "an assistant's text is one string"))

    def _think(self, item: Reasoning, at: str) -> None:
        if item.seal:
            # A signature only vouches for a text that is there; anything else is a text nobody here can read.
            if not item.text and not self._profile.allow_unknown:
                message = f"Reasoning sealed by another provider ({at}) cannot be read by this upstream."
                raise refuse(f"{at}.encrypted_content", message)
            self.losses.append(Loss(f"{at}.encrypted_content", "dropped", "another provider sealed it"))
        text = _PARAGRAPH.join((*item.summary, *item.text))
        field = self._profile.reasoning_field
        if not text:
            return
        if not field:
            self.losses.append(Loss(at, "dropped", "the upstream takes no reasoning of earlier turns"))
            return
        body = self._assistant()
        body[field] = f"{body[field]}{_PARAGRAPH}{text}" if field in body else text

    def _call(self, item: ToolCall, at: str) -> Body:
        name = calls.alias(item.name) if self._profile.tool_names == "alias" else item.name
        if item.kind == "function":
            return _function_call(item.call_id, name, item.arguments or "{}")
        match self._profile.custom_tools:
            case "native":
                return {"id": item.call_id, "type": "custom", "custom": {"name": name, "input": item.arguments}}
            case "wrap":
                return _function_call(item.call_id, name, calls.wrap(item.arguments))
            case "reject":
                raise refuse(f"{at}.type", f"This upstream has no custom tools ({at}).")

    def _result(self, item: ToolResult, at: str) -> None:
        """A tool message takes text only; for what else a tool gave, see the profile."""
        texts = [_plain(part) for part in item.parts if isinstance(part, Text | Refusal)]
        others = [part for part in item.parts if not isinstance(part, Text | Refusal)]
        if item.is_error:
            self.losses.append(Loss(f"{at}.is_error", "mapped", f"a failed tool's output begins with {_FAILED!r}"))
            first = texts[0] if texts else Text("")
            texts[:1] = [msgspec.structs.replace(first, text=_FAILED + first.text)]
        if others and self._profile.tool_images == "reject":
            raise refuse(f"{at}.output", f"This upstream takes text only from a tool ({at}).")
        if others:
            self.losses.append(Loss(at, "mapped", "what is no text goes into a user message after the tool messages"))
            note: Body = {"type": "text", "text": f"Output of the tool call {item.call_id}:"}
            self._lifted += [note, *(parts.render(part, at, self.losses) for part in others)]
        content = self._content(tuple(texts), at) if texts or not others else _ELSEWHERE
        self._place({"role": "tool", "tool_call_id": item.call_id, "content": content}, at)

    def _place(self, result: Body, at: str) -> None:
        """Puts a result behind its call and the results that are there already, as every upstream demands."""
        self._turn = None
        call_id = result["tool_call_id"]
        owner = self._owners.get(call_id)
        if owner is None:
            raise invalid(f"{at}.call_id", f"No call with the id {call_id!r} precedes its result ({at}).")
        place = len(self._messages)
        while self._messages[place - 1] is not owner:
            place -= 1
        while place < len(self._messages) and self._messages[place]["role"] == "tool":
            place += 1
        if place < len(self._messages):
            self.losses.append(Loss(at, "mapped", "a tool's output moves to directly after its call"))
        self._messages.insert(place, result)

    def _set_down(self) -> None:
        """What was lifted out of the results of one turn, now that they are complete."""
        if self._lifted:
            self._put({"role": "user", "content": self._lifted})
            self._lifted = []

    def _merged(self) -> list[Body]:
        """One leading system message: strict templates refuse a second or a late one."""
        system = [message for message in self._messages if message["role"] in _SYSTEM]
        if not system or (len(system) == 1 and self._messages[0] is system[0]):
            return self._messages
        texts = [part for message in system for part in _listed(message["content"])]
        if any(part["type"] != "text" for part in texts):
            raise refuse("input", "This upstream takes one system message, of text only.")
        self.losses.append(Loss("input", "mapped", "system messages are merged into one at the beginning"))
        if any("prompt_cache_breakpoint" in part for part in texts):
            self.losses.append(Loss("input", "dropped", "a merged system message has no cache breakpoints"))
        rest = [message for message in self._messages if message["role"] not in _SYSTEM]
        return [{"role": system[0]["role"], "content": _joined(texts)}, *rest]


def _prefixed(item: Message) -> tuple[Part, ...]:
    for number, part in enumerate(item.parts):
        if isinstance(part, Text):
            named = msgspec.structs.replace(part, text=f"{item.name}: {part.text}")
            return (*item.parts[:number], named, *item.parts[number + 1 :])
    return (Text(f"{item.name}:"), *item.parts)


def _plain(part: Text | Refusal) -> Text:
    return part if isinstance(part, Text) else Text(part.text)


def _function_call(call_id: str, name: str, arguments: str) -> Body:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _joined(texts: Iterable[Body]) -> str:
    return _PARAGRAPH.join(part["text"] for part in texts if part["text"])


def _listed(content: str | list[Body]) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
