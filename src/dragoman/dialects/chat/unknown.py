"""Members of a caller's request that no struct of ours has: taken out, so that the rest can be read.

They become extras, which the renderer refuses by name or, where the operator allows that, leaves out with a loss.
What is unknown in one message is unknown in all of them, so each kind is taken out of the whole list at once.
"""

import re
from typing import Final

import msgspec

from dragoman.dialects.mapping import is_empty
from dragoman.turn import Extra
from dragoman.wire.chat import Fields, raw

_SAID: Final = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$(.*)`)?")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[\d+\]")
_object: Final = msgspec.json.Decoder(Fields).decode
_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_Step = str | None
"""A member by its name, or every element of a list."""


def without(value: msgspec.Raw, at: str, error: msgspec.ValidationError, extras: list[Extra]) -> msgspec.Raw | None:
    """`value`, which stands at `at`, less what the error calls unknown; None if the error is another."""
    said = _SAID.fullmatch(str(error))
    if said is None or "[...]" in (said[2] or ""):
        return None
    steps: list[_Step] = [step[1] for step in _STEP.finditer(said[2] or "")]
    return _cut(value, steps, said[1], at, extras)


def _cut(value: msgspec.Raw, steps: list[_Step], name: str, at: str, extras: list[Extra]) -> msgspec.Raw:
    try:
        match steps:
            case []:
                return _take(value, name, at, extras)
            case [None, *rest]:
                found = enumerate(_list(value))
                return raw([_cut(one, rest, name, f"{at}[{number}]", extras) for number, one in found])
            case [str() as step, *rest]:
                fields = _object(value)
                if step in fields:
                    fields[step] = _cut(fields[step], rest, name, f"{at}.{step}", extras)
                return raw(fields)
    except msgspec.ValidationError:  # a content that is a string, say, among those that are lists
        return value
    return value


def _take(value: msgspec.Raw, name: str, at: str, extras: list[Extra]) -> msgspec.Raw:
    fields = _object(value)
    member = fields.pop(name, None)
    if member is None:
        return value
    if not is_empty(member):
        extras.append(Extra("chat", f"{at}.{name}", member))
    return raw(fields)
