"""How fast a mock answers: time to first token, tokens per second, jitter. It computes waits, it never waits."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

MAX_WAIT: Final = 600.0
"""The longest single wait, in seconds, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The pace of an answer; what is `None` is left to a broader setting, in the end to the service.

    `tps` of infinity means no wait between tokens; `jitter` of 0.2 varies each wait by up to 20 %,
    the same way for the same `seed`.
    """

    ttft_ms: float | None = None
    tps: float | None = None
    jitter: float | None = None
    seed: int | None = None

    def over(self, base: "Timing") -> "Timing":
        """This timing, with its gaps filled from a broader one."""
        missing = {field.name: getattr(base, field.name) for field in fields(self) if getattr(self, field.name) is None}
        return replace(self, **missing)

    def schedule(self, pace: float = 0.0, ordinal: int = 0) -> "Schedule":
        """The waits of one answer; `pace` is the service's own gap in seconds, `ordinal` the request's number."""
        gap = pace if self.tps is None else 1.0 / self.tps
        return Schedule(
            (self.ttft_ms or 0.0) / 1000.0,
            gap,
            0.0 if self.tps is None else gap,
            self.jitter or 0.0,
            random.Random(f"{self.seed or 0}:{ordinal}"),
        )


@dataclass(slots=True)
class Schedule:
    """The waits of one answer, in seconds, drawn in order."""

    _ttft: float
    _gap: float
    _token: float
    _jitter: float
    _random: random.Random

    def first(self) -> float:
        """Until the first token."""
        return self._varied(self._ttft)

    def gap(self) -> float:
        """Between two tokens of a stream."""
        return self._varied(self._gap)

    def whole(self, tokens: int) -> float:
        """Until a buffered answer of so many tokens; a service's own pace does not slow it."""
        return self._varied(self._ttft + self._token * tokens)

    def _varied(self, seconds: float) -> float:
        if seconds > 0 and self._jitter:
            seconds *= self._random.uniform(1 - self._jitter, 1 + self._jitter)
        return min(seconds, MAX_WAIT)


PROFILES: Final[Mapping[str, Timing]] = {
    "instant": Timing(ttft_ms=0, tps=math.inf, jitter=0),
    "fast": Timing(ttft_ms=200, tps=100, jitter=0.1),
    "typical": Timing(ttft_ms=500, tps=60, jitter=0.2),
    "reasoning": Timing(ttft_ms=5000, tps=80, jitter=0.2),
    "overloaded": Timing(ttft_ms=3000, tps=15, jitter=0.5),
}
