"""A Chat Completions request in full, for translation; a pass-through needs only `chat.py`.

After OpenAI's API reference (`CreateChatCompletionRequest`), with the reasoning fields that other servers
of this dialect read. Members that are not named here are errors: on a translated route nothing is lost.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

_NULL = Raw(b"null")


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A struct whose unknown members are refused."""


class ImageUrl(_Closed, frozen=True):
    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class InputAudio(_Closed, frozen=True):
    data: str
    format: str


class FileData(_Closed, frozen=True):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class ContentPart(_Closed, frozen=True, kw_only=True):
    """All part types in one: `type` says which of the other members counts."""

    type: Literal["text", "image_url", "input_audio", "file", "refusal"]
    text: str | None = None
    image_url: ImageUrl | None = None
    input_audio: InputAudio | None = None
    file: FileData | None = None
    refusal: str | None = None
    prompt_cache_breakpoint: Raw | UnsetType = UNSET


class FunctionCall(_Closed, frozen=True):
    name: str
    arguments: str = ""
    parsed_arguments: Raw = _NULL
    """The official SDK's own reading of `arguments`, which comes along when its answers are sent back."""


class CustomCall(_Closed, frozen=True):
    name: str
    input: str = ""


class Call(_Closed, frozen=True, kw_only=True):
    id: str
    type: Literal["function", "custom"] = "function"
    function: FunctionCall | None = None
    custom: CustomCall | None = None
    index: int | UnsetType = UNSET
    """Clients that replay a stream's deltas leave it in; it says nothing here."""


class Message(_Closed, frozen=True, kw_only=True):
    """All roles in one; which members may stand with which role is checked on reading."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: FunctionCall | None = None
    tool_call_id: str | None = None
    audio: Raw = _NULL
    annotations: list[Raw] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    parsed: Raw = _NULL
    """The official SDK's own reading of `content`; see `FunctionCall.parsed_arguments`."""


class FunctionTool(_Closed, frozen=True):
    name: str
    description: str | None = None
    parameters: Raw = _NULL
    strict: bool | None = None


class GrammarBody(_Closed, frozen=True):
    definition: str
    syntax: str


class CustomFormat(_Closed, frozen=True):
    type: Literal["text", "grammar"]
    grammar: GrammarBody | None = None


class CustomTool(_Closed, frozen=True):
    name: str
    description: str | None = None
    format: CustomFormat | None = None


class Tool(_Closed, frozen=True, kw_only=True):
    type: Literal["function", "custom"]
    function: FunctionTool | None = None
    custom: CustomTool | None = None


class Named(_Closed, frozen=True):
    name: str


class NamedTool(_Closed, frozen=True, kw_only=True):
    type: Literal["function", "custom"] = "function"
    function: Named | None = None
    custom: Named | None = None


class AllowedTools(_Closed, frozen=True):
    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class ToolChoice(_Closed, frozen=True, kw_only=True):
    type: Literal["function", "custom", "allowed_tools"]
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(_Closed, frozen=True):
    name: str
    description: str | None = None
    schema: Raw = _NULL
    strict: bool | None = None


class ResponseFormat(_Closed, frozen=True, kw_only=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Approximate(_Closed, frozen=True):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class UserLocation(_Closed, frozen=True):
    approximate: Approximate
    type: Literal["approximate"] = "approximate"


class WebSearchOptions(_Closed, frozen=True):
    search_context_size: Literal["low", "medium", "high"] | None = None
    user_location: UserLocation | None = None


class StreamOptions(_Closed, frozen=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None
