"""How often calls may be made: (rule, state, now, cost) to a verdict and the state after it.

    algorithm        state                        a call passes if
    ---------------  ---------------------------  -----------------------------------------------------
    token_bucket     level, and when it was so    the level holds its cost; it refills `rate` a window,
                                                  up to `burst`
    sliding_window   calls by slot of the window  with it, no more than `rate` lie in the window that
                                                  ends now

Time is whole milliseconds of one clock, and all of it is arithmetic of whole numbers, so that nothing is granted
twice by rounding. A level is counted in parts of a token: each millisecond adds `rate` of them, and a token has as
many as the window has milliseconds. A window is cut into `SLOTS` and the oldest, which lies in it only in part,
counts whole: it is never more than the rule says, and a call is forgotten at most one slot late.

A clock that goes back adds nothing for that step and freezes nothing: a bucket counts on from the new time, a window
moves with it. What a state would say once it is `idle` is what no state says, so that stores can forget it.

Nothing here knows whose bucket it is.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from dragoman.policy.resources import RateLimit

SLOTS: Final = 50
"""Divides every window, and makes a second of 20 ms each."""
WINDOW_MS: Final = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


class Rule(msgspec.Struct, frozen=True, gc=False):
    """One limit in the numbers it is reckoned in."""

    algorithm: Literal["token_bucket", "sliding_window"]
    rate: int
    window: int
    """Milliseconds."""
    capacity: int
    """Calls that can be made at once."""

    @property
    def slot(self) -> int:
        """Milliseconds of one slot of the window."""
        return self.window // SLOTS


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """A token bucket as it stood at a time; `level` is in parts of a token."""

    level: int
    at: int


class Window(msgspec.Struct, frozen=True):
    """Calls of a sliding window: pairs of a slot's number and its calls, the oldest first; empty slots are left out."""

    slots: tuple[tuple[int, int], ...]


State = Bucket | Window


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a limit says to one call. Times are milliseconds from now."""

    granted: bool
    limit: int
    remaining: int
    reset_after: int
    """Until all of `limit` can be had again."""
    retry_after: int = 0
    """Until a call of this cost could pass; 0 if it passes now."""


class Ask(msgspec.Struct, frozen=True, gc=False):
    """What a call wants of one limit: `cost` of the bucket of that key, by that rule."""

    key: str
    rule: Rule
    cost: int


def rule(limit: RateLimit) -> Rule:
    """A configured limit in numbers; without a `burst` a bucket holds what one window adds."""
    rate = limit.sustained.rate
    burst = limit.burst if limit.burst is not None and limit.algorithm == "token_bucket" else rate
    return Rule(limit.algorithm, rate, WINDOW_MS[limit.sustained.window], burst)


def take(rule: Rule, state: State | None, now: int, cost: int) -> tuple[Verdict, State]:
    """The verdict on a call, and the state after it; a refused call takes nothing."""
    state = look(rule, state, now)
    if isinstance(state, Bucket):
        return _take_tokens(rule, state, cost)
    return _take_slots(rule, state, now, cost)


def look(rule: Rule, state: State | None, now: int) -> State:
    """The state as it stands now: refilled, or rid of what has left the window."""
    if rule.algorithm == "token_bucket":
        full = rule.capacity * rule.window
        if not isinstance(state, Bucket):
            return Bucket(full, now)
        passed = max(0, now - state.at)
        return Bucket(min(full, state.level + passed * rule.rate), now)
    if not isinstance(state, Window):
        return Window(())
    newest = now // rule.slot
    back = max(0, state.slots[-1][0] - newest) if state.slots else 0
    return Window(tuple((slot - back, calls) for slot, calls in state.slots if slot - back >= newest - SLOTS))


def idle(rule: Rule, state: State, now: int) -> int:
    """Milliseconds after which the state, if nothing is taken, says what no state says."""
    if isinstance(state, Bucket):
        missing = rule.capacity * rule.window - state.level
        return max(0, state.at + _ceil(missing, rule.rate) - now)
    return max(0, _leaves(rule, state.slots[-1][0]) - now) if state.slots else 0


def _take_tokens(rule: Rule, bucket: Bucket, cost: int) -> tuple[Verdict, State]:
    full, price = rule.capacity * rule.window, cost * rule.window
    granted = bucket.level >= price
    level = bucket.level - price if granted else bucket.level
    wait = 0 if granted else _ceil(price - level, rule.rate)
    verdict = Verdict(granted, rule.capacity, level // rule.window, _ceil(full - level, rule.rate), wait)
    return verdict, Bucket(level, bucket.at)


def _take_slots(rule: Rule, window: Window, now: int, cost: int) -> tuple[Verdict, State]:
    used = sum(calls for _, calls in window.slots)
    granted = used + cost <= rule.capacity
    if not granted:
        reset = _leaves(rule, window.slots[-1][0]) - now if window.slots else 0
        wait = _room(rule, window, used + cost - rule.capacity) - now
        return Verdict(False, rule.capacity, max(0, rule.capacity - used), reset, max(1, wait)), window
    newest, slots = now // rule.slot, window.slots
    if slots and slots[-1][0] == newest:
        slots = (*slots[:-1], (newest, slots[-1][1] + cost))
    else:
        slots = (*slots, (newest, cost))
    return Verdict(True, rule.capacity, rule.capacity - used - cost, _leaves(rule, newest) - now), Window(slots)


def _room(rule: Rule, window: Window, needed: int) -> int:
    """When enough calls will have left the window; if that can never be, when all will have."""
    at = 0
    for slot, calls in window.slots:
        at = _leaves(rule, slot)
        needed -= calls
        if needed <= 0:
            break
    return at


def _leaves(rule: Rule, slot: int) -> int:
    """When a slot no longer touches the window."""
    return (slot + SLOTS + 1) * rule.slot


def _ceil(amount: int, by: int) -> int:
    return -(-amount // by)


def merge(verdicts: Sequence[Verdict]) -> Verdict:
    """What several limits say together: all must grant, and the tightest is what the caller is shown.

    Of those that refuse, that is the one to wait for longest.
    """
    if all(verdict.granted for verdict in verdicts):
        return min(verdicts, key=lambda verdict: (verdict.remaining, -verdict.reset_after))
    return max((verdict for verdict in verdicts if not verdict.granted), key=lambda verdict: verdict.retry_after)
