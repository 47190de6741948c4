"""A bounded queue and the one thread that empties it, a group at a time.

Theory of operation. Callers append to a deque, which takes no lock, and touch the wake event only when
the thread has said it sleeps, when a group is full, or when someone waits for a commit. Awake, the
thread lets rows gather for `flush_interval`, then commits all that was queued by then in groups; those
who come to wait during a commit share the next one. A commit that fails for want of the database is
repeated with growing pauses, in order, and nothing is written past it: rows are never dropped while
the thread lives. What a commit must do, and that doing it twice is harmless, is the caller's part.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

import structlog

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.engine import reason

Row = TypeVar("Row")
log = structlog.get_logger(__name__)

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Barrier:
    """Someone who waits until all rows before it are committed."""

    loop: asyncio.AbstractEventLoop
    passed: asyncio.Future[bool]

    def lift(self, committed: bool) -> None:
        try:
            self.loop.call_soon_threadsafe(self._lift, committed)
        except RuntimeError:  # its loop is closed, and the waiter gone with it
            return

    def _lift(self, committed: bool) -> None:
        if not self.passed.done():
            self.passed.set_result(committed)


class GroupWriter(Generic[Row]):
    """Commits rows in groups, off the callers' thread.

    `prepare` runs before the first commit, `pulse` now and then whether or not there are rows, and
    `finish` after the last one. All run on the writer's thread, and may raise STORE_UNAVAILABLE.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Row]], None],
        *,
        prepare: Callable[[], None],
        pulse: Callable[[], None],
        finish: Callable[[], None],
        flush_interval: float,
        pulse_interval: float,
        group: int,
        deadline: float,
    ) -> None:
        self._commit = commit
        self._prepare = prepare
        self._pulse = pulse
        self._finish = finish
        self._flush_interval = flush_interval
        self._pulse_interval = pulse_interval
        self._group = group
        self._deadline = deadline
        self._queue: deque[Row | Barrier] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._asleep = False
        self._urgent = False
        self._down = False
        self._give_up_at = 0.0
        # A daemon: a process that dies of something else must not hang on a database that is down.
        self._thread = threading.Thread(target=self._run, name="dragoman-ledger", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, row: Row, limit: int) -> bool:
        """Queues a row unless `limit` are queued already; never waits."""
        queued = len(self._queue)
        if queued >= limit:
            return False
        self._queue.append(row)
        if self._asleep or queued + 1 == self._group:
            self._wake.set()
        return True

    async def durable(self) -> None:
        """Returns when all rows queued so far are committed; raises STORE_UNAVAILABLE after the deadline."""
        loop = asyncio.get_running_loop()
        barrier = Barrier(loop, loop.create_future())
        self._queue.append(barrier)
        self._urgent = True
        self._wake.set()
        try:
            async with asyncio.timeout(self._deadline):
                committed = await barrier.passed
        except TimeoutError:
            committed = False
        if not committed:
            raise GatewayError(STORE_UNAVAILABLE, "The ledger could not be written in time; try again in a moment.")

    async def close(self) -> None:
        """Commits what is queued, for at most the deadline, and ends the thread."""
        self._give_up_at = time.monotonic() + self._deadline
        self._closing.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        ready = self._insist(self._prepare)
        pulse_at = time.monotonic() + self._pulse_interval
        while ready and not self._closing.is_set():
            self._rest()
            ready = self._flush()
            if ready and time.monotonic() >= pulse_at:
                ready = self._insist(self._pulse)
                pulse_at = time.monotonic() + self._pulse_interval
        # What was queued while the last flush ran; whoever queues after close() began is late.
        if ready and self._flush():
            self._insist(self._finish)
        self._abandon()

    def _rest(self) -> None:
        """Sleeps until there are rows, and then for as long as their group may gather."""
        self._wake.clear()
        self._asleep = True
        # A row queued before `_asleep` was set has woken nobody: look again.
        if not self._queue and not self._closing.is_set():
            self._wake.wait(self._pulse_interval)
        self._asleep = False
        self._wake.clear()
        if 0 < len(self._queue) < self._group and not self._urgent and not self._closing.is_set():
            self._wake.wait(self._flush_interval)

    def _flush(self) -> bool:
        """Commits all that is queued now; False if it had to be given up."""
        self._urgent = False
        remaining = len(self._queue)
        while remaining:
            taken = [self._queue.popleft() for _ in range(min(remaining, self._group))]
            remaining -= len(taken)
            rows = [item for item in taken if not isinstance(item, Barrier)]
            committed = not rows or self._insist(partial(self._commit, rows))
            for item in taken:
                if isinstance(item, Barrier):
                    item.lift(committed)
            if not committed:
                log.error("ledger.abandoned", rows=len(rows))
                return False
        return True

    def _insist(self, step: Callable[[], None]) -> bool:
        """Repeats `step` until it succeeds; False if closing did not leave it the time."""
        pause = _FIRST_PAUSE
        while True:
            try:
                step()
            except GatewayError as error:
                self._note_down(error)
            except Exception:
                # Outermost on this thread: an unforeseen fault keeps the rows and shows in the log.
                log.exception("ledger.fault")
            else:
                self._note_up()
                return True
            if not self._closing.wait(pause):
                pause = min(pause * 2, _LONGEST_PAUSE)
            elif time.monotonic() < self._give_up_at:
                time.sleep(_FIRST_PAUSE)
            else:
                return False

    def _abandon(self) -> None:
        """Says what is left behind, and lets nobody wait for it."""
        left = 0
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, Barrier):
                item.lift(False)
            else:
                left += 1
        if left:
            log.error("ledger.abandoned", rows=left)

    def _note_down(self, error: GatewayError) -> None:
        if not self._down:
            self._down = True
            log.warning("ledger.unavailable", reason=reason(error), queued=len(self._queue))

    def _note_up(self) -> None:
        if self._down:
            self._down = False
            log.info("ledger.recovered", queued=len(self._queue))
