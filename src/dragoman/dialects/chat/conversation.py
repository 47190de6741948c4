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
from dragoman.dialects.chat import parts, rows
from dragoman.dialects.chat.members import Body, absent, invalid
from dragoman.dialects.fields import RESULT_ID
from dragoman.dialects.mapping import Losses
from dragoman.dialects.profile import Profile
from dragoman.turn import Item, Message, Native, Part, Reasoning, Refusal, Text, ToolCall, ToolResult

_SYSTEM: Final = ("system", "developer")
_PARAGRAPH: Final = "\n\n"
_FAILED: Final = "Error: "
"""Before the output of a tool that failed, for which there is no member."""
_ELSEWHERE: Final = "The output follows in a message of the user."


class Conversation:
    """Messages being written; `losses` takes what changed on the way."""

    def __init__(self, profile: Profile, losses: Losses) -> None:
        self._profile = profile
        self._losses = losses
        self._messages: list[Body] = []
        self._turn: Body | None = None
        """The assistant's message that what it says next belongs to."""
        self._owners: dict[str, Body] = {}
        """The assistant's message in which each call is."""
        self._lifted: list[Body] = []

    def render(self, items: tuple[Item, ...]) -> list[Body]:
        """Raises `GatewayError` UNSUPPORTED_PARAMETER for what Chat, or this upstream, cannot be told."""
        for number, item in enumerate(items):
            if not isinstance(item, ToolResult):
                self._set_down()
            self._losses.item = number
            self._item(item)
        self._set_down()
        for message in self._messages:
            if message["content"] is None and not message.keys() & {"tool_calls", "refusal"}:
                message["content"] = ""  # no upstream takes a message that says nothing and calls nothing
        return self._merged() if self._profile.merge_system else self._messages

    def _item(self, item: Item) -> None:
        match item:
            case Message(role="assistant"):
                self._speak(item)
            case Message():
                self._tell(item)
            case ToolCall():
                body = self._assistant()
                body.setdefault("tool_calls", []).append(self._call(item))
                self._owners[item.call_id] = body
            case ToolResult():
                self._result(item)
            case Reasoning():
                self._think(item)
            case Native():
                row = rows.NO_REFERENCE if item.kind == "item_reference" else rows.NO_NATIVE
                raise self._losses.refuse(row, item.param, kind=item.kind)

    def _put(self, body: Body) -> None:
        self._messages.append(body)
        self._turn = None

    def _tell(self, item: Message) -> None:
        role = self._profile.developer if item.role == "developer" else item.role
        said, name = self._named(item)
        self._put({"role": role, "content": self._content(said), **name})

    def _content(self, said: tuple[Part, ...]) -> str | list[Body]:
        """A string where one will do, else a list of parts."""
        rendered = self._parts(enumerate(said))
        if all(part.keys() == {"type", "text"} for part in rendered):
            if len(rendered) < 2:
                return "".join(part["text"] for part in rendered)
            if not self._profile.text_parts:
                self._losses.note(rows.JOINED)
                return _joined(rendered)
        return rendered

    def _parts(self, numbered: Iterable[tuple[int, Part]]) -> list[Body]:
        rendered = []
        for number, part in numbered:
            self._losses.part = number
            rendered.append(parts.render(part, self._losses))
        return rendered

    def _named(self, item: Message) -> tuple[tuple[Part, ...], Body]:
        """The parts, and the member for the participant's name, or the name in front of the first text."""
        if item.phase:
            self._losses.note(rows.NO_PHASE)
        if not item.name:
            return item.parts, {}
        match self._profile.names:
            case "keep":
                return item.parts, {"name": item.name}
            case "reject":
                raise self._losses.refuse(rows.NAME_REFUSED)
            case "prefix":
                self._losses.note(rows.NAME_PREFIXED)
                return _prefixed(item), {}

    def _assistant(self) -> Body:
        if self._turn is None:
            self._turn = {"role": "assistant", "content": None}
            self._messages.append(self._turn)
        return self._turn

    def _speak(self, item: Message) -> None:
        said, name = self._named(item)
        body = self._assistant()
        if body["content"] is not None and body.get("name") != name.get("name"):
            self._turn = None  # somebody else speaks
            body = self._assistant()
        body |= name
        if "tool_calls" in body and said:
            self._losses.note(rows.SAID_BEFORE)
        for number, part in enumerate(said):
            self._losses.part = number
            if isinstance(part, Refusal) and self._profile.refusals:
                body["refusal"] = body.get("refusal", "") + part.text
            elif isinstance(part, Text | Refusal):
                body["content"] = (body["content"] or "") + part.text
                self._note(part)
            else:
                kind = type(part).__name__.lower()
                raise self._losses.refuse(rows.SAID_PART, kind=kind)

    def _note(self, part: Text | Refusal) -> None:
        if isinstance(part, Refusal):
            self._losses.note(rows.REFUSAL_AS_TEXT)
            return
        if part.annotations:
            self._losses.note(rows.NO_ANNOTATIONS)
        if parts.breakpoint_of(part) is not None:
            self._losses.note(rows.NO_SAID_BREAKPOINT)
        elif not absent(part.cache):
            self._losses.note(rows.CACHES_ITSELF)

    def _think(self, item: Reasoning) -> None:
        if item.seal:
            # A signature only vouches for a text that is there; anything else is a text nobody here can read.
            if not item.text and not self._profile.allow_unknown:
                raise self._losses.refuse(rows.SEALED)
            self._losses.note(rows.SEAL_UNREAD)
        text = _PARAGRAPH.join((*item.summary, *item.text))
        field = self._profile.reasoning_field
        if not text:
            return
        if not field:
            self._losses.note(rows.NO_REASONING)
            return
        body = self._assistant()
        body[field] = f"{body[field]}{_PARAGRAPH}{text}" if field in body else text

    def _call(self, item: ToolCall) -> Body:
        name = calls.alias(item.name) if self._profile.tool_names == "alias" else item.name
        if item.kind == "function":
            return _function_call(item.call_id, name, item.arguments or "{}")
        match self._profile.custom_tools:
            case "native":
                return {"id": item.call_id, "type": "custom", "custom": {"name": name, "input": item.arguments}}
            case "wrap":
                return _function_call(item.call_id, name, calls.wrap(item.arguments))
            case "reject":
                raise self._losses.refuse(rows.NO_CUSTOM_CALL)

    def _result(self, item: ToolResult) -> None:
        """A tool message takes text only; for what else a tool gave, see the profile."""
        texts = [_plain(part) for part in item.parts if isinstance(part, Text | Refusal)]
        others = [(number, part) for number, part in enumerate(item.parts) if not isinstance(part, Text | Refusal)]
        if item.is_error:
            self._losses.note(rows.ERROR_PREFIXED, prefix=_FAILED)
            first = texts[0] if texts else Text("")
            texts[:1] = [msgspec.structs.replace(first, text=_FAILED + first.text)]
        if others and self._profile.tool_images == "reject":
            raise self._losses.refuse(rows.TEXT_RESULTS)
        if others:
            self._losses.note(rows.LIFTED)
            note: Body = {"type": "text", "text": f"Output of the tool call {item.call_id}:"}
            self._lifted += [note, *self._parts(others)]
        content = self._content(tuple(texts)) if texts or not others else _ELSEWHERE
        self._place({"role": "tool", "tool_call_id": item.call_id, "content": content})

    def _place(self, result: Body) -> None:
        """Puts a result behind its call and the results that are there already, as every upstream demands."""
        self._turn = None
        call_id = result["tool_call_id"]
        owner = self._owners.get(call_id)
        if owner is None:
            at = self._losses.name(RESULT_ID)
            raise invalid(at, f"No call with the id {call_id!r} precedes its result ({at}).")
        place = len(self._messages)
        while self._messages[place - 1] is not owner:
            place -= 1
        while place < len(self._messages) and self._messages[place]["role"] == "tool":
            place += 1
        if place < len(self._messages):
            self._losses.note(rows.RESULT_MOVED)
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
            raise self._losses.refuse(rows.MERGED_PARTS, self._losses.name(rows.MERGED.field))
        self._losses.note(rows.MERGED)
        if any("prompt_cache_breakpoint" in part for part in texts):
            self._losses.note(rows.MERGED_CACHE, self._losses.name(rows.MERGED.field))
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
