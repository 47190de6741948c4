"""Functions that block, each in a thread of its own.

Not in the event loop's pool: a function that never returns would take a place there for good, which name look-ups need
as well, and would hold up the end of the program.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from dragoman.agents.errors import ToolError

MAX_THREADS: Final = 256
"""Of one process: more are refused, as nobody knows when one of these will end."""


class Threads:
    """Runs at most `limit` functions at once."""

    def __init__(self, limit: int = MAX_THREADS) -> None:
        self._places = threading.BoundedSemaphore(limit)

    async def run(self, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """What the function returns or raises. Whoever is cancelled here leaves it running. Raises `ToolError`."""
        if not self._places.acquire(blocking=False):
            raise ToolError("Too many functions that block are running; try again later.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        work = partial(copy_context().run, function, *given, **named)
        # A daemon: the end of the program does not wait for it.
        thread = threading.Thread(
            target=self._work, args=(loop, future, work), name="dragoman-tool", daemon=True
        )  # fmt: skip
        try:
            thread.start()
        except RuntimeError:  # the system has no more of them
            self._places.release()
            raise
        return await future

    def _work(self, loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]", work: Callable[[], Any]) -> None:
        try:
            value = work()
        except StopIteration as error:  # a future would take it for its own end
            told = partial(_fail, future, RuntimeError(f"the function raised {error!r}"))
        except BaseException as error:  # noqa: BLE001 - the outermost of a thread: whatever it is goes to who waits
            told = partial(_fail, future, error)
        else:
            told = partial(_give, future, value)
        finally:
            self._places.release()
        with suppress(RuntimeError):  # the loop has ended since
            loop.call_soon_threadsafe(told)


def _give(future: "asyncio.Future[Any]", value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


THREADS: Final = Threads()
"""Those of this process."""
