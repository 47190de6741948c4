"""Faults and timing as data: `cut-after:3`, `status:429`, `ttft:300,tps:60,crlf`.

A `Scenario` is parsed here and carried out by `faults` and `delivery`. It has at most one *ending*, a
fault that decides how the answer ends, any number of *shapes*, which change how it looks on the way,
and a `Timing`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from dragoman.mocks.timing import PROFILES, Timing

MAX_SPEC: Final = 2048
_MAX_EVENTS: Final = 1_000_000
_MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_MS: Final = 600_000
_SUFFIXES: Final = {"k": 1024, "m": 1024 * 1024}


class ScenarioError(ValueError):
    """A spec that names no known fault, or one with a value it cannot take."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One item of a spec: its name and its value, a number or (for `redirect`) a URL."""

    name: str
    number: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    """What an item may look like; `default` is `None` where a value must be given."""

    role: Literal["ending", "shape"]
    unit: Literal["", "events", "bytes", "ms", "status", "url"] = ""
    default: int | None = None
    low: int = 0


ITEMS: Final[Mapping[str, _Item]] = {
    # Before the head of the answer.
    "drop": _Item("ending"),
    "reset": _Item("ending"),
    "stall": _Item("ending"),
    # After the head.
    "reset-after-headers": _Item("ending"),
    "cut-after": _Item("ending", "events"),
    "reset-after": _Item("ending", "events"),
    "stall-after": _Item("ending", "events"),
    "cut-mid-event": _Item("ending", "events", 1),
    "cut-mid-utf8": _Item("ending", "events", 1),
    "error-event": _Item("ending", "events", 1),
    # Another answer than the one asked for.
    "status": _Item("ending", "status", low=200),
    "html-502": _Item("ending"),
    "redirect": _Item("ending", "url"),
    "empty-200": _Item("ending"),
    # A body that is not what its head says.
    "content-length-lie": _Item("ending"),
    "content-length-short": _Item("ending"),
    "truncated-gzip": _Item("ending"),
    # The answer, but odd.
    "wrong-content-type": _Item("shape"),
    "huge-event": _Item("shape", "bytes", low=1),
    "bad-json": _Item("shape"),
    "bad-utf8": _Item("shape"),
    "no-done": _Item("shape"),
    "no-finish": _Item("shape"),
    "duplicate-done": _Item("shape"),
    "double-finish": _Item("shape"),
    "crlf": _Item("shape"),
    "cr": _Item("shape"),
    "comments": _Item("shape", "events"),
    "dribble": _Item("shape", "bytes", 1, low=1),
    "split-utf8": _Item("shape"),
    "slow-head": _Item("shape", "ms"),
    "slow-first": _Item("shape", "ms"),
    "delay": _Item("shape", "ms"),
}
ALIASES: Final[Mapping[str, str]] = {"refuse-before-headers": "drop"}
TIMINGS: Final = ("ttft", "tps", "jitter", "seed")
_LIMITS: Final = {"events": _MAX_EVENTS, "bytes": _MAX_BYTES, "ms": _MAX_MS, "status": 599}


@dataclass(frozen=True, slots=True)
class Scenario:
    """How an answer is to go wrong, and how fast; the empty scenario is a good answer at the usual pace."""

    spec: str = ""
    ending: Fault | None = None
    shapes: tuple[Fault, ...] = ()
    timing: Timing = field(default_factory=Timing)

    @classmethod
    def parse(cls, spec: str) -> "Scenario":
        """Parses items joined by commas; raises `ScenarioError` naming the bad one and listing the known."""
        if len(spec) > MAX_SPEC:
            raise ScenarioError(f"a scenario has at most {MAX_SPEC} characters, not {len(spec)}")
        scenario = cls(spec)
        for item in filter(None, (part.strip() for part in spec.split(","))):
            scenario = scenario._with(*_split(item))
        return scenario

    @property
    def usual(self) -> bool:
        """Whether the answer goes out as it is; its timing aside."""
        return self.ending is None and not self.shapes

    def ends(self, name: str) -> bool:
        return self.ending is not None and self.ending.name == name

    def shape(self, name: str) -> int | None:
        """The number of a shape, or `None` if it was not asked for."""
        return next((fault.number for fault in self.shapes if fault.name == name), None)

    def _with(self, name: str, value: str) -> "Scenario":
        if name == "ok" and not value:
            return self
        if name in PROFILES and not value:
            return replace(self, timing=self.timing.over(PROFILES[name]))
        if name in TIMINGS:
            return replace(self, timing=_timing(name, value).over(self.timing))
        fault = _fault(name, value)
        if ITEMS[fault.name].role == "shape":
            return replace(self, shapes=(*self.shapes, fault))
        if self.ending is not None:
            raise ScenarioError(f"{self.ending.name!r} and {fault.name!r} both end the answer; name one")
        return replace(self, ending=fault)


def known_items() -> tuple[str, ...]:
    """Every item a spec may name, with the form of its value."""
    faults = (f"{name}:{item.unit.upper()}" if item.unit else name for name, item in ITEMS.items())
    return (*faults, *ALIASES, "ttft:MS", "tps:N", "jitter:SHARE", "seed:N", *PROFILES, "ok")


def _split(item: str) -> tuple[str, str]:
    name, _, value = item.partition(":")
    name = name.strip().lower()
    return ALIASES.get(name, name), value.strip()


def _fault(name: str, value: str) -> Fault:
    item = ITEMS.get(name)
    if item is None:
        raise ScenarioError(f"unknown scenario item {name!r}; known: {', '.join(known_items())}")
    if item.unit == "url":
        if not value or not value.isascii() or not value.isprintable():
            raise ScenarioError(f"{name!r} takes a URL, as in {name}:http://127.0.0.1/")
        return Fault(name, text=value)
    if not item.unit:
        if value:
            raise ScenarioError(f"{name!r} takes no value, not {value!r}")
        return Fault(name)
    if not value and item.default is not None:
        return Fault(name, item.default)
    return Fault(name, _number(name, value, item))


def _number(name: str, value: str, item: _Item) -> int:
    digits, factor = value, 1
    if item.unit == "bytes" and value[-1:].lower() in _SUFFIXES:
        digits, factor = value[:-1], _SUFFIXES[value[-1].lower()]
    high = _LIMITS[item.unit]
    # At most ten digits: int() of a longer text is slow, and no limit is that large.
    if digits.isascii() and digits.isdigit() and len(digits) <= 10 and item.low <= int(digits) * factor <= high:
        return int(digits) * factor
    raise ScenarioError(f"{name!r} takes a number from {item.low} to {high} ({item.unit}), not {value!r}")


def _timing(name: str, value: str) -> Timing:
    try:
        number = float(value)
    except ValueError:
        raise ScenarioError(f"{name!r} takes a number, not {value!r}") from None
    if name == "ttft" and 0 <= number <= _MAX_MS:
        return Timing(ttft_ms=number)
    if name == "tps" and number > 0:
        return Timing(tps=number)
    if name == "jitter" and 0 <= number <= 1:
        return Timing(jitter=number)
    if name == "seed" and math.isfinite(number):
        return Timing(seed=int(number))
    raise ScenarioError(f"{name!r} cannot be {value!r}")
