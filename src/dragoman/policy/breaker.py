"""The circuit breaker of one endpoint: whether it may be called, and what its answers do to that.

    state      admits                      leaves it
    ---------  --------------------------  ------------------------------------------
    closed     every call                  `failures` in a row: open
    open       none                        after `open_for` seconds: half open
    half open  `probes` calls at a time    `probes` successes: closed; a failure: open

A call takes a ticket before it goes out and gives it back with its outcome. Tickets carry the number of the state they
were taken in, so that what was under way when the state changed has no say in the next one. It has no lock: whoever
calls it does so from one thread, and neither method waits.
"""

from collections.abc import Collection
from math import ceil
from typing import Final, Literal

from dragoman import errors
from dragoman.errors import ErrorKind
from dragoman.policy.resources import Breaker

State = Literal["closed", "open", "half_open"]
Outcome = Literal["success", "failure", "none"]
"""`none` says nothing of the endpoint: the caller left, or the request was at fault."""

REFUSED: Final = 0
"""Instead of a ticket."""
STATUSES: Final = frozenset((500, 502, 503, 504))
KINDS: Final = frozenset(
    (errors.DOWNSTREAM_ERROR, errors.CONNECTION_TIMEOUT, errors.REQUEST_TIMEOUT, errors.PROTOCOL_ERROR,
     errors.STREAM_ABORTED)
)  # fmt: skip
"""The errors of ours that an endpoint is to blame for before the head of its answer is there."""


class Circuit:
    """`rule` as long as it stands; what counts as a failure is `of_status` and `of_error`."""

    __slots__ = ("_kinds", "_number", "_probing", "_rule", "_run", "_state", "_statuses", "_until", "transitions")

    def __init__(
        self, rule: Breaker, *, statuses: Collection[int] = STATUSES, kinds: Collection[ErrorKind] = KINDS
    ) -> None:
        self._rule = rule
        self._statuses = statuses
        self._kinds = kinds
        self._state: State = "closed"
        self._number = 1
        self._run = 0
        """Failures in a row while closed, successes while half open."""
        self._probing = 0
        self._until = 0.0
        self.transitions: dict[State, int] = {"closed": 0, "open": 0, "half_open": 0}
        """How often it came into each state."""

    def state(self, now: float) -> State:
        return "half_open" if self._state == "open" and now >= self._until else self._state

    def admits(self, now: float) -> bool:
        """Whether `take` would give a ticket."""
        if self._state == "closed":
            return True
        if self._state == "open":
            return now >= self._until
        return self._probing < self._rule.probes

    def take(self, now: float) -> int:
        """A ticket for one call, or `REFUSED`; each ticket is settled once."""
        if self._state == "closed":
            return self._number
        if not self.admits(now):
            return REFUSED
        if self._state == "open":
            self._enter("half_open")
        self._probing += 1
        return self._number

    def settle(self, ticket: int, outcome: Outcome, now: float) -> bool:
        """What became of the call that took `ticket`; whether that has changed the state."""
        if ticket != self._number:
            return False
        if self._state == "closed":
            if outcome == "success":
                self._run = 0
            elif outcome == "failure":
                self._run += 1
                if self._run >= self._rule.failures:
                    self._open(now)
            return ticket != self._number
        self._probing -= 1
        if outcome == "failure":
            self._open(now)
        elif outcome == "success":
            self._run += 1
            if self._run >= self._rule.probes:
                self._enter("closed")
        return ticket != self._number

    def retry_after(self, now: float) -> int:
        """Whole seconds until another try makes sense, 1 at least."""
        return max(1, ceil(self._until - now))

    def of_status(self, status: int) -> Outcome:
        return "failure" if status in self._statuses else "success"

    def of_error(self, kind: ErrorKind) -> Outcome:
        return "failure" if kind in self._kinds else "none"

    def _open(self, now: float) -> None:
        self._until = now + self._rule.open_for
        self._enter("open")

    def _enter(self, state: State) -> None:
        self._state = state
        self._number += 1
        self._run = self._probing = 0
        self.transitions[state] += 1
