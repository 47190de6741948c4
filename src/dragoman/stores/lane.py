"""The way from the event loop to a database: a few threads for the queries of one kind.

Kinds keep to lanes of their own, so that a slow report never stands before a key look-up.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import structlog
from sqlalchemy import Connection, Engine

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores import engine as engines

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Lane:
    """A fixed number of threads, a bounded queue before them, and a deadline on each query."""

    def __init__(self, engine: Engine, name: str, *, threads: int, deadline: float, waiting: int) -> None:
        self._engine = engine
        self._name = name
        self._deadline = deadline
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"dragoman-{name}")
        self._slots = threading.Semaphore(threads + waiting)
        self._down = False

    async def run(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """What `work` returns, run in one transaction; raises STORE_UNAVAILABLE when it cannot be had in time."""
        if not self._slots.acquire(blocking=False):
            raise GatewayError(STORE_UNAVAILABLE, "Too many queries wait for the store; try again in a moment.")
        try:
            future = self._executor.submit(self._perform, work, write)
        except RuntimeError:  # what an executor says once it is shut down
            self._slots.release()
            raise GatewayError(STORE_UNAVAILABLE, "The store is closed.") from None
        future.add_done_callback(self._release)
        try:
            # Not `wait_for`: until Python 3.12 it loses a cancellation that comes together with a result.
            async with asyncio.timeout(self._deadline):
                result = await asyncio.wrap_future(future)
        except TimeoutError:
            self._note(down=True, reason="deadline")
            raise GatewayError(STORE_UNAVAILABLE, "The store did not answer in time; try again in a moment.") from None
        except GatewayError as error:
            if error.kind is STORE_UNAVAILABLE:
                self._note(down=True, reason=engines.reason(error))
            raise
        self._note(down=False)
        return result

    def close(self) -> None:
        """Ends the threads; a query under way is waited for, at most its deadline."""
        self._executor.shutdown(cancel_futures=True)

    def _perform(self, work: Callable[[Connection], T], write: bool) -> T:
        with engines.begin(self._engine, write=write, deadline=self._deadline) as connection:
            return work(connection)

    def _release(self, future: Future[T]) -> None:
        self._slots.release()

    def _note(self, *, down: bool, reason: str = "") -> None:
        if down != self._down:
            self._down = down
            if down:
                log.warning("store.unavailable", lane=self._name, reason=reason)
            else:
                log.info("store.recovered", lane=self._name)
