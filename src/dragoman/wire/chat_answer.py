"""Chat Completions answers and chunks in full, for translation.

After OpenAI's API reference (`CreateChatCompletionResponse`, `CreateChatCompletionStreamResponse`), with the
reasoning fields of other servers. Unknown members are tolerated: upstreams add their own; and so is null or
nothing where the reference demands a value, as several servers have it.
"""

import msgspec
from msgspec import Raw

NULL = Raw(b"null")


class Function(msgspec.Struct, frozen=True, gc=False):
    """Some servers give the arguments as the object that they are."""

    name: str | None = None
    arguments: str | dict[str, Raw] | None = None


class Custom(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None
    input: str | None = None


class Call(msgspec.Struct, frozen=True):
    """A call of an answer, or a piece of one in a chunk; `index` is only in chunks, and missing in some."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None


class Said(msgspec.Struct, frozen=True):
    """A message of an answer, or the delta of a chunk."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    annotations: list[Raw] | None = None


class Logprobs(msgspec.Struct, frozen=True):
    content: list[Raw] | None = None


class Choice(msgspec.Struct, frozen=True):
    index: int | None = None
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, or a chunk."""

    id: str | None = None
    created: float | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: Raw = NULL
    service_tier: str | None = None
    system_fingerprint: str | None = None
    error: Raw = NULL
