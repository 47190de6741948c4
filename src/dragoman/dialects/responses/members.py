"""One JSON object of a caller's request: its known members by type, what is left as extras.

Nothing of a request may be lost in silence, so every object is read twice: into the struct of what is known,
and into its raw members, of which those that the struct lacks become `Extra`s with their path as a name.
"""

from typing import TypeVar

import msgspec

from dragoman import errors
from dragoman.dialects.responses.rows import TABLE
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Extra
from dragoman.wire.chat import Fields, parse_fields

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)


def invalid(param: str, message: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, message, param=param)


def read(value: msgspec.Raw, kind: type[_S], at: str, extras: list[Extra]) -> _S:
    """`value`, which stands at `at`, as a `kind`. Raises `GatewayError` INVALID_REQUEST naming what is wrong."""
    known = decode(value, kind, at)
    fields = members(value, at)
    for name, member in fields.items():
        if name not in kind.__struct_encode_fields__ and name != "type" and not TABLE.says_nothing(name, member):
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
