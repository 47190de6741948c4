"""The form of a JSON value as data, and the first thing that is wrong with a value. Not a JSON Schema validator.

A `Check` is a function from a value and its place to a `Problem` or nothing; the builders below put
checks together, so that an API's request reads as a table. They are closed: a member that the table does
not name is a problem, as it is to the providers. How a problem is worded is each API's own.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from dragoman.mocks.request import Json

Kind = Literal["missing", "unknown", "type", "value", "tag", "below", "above", "short", "long", "pattern"]


class Tag(str):
    """A step of a place that names the alternative chosen, and no member."""

    __slots__ = ()


Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where; `wanted` is a type's name, the values allowed, a bound or a pattern."""

    kind: Kind
    place: Place
    wanted: str | float | tuple[str, ...] = ""
    given: Json = None


Check = Callable[[Json, Place], Problem | None]

_TYPES: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def type_name(value: Json) -> str:
    """The JSON type of a decoded value, integers apart from other numbers."""
    return _TYPES[type(value)]


def anything(value: Json, place: Place) -> None:
    """No problem, whatever it is."""


def boolean(value: Json, place: Place) -> Problem | None:
    return None if isinstance(value, bool) else Problem("type", place, "boolean", value)


def text(low: int = 0, high: int | None = None, pattern: str = "") -> Check:
    """A string of so many characters that matches the pattern as a whole."""

    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, str):
            return Problem("type", place, "string", value)
        if pattern and not re.fullmatch(pattern, value):
            return Problem("pattern", place, pattern, value)
        return _size(len(value), low, high, place, value)

    return check


def integer(low: int | None = None, high: int | None = None) -> Check:
    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return Problem("type", place, "integer", value)
        return _bounds(value, low, high, place)

    return check


def number(low: float | None = None, high: float | None = None) -> Check:
    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Problem("type", place, "number", value)
        return _bounds(value, low, high, place)

    return check


def one_of(*values: str) -> Check:
    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, str):
            return Problem("type", place, "string", value)
        return None if value in values else Problem("value", place, values, value)

    return check


def nullable(check: Check) -> Check:
    return lambda value, place: None if value is None else check(value, place)


def array(item: Check, low: int = 0, high: int | None = None) -> Check:
    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, list):
            return Problem("type", place, "array", value)
        problem = _size(len(value), low, high, place, value)
        return problem or _first(item(each, (*place, index)) for index, each in enumerate(value))

    return check


def mapping(values: Check = anything, high: int | None = None) -> Check:
    """An object of any members."""

    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", place, "object", value)
        problem = _size(len(value), 0, high, place, value)
        return problem or _first(values(each, (*place, name)) for name, each in value.items())

    return check


def members(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object that has the required members, and no others than those and the optional ones."""
    known = {**required, **(optional or {})}

    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", place, "object", value)
        for name in required:
            if name not in value:
                return Problem("missing", (*place, name))
        for name in value:
            if name not in known:
                return Problem("unknown", (*place, name))
        return _first(known[name](each, (*place, name)) for name, each in value.items())

    return check


def tagged(forms: Mapping[str, Check], tag: str = "type", default: str | None = None) -> Check:
    """An object whose member `tag` says which of the forms it has."""

    def check(value: Json, place: Place) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", place, "object", value)
        name = value.get(tag, default)
        if name is None:
            return Problem("missing", (*place, tag))
        if not isinstance(name, str):
            return Problem("type", (*place, tag), "string", name)
        form = forms.get(name)
        if form is None:
            return Problem("tag", (*place, tag), tuple(forms), name)
        return form(value, (*place, Tag(name)))

    return check


def by_type(**checks: Check) -> Check:
    """One check per JSON type, as in `by_type(string=..., array=...)`."""

    def check(value: Json, place: Place) -> Problem | None:
        chosen = checks.get(type_name(value))
        return Problem("type", place, tuple(checks), value) if chosen is None else chosen(value, place)

    return check


def _first(problems: Iterable[Problem | None]) -> Problem | None:
    return next((problem for problem in problems if problem is not None), None)


def _bounds(value: float, low: float | None, high: float | None, place: Place) -> Problem | None:
    if low is not None and value < low:
        return Problem("below", place, low, value)
    if high is not None and value > high:
        return Problem("above", place, high, value)
    return None


def _size(size: int, low: int, high: int | None, place: Place, value: Json) -> Problem | None:
    if size < low:
        return Problem("short", place, low, value)
    if high is not None and size > high:
        return Problem("long", place, high, value)
    return None
