"""What a run used, as records that are only ever added to, and the bounds it may be given.

A sum would lose what each call cost; so the sums are made from the records when they are asked for.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from dragoman.turn import Usage

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens; `cached` None is the price of input."""

    input: float
    output: float
    cached: float | None = None

    def of(self, usage: Usage) -> float:
        cached = self.input if self.cached is None else self.cached
        fresh = (usage.input_tokens - usage.cached_tokens) * self.input
        return (fresh + usage.cached_tokens * cached + usage.output_tokens * self.output) / _MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call of a model or of a tool, by which agent, and what it came to."""

    type: Literal["llm", "tool"]
    agent: str
    name: str
    """The model's name, or the tool's."""
    at: float
    """When it began, in Unix time."""
    seconds: float
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    """None: nobody said, and there is no price for it."""
    failed: bool = False
    reported: bool = True
    """False if the model did not say how many tokens it used."""

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class RunUsage:
    """The records of one run, in the order in which the calls ended."""

    def __init__(self) -> None:
        self._records: list[Record] = []

    def add(self, record: Record) -> None:
        self._records.append(record)

    def __repr__(self) -> str:
        return f"RunUsage({self.input_tokens} + {self.output_tokens} tokens, {len(self)} records)"

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    @property
    def input_tokens(self) -> int:
        return sum(record.input_tokens for record in self._records)

    @property
    def output_tokens(self) -> int:
        return sum(record.output_tokens for record in self._records)

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def turns(self) -> int:
        """How often a model was asked."""
        return sum(record.type == "llm" for record in self._records)

    @property
    def tool_calls(self) -> int:
        return sum(record.type == "tool" for record in self._records)

    @property
    def cost_usd(self) -> float | None:
        """What is known of the cost; None if nothing is."""
        known = [record.cost_usd for record in self._records if record.cost_usd is not None]
        return math.fsum(known) if known else None

    def total(self) -> Usage | None:
        """All calls of models as one; None if no model said what it used."""
        if not any(record.reported for record in self._records if record.type == "llm"):
            return None
        return Usage(
            self.input_tokens,
            self.output_tokens,
            sum(record.cached_tokens for record in self._records),
            sum(record.cache_write_tokens for record in self._records),
            sum(record.reasoning_tokens for record in self._records),
            cost_usd=self.cost_usd,
        )


def cost_of(usage: Usage | None, model: str, prices: Mapping[str, Price]) -> float | None:
    """What the upstream said, else what the price comes to."""
    if usage is None or usage.cost_usd is not None:
        return None if usage is None else usage.cost_usd
    price = prices.get(model)
    return None if price is None else price.of(usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one run; it ends with `LimitReached` where it would go on beyond one. None is no bound.

    An answer that is complete is never withheld: what it used beyond `tokens` or `cost_usd` is in its records.
    """

    turns: int | None = 10
    """How often models may be asked."""
    tokens: int | None = None
    cost_usd: float | None = None
    """Counts what is known; a model call whose cost nobody knows ends the run with an error."""
    tool_calls: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be more than 0, not {value!r}; leave it out for no bound")

    def passed(self, usage: RunUsage) -> tuple[str, float] | None:
        """The bound that another model call would go beyond."""
        used: Iterable[tuple[str, float | None, float]] = (
            ("turns", self.turns, usage.turns),
            ("tokens", self.tokens, usage.total_tokens),
            ("cost_usd", self.cost_usd, usage.cost_usd or 0.0),
        )
        return next(((name, bound) for name, bound, at in used if bound is not None and at >= bound), None)
