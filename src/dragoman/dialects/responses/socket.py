"""Responses over a WebSocket, as messages: `response.create` in, events and errors out.

After Open Responses of 2026-04-24: a message is the body of a `POST /v1/responses` without what only HTTP needs, one
response is made after the other, and the connection itself remembers the latest, stored or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

from dragoman.dialects import head
from dragoman.dialects.responses import continuation, errors
from dragoman.dialects.responses.members import absent, invalid
from dragoman.errors import PREVIOUS_RESPONSE_NOT_FOUND, UNSUPPORTED_PARAMETER, GatewayError, WireError
from dragoman.wire.chat import Fields, parse_fields, raw
from dragoman.wire.common import ErrorBody
from dragoman.wire.responses import NULL

_VACUOUS: Final = {"stream": (b"true",), "generate": (b"true",), "background": (b"false",)}
"""Members that say what is the case anyhow. Clients that speak both transports send some of them."""
_REFUSED: Final = {
    "stream": "answers on a WebSocket are always streamed",
    "generate": "a response cannot be prepared without being made",
    "background": "a WebSocket has no background responses",
    "stream_options": "a WebSocket has no stream options",
    "stream_id": "a WebSocket makes one response after the other",
}


_text: Final = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest response of a connection, where nobody else keeps it."""

    id: str
    history: tuple[Raw, ...]
    """All items that a call after it follows on: those it was made from, and its own."""


def parse(message: bytes) -> Fields:
    """The request in a message, as a stream. Raises `GatewayError` naming the member that is not right."""
    fields = head.parse(message)
    kind = fields.pop("type", None)
    if kind is None or _string(kind) != "response.create":
        raise invalid("type", "A message must be an object of the type 'response.create'.")
    for name, reason in _REFUSED.items():
        value = fields.pop(name, None)
        if value is not None and not absent(value) and bytes(value) not in _VACUOUS.get(name, ()):
            raise GatewayError(UNSUPPORTED_PARAMETER, f"'{name}' cannot be so: {reason}.", param=name)
    fields["stream"] = raw(True)
    return fields


def previous(fields: Fields) -> str:
    """The response that a request goes on from, however wrong the rest of it is."""
    return _string(fields.get("previous_response_id", NULL))


def follow(fields: Fields, items: Sequence[Raw]) -> Fields:
    """The request with `items`, all that it follows on and its own, as its input; it follows on nothing any more."""
    whole = {name: value for name, value in fields.items() if name != "previous_response_id"}
    whole["input"] = raw([item for item in items if continuation.speaks(bytes(item))])
    return whole


def render_error(body: bytes, status: int, retry_after: bytes | None) -> bytes:
    """The body of an error answer as a message; what only HTTP has a place for goes into it."""
    fields = _error(body)
    if _string(fields.get("code", NULL)) == PREVIOUS_RESPONSE_NOT_FOUND.code:
        status = 400  # as the specification has it; over HTTP it is a 404
    if retry_after is not None:
        fields["headers"] = raw({"retry-after": retry_after.decode("ascii")})
    return msgspec.json.encode({"type": "error", "status": status, "error": fields})


def _error(body: bytes) -> Fields:
    """The members of an error, however its upstream put it."""
    try:
        return parse_fields(bytes(parse_fields(body)["error"]))
    except (WireError, KeyError):
        said = errors.parse(body) or ErrorBody("The upstream reported an error.", errors.UPSTREAM)
        return parse_fields(bytes(parse_fields(errors.render(said))["error"]))


def _string(value: Raw) -> str:
    try:
        return _text.decode(value)
    except msgspec.DecodeError:
        return ""
