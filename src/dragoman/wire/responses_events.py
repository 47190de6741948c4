"""The events of a Responses stream: those that are written, and the shapes in which others' are read.

Types as in OpenAI's API reference (`ResponseStreamEvent`, 59 of them). Written are the ones of messages,
calls of the caller's tools and reasoning; the events of hosted tools, audio and compaction have no writer.
Reading goes by shape instead of by type, and forgives what upstreams leave out.
"""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from dragoman.wire import responses as wire

TextPart = wire.OutputText | wire.RefusalPart | wire.ReasoningText


class StreamEvent(msgspec.Struct, kw_only=True, tag_field="type"):
    """One event; whoever sends it sets the number, which counts from 0 in each response."""

    sequence_number: int = -1


class Created(StreamEvent, tag="response.created"):
    response: wire.Response


class InProgress(StreamEvent, tag="response.in_progress"):
    response: wire.Response


class Completed(StreamEvent, tag="response.completed"):
    response: wire.Response


class Incomplete(StreamEvent, tag="response.incomplete"):
    response: wire.Response


class Failed(StreamEvent, tag="response.failed"):
    response: wire.Response


class ErrorDetail(msgspec.Struct, frozen=True):
    type: str
    code: str | None
    message: str
    param: str | None


class Error(StreamEvent, tag="error", kw_only=True):
    """The members of the reference, flat, and nested as recorded from OpenAI: strict readers want one or the other."""

    code: str | None
    message: str
    param: str | None
    error: ErrorDetail


class ItemAdded(StreamEvent, tag="response.output_item.added"):
    output_index: int
    item: wire.OutputItem


class ItemDone(StreamEvent, tag="response.output_item.done"):
    output_index: int
    item: wire.OutputItem


class _OfItem(StreamEvent):
    item_id: str
    output_index: int


class _OfContent(_OfItem):
    content_index: int


class PartAdded(_OfContent, tag="response.content_part.added"):
    part: TextPart


class PartDone(_OfContent, tag="response.content_part.done"):
    part: TextPart


class TextDelta(_OfContent, tag="response.output_text.delta"):
    delta: str
    logprobs: list[Raw] = []


class TextDone(_OfContent, tag="response.output_text.done"):
    text: str
    logprobs: list[Raw] = []


class AnnotationAdded(_OfContent, tag="response.output_text.annotation.added"):
    annotation_index: int
    annotation: Raw


class RefusalDelta(_OfContent, tag="response.refusal.delta"):
    delta: str


class RefusalDone(_OfContent, tag="response.refusal.done"):
    refusal: str


class ReasoningTextDelta(_OfContent, tag="response.reasoning_text.delta"):
    delta: str


class ReasoningTextDone(_OfContent, tag="response.reasoning_text.done"):
    text: str


class _OfSummary(_OfItem):
    summary_index: int


class SummaryPartAdded(_OfSummary, tag="response.reasoning_summary_part.added"):
    part: wire.SummaryText


class SummaryPartDone(_OfSummary, tag="response.reasoning_summary_part.done"):
    part: wire.SummaryText


class SummaryTextDelta(_OfSummary, tag="response.reasoning_summary_text.delta"):
    delta: str


class SummaryTextDone(_OfSummary, tag="response.reasoning_summary_text.done"):
    text: str


class ArgumentsDelta(_OfItem, tag="response.function_call_arguments.delta"):
    delta: str


class ArgumentsDone(_OfItem, tag="response.function_call_arguments.done"):
    arguments: str


class InputDelta(_OfItem, tag="response.custom_tool_call_input.delta"):
    delta: str


class InputDone(_OfItem, tag="response.custom_tool_call_input.done"):
    input: str


_Index = Annotated[int, Meta(ge=0)]


class GivenPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event belongs. Some upstreams leave the index out where it is 0, some the item's id."""

    output_index: _Index | None = None
    item_id: str | None = None
    content_index: _Index = 0
    summary_index: _Index = 0


class GivenDelta(GivenPlace, frozen=True):
    delta: str
    logprobs: list[Raw] | None = None


class GivenCallDone(GivenPlace, frozen=True):
    arguments: str | None = None
    input: str | None = None


class GivenAnnotation(GivenPlace, frozen=True):
    annotation: Raw


class GivenItem(GivenPlace, frozen=True):
    item: Raw


class GivenResponse(msgspec.Struct, frozen=True):
    response: wire.GivenResponse


class GivenError(msgspec.Struct, frozen=True):
    """`error` is nested by most; the reference has its members flat. A failed response has one of its own."""

    response: wire.GivenResponse | None = None
    error: wire.GivenError | str | None = None
    message: str | None = None
    code: str | int | None = None
    param: str | None = None


class GivenHead(msgspec.Struct, frozen=True):
    """What every event is looked at for first."""

    type: str = ""
    error: Raw | UnsetType = UNSET


parse_head: Final = msgspec.json.Decoder(GivenHead).decode
parse_delta: Final = msgspec.json.Decoder(GivenDelta).decode
parse_call_done: Final = msgspec.json.Decoder(GivenCallDone).decode
parse_annotation: Final = msgspec.json.Decoder(GivenAnnotation).decode
parse_item: Final = msgspec.json.Decoder(GivenItem).decode
parse_response: Final = msgspec.json.Decoder(GivenResponse).decode
parse_error: Final = msgspec.json.Decoder(GivenError).decode
