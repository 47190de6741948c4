"""A turn as one prompt: programs take a text, and history cannot be given to them in any other way.

A single message of the user's is the prompt as it stands. Where there is more, it is put into a transcript with a
line that says what to do with it. When a session of the program's goes on, it knows all that was said before the
last answer, and only what came after that is said.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.dialects.commands import rows
from dragoman.dialects.commands.base import MAX_ARGUMENT, Settings
from dragoman.dialects.mapping import Losses
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
    Turn,
)

_DATA_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=\s]+)")
_GO_ON: Final = "Above is a conversation. Go on with it: write the assistant's next message, and nothing else."


class Picture(msgspec.Struct, frozen=True):
    """An image: its type, and its bytes in base64."""

    media_type: str
    data: str

    @property
    def content(self) -> bytes:
        return base64.b64decode(self.data)

    @property
    def suffix(self) -> str:
        return self.media_type.removeprefix("image/").partition("+")[0]


class Prompt(msgspec.Struct, frozen=True):
    """What is said to a program; `text` is never empty."""

    system: str
    text: str
    pictures: tuple[Picture, ...] = ()

    def whole(self) -> str:
        """One text, for programs without a place for a system prompt."""
        if not self.system:
            return self.text
        return f"System instructions:\n{self.system}\n\nRequest:\n{self.text}"


def compose(turn: Turn, losses: Losses, *, goes_on: bool, images: bool) -> Prompt:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER for what has no place in a prompt."""
    writer = _Writer(losses, images=images)
    system: list[str] = []
    said: list[tuple[Item, str]] = []
    start = _news(turn.items) if goes_on else 0
    for losses.item, item in enumerate(turn.items):
        leading = not said and isinstance(item, Message) and item.role in ("system", "developer")
        # A session that goes on has its instructions, but where they are a flag they are given again.
        if losses.item < start and not leading:
            continue
        text = writer.item(item)
        if leading:
            system.append(text)
        elif text:
            said.append((item, text))
    if not any(isinstance(item, (Message, ToolResult)) and _is_new(item) for item, _ in said):
        raise losses.refuse(rows.NO_PROMPT)
    if all(isinstance(item, Message) and item.role == "user" for item, _ in said):
        text = "\n\n".join(text for _, text in said)
    else:
        losses.note(rows.AS_A_PROMPT)
        text = "\n\n".join([*(_section(item, text) for item, text in said), _GO_ON])
    return Prompt("\n\n".join(filter(None, system)), text, tuple(writer.pictures))


def _is_new(item: Message | ToolResult) -> bool:
    return isinstance(item, ToolResult) or item.role == "user"


def _news(items: Sequence[Item]) -> int:
    """The number of the first item after the last that an assistant has said."""
    for number in range(len(items), 0, -1):
        item = items[number - 1]
        if isinstance(item, (ToolCall, Reasoning)) or (isinstance(item, Message) and item.role == "assistant"):
            return number
    return 0


def _section(item: Item, text: str) -> str:
    match item:
        case Message():
            name = "system" if item.role == "developer" else item.role
            return f"<{name}>\n{text}\n</{name}>"
        case ToolCall():
            return f'<tool_call id="{item.call_id}" name="{item.name}">\n{text}\n</tool_call>'
        case ToolResult():
            return f'<tool_result id="{item.call_id}">\n{text}\n</tool_result>'
        case _:
            return text


class _Writer:
    """Items as text; pictures are collected, and referred to by number."""

    def __init__(self, losses: Losses, *, images: bool) -> None:
        self._losses = losses
        self._images = images
        self.pictures: list[Picture] = []

    def item(self, item: Item) -> str:
        match item:
            case Message():
                text = self._parts(item.parts)
                return f"{item.name}: {text}" if item.name else text
            case ToolCall():
                return item.arguments
            case ToolResult():
                text = self._parts(item.parts)
                return f"Error: {text}" if item.is_error else text
            case Reasoning():
                self._losses.note(rows.NO_REASONING)
                return ""
            case Native():
                raise self._losses.refuse(rows.NO_NATIVE, item.param, kind=item.kind)

    def _parts(self, parts: Sequence[Part]) -> str:
        texts = []
        for self._losses.part, part in enumerate(parts):
            texts.append(self._part(part))
        return "\n\n".join(texts)

    def _part(self, part: Part) -> str:
        losses = self._losses
        match part:
            case Text():
                if part.annotations:
                    losses.note(rows.NO_ANNOTATIONS)
                return part.text
            case Refusal():
                return part.text
            case Image():
                self.pictures.append(self._picture(part))
                return f"[Image {len(self.pictures)}]"
            case Audio():
                raise losses.refuse(rows.NO_AUDIO)
            case File():
                raise losses.refuse(rows.NO_FILE)

    def _picture(self, image: Image) -> Picture:
        losses = self._losses
        if not self._images:
            raise losses.refuse(rows.NO_IMAGE)
        if not image.url:
            raise losses.refuse(rows.NO_STORED_IMAGE)
        found = _DATA_URL.fullmatch(image.url)
        if found is None:
            raise losses.refuse(rows.IMAGE_BY_DATA)
        if image.detail != "auto":
            losses.note(rows.NO_DETAIL)
        picture = Picture(found[1], "".join(found[2].split()))
        try:
            base64.b64decode(picture.data, validate=True)
        except binascii.Error:
            raise losses.refuse(rows.IMAGE_BY_DATA) from None
        return picture


def no_command(text: str) -> str:
    """The text so that it begins with no slash: some programs run commands of theirs that a prompt names so."""
    return f"\n{text}" if text.startswith("/") else text


def is_argument(text: str, settings: Settings) -> bool:
    """Whether the prompt goes among the arguments: where the operator wants it, and it can be one."""
    return settings.prompt_via == "argv" and "\0" not in text and len(text.encode()) < MAX_ARGUMENT
