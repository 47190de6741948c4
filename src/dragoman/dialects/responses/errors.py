"""Errors of Responses, both ways: the OpenAI envelope, and the error of a failed response."""

from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects.error_types import openai
from dragoman.errors import GatewayError
from dragoman.wire import responses as wire
from dragoman.wire import responses_events as events
from dragoman.wire.common import ErrorBody, ErrorEnvelope

UPSTREAM: Final = "upstream_error"
"""The type of an error whose upstream named none."""
# `ResponseError.code` of the reference, and four that OpenAI sends beside it and clients act upon.
CODES: Final = frozenset(
    ("server_error", "rate_limit_exceeded", "invalid_prompt", "data_residency_mismatch", "bio_policy",
     "misalignment_policy_violation", "vector_store_timeout", "invalid_image", "invalid_image_format",
     "invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small", "image_parse_error",
     "image_content_policy_violation", "invalid_image_mode", "image_file_too_large", "unsupported_image_media_type",
     "empty_image_file", "failed_to_download_image", "image_file_not_found",
     "insufficient_quota", "context_length_exceeded", "usage_not_included", "server_is_overloaded")
)  # fmt: skip
_CODES_OF_TYPES: Final = {
    "rate_limit_error": "rate_limit_exceeded",
    "invalid_request_error": "invalid_prompt",
    "overloaded_error": "server_is_overloaded",
}
_SERVER_CODES: Final = frozenset(("server_error", "vector_store_timeout", "server_is_overloaded"))


class _Envelope(msgspec.Struct):
    error: wire.GivenError | str


_parse: Final = msgspec.json.Decoder(_Envelope).decode


def parse(body: bytes) -> ErrorBody | None:
    """What an upstream's error body says, or None if it is no OpenAI envelope."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into what it skips
        error = _parse(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return read(error)


def of_event(data: bytes) -> ErrorBody | None:
    """What an `error` event says, nested or flat, or the response of a `response.failed`; None if it is neither."""
    try:
        given = events.parse_error(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    inner = given.error if given.response is None else given.response.error
    flat = wire.GivenError(given.message, given.code, None, given.param)
    return read(flat if inner is None else inner)


def read(error: wire.GivenError | str | None) -> ErrorBody:
    if error is None:
        return ErrorBody("The upstream reported an error.", UPSTREAM)
    if isinstance(error, str):
        return ErrorBody(error, UPSTREAM)
    code = None if error.code is None else str(error.code)
    kind = error.type or _type_of(code) or UPSTREAM
    return ErrorBody(error.message or "The upstream reported an error.", kind, error.param, code)


def _type_of(code: str | None) -> str | None:
    """The type of an error of which a failed response gives the code alone."""
    if code == "rate_limit_exceeded":
        return "rate_limit_error"
    if code in _SERVER_CODES:
        return "server_error"
    return "invalid_request_error" if code in CODES else None


def raised(error: wire.GivenError | str | None) -> GatewayError:
    """A failed response as an error to the caller, by the code that it gave."""
    said = read(error)
    kinds = {"rate_limit_error": errors.RATE_LIMIT_EXCEEDED, "invalid_request_error": errors.INVALID_REQUEST}
    kind = kinds.get(_type_of(said.code) or "", errors.PROTOCOL_ERROR)
    return GatewayError(kind, f"The upstream's response failed: {said.message}")


def render(error: ErrorBody) -> bytes:
    return msgspec.json.encode(ErrorEnvelope(openai(error)))


def of_response(error: ErrorBody) -> wire.ResponseError:
    """The error as a failed response has it: with a code out of a closed list."""
    code = error.code if error.code in CODES else _CODES_OF_TYPES.get(error.type, "server_error")
    return wire.ResponseError(code or "server_error", error.message)
