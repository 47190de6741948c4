"""What every dialect's request has in common, and all that a pass-through reads: model, stream, shape."""

from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Turn
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields

MAX_MODEL: Final = 256
"""Characters of a model's name; it is logged, stored and quoted in errors."""


def parse(body: bytes) -> Fields:
    """The members of a request's body. Raises `GatewayError` INVALID_JSON."""
    try:
        return parse_fields(body)
    except WireError as error:
        raise GatewayError(errors.INVALID_JSON, f"The request body is {error}.") from None


def model(fields: Fields) -> str:
    value = fields.get("model")
    if value is None:
        raise GatewayError(errors.INVALID_REQUEST, "Missing required parameter: 'model'.", param="model")
    try:
        name = msgspec.json.decode(value, type=str)
    except msgspec.DecodeError:
        raise GatewayError(errors.INVALID_REQUEST, "'model' must be a string.", param="model") from None
    if not name:
        raise GatewayError(errors.INVALID_REQUEST, "'model' must not be empty.", param="model")
    if len(name) > MAX_MODEL:
        message = f"'model' must not be longer than {MAX_MODEL} characters."
        raise GatewayError(errors.INVALID_REQUEST, message, param="model")
    return name


def flag(value: msgspec.Raw | None, name: str) -> bool:
    if value is None:
        return False
    text = bytes(value)
    if text == b"true":
        return True
    if text in (b"false", b"null"):
        return False
    raise GatewayError(errors.INVALID_REQUEST, f"'{name}' must be true or false.", param=name)


class Head:
    """A request as its top-level map of raw values, of which only the head is read.

    What is judged here is what is sent: the body is rebuilt from the map, never patched in place.
    """

    __slots__ = ("_fields", "_turn")

    def __init__(self, body: bytes, requires: str | None) -> None:
        """Raises `GatewayError` INVALID_JSON or INVALID_REQUEST naming the parameter."""
        self._fields = fields = parse(body)
        name = model(fields)
        if requires is not None and requires not in fields:
            raise GatewayError(errors.INVALID_REQUEST, f"Missing required parameter: {requires!r}.", param=requires)
        self._turn = Turn(name, flag(fields.get("stream"), "stream"))

    @property
    def turn(self) -> Turn:
        return self._turn

    @property
    def asks_usage(self) -> bool:
        """Usage is part of every stream whose events have types."""
        return True

    def render(self, model: str, *, ask_usage: bool) -> bytes:
        if model == self._turn.model:
            return render_fields(self._fields)
        return render_fields({**self._fields, "model": raw(model)})
