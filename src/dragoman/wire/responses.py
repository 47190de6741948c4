"""Responses on the wire: requests, items, parts, tools and the response object.

Shapes as in OpenAI's API reference (`CreateResponse`, `InputItem`, `OutputItem`, `Response`); what the Open
Responses specification adds or demands is said where it matters. A struct serves both directions where
both write the same; unknown members are ignored here, whoever must not lose them looks at the raw object.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

NULL: Final = Raw(b"null")

Status = Literal["in_progress", "completed", "incomplete"]
"""Of an item; a response may also be queued, failed or cancelled."""
Detail = Literal["low", "high", "auto", "original"]
Role = Literal["user", "assistant", "system", "developer"]


class InputText(msgspec.Struct, frozen=True, tag_field="type", tag="input_text", omit_defaults=True):
    text: str
    prompt_cache_breakpoint: Raw | UnsetType = UNSET


class InputImage(msgspec.Struct, frozen=True, tag_field="type", tag="input_image", omit_defaults=True):
    """`detail` is required by the reference in a message; clients leave it out, so reading does not insist."""

    image_url: str | None = None
    file_id: str | None = None
    detail: Detail | None = None
    prompt_cache_breakpoint: Raw | UnsetType = UNSET


class InputFile(msgspec.Struct, frozen=True, tag_field="type", tag="input_file", omit_defaults=True):
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: Raw | UnsetType = UNSET


class AudioData(msgspec.Struct, frozen=True):
    data: str
    format: str


class InputAudio(msgspec.Struct, frozen=True, tag_field="type", tag="input_audio"):
    """No part of a message in the reference, which has the type all the same; other servers take it."""

    input_audio: AudioData


class OutputText(msgspec.Struct, frozen=True, tag_field="type", tag="output_text"):
    """`annotations` is always written: upstreams refuse a history without it."""

    text: str
    annotations: list[Raw] = []
    logprobs: list[Raw] | None | UnsetType = UNSET


class RefusalPart(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


class SummaryText(msgspec.Struct, frozen=True, tag_field="type", tag="summary_text"):
    text: str


class ReasoningText(msgspec.Struct, frozen=True, tag_field="type", tag="reasoning_text"):
    text: str


class TopLogprob(msgspec.Struct, frozen=True):
    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None


class Logprob(msgspec.Struct, frozen=True):
    """`bytes` is a list here and may be null in Chat."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] | None = None


class InputMessage(msgspec.Struct, frozen=True, tag_field="type", tag="message", omit_defaults=True):
    """A message of the input, the easy form (no type, a string as content) included."""

    role: Role
    content: str | list[Raw]
    id: str | None = None
    status: str | None = None
    phase: str | None = None


class FunctionCall(msgspec.Struct, frozen=True, tag_field="type", tag="function_call", omit_defaults=True):
    """`id` is the item's; `call_id` joins it to its output."""

    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None
    namespace: str | None = None


class CustomToolCall(msgspec.Struct, frozen=True, tag_field="type", tag="custom_tool_call", omit_defaults=True):
    call_id: str
    name: str
    input: str
    id: str | None = None
    status: str | None = None
    namespace: str | None = None


class FunctionCallOutput(msgspec.Struct, frozen=True, tag_field="type", tag="function_call_output", omit_defaults=True):
    call_id: str
    output: str | list[Raw]
    id: str | None = None
    name: str | None = None
    status: str | None = None
    namespace: str | None = None


class CustomToolCallOutput(
    msgspec.Struct, frozen=True, tag_field="type", tag="custom_tool_call_output", omit_defaults=True
):
    call_id: str
    output: str | list[Raw]
    id: str | None = None
    status: str | None = None
    namespace: str | None = None


class ReasoningItem(msgspec.Struct, frozen=True, tag_field="type", tag="reasoning"):
    """`content` and `encrypted_content` are left out where there are none."""

    summary: list[SummaryText] = []
    id: str | None | UnsetType = UNSET
    content: list[ReasoningText] | None | UnsetType = UNSET
    encrypted_content: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET


class OutputMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """An assistant's message as an answer has it."""

    id: str
    status: Status
    role: Literal["assistant"] = "assistant"
    content: list[OutputText | RefusalPart]
    phase: str | UnsetType = UNSET


OutputItem = OutputMessage | FunctionCall | CustomToolCall | ReasoningItem | Raw


class FunctionTool(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    """All four members are written: Open Responses refuses a tool that lacks one."""

    name: str
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None


class CustomTool(msgspec.Struct, frozen=True, tag_field="type", tag="custom", omit_defaults=True):
    name: str
    description: str | None = None
    format: Raw | UnsetType = UNSET


class NamedTool(msgspec.Struct, frozen=True):
    """A tool where it is only chosen."""

    type: Literal["function", "custom"]
    name: str


class AllowedTools(msgspec.Struct, frozen=True, tag_field="type", tag="allowed_tools"):
    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class TextFormat(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """The default."""


class JsonObjectFormat(msgspec.Struct, frozen=True, tag_field="type", tag="json_object"):
    """Any JSON object."""


class JsonSchemaFormat(msgspec.Struct, frozen=True, tag_field="type", tag="json_schema"):
    name: str
    schema: Raw
    description: str | None | UnsetType = UNSET
    strict: bool | None | UnsetType = UNSET


Format = TextFormat | JsonObjectFormat | JsonSchemaFormat


class TextConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    format: Format | None = None
    verbosity: str | None = None


class ReasoningConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """`generate_summary` is the deprecated name of `summary`."""

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


_Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
]
_Penalty = Annotated[float, Meta(ge=-2, le=2)]


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members of a request that are looked into; the penalties are of Open Responses."""

    model: str
    input: str | list[Raw] | None = None
    instructions: str | None = None
    stream: bool | None = None
    stream_options: Raw = NULL
    tools: list[Raw] | None = None
    tool_choice: Raw = NULL
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    include: list[str] | None = None
    text: Raw = NULL
    reasoning: Raw = NULL
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    metadata: _Metadata | None = None
    store: bool | None = None


class InputTokensDetails(msgspec.Struct, frozen=True):
    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ResponseError(msgspec.Struct, frozen=True):
    code: str
    message: str


class IncompleteDetails(msgspec.Struct, frozen=True):
    reason: str


class ReasoningEcho(msgspec.Struct, frozen=True):
    effort: str | None = None
    summary: str | None = None


class TextEcho(msgspec.Struct, frozen=True):
    format: Format
    verbosity: str | UnsetType = UNSET


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The response object with every key that Open Responses' checker demands, each in its nullability."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: str
    background: bool
    completed_at: int | None = None
    conversation: Raw | UnsetType = UNSET
    error: ResponseError | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    model: str
    output: list[OutputItem] = []
    parallel_tool_calls: bool
    previous_response_id: Raw
    prompt_cache_key: str | None
    reasoning: ReasoningEcho
    safety_identifier: str | None
    service_tier: str
    store: bool
    temperature: float
    text: TextEcho
    tool_choice: str | NamedTool | AllowedTools | Raw
    tools: list[FunctionTool | CustomTool | Raw]
    top_logprobs: int
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    truncation: Raw
    usage: Usage | None = None
    user: str | None
    metadata: dict[str, str]


class Kind(msgspec.Struct, frozen=True):
    """What an object says it is; null or nothing where it leaves that to its other members."""

    type: str | None = None


class GivenPart(msgspec.Struct, frozen=True):
    """A part of an answer, as read: `type` says which of the other members counts."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    logprobs: list[Raw] | None = None


class GivenItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item of an answer, as read: a message, a call or reasoning. Hosted tools' items are kept raw."""

    type: str
    id: str | None = None
    content: list[GivenPart] | None = None
    phase: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    summary: list[GivenPart] | None = None
    encrypted_content: str | None = None
    namespace: str | None = None


_Tokens = Annotated[int, Meta(ge=0, le=10**12)]


class InputTokens(msgspec.Struct, frozen=True):
    """What `input_tokens` answers."""

    input_tokens: int
    object: str = "response.input_tokens"


class GivenDetails(msgspec.Struct, frozen=True):
    """Members of both `input_tokens_details` and `output_tokens_details`."""

    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None
    reasoning_tokens: _Tokens | None = None


class GivenUsage(msgspec.Struct, frozen=True):
    input_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    input_tokens_details: GivenDetails | None = None
    output_tokens_details: GivenDetails | None = None


class GivenError(msgspec.Struct, frozen=True):
    """An error as upstreams write it: some leave members out, some send numbers as `code`."""

    message: str | None = None
    code: str | int | None = None
    type: str | None = None
    param: str | None = None


class GivenIncomplete(msgspec.Struct, frozen=True):
    reason: str | None = None


class GivenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A response object, as read: what its request said is not looked at again."""

    id: str = ""
    created_at: float = 0
    model: str | None = None
    status: str | None = None
    output: list[Raw] | None = None
    error: GivenError | str | None = None
    incomplete_details: GivenIncomplete | None = None
    usage: Raw = NULL
    service_tier: str | None = None


# The types of item that `GivenItem` reads; the rest are hosted tools'.
READ_ITEMS: Final = frozenset(("message", "function_call", "custom_tool_call", "reasoning"))

parse_kind: Final = msgspec.json.Decoder(Kind).decode
parse_item: Final = msgspec.json.Decoder(GivenItem).decode
parse_response: Final = msgspec.json.Decoder(GivenResponse).decode
parse_usage: Final = msgspec.json.Decoder(GivenUsage | None).decode
parse_logprob: Final = msgspec.json.Decoder(Logprob).decode
