"""The system's clock and randomness: the one home of both."""

import os
import time
import uuid

from dragoman.policy import trace


class SystemClock:
    def now(self) -> float:
        return time.time()  # noqa: TID251 - the clock itself

    def monotonic(self) -> float:
        return time.monotonic()


def entropy() -> bytes:
    """256 random bits, for a token."""
    return os.urandom(32)


def new_id(prefix: str) -> str:
    """A fresh identifier: `prefix`, the time in milliseconds, 64 random bits; all in hex.

    It sorts by time, so that the ledger's rows are added at the end of their tables.
    """
    return f"{prefix}{time.time_ns() // 1_000_000:012x}{os.urandom(8).hex()}"


def new_traceparent() -> bytes:
    """The header of a trace that begins here."""
    return trace.render(os.urandom(24))


def new_uuid() -> str:
    """A random UUID, for the ids that the outbound surface shows."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))
