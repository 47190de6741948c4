"""Where the buckets of limits are kept."""

from collections.abc import Sequence
from typing import Protocol

from dragoman.policy.limits import Ask, Verdict


class Counters(Protocol):
    """The buckets of limits, each forgotten once it is as if nothing had been taken.

    Every adapter says to the call what `policy.limits` says, on a clock of its own.
    """

    async def take(self, asks: Sequence[Ask]) -> Sequence[Verdict]:
        """The verdicts of these limits. What they are asked for is taken from all if all grant it, else from none.

        No other call comes in between, from this or any gateway of the same store. The keys are distinct.
        Raises `GatewayError` STORE_UNAVAILABLE, and does so in bounded time.
        """
        ...

    async def ping(self) -> None:
        """Raises as `take` does if the store cannot be asked."""
        ...

    async def close(self) -> None: ...
