"""Waiting that cannot be cheated of a cancellation.

`asyncio.wait_for`, which drivers use, loses a cancellation that comes together with a result, until Python 3.12.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final

_AGAIN: Final = 0.5


async def heard(event: asyncio.Event, seconds: float) -> bool:
    """Returns once the event is set, or after so many seconds; whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancels tasks, again if need be, and returns when they have ended."""
    left: Collection[asyncio.Task[None]] = tasks
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
