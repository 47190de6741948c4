"""The system's clock and randomness: the one home of both."""

import os
import time


class SystemClock:
    def now(self) -> float:
        return time.time()  # noqa: TID251 - the clock itself

    def monotonic(self) -> float:
        return time.monotonic()


def entropy() -> bytes:
    """256 random bits, for a token."""
    return os.urandom(32)


def new_id(prefix: str) -> str:
    """A fresh identifier: `prefix` and 96 random bits in hex."""
    return prefix + os.urandom(12).hex()
