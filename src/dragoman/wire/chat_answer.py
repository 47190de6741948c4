"""Chat Completions answers and chunks in full, for translation.

After OpenAI's API reference (`CreateChatCompletionResponse`, `CreateChatCompletionStreamResponse`), with the
reasoning fields of other servers. Unknown members are tolerated: upstreams add their own.
"""

import msgspec


class Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class Custom(msgspec.Struct, frozen=True):
    name: str | None = None
    input: str | None = None


class Call(msgspec.Struct, frozen=True):
    """A call of an answer, or a piece of one in a chunk; `index` is only in chunks, and missing in some."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    custom: Custom | None = None


class UrlCitation(msgspec.Struct, frozen=True):
    url: str
    title: str = ""
    start_index: int = 0
    end_index: int = 0


class Annotation(msgspec.Struct, frozen=True):
    type: str
    url_citation: UrlCitation | None = None


class Said(msgspec.Struct, frozen=True):
    """A message of an answer, or the delta of a chunk."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    annotations: list[Annotation] | None = None


class Logprobs(msgspec.Struct, frozen=True):
    content: list[msgspec.Raw] | None = None


class Choice(msgspec.Struct, frozen=True):
    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, or a chunk."""

    id: str = ""
    created: int = 0
    model: str = ""
    choices: list[Choice] = []
    usage: msgspec.Raw = msgspec.Raw(b"null")
    service_tier: str | None = None
    system_fingerprint: str | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")
