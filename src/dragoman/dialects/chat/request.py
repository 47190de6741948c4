"""A Chat Completions request: read for routing, rendered again for an upstream of the same dialect."""

from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects import head
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Turn
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields

_TRUE: Final = b"true"


class ChatRequest:
    """The request as its top-level map of raw values.

    What is judged here is what is sent: the body is rebuilt from the map, never patched in place.
    """

    __slots__ = ("_asks_usage", "_fields", "_turn")

    def __init__(self, fields: Fields, turn: Turn, asks_usage: bool) -> None:
        self._fields = fields
        self._turn = turn
        self._asks_usage = asks_usage

    @property
    def turn(self) -> Turn:
        return self._turn

    @property
    def asks_usage(self) -> bool:
        return self._asks_usage

    def render(self, model: str, *, ask_usage: bool) -> bytes:
        fields = self._fields
        if model != self._turn.model:
            fields = {**fields, "model": raw(model)}
        if ask_usage and self._turn.stream and not self._asks_usage:
            fields = {**fields, "stream_options": _with_usage(fields.get("stream_options"))}
        return render_fields(fields)


def parse(body: bytes, *, requires: str = "messages") -> ChatRequest:
    """Reads what routing needs and checks that `requires` is there; the rest is the upstream's to judge.

    Raises `GatewayError` INVALID_JSON or INVALID_REQUEST naming the parameter.
    """
    fields = head.parse(body)
    model = head.model(fields)
    if requires not in fields:
        raise GatewayError(errors.INVALID_REQUEST, f"Missing required parameter: {requires!r}.", param=requires)
    if requires == "messages" and not bytes(fields[requires]).startswith(b"["):
        raise GatewayError(errors.INVALID_REQUEST, "'messages' must be an array.", param="messages")
    stream = head.flag(fields.get("stream"), "stream")
    asks_usage = stream and _asks_usage(fields.get("stream_options"))
    return ChatRequest(fields, Turn(model=model, stream=stream), asks_usage)


def _stream_options(value: msgspec.Raw | None) -> Fields:
    if value is None or bytes(value) == b"null":
        return {}
    try:
        return parse_fields(bytes(value))
    except WireError:
        message = "'stream_options' must be an object."
        raise GatewayError(errors.INVALID_REQUEST, message, param="stream_options") from None


def _asks_usage(value: msgspec.Raw | None) -> bool:
    return head.flag(_stream_options(value).get("include_usage"), "stream_options.include_usage")


def _with_usage(value: msgspec.Raw | None) -> msgspec.Raw:
    return msgspec.Raw(render_fields({**_stream_options(value), "include_usage": msgspec.Raw(_TRUE)}))
