"""Buckets in memory, for one gateway: exact, since nothing is awaited between looking and taking.

A bucket lives until it is as if nothing had been taken, and there are never more than `most`: beyond, the one that
would be forgotten soonest is, which lets its caller have no more than it would have had then.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import Final

from dragoman.policy import limits
from dragoman.policy.limits import Ask, State, Verdict

MOST: Final = 100_000
"""Some 40 MB if all are sliding windows in full use; token buckets take a tenth."""
_SWEEP: Final = 2
"""Expired buckets that a call forgets on its way: more than it can make."""


class MemoryCounters:
    """`ports.Counters` in a dict. `monotonic` is a clock in seconds."""

    def __init__(self, monotonic: Callable[[], float], *, most: int = MOST) -> None:
        self._monotonic = monotonic
        self._most = most
        self._states: dict[str, tuple[State, int]] = {}
        """With the time at which each can be forgotten."""
        self._due: list[tuple[int, str]] = []
        """One entry for each bucket, not later than that time."""

    def __len__(self) -> int:
        return len(self._states)

    async def take(self, asks: Sequence[Ask]) -> Sequence[Verdict]:
        now = int(self._monotonic() * 1000)
        self._sweep(now)
        verdicts, after = [], []
        for ask in asks:
            known = self._states.get(ask.key)
            verdict, state = limits.take(ask.rule, known[0] if known is not None else None, now, ask.cost)
            verdicts.append(verdict)
            after.append(state)
        granted = all(verdict.granted for verdict in verdicts)
        for ask, verdict, state in zip(asks, verdicts, after, strict=True):
            if granted or not verdict.granted:  # of a refusal it is what the bucket had already
                self._keep(ask.key, state, now + limits.idle(ask.rule, state, now))
        return verdicts

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        self._states.clear()
        self._due.clear()

    def _keep(self, key: str, state: State, until: int) -> None:
        if key not in self._states:
            while len(self._states) >= self._most:
                self._forget_soonest()
            heapq.heappush(self._due, (until, key))
        self._states[key] = (state, until)

    def _sweep(self, now: int) -> None:
        for _ in range(_SWEEP):
            if not self._due or self._due[0][0] > now:
                return
            _, key = self._due[0]
            until = self._states[key][1]
            if until > now:
                heapq.heapreplace(self._due, (until, key))
            else:
                heapq.heappop(self._due)
                del self._states[key]

    def _forget_soonest(self) -> None:
        while True:
            due, key = self._due[0]
            until = self._states[key][1]
            if until <= due:
                heapq.heappop(self._due)
                del self._states[key]
                return
            heapq.heapreplace(self._due, (until, key))
