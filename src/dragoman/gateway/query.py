"""The query string of a call to a resource of ours, and the pages of its lists."""

import re
from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import Window

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
MAX_PAGE: Final = 100


class Page(msgspec.Struct, frozen=True):
    """A list as OpenAI's API reference has it; the ids are those of its ends, None in an empty one."""

    data: list[Raw]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: str = "list"


class Query:
    """Reads parameters by type; each error names the parameter. `known` are those that the route has."""

    def __init__(self, text: bytes, known: Collection[str]) -> None:
        self._values: dict[str, str] = {}
        self._all: dict[str, list[str]] = {}
        for given, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True):
            name = given.removesuffix("[]")
            if name not in known:
                listed = ", ".join(sorted(known)) or "none"
                raise _invalid(name, f"Unknown query parameter {name!r}; known here: {listed}.")
            self._values[name] = value
            self._all.setdefault(name, []).append(value)

    def text(self, name: str) -> str | None:
        return self._values.get(name)

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if _NUMBER.fullmatch(value) is None or not least <= int(value) <= most:
            raise _invalid(name, f"{name!r} must be a whole number from {least} to {most}.")
        return int(value)

    def flag(self, name: str) -> bool:
        value = self._values.get(name, "false")
        if value not in ("true", "false"):
            raise _invalid(name, f"{name!r} must be true or false.")
        return value == "true"

    def choices(self, name: str, known: Collection[str]) -> Sequence[str]:
        """Every value of a parameter that may be given several times, each one of those `known`."""
        values = self._all.get(name, ())
        for value in values:
            if value not in known:
                raise _invalid(name, f"{name!r} must be of {', '.join(known)}, not {value!r}.")
        return values

    def window(self) -> Window:
        """The part of a list that `limit`, `order` and `after` ask for."""
        limit = self.number("limit", 20, least=1, most=MAX_PAGE)
        order = self._values.get("order", "desc")
        if order not in ("asc", "desc"):
            raise _invalid("order", "'order' must be asc or desc.")
        after = self._values.get("after")
        if after == "":
            raise no_item(after)
        return Window(limit, order == "desc", after or "")


def no_item(after: str) -> GatewayError:
    """What is said of an `after` that no list has."""
    return _invalid("after", f"There is no item {after!r} in this list.")


def _invalid(name: str, message: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, message, param=name)
