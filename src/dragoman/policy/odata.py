"""The part of OData 4.01's query options that lists understand: `$filter`, `$orderby`, `$select`, `$top`, `$skip`.

A filter is comparisons with `eq` or `ne`, joined by `and`; a list of words, as `tags` is, equals each of its words.
`limit` and `offset` are other names for `$top` and `$skip`. What is not understood is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from dragoman.policy.resources import invalid

DEFAULT_TOP: Final = 50
MAX_TOP: Final = 100
_SAME: Final = {"limit": "$top", "offset": "$skip"}
_OPTIONS: Final = ("$filter", "$orderby", "$select", "$top", "$skip")
_TERM: Final = re.compile(
    r"\s*(?P<name>[A-Za-z_]+)\s+(?P<how>eq|ne)\s+(?P<value>'(?:[^']|'')*'|-?[0-9]{1,18}|true|false|null)\s*"
)
_AND: Final = re.compile(r"and\s+")
_ORDER: Final = re.compile(r"\s*([A-Za-z_]+)(?:\s+(asc|desc))?\s*")

Item = Mapping[str, Any]
"""What is listed: `Any` is what JSON values are."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What was asked of a list."""

    where: tuple[tuple[str, bool, object], ...] = ()
    """Name, whether it must be so rather than not, value."""
    order: tuple[tuple[str, bool], ...] = ()
    """Name, whether from the greatest on."""
    select: tuple[str, ...] = ()
    top: int = DEFAULT_TOP
    skip: int = 0

    def apply(self, items: Sequence[Item]) -> tuple[list[Item], int]:
        """The page of `items` that was asked for, and how many there are on all pages."""
        chosen = [item for item in items if all(_holds(item, *term) for term in self.where)]
        for name, falling in reversed(self.order):
            chosen.sort(key=lambda item: _rank(item.get(name)), reverse=falling)
        page = chosen[self.skip : self.skip + self.top]
        if self.select:
            page = [{name: item[name] for name in self.select if name in item} for item in page]
        return page, len(chosen)


def parse(query: bytes, names: Sequence[str]) -> Listing:
    """The listing that a query string asks for; `names` are those of an item's members.

    Raises `GatewayError` INVALID_REQUEST naming the option.
    """
    options: dict[str, str] = {}
    for given, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        name = _SAME.get(given, given)
        if name not in _OPTIONS:
            raise invalid(given, f"Unknown query option {given!r}; known here: {', '.join((*_OPTIONS, *_SAME))}.")
        if name in options:
            raise invalid(given, f"{given!r} is given twice.")
        options[name] = value
    return Listing(
        _parse_filter(options.get("$filter", ""), names),
        _parse_order(options.get("$orderby", ""), names),
        _parse_select(options.get("$select", ""), names),
        _number("$top", options.get("$top"), DEFAULT_TOP, 1, MAX_TOP),
        _number("$skip", options.get("$skip"), 0, 0, 10**9),
    )


def _parse_filter(text: str, names: Sequence[str]) -> tuple[tuple[str, bool, object], ...]:
    terms = []
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise invalid(
                "$filter", "Write terms such as alias eq 'x', enabled eq true or tags eq 'x', joined by 'and'."
            )
        terms.append((_known("$filter", term["name"], names), term["how"] == "eq", _literal(term["value"])))
        at = term.end()
        if at < len(text):
            joint = _AND.match(text, at)
            if joint is None or joint.end() == len(text):
                raise invalid("$filter", "Terms are joined by 'and'; nothing else is understood.")
            at = joint.end()
    return tuple(terms)


def _parse_order(text: str, names: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    order = []
    for part in text.split(",") if text else ():
        match = _ORDER.fullmatch(part)
        if match is None:
            raise invalid("$orderby", "Write names, each followed by 'asc' or 'desc' if you like, joined by commas.")
        order.append((_known("$orderby", match[1], names), match[2] == "desc"))
    return tuple(order)


def _parse_select(text: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_known("$select", part.strip(), names) for part in text.split(",")) if text else ()


def _known(option: str, name: str, names: Sequence[str]) -> str:
    if name not in names:
        raise invalid(option, f"There is no member {name!r}; there are {', '.join(sorted(names))}.")
    return name


def _number(option: str, text: str | None, default: int, least: int, most: int) -> int:
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise invalid(option, f"{option!r} must be a whole number from {least} to {most}.")
    return int(text)


def _literal(text: str) -> object:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return msgspec.json.decode(text.encode())


def _holds(item: Item, name: str, positive: bool, value: object) -> bool:
    found = item.get(name)
    held = value in found if isinstance(found, (list, tuple)) else type(found) is type(value) and found == value
    return held is positive


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers before text, and what is not there first."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, (bool, int, float)):
        return 1, float(value), ""
    return 2, 0.0, value if isinstance(value, str) else msgspec.json.encode(value).decode()
