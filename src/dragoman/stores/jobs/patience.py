"""What is done about a store that does not answer: ask again, until it does or the process ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from dragoman.errors import GatewayError
from dragoman.stores.jobs.waiting import heard

T = TypeVar("T")

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


class Patience:
    """Repeats steps that the store could not take; the lane they go by has said in the log that it is down."""

    def __init__(self) -> None:
        self._end: float | None = None
        self._ending = asyncio.Event()

    async def insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """What `step` returns, however often it takes; STORE_UNAVAILABLE only once patience is at its end."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await step()
            except GatewayError:
                if self._end is not None and asyncio.get_running_loop().time() >= self._end:
                    raise
            if self._ending.is_set():
                await asyncio.sleep(_FIRST_PAUSE)
            elif not await heard(self._ending, pause):
                pause = min(pause * 2, _LONGEST_PAUSE)

    def end(self, after: float) -> None:
        """From now on nothing is repeated for longer than `after` seconds."""
        self._end = asyncio.get_running_loop().time() + after
        self._ending.set()
