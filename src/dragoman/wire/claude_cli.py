"""What `claude -p` writes with `--output-format json` or `stream-json`, and reads with `--input-format stream-json`.

One JSON object a line; what is here is what is read of it. Shapes as in Claude Code's documentation of headless mode,
and as version 2.1 writes them. The events of the provider's own stream are in `stream_event` lines.
"""

from typing import Any, Final

import msgspec


class Line(msgspec.Struct, frozen=True):
    """What kind of line it is. `parent_tool_use_id` is set where a subagent speaks."""

    type: str
    subtype: str = ""
    parent_tool_use_id: str | None = None


class Init(msgspec.Struct, frozen=True):
    session_id: str = ""
    model: str = ""


class Delta(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""
    thinking: str = ""


class StreamedMessage(msgspec.Struct, frozen=True):
    id: str = ""


class StreamEvent(msgspec.Struct, frozen=True):
    type: str = ""
    delta: Delta = Delta()
    message: StreamedMessage = StreamedMessage()


class Streamed(msgspec.Struct, frozen=True):
    event: StreamEvent


class Block(msgspec.Struct, frozen=True):
    """A block of content; of a tool's result, `content` is a string or blocks of its own."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    content: Any = None
    is_error: bool | None = None


class Message(msgspec.Struct, frozen=True):
    id: str = ""
    model: str = ""
    content: list[Block] | str = ""


class Spoken(msgspec.Struct, frozen=True):
    """An `assistant` line, or a `user` line, which holds what tools gave back."""

    message: Message
    error: str | None = None


class OutputDetails(msgspec.Struct, frozen=True):
    thinking_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    """Of one run; `input_tokens` are those that the cache had no part in."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens_details: OutputDetails | None = None


class ModelUsage(msgspec.Struct, frozen=True, rename="camel"):
    """Of one model over the whole session."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    thinking_tokens: int = 0


class Denial(msgspec.Struct, frozen=True):
    tool_name: str = ""


class Result(msgspec.Struct, frozen=True, rename={"model_usage": "modelUsage"}):
    """The last line. `total_cost_usd` is that of the whole session."""

    subtype: str = ""
    is_error: bool = False
    result: str | None = None
    session_id: str = ""
    stop_reason: str | None = None
    api_error_status: int | None = None
    total_cost_usd: float | None = None
    usage: Usage = Usage()
    model_usage: dict[str, ModelUsage] = {}
    permission_denials: list[Denial] = []
    errors: list[str] = []
    structured_output: msgspec.Raw = msgspec.Raw(b"")


parse_line: Final = msgspec.json.Decoder(Line).decode
parse_init: Final = msgspec.json.Decoder(Init).decode
parse_streamed: Final = msgspec.json.Decoder(Streamed).decode
parse_spoken: Final = msgspec.json.Decoder(Spoken).decode
parse_result: Final = msgspec.json.Decoder(Result).decode


class Source(msgspec.Struct, frozen=True):
    media_type: str
    data: str
    type: str = "base64"


class TextBlock(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class ImageBlock(msgspec.Struct, frozen=True, tag_field="type", tag="image"):
    source: Source


class UserMessage(msgspec.Struct, frozen=True):
    content: tuple[TextBlock | ImageBlock, ...]
    role: str = "user"


class UserLine(msgspec.Struct, frozen=True):
    """One line of input, and one turn of the model."""

    message: UserMessage
    type: str = "user"
