"""The items of a turn as the conversation of a Messages request.

    item                     goes to
    -----------------------  ------------------------------------------------------------------
    system, developer        `system`, if nothing precedes it; later ones by the profile
    user                     the user's message that is being written
    tool result              the same, before what else is in it
    assistant, call,         the assistant's message that is being written
    reasoning

Sides alternate: neighbours of one side make one message, so all results of a turn are in one. Texts of
nothing but blanks say nothing, are refused by the API, and are left out.
"""

import re
from typing import Final

import msgspec

from dragoman.dialects.messages import sources
from dragoman.dialects.messages.blocks import REDACTED, SEALER
from dragoman.dialects.messages.members import Body, absent, invalid, refuse
from dragoman.dialects.messages.tools import name_of
from dragoman.dialects.profile import Profile
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

_SYSTEM: Final = ("system", "developer")
_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_-]")
"""What the API refuses in the id of a call."""


class _Side:
    """One message being written."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.results: list[Body] = []
        self.blocks: list[Body] = []

    def body(self) -> Body:
        content = [*self.results, *self.blocks]
        plain = len(content) == 1 and content[0].keys() == {"type", "text"}
        return {"role": self.role, "content": content[0]["text"] if plain else content}


class Renderer:
    """Items as messages for one upstream; `losses` tells what changed on the way."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._system: list[Body] = []
        self._sides: list[_Side] = []
        self._ids: dict[str, str] = {}
        self.losses: list[Loss] = []

    def render(self, items: tuple[Item, ...]) -> Body:
        """The members `system` and `messages`. Raises `GatewayError` for what Messages cannot say."""
        for number, item in enumerate(items):
            self._item(item, f"input[{number}]", items[number + 1 :])
        messages = [side.body() for side in self._sides if side.results or side.blocks]
        if not messages:
            raise refuse("input", "This upstream needs at least one message beside the system prompt.")
        body: Body = {}
        if self._system:
            plain = len(self._system) == 1 and self._system[0].keys() == {"type", "text"}
            body["system"] = self._system[0]["text"] if plain else self._system
        return body | {"messages": messages}

    def _item(self, item: Item, at: str, rest: tuple[Item, ...]) -> None:
        match item:
            case Message(role="system" | "developer"):
                self._instruct(item, at, rest)
            case Message(role="assistant"):
                self._side("assistant").blocks += self._blocks(self._named(item, at), at)
            case Message():
                self._side("user").blocks += self._blocks(self._named(item, at), at)
            case ToolCall():
                self._side("assistant").blocks.append(self._call(item, at))
            case ToolResult():
                self._result(item, at)
            case Reasoning():
                self._think(item, at)
            case Native():
                raise refuse(item.param, f"An item of type {item.kind!r} cannot be sent to this upstream.")

    def _side(self, role: str) -> _Side:
        if not self._sides or self._sides[-1].role != role:
            self._sides.append(_Side(role))
        return self._sides[-1]

    def _instruct(self, item: Message, at: str, rest: tuple[Item, ...]) -> None:
        blocks = self._blocks(self._named(item, at), at)
        if not blocks:
            return
        if not self._sides:
            self._system += blocks
        elif self._profile.late_system == "keep" and self._may_stand(rest):
            self._side("system").blocks += blocks
        else:
            self.losses.append(Loss(at, "mapped", "a system message moves to the beginning"))
            self._system += blocks

    def _may_stand(self, rest: tuple[Item, ...]) -> bool:
        """Where the API allows a system message: after a user's turn, and before an assistant's or the end."""
        if self._sides[-1].role == "assistant":
            return False
        following = next((side for side in map(_side_of, rest) if side != "system"), "assistant")
        return following == "assistant"

    def _named(self, item: Message, at: str) -> tuple[Part, ...]:
        """The parts of a message; there is no place for a participant's name but before what it says."""
        if not item.name:
            return item.parts
        if self._profile.names == "reject":
            raise refuse(f"{at}.name", "This upstream takes no names of participants.")
        self.losses.append(Loss(f"{at}.name", "mapped", "a participant's name stands before the text"))
        if item.parts and isinstance(item.parts[0], Text):
            first = msgspec.structs.replace(item.parts[0], text=f"{item.name}: {item.parts[0].text}")
            return (first, *item.parts[1:])
        return (Text(f"{item.name}:"), *item.parts)

    def _think(self, item: Reasoning, at: str) -> None:
        if item.seal and item.sealed_by != SEALER:
            if not (item.text or item.summary or self._profile.allow_unknown):
                message = f"Reasoning sealed by another provider ({at}) cannot be read by this upstream."
                raise refuse(f"{at}.encrypted_content", message)
            self.losses.append(Loss(f"{at}.encrypted_content", "dropped", "another provider sealed it"))
        elif not item.seal:
            self.losses.append(Loss(at, "dropped", "the upstream takes only reasoning that it has signed"))
        elif item.seal.startswith(REDACTED):
            if item.text or item.summary:
                self.losses.append(Loss(at, "dropped", "the upstream takes only reasoning that it has signed"))
            data = item.seal.removeprefix(REDACTED)
            self._side("assistant").blocks.append({"type": "redacted_thinking", "data": data})
        else:
            text = "\n\n".join((*item.summary, *item.text))
            self._side("assistant").blocks.append({"type": "thinking", "thinking": text, "signature": item.seal})

    def _call(self, item: ToolCall, at: str) -> Body:
        given: msgspec.Raw | Body | None
        if item.kind == "custom":
            if self._profile.custom_tools != "wrap":
                raise refuse(f"{at}.type", "This upstream has no custom tools.")
            given = {"input": item.arguments}
        else:
            given = arguments(item.arguments)
            if given is None:
                message = f"The arguments of the call of {item.name!r} must be a JSON object for this upstream."
                raise invalid(f"{at}.arguments", message)
        name = name_of(item.name, self._profile)
        return {"type": "tool_use", "id": self._id(item.call_id, at), "name": name, "input": given}

    def _result(self, item: ToolResult, at: str) -> None:
        if item.call_id not in self._ids:
            raise invalid(f"{at}.call_id", f"No call with the id {item.call_id!r} precedes its result ({at}).")
        side = self._side("user")
        if side.blocks:
            self.losses.append(Loss(at, "mapped", "a tool's result moves before what the user says"))
        body: Body = {"type": "tool_result", "tool_use_id": self._id(item.call_id, at)}
        parts = item.parts
        if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].cache is msgspec.UNSET:
            body["content"] = parts[0].text
        else:
            body["content"] = self._blocks(parts, at)
        if item.is_error:
            body["is_error"] = True
        side.results.append(body)

    def _id(self, call_id: str, at: str) -> str:
        """A call's id with nothing in it that the API refuses, the same for the call and its result."""
        known = self._ids.get(call_id)
        if known is None:
            known = stem = _FOREIGN.sub("_", call_id) or "call"
            taken = set(self._ids.values())
            number = 2
            while known in taken:
                known = f"{stem}_{number}"
                number += 1
            if known != call_id:
                self.losses.append(Loss(f"{at}.call_id", "mapped", "the id of a call has characters refused here"))
            self._ids[call_id] = known
        return known

    def _blocks(self, parts: tuple[Part, ...], at: str) -> list[Body]:
        return [self._block(part, at) for part in parts if not _says_nothing(part)]

    def _block(self, part: Part, at: str) -> Body:
        match part:
            case Text():
                if part.annotations or part.logprobs:
                    self.losses.append(Loss(at, "dropped", "annotations of earlier answers do not go back"))
                return self._cached({"type": "text", "text": part.text}, part, at)
            case Refusal():
                self.losses.append(Loss(at, "mapped", "an earlier refusal is sent as text"))
                return {"type": "text", "text": part.text}
            case Image():
                return self._cached(sources.render_image(part, at, self.losses), part, at)
            case File():
                return self._cached(sources.render_file(part, at, self.losses), part, at)
            case Audio():
                raise refuse(f"{at}.input_audio", f"Audio ({at}) cannot be sent to this upstream.")

    def _cached(self, body: Body, part: Text | Image | File, at: str) -> Body:
        """`body` with its cache breakpoint; the other dialects say `mode` where this one says `type`."""
        if part.cache is msgspec.UNSET or absent(part.cache):
            return body
        if b'"ephemeral"' in bytes(part.cache):
            return body | {"cache_control": part.cache}
        self.losses.append(Loss(f"{at}.prompt_cache_breakpoint", "mapped", "it lasts as long as the upstream decides"))
        return body | {"cache_control": {"type": "ephemeral"}}


def _says_nothing(part: Part) -> bool:
    return isinstance(part, Text | Refusal) and not part.text.strip()


def _side_of(item: Item) -> str:
    match item:
        case Message():
            return "system" if item.role in _SYSTEM else item.role
        case ToolResult():
            return "user"
        case _:
            return "assistant"


def arguments(text: str) -> msgspec.Raw | None:
    """A call's arguments as a JSON object; nothing said is `{}`, and what is no object is None."""
    if not text.strip():
        return msgspec.Raw(b"{}")
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return None
    return msgspec.Raw(text.encode())
