"""Ids and times that a mock puts on its answers: the same ones in the same order for the same seed."""

import hashlib
from typing import Final

from dragoman.ports import Clock

CREATED: Final = 1_700_000_000
"""The time of everything, where no clock is given."""
_ID_CHARS: Final = 24


class Stamps:
    """Draws ids from a seed and a counter; the clock is optional."""

    def __init__(self, seed: int = 0, clock: Clock | None = None) -> None:
        self._seed = seed
        self._clock = clock
        self._count = 0

    def next(self, prefix: str) -> str:
        """The next id, such as `chatcmpl-` and 24 hexadecimal digits."""
        self._count += 1
        return prefix + hashlib.sha256(f"{self._seed}:{self._count}".encode()).hexdigest()[:_ID_CHARS]

    def created(self) -> int:
        """Now, in Unix seconds, or always `CREATED`."""
        return CREATED if self._clock is None else int(self._clock.now())

    def reset(self) -> None:
        """Starts the ids anew."""
        self._count = 0
