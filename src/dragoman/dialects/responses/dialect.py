"""Responses as a front door: what passes to an upstream of the same dialect passes untouched."""

from typing import Final

import msgspec

from dragoman import errors as table
from dragoman.dialects import base
from dragoman.dialects.error_types import openai
from dragoman.dialects.head import Head
from dragoman.dialects.responses import errors
from dragoman.dialects.responses.response import read_usage
from dragoman.dialects.typed_relay import Kinds, TypedRelay
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Usage
from dragoman.wire import sse
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody

_OPENING: Final = frozenset(("response.created", "response.queued", "response.in_progress"))
_LAST: Final = frozenset(("response.completed", "response.incomplete"))
_FAILING: Final = frozenset(("response.failed", "error"))
_DONE: Final = sse.render(sse.DONE)


class ResponsesDialect:
    name = "responses"
    family = "responses"
    path = "/responses"

    def parse_request(self, body: bytes) -> Head:
        return Head(body, None)

    def relay_answer(self, body: bytes, model: str) -> tuple[bytes, Usage | None]:
        try:
            fields = parse_fields(body)
        except WireError as error:
            what = "nothing" if not body.strip() else f"a body that is {error}"
            raise GatewayError(table.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.") from None
        if "output" not in fields:
            said = errors.parse(body)
            what = f"the error {said.message!r}" if said else "a body without 'output'"
            raise GatewayError(table.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.")
        if "model" in fields:
            fields["model"] = raw(model)
        return render_fields(fields), _usage(fields)

    def relay_stream(self, request: base.Request, *, max_event: int) -> TypedRelay:
        return TypedRelay(request.turn.model, KINDS, max_event=max_event)

    def relay_error(self, body: bytes, otherwise: str) -> bytes:
        if errors.parse(body) is not None:
            return body
        return errors.render(ErrorBody(otherwise, errors.UPSTREAM))

    def relay_error_events(self, body: bytes) -> list[bytes]:
        return failure(errors.parse(body) or ErrorBody("The upstream reported an error.", errors.UPSTREAM), 0, {})

    def render_stream_error(self, error: GatewayError) -> list[bytes]:
        return failure(ErrorBody(error.message, error.kind.type, error.param, error.kind.code), 0, {})


def _usage(fields: Fields) -> Usage | None:
    value = fields.get("usage")
    return None if value is None else read_usage(value)


def _event_usage(fields: Fields) -> Usage | None:
    inner = fields.get("response")
    return None if inner is None else _usage(parse_fields(bytes(inner)))


def failure(error: ErrorBody, number: int, first: Fields) -> list[bytes]:
    """`error`, nested as recorded and flat as typed, then `response.failed` with what is known of the response."""
    said = openai(error)
    flat = {"type": "error", "sequence_number": number, "code": said.code, "message": said.message, "param": said.param}
    nested = {**flat, "error": {"type": said.type, "code": said.code, "message": said.message, "param": said.param}}
    return [sse.render(msgspec.json.encode(nested), b"error"), *_conclude("error", error, number + 1, first)]


def _conclude(kind: str, error: ErrorBody, number: int, first: Fields) -> list[bytes]:
    """What is known of the response, as failed, behind an `error` that does not say it; and the end marker."""
    if kind != "error" or not first:
        return [_DONE]
    response = {**first, "status": raw("failed"), "error": raw(errors.of_response(error))}
    failed = {"type": "response.failed", "sequence_number": number, "response": response}
    return [sse.render(msgspec.json.encode(failed), b"response.failed"), _DONE]


KINDS: Final = Kinds(
    _OPENING, _LAST, _FAILING, "response", lambda: _event_usage, errors.of_event, failure, _conclude, (_DONE,)
)
RESPONSES_DIALECT: Final = ResponsesDialect()
