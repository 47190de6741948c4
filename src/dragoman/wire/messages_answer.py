"""A Messages answer, and the events of a streamed one, for translation.

After Anthropic's API reference (`Message`, `RawMessageStreamEvent`). All blocks, all deltas and all events are
each one struct, of which `type` says what counts; members and types nobody knows are tolerated, as the
reference demands of its clients.
"""

from typing import Annotated, Final

import msgspec

Raw = msgspec.Raw
_NULL: Final = Raw(b"null")

_Tokens = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
"""A number that can be counted and stored; what an upstream says beyond that is no usage."""


class OutputDetails(msgspec.Struct, frozen=True):
    thinking_tokens: _Tokens | None = None


class Usage(msgspec.Struct, frozen=True):
    """`input_tokens` excludes both of the cache's; in a stream the numbers are cumulative."""

    input_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    cache_read_input_tokens: _Tokens | None = None
    cache_creation_input_tokens: _Tokens | None = None
    output_tokens_details: OutputDetails | None = None
    service_tier: str | None = None


class StopDetails(msgspec.Struct, frozen=True):
    explanation: str | None = None


class Block(msgspec.Struct, frozen=True):
    """A content block, or the beginning of one in a stream."""

    type: str
    text: str | None = None
    citations: list[Raw] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = _NULL


class Message(msgspec.Struct, frozen=True):
    """`error` is set where a 200 carries one."""

    type: str = ""
    id: str = ""
    model: str = ""
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: Raw = _NULL
    error: Raw = _NULL


class Delta(msgspec.Struct, frozen=True, gc=False):
    """The delta of a block, or that of the message at its end."""

    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Raw = _NULL
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    index: int = 0
    message: Message | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: Raw = _NULL
    error: Raw = _NULL


class WebCitation(msgspec.Struct, frozen=True):
    """A `web_search_result_location`."""

    url: str
    title: str | None = None


class FileCitation(msgspec.Struct, frozen=True):
    """What the three kinds of location in a document have in common."""

    file_id: str | None = None
    document_title: str | None = None
    document_index: int = 0


parse_message: Final = msgspec.json.Decoder(Message).decode
parse_event: Final = msgspec.json.Decoder(Event).decode
parse_usage: Final = msgspec.json.Decoder(Usage | None).decode
