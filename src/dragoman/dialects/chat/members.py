"""The members of a caller's request, read by name, and the errors that name what is wrong with them."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from dragoman import errors
from dragoman.dialects.chat import unknown
from dragoman.errors import GatewayError
from dragoman.turn import Extra
from dragoman.wire.chat import Fields

Body = dict[str, Any]
"""A JSON object being built; its values are JSON values."""

_T = TypeVar("_T")
MAX_UNKNOWN: Final = 32
"""Kinds of members nobody knows that are looked for; each costs another reading."""
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")


def invalid(param: str, message: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, message, param=param)


def absent(value: msgspec.Raw | msgspec.UnsetType | None) -> bool:
    """Whether nothing is said: the member is not there, or null."""
    return value is None or value is msgspec.UNSET or bytes(value) == b"null"


class Members:
    """The top level of a request; null is "not said". What is unknown inside of a member goes to `extras`."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.extras: list[Extra] = []

    def read(self, name: str, kind: Any) -> Any:
        """The member as a `kind`, None if it is not said. Raises `GatewayError` INVALID_REQUEST."""
        return self.convert(name, lambda value: msgspec.json.decode(value, type=kind), None)

    def required(self, name: str, parse: Callable[[msgspec.Raw], _T]) -> _T:
        if absent(self._fields.get(name)):
            raise invalid(name, f"Missing required parameter: {name!r}.")
        return self._decode(name, parse)

    def convert(self, name: str, parse: Callable[[msgspec.Raw], _T], default: _T) -> _T:
        """What `parse` makes of the member. Raises `GatewayError` INVALID_REQUEST or UNSUPPORTED_PARAMETER."""
        return default if absent(self._fields.get(name)) else self._decode(name, parse)

    def _decode(self, name: str, parse: Callable[[msgspec.Raw], _T]) -> _T:
        for _ in range(MAX_UNKNOWN):
            try:
                return parse(self._fields[name])
            except msgspec.ValidationError as error:
                rest = unknown.without(self._fields[name], name, error, self.extras)
                if rest is None:
                    raise _wrong(name, error) from None
                self._fields[name] = rest
        raise invalid(name, f"'{name}' has more than {MAX_UNKNOWN} kinds of members that are not known here.")


def _wrong(at: str, error: msgspec.ValidationError) -> GatewayError:
    """msgspec says "Expected `str` - at `$[0].content`"; the caller reads `messages[0].content`."""
    message, _, path = str(error).partition(" - at `")
    # A place inside a mapping is given as "`key` in `$...`"; the mapping is near enough.
    path = path.rpartition("`$")[2] if "`$" in path else path.removeprefix("$")
    at += path.rstrip("`").replace("[...]", "")
    missing = _MISSING.fullmatch(message)
    if missing:
        return invalid(f"{at}.{missing[1]}", f"Missing required parameter: '{at}.{missing[1]}'.")
    return invalid(at, f"'{at}' is not right: {message[:1].lower()}{message[1:]}.".replace("`", "'"))
