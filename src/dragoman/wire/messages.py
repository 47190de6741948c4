"""A Messages request on the wire, for translation.

After Anthropic's API reference (`MessageCreateParams` and the block types it is made of). A block is read in
two steps, its type first, for there are more types than a translation can carry; what a struct here does not
name is judged by who reads it, never lost.
"""

from typing import Literal

import msgspec

_Unset = msgspec.UnsetType
_UNSET = msgspec.UNSET
Raw = msgspec.Raw


class Kind(msgspec.Struct, frozen=True):
    """The one member that every block has."""

    type: str


class Message(msgspec.Struct, frozen=True):
    """`content` as a string is one text block."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Raw]


class TextBlock(msgspec.Struct, frozen=True):
    text: str
    citations: list[Raw] | None = None
    cache_control: Raw | _Unset = _UNSET


class Source(msgspec.Struct, frozen=True):
    """All sources of images and documents in one; `type` says which of the other members counts."""

    type: Literal["base64", "url", "file", "text", "content"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: str | list[Raw] | None = None


class ImageBlock(msgspec.Struct, frozen=True):
    source: Raw
    cache_control: Raw | _Unset = _UNSET


class DocumentBlock(msgspec.Struct, frozen=True):
    source: Raw
    title: str | None = None
    cache_control: Raw | _Unset = _UNSET


class ToolUseBlock(msgspec.Struct, frozen=True):
    """`input` is an object, or nothing where there are no arguments."""

    id: str
    name: str
    input: dict[str, Raw] = {}


class ToolResultBlock(msgspec.Struct, frozen=True):
    tool_use_id: str
    content: str | list[Raw] | None = None
    is_error: bool | None = None


class ToolReference(msgspec.Struct, frozen=True):
    """Inside a tool's result: a search has found this tool."""

    tool_name: str


class ThinkingBlock(msgspec.Struct, frozen=True):
    """`signature` is empty where whoever thought did not sign."""

    thinking: str
    signature: str = ""


class RedactedThinkingBlock(msgspec.Struct, frozen=True):
    data: str


class Tool(msgspec.Struct, frozen=True):
    """A tool the caller runs; every other `type` is one that Anthropic defines."""

    name: str
    input_schema: Raw | _Unset = _UNSET
    description: str | None = None
    strict: bool | None = None
    defer_loading: bool | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct, frozen=True):
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class OutputFormat(msgspec.Struct, frozen=True):
    type: Literal["json_schema"]
    schema: Raw


class OutputConfig(msgspec.Struct, frozen=True):
    effort: str | None = None
    format: Raw = Raw(b"null")


class Metadata(msgspec.Struct, frozen=True):
    user_id: str | None = None


class ContextEdit(msgspec.Struct, frozen=True):
    """One entry of `context_management.edits`; `keep` is "all", or says how much stays."""

    type: str
    keep: Raw = Raw(b"null")


class ContextManagement(msgspec.Struct, frozen=True):
    edits: list[ContextEdit] = []


class TokenCount(msgspec.Struct, frozen=True):
    """What `count_tokens` answers."""

    input_tokens: int
