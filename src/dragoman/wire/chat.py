"""Chat Completions on the wire: only what a pass-through must look at.

A request, an answer and a chunk are each kept as a map of raw JSON values, so unknown fields survive
byte for byte; the structs below name the few members that are read. Types after OpenAI's API reference
(`CreateChatCompletionRequest`, `CreateChatCompletionResponse`, `CreateChatCompletionStreamResponse`).
"""

from typing import Annotated, Final

import msgspec

from dragoman.errors import WireError

Fields = dict[str, msgspec.Raw]
"""A JSON object, its values undecoded. Of duplicate names the last counts, and only it is sent on."""

MAX_CHOICES: Final = 1024  # what is kept per choice is bounded; OpenAI's own bound of `n` is 128

_Tokens = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
"""A number that can be counted and stored; what an upstream says beyond that is no usage."""

_fields: Final = msgspec.json.Decoder(Fields)
_encode: Final = msgspec.json.Encoder().encode


class TokenDetails(msgspec.Struct, frozen=True):
    """Members of both `prompt_tokens_details` and `completion_tokens_details`."""

    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None
    reasoning_tokens: _Tokens | None = None


class Usage(msgspec.Struct, frozen=True):
    prompt_tokens: _Tokens | None = None
    completion_tokens: _Tokens | None = None
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None


class ChunkChoice(msgspec.Struct, frozen=True, gc=False):
    """`delta` is read only until the first content has come."""

    index: Annotated[int, msgspec.Meta(ge=0, lt=MAX_CHOICES)] = 0
    finish_reason: str | None = None


class Chunk(msgspec.Struct, frozen=True):
    """`usage` and `error` are `null` where they are absent."""

    choices: list[ChunkChoice] = []
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class DeltaChoice(msgspec.Struct, frozen=True):
    delta: dict[str, msgspec.Raw] | None = None
    text: str | None = None
    """The legacy completions' place for content."""


class DeltaChunk(msgspec.Struct, frozen=True):
    choices: list[DeltaChoice] = []


parse_chunk: Final = msgspec.json.Decoder(Chunk).decode
parse_deltas: Final = msgspec.json.Decoder(DeltaChunk).decode
parse_usage: Final = msgspec.json.Decoder(Usage | None).decode


def parse_fields(body: bytes) -> Fields:
    """The members of a JSON object; raises `WireError` if `body` is anything else."""
    try:
        # msgspec does not look into values it keeps raw, and JSON text is UTF-8 (RFC 8259, 8.1).
        if not body.isascii():
            body.decode("utf-8")
        return _fields.decode(body)
    except UnicodeDecodeError as error:
        raise WireError(f"not valid UTF-8 at byte {error.start}") from None
    except msgspec.ValidationError:
        raise WireError("not a JSON object") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(f"not valid JSON: {error}") from None


def render_fields(fields: Fields) -> bytes:
    return _encode(fields)


def raw(value: object) -> msgspec.Raw:
    """`value` as a raw JSON value, to be set in `Fields`."""
    return msgspec.Raw(_encode(value))
