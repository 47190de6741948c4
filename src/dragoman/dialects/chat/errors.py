"""Errors of Chat Completions, both ways: the OpenAI envelope and the error event of a stream."""

import msgspec

from dragoman.errors import GatewayError
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody, ErrorEnvelope


class _Error(msgspec.Struct):
    """An `error` member as upstreams write it: some leave members out, some send numbers as `code`."""

    message: str = ""
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class _Envelope(msgspec.Struct):
    error: _Error | str


class _Flat(_Error):
    """An error without its envelope, as older vLLM servers and gateways in front of them write it; `detail` is
    FastAPI's word for it."""

    detail: str = ""


_parse = msgspec.json.Decoder(_Envelope).decode
_parse_flat = msgspec.json.Decoder(_Flat).decode


def parse(body: bytes) -> ErrorBody | None:
    """What an upstream's error body says, or None if it is no OpenAI envelope."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into what it skips
        error = _parse(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return ErrorBody(error, "upstream_error") if isinstance(error, str) else _read(error)


def parse_any(body: bytes) -> ErrorBody | None:
    """The same, also of a body that has the error's members without an envelope."""
    said = parse(body)
    if said is not None:
        return said
    try:
        flat = _parse_flat(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    flat.message = flat.message or flat.detail
    return _read(flat) if flat.message else None


def _read(error: _Error) -> ErrorBody:
    code = None if error.code is None else str(error.code)
    return ErrorBody(error.message, error.type or "upstream_error", error.param, code)


def relay(body: bytes, otherwise: str) -> bytes:
    """An upstream's error body for a caller: untouched if it is an envelope, else in one; `otherwise` if it says
    nothing that can be read."""
    if parse(body) is not None:
        return body
    return msgspec.json.encode(ErrorEnvelope(parse_any(body) or ErrorBody(otherwise, "upstream_error")))


def relay_events(body: bytes) -> list[bytes]:
    """What `relay` gave, inside a stream."""
    return render_events(parse(body) or ErrorBody("The upstream reported an error.", "upstream_error"))


def body(error: GatewayError) -> ErrorBody:
    kind = error.kind
    return ErrorBody(error.message, kind.type, error.param, kind.code)


def render(error: GatewayError) -> bytes:
    """Our own error as the body of an answer."""
    return msgspec.json.encode(ErrorEnvelope(body(error)))


def render_events(error: ErrorBody) -> list[bytes]:
    """An error inside a stream: the official SDKs raise on the `error` member of any event."""
    return [sse.render(msgspec.json.encode(ErrorEnvelope(error))), sse.render(sse.DONE)]
