"""The members of a caller's request, read by name, and the errors that name what is wrong with them."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.wire.chat import Fields

Body = dict[str, Any]
"""A JSON object being built; its values are JSON values."""

_T = TypeVar("_T")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`")
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")


def refuse(param: str, message: str) -> GatewayError:
    """What cannot be said to this upstream, or by nobody here."""
    return GatewayError(errors.UNSUPPORTED_PARAMETER, message, param=param)


def invalid(param: str, message: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, message, param=param)


def absent(value: msgspec.Raw | msgspec.UnsetType | None) -> bool:
    """Whether nothing is said: the member is not there, or null."""
    return value is None or value is msgspec.UNSET or bytes(value) == b"null"


class Members:
    """The top level of a request; null is "not said"."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def read(self, name: str, kind: Any) -> Any:
        """The member as a `kind`, None if it is not said. Raises `GatewayError` INVALID_REQUEST."""
        return self.convert(name, lambda value: msgspec.json.decode(value, type=kind), None)

    def required(self, name: str, parse: Callable[[msgspec.Raw], _T]) -> _T:
        if absent(self._fields.get(name)):
            raise invalid(name, f"Missing required parameter: {name!r}.")
        return decode(self._fields[name], parse, name)

    def convert(self, name: str, parse: Callable[[msgspec.Raw], _T], default: _T) -> _T:
        """What `parse` makes of the member. Raises `GatewayError` INVALID_REQUEST or UNSUPPORTED_PARAMETER."""
        value = self._fields.get(name)
        return default if value is None or absent(value) else decode(value, parse, name)


def decode(value: msgspec.Raw, parse: Callable[[msgspec.Raw], _T], at: str) -> _T:
    """What `parse` makes of the value at `at`; what it does not accept is an error that names the place."""
    try:
        return parse(value)
    except msgspec.ValidationError as error:
        raise _wrong(at, error) from None


def _wrong(at: str, error: msgspec.ValidationError) -> GatewayError:
    """msgspec says "Expected `str` - at `$[0].content`"; the caller reads `messages[0].content`."""
    message, _, path = str(error).partition(" - at `")
    # A place inside a mapping is given as "`key` in `$...`"; the mapping is near enough.
    path = path.rpartition("`$")[2] if "`$" in path else path.removeprefix("$")
    at += path.rstrip("`").replace("[...]", "")
    unknown, missing = _UNKNOWN.fullmatch(message), _MISSING.fullmatch(message)
    if unknown:
        return refuse(f"{at}.{unknown[1]}", f"The parameter '{at}.{unknown[1]}' is not known here.")
    if missing:
        return invalid(f"{at}.{missing[1]}", f"Missing required parameter: '{at}.{missing[1]}'.")
    return invalid(at, f"'{at}' is not right: {message[:1].lower()}{message[1:]}.".replace("`", "'"))
