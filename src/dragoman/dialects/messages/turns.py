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

from dragoman.dialects.fields import RESULT_ID
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages import rows, sources
from dragoman.dialects.messages.blocks import REDACTED, SEALER
from dragoman.dialects.messages.members import Body, absent, invalid
from dragoman.dialects.messages.tools import name_of
from dragoman.dialects.profile import Profile
from dragoman.turn import (
    Audio,
    File,
    Image,
    Item,
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
    """Items as messages for one upstream; `losses` takes what changed on the way."""

    def __init__(self, profile: Profile, losses: Losses) -> None:
        self._profile = profile
        self._losses = losses
        self._system: list[Body] = []
        self._sides: list[_Side] = []
        self._ids: dict[str, str] = {}

    def render(self, items: tuple[Item, ...]) -> Body:
        """The members `system` and `messages`. Raises `GatewayError` for what Messages cannot say."""
        for number, item in enumerate(items):
            self._losses.item = number
            self._item(item, items[number + 1 :])
        messages = [side.body() for side in self._sides if side.results or side.blocks]
        if not messages:
            raise self._losses.refuse(rows.NO_MESSAGES)
        body: Body = {}
        if self._system:
            plain = len(self._system) == 1 and self._system[0].keys() == {"type", "text"}
            body["system"] = self._system[0]["text"] if plain else self._system
        return body | {"messages": messages}

    def _item(self, item: Item, rest: tuple[Item, ...]) -> None:
        match item:
            case Message(role="system" | "developer"):
                self._instruct(item, rest)
            case Message(role="assistant"):
                self._side("assistant").blocks += self._blocks(self._named(item))
            case Message():
                self._side("user").blocks += self._blocks(self._named(item))
            case ToolCall():
                self._side("assistant").blocks.append(self._call(item))
            case ToolResult():
                self._result(item)
            case Reasoning():
                self._think(item)
            case Native():
                row = rows.NO_REFERENCE if item.kind == "item_reference" else rows.NO_NATIVE
                raise self._losses.refuse(row, item.param, kind=item.kind)

    def _side(self, role: str) -> _Side:
        if not self._sides or self._sides[-1].role != role:
            self._sides.append(_Side(role))
        return self._sides[-1]

    def _instruct(self, item: Message, rest: tuple[Item, ...]) -> None:
        blocks = self._blocks(self._named(item))
        if not blocks:
            return
        if not self._sides:
            self._system += blocks
        elif self._profile.late_system == "keep" and self._may_stand(rest):
            self._side("system").blocks += blocks
        else:
            self._losses.note(rows.SYSTEM_MOVED)
            self._system += blocks

    def _may_stand(self, rest: tuple[Item, ...]) -> bool:
        """Where the API allows a system message: after a user's turn, and before an assistant's or the end."""
        if self._sides[-1].role == "assistant":
            return False
        following = next((side for side in map(_side_of, rest) if side != "system"), "assistant")
        return following == "assistant"

    def _named(self, item: Message) -> tuple[Part, ...]:
        """The parts of a message; there is no place for a participant's name but before what it says."""
        if item.phase:
            self._losses.note(rows.NO_PHASE)
        if not item.name:
            return item.parts
        if self._profile.names == "reject":
            raise self._losses.refuse(rows.NAME_REFUSED)
        self._losses.note(rows.NAME_PREFIXED)
        if item.parts and isinstance(item.parts[0], Text):
            first = msgspec.structs.replace(item.parts[0], text=f"{item.name}: {item.parts[0].text}")
            return (first, *item.parts[1:])
        return (Text(f"{item.name}:"), *item.parts)

    def _think(self, item: Reasoning) -> None:
        if item.seal and item.sealed_by != SEALER:
            if not (item.text or item.summary or self._profile.allow_unknown):
                raise self._losses.refuse(rows.SEALED)
            self._losses.note(rows.SEAL_UNREAD)
        elif not item.seal:
            self._losses.note(rows.UNSIGNED)
        elif item.seal.startswith(REDACTED):
            if item.text or item.summary:
                self._losses.note(rows.UNSIGNED)
            data = item.seal.removeprefix(REDACTED)
            self._side("assistant").blocks.append({"type": "redacted_thinking", "data": data})
        else:
            text = "\n\n".join((*item.summary, *item.text))
            self._side("assistant").blocks.append({"type": "thinking", "thinking": text, "signature": item.seal})

    def _call(self, item: ToolCall) -> Body:
        given: msgspec.Raw | Body | None
        if item.kind == "custom":
            if self._profile.custom_tools != "wrap":
                raise self._losses.refuse(rows.NO_CUSTOM_CALL)
            given = {"input": item.arguments}
        else:
            given = arguments(item.arguments)
            if given is None:
                message = f"The arguments of the call of {item.name!r} must be a JSON object for this upstream."
                raise invalid(f"{self._losses.place()}.arguments", message)
        name = name_of(item.name, self._profile)
        return {"type": "tool_use", "id": self._id(item.call_id), "name": name, "input": given}

    def _result(self, item: ToolResult) -> None:
        if item.call_id not in self._ids:
            at = self._losses.name(RESULT_ID)
            raise invalid(at, f"No call with the id {item.call_id!r} precedes its result ({at}).")
        side = self._side("user")
        if side.blocks:
            self._losses.note(rows.RESULT_BEFORE)
        body: Body = {"type": "tool_result", "tool_use_id": self._id(item.call_id)}
        parts = item.parts
        if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].cache is msgspec.UNSET:
            body["content"] = parts[0].text
        else:
            body["content"] = self._blocks(parts)
        if item.is_error:
            body["is_error"] = True
        side.results.append(body)

    def _id(self, call_id: str) -> str:
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
                self._losses.note(rows.CALL_ID_CHANGED)
            self._ids[call_id] = known
        return known

    def _blocks(self, parts: tuple[Part, ...]) -> list[Body]:
        blocks = []
        for number, part in enumerate(parts):
            if not _says_nothing(part):
                self._losses.part = number
                blocks.append(self._block(part))
        return blocks

    def _block(self, part: Part) -> Body:
        match part:
            case Text():
                if part.annotations or part.logprobs:
                    self._losses.note(rows.NO_ANNOTATIONS)
                return self._cached({"type": "text", "text": part.text}, part)
            case Refusal():
                self._losses.note(rows.REFUSAL_AS_TEXT)
                return {"type": "text", "text": part.text}
            case Image():
                return self._cached(sources.render_image(part, self._losses), part)
            case File():
                return self._cached(sources.render_file(part, self._losses), part)
            case Audio():
                raise self._losses.refuse(rows.NO_AUDIO)

    def _cached(self, body: Body, part: Text | Image | File) -> Body:
        """`body` with its cache breakpoint; the other dialects say `mode` where this one says `type`."""
        if part.cache is msgspec.UNSET or absent(part.cache):
            return body
        if b'"ephemeral"' in bytes(part.cache):
            return body | {"cache_control": part.cache}
        self._losses.note(rows.BREAKPOINT_KEPT)
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
