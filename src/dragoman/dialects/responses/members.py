"""One JSON object of a caller's request: its known members by type, what is left as extras.

Nothing of a request may be lost in silence, so every object is read twice: into the struct of what is known,
and into its raw members, of which those that the struct lacks become `Extra`s with their path as a name.
"""

from typing import Any, Final, TypeVar

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Extra
from dragoman.wire.chat import Fields, parse_fields

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)
_Value = Any  # a decoded JSON value

# Members that say what would be done without them, whatever object they stand in.
_VACUOUS: Final[dict[str, _Value]] = {
    "truncation": "disabled",
    "background": False,
    "mode": "standard",  # of reasoning
    "context": "auto",  # of reasoning
    "detail": "auto",  # of a file
    "async": False,
    "defer_loading": False,
    "allowed_callers": ["direct"],
    "caller": {"type": "direct"},
    "n": 1,
    "include_obfuscation": False,  # nothing is ever padded
}
# Members that a client says for others to count it by, and that change no answer.
_HINTS: Final = frozenset(("client_metadata",))


def invalid(param: str, message: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, message, param=param)


def refuse(param: str, message: str) -> GatewayError:
    return GatewayError(errors.UNSUPPORTED_PARAMETER, message, param=param)


def read(value: msgspec.Raw, kind: type[_S], at: str, extras: list[Extra]) -> _S:
    """`value`, which stands at `at`, as a `kind`. Raises `GatewayError` INVALID_REQUEST naming what is wrong."""
    known = decode(value, kind, at)
    fields = members(value, at)
    for name, member in fields.items():
        if name not in kind.__struct_encode_fields__ and name != "type" and not vacuous(name, member):
            extras.append(Extra("responses", join(at, name), member))
    return known


def decode(value: msgspec.Raw, kind: type[_T], at: str) -> _T:
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError as error:
        raise _wrong(at, error) from None


def members(value: msgspec.Raw, at: str) -> Fields:
    try:
        return parse_fields(bytes(value))
    except WireError:
        raise invalid(at, f"'{at}' must be an object.") from None


def absent(value: msgspec.Raw) -> bool:
    return bytes(value) == b"null"


def vacuous(name: str, value: msgspec.Raw) -> bool:
    """Whether a member nobody knows asks for nothing: null, an empty list, or what is done without it."""
    if name in _HINTS or bytes(value) in (b"null", b"[]"):
        return True
    return name in _VACUOUS and bool(msgspec.json.decode(value) == _VACUOUS[name])


def join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _wrong(at: str, error: msgspec.ValidationError) -> GatewayError:
    """msgspec says "Expected `int`, got `str` - at `$.top_p`"; the caller reads the path from the top."""
    message, _, path = str(error).partition(" - at `")
    if message.startswith("Object missing required field"):
        name = join(at, message.split("`")[1])
        return invalid(name, f"Missing required parameter: '{name}'.")
    path = path.rpartition("`$")[2] if "`$" in path else path
    param = (at + path.rstrip("`").removeprefix("$").replace("[...]", "")).removeprefix(".")
    return invalid(param, f"'{param}' is not right: {message[:1].lower()}{message[1:]}.".replace("`", "'"))
