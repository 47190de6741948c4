"""Messages as a front door: what passes to an upstream of the same dialect passes untouched."""

from typing import Final

from dragoman import errors as table
from dragoman.dialects import base
from dragoman.dialects.head import Head
from dragoman.dialects.messages import errors, usage
from dragoman.dialects.typed_relay import Kinds, TypedRelay
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Usage
from dragoman.wire import messages_answer as wire
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody

_OPENING: Final = frozenset(("message_start", "content_block_start", "ping"))
_LAST: Final = frozenset(("message_stop",))
_FAILING: Final = frozenset(("error",))


class MessagesDialect:
    name = "messages"
    family = "messages"
    path = "/messages"

    def parse_request(self, body: bytes) -> Head:
        return Head(body, "messages")

    def relay_answer(self, body: bytes, model: str) -> tuple[bytes, Usage | None]:
        try:
            fields = parse_fields(body)
        except WireError as error:
            what = "nothing" if not body.strip() else f"a body that is {error}"
            raise GatewayError(table.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.") from None
        if "content" not in fields:
            said = errors.parse(body)
            what = f"the error {said.message!r}" if said else "a body without 'content'"
            raise GatewayError(table.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.")
        if "model" in fields:
            fields["model"] = raw(model)
        return render_fields(fields), _usage(fields)

    def relay_stream(self, request: base.Request, *, max_event: int) -> TypedRelay:
        return TypedRelay(request.turn.model, KINDS, max_event=max_event)

    def relay_error(self, body: bytes, otherwise: str) -> bytes:
        if errors.parse(body) is not None:
            return body
        return errors.render(ErrorBody(otherwise, "api_error"), 500)

    def relay_error_events(self, body: bytes) -> list[bytes]:
        return [errors.render_event(errors.parse(body) or ErrorBody("The upstream reported an error.", "api_error"))]

    def render_stream_error(self, error: GatewayError) -> list[bytes]:
        return [errors.render_event(ErrorBody(error.message, error.kind.type, error.param, error.kind.code))]


def _usage(fields: Fields) -> Usage | None:
    value = fields.get("usage")
    said = None if value is None else usage.read(value)
    return None if said is None else usage.neutral(said)


class _Meter:
    """Adds up what the events of one stream tell of its usage: input at the beginning, output at the end."""

    def __init__(self) -> None:
        self._said: wire.Usage | None = None

    def __call__(self, fields: Fields) -> Usage | None:
        inner = fields.get("message")
        value = (parse_fields(bytes(inner)) if inner is not None else fields).get("usage")
        if value is not None:
            self._said = usage.merge(self._said, usage.read(value))
        return usage.neutral(self._said)


def _failure(error: ErrorBody, number: int, first: Fields) -> list[bytes]:
    return [errors.render_event(error)]


def _conclude(kind: str, error: ErrorBody, number: int, first: Fields) -> list[bytes]:
    """Nothing comes after an error."""
    return []


KINDS: Final = Kinds(_OPENING, _LAST, _FAILING, "message", _Meter, errors.parse, _failure, _conclude)
MESSAGES_DIALECT: Final = MessagesDialect()
