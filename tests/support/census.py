"""What a gateway holds: calls, tasks, descriptors; to show that a test left nothing behind."""

import asyncio
import os
import time
from typing import Final

from tests.support.live import Live

DEADLINE: Final = 10.0
SLACK: Final = 2
"""Descriptors that may come and go by themselves: a pooled connection on either side of the mock."""


class Census:
    """Taken at the beginning; `check` waits until everything is back where it was."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._tasks, self._descriptors = self._count()

    def check(self) -> None:
        until = time.monotonic() + DEADLINE
        while True:
            tasks, descriptors = self._count()
            calls = self._live.gateway.in_flight
            self._live.run(self._live.gateway.ledger.durable)
            open_rows = [
                row for row in self._live.run(lambda: self._live.gateway.ledger.rows(limit=1000)) if row.state == "open"
            ]
            if calls == 0 and tasks <= self._tasks and descriptors <= self._descriptors + SLACK and not open_rows:
                return
            if time.monotonic() > until:
                raise AssertionError(
                    f"left behind: {calls} calls, {tasks - self._tasks} tasks, "
                    f"{descriptors - self._descriptors} descriptors, {len(open_rows)} open reservations"
                )
            time.sleep(0.05)

    def _count(self) -> tuple[int, int]:
        async def count() -> int:
            self._live.gateway.reload()  # a fresh runtime has no idle upstream connections
            return len(asyncio.all_tasks())

        tasks = self._live.run(count)
        return tasks, len(os.listdir("/proc/self/fd"))
