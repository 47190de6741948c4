"""Whether and when a call is made again. Off unless a policy is given.

Only before an answer has begun: what broke off in the middle is never repeated here. Only methods that may be
repeated (RFC 9110, 9.2.2), unless the policy names others. Retry-After is kept; where it asks for more patience
than the policy has, the answer is returned as it is. A budget keeps repeats from multiplying an overload: each
call earns a tenth of one, and a reserve allows for the beginning.
"""

from dataclasses import dataclass
from typing import Final

from dragoman.client.errors import BuildError, CallTimeout, ConnectError, ConnectionClosed, TLSError, TransportError
from dragoman.client.response import Head

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
STATUSES: Final = frozenset({429, 502, 503, 504, 529})
"""529 is Anthropic's "overloaded"."""
RESERVE: Final = 10.0
"""Repeats that are allowed before any have been earned; as in gRPC's retry throttling, there `maxTokens`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is repeated; the defaults suit reads of an API."""

    attempts: int = 3
    """In all, the first included."""
    methods: frozenset[str] = IDEMPOTENT
    statuses: frozenset[int] = STATUSES
    initial: float = 0.5
    """Seconds; the wait before repeat n is drawn from 0 to `initial` * 2**(n-1), or from there up to Retry-After."""
    ceiling: float = 30.0
    patience: float = 60.0
    """The longest Retry-After that is waited for."""
    budget: float = 0.1
    """Repeats that each call earns."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.initial, self.ceiling, self.patience, self.budget) < 0:
            raise BuildError(f"a retry policy needs at least one attempt and no negative number: {self!r}")


class RetryBudget:
    """How many repeats a client may make; shared by all of its calls."""

    def __init__(self) -> None:
        self._tokens = RESERVE

    def earn(self, share: float) -> None:
        self._tokens = min(self._tokens + share, RESERVE)

    def spend(self) -> bool:
        """Whether one more is allowed; it is then counted."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Attempts:
    """The attempts of one call."""

    def __init__(self, policy: RetryPolicy | None, method: str, *, repeatable: bool, budget: RetryBudget) -> None:
        allowed = policy is not None and repeatable and method in policy.methods
        self._policy = policy if allowed else None
        self._budget = budget
        self.made = 0
        if self._policy is not None:
            budget.earn(self._policy.budget)

    def after(self, outcome: Head | TransportError, random: float) -> float | None:
        """Seconds to wait before the next attempt, or None if this outcome stands; `random` is from 0 to 1."""
        self.made += 1
        policy = self._policy
        if policy is None or self.made >= policy.attempts or not _passing(outcome, policy):
            return None
        wait = random * min(policy.ceiling, policy.initial * 2.0 ** (self.made - 1))
        if isinstance(outcome, Head) and outcome.retry_after is not None:
            if outcome.retry_after > policy.patience:
                return None
            wait += outcome.retry_after
        return wait if self._budget.spend() else None


def _passing(outcome: Head | TransportError, policy: RetryPolicy) -> bool:
    """Whether it may be different next time."""
    if isinstance(outcome, Head):
        # The gateway puts Retry-After on every error of its own that can pass, and on no other.
        lasting = outcome.error_source == "gateway" and outcome.retry_after is None
        return outcome.status in policy.statuses and not lasting
    if isinstance(outcome, CallTimeout):
        return outcome.phase != "total"
    return isinstance(outcome, ConnectError | ConnectionClosed) and not isinstance(outcome, TLSError)
