"""Errors of Messages, both ways: the envelope, the error event of a stream, and which type has which status.

Types and statuses after Anthropic's API reference ("Errors"). `details.error_code` is where its SDKs look for a
stable code.
"""

from typing import Final

import msgspec

from dragoman.dialects.messages.members import Body
from dragoman.errors import TABLE
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody

STATUS: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status of each type."""
_TYPES: Final = {status: kind for kind, status in STATUS.items()} | {408: "timeout_error", 503: "overloaded_error"}
_OURS: Final = {kind.code: kind.status for kind in TABLE}
_CODES: Final = {"rate_limit_error": "rate_limit_exceeded"}
"""Codes that callers of other dialects go by, where an upstream gave none."""


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    type: str | None = None
    code: str | int | None = None
    details: _Details | None = None


class _Envelope(msgspec.Struct):
    error: _Error | str


_parse = msgspec.json.Decoder(_Envelope).decode


def parse(body: bytes) -> ErrorBody | None:
    """What an upstream's error body, or error event, says; None if it is no such envelope."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into what it skips
        error = _parse(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(error, str):
        return ErrorBody(error, "api_error")
    kind = error.type or "api_error"
    code = error.details.error_code if error.details is not None else error.code
    return ErrorBody(error.message, kind, None, _CODES.get(kind) if code is None else str(code))


def type_of(status: int) -> str:
    """The type of an error that is answered with `status`."""
    return _TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")


def render(error: ErrorBody, status: int) -> bytes:
    """The body of an answer with `status`, which says more than another dialect's type."""
    known = error.type if error.type in STATUS else type_of(status)
    return msgspec.json.encode(_body(error, _TYPES.get(status, known)))


def render_event(error: ErrorBody) -> bytes:
    """An error inside a stream, where there is no status any more."""
    kind = error.type if error.type in STATUS else type_of(_OURS.get(error.code or "", 500))
    return sse.render(msgspec.json.encode(_body(error, kind)), b"error")


def _body(error: ErrorBody, kind: str) -> Body:
    inner: Body = {"type": kind, "message": error.message}
    if error.code is not None:
        inner["details"] = {"error_code": error.code}
    return {"type": "error", "error": inner}
