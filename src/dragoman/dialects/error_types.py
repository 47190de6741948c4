"""The types of errors that Anthropic's API has, under the names that OpenAI's APIs have for them."""

from typing import Final

from dragoman.wire.common import ErrorBody

_TYPES: Final = {
    "api_error": "server_error",
    "overloaded_error": "server_error",
    "timeout_error": "server_error",
    "not_found_error": "invalid_request_error",
    "request_too_large": "invalid_request_error",
}


def openai(error: ErrorBody) -> ErrorBody:
    """The error with a type that a caller of OpenAI's knows; what has no other name keeps its own."""
    return ErrorBody(error.message, _TYPES.get(error.type, error.type), error.param, error.code)
