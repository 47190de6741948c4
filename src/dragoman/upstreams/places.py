"""The places of one upstream's runs, and the wait for one: `policy.line` with futures and a clock."""

import asyncio
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.line import Line

MAX_RETRY_AFTER: Final = 60
_NEW: Final = 0.2
"""The weight of the latest run in what a run takes."""


class Ticket:
    """One call's; `called` is done once it has a place, or has lost its place in the line."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.called: asyncio.Future[None] = loop.create_future()
        self.since = loop.time()


class Places:
    """Raises `GatewayError`s that name the upstream and say when a place may be free."""

    def __init__(self, upstream: str, max_concurrency: int, max_queue: int) -> None:
        self._upstream = upstream
        self._max = max_concurrency
        self._max_queue = max_queue
        self._line = Line(max_concurrency, max_queue)
        self._takes = 1.0
        """Seconds that a run has its place, by and large."""

    @property
    def held(self) -> int:
        return self._line.held

    @property
    def waiting(self) -> int:
        return self._line.waiting

    async def enter(self, key: str) -> Ticket:
        """Waits for a place. Raises `GatewayError` QUEUE_FULL, and CONCURRENCY_LIMIT_EXCEEDED where nobody may wait."""
        ticket = Ticket()
        entry = self._line.enter(ticket, key)
        if isinstance(entry.out, Ticket) and not entry.out.called.done():
            entry.out.called.set_exception(self._full())
        if entry.state == "refused":
            raise self._full()
        if entry.state == "waiting":
            try:
                await ticket.called
            except asyncio.CancelledError:
                self._line.give_up(ticket)
                self.leave(ticket)  # it may have been called in the same moment
                raise
            ticket.since = asyncio.get_running_loop().time()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Gives a place back. Idempotent."""
        took = asyncio.get_running_loop().time() - ticket.since
        called = self._line.leave(ticket)
        if called:
            self._takes += _NEW * (took - self._takes)
        for one in called:
            if isinstance(one, Ticket) and not one.called.done():
                one.called.set_result(None)

    def retry_after(self) -> int:
        """Seconds after which one who came now might have a place."""
        return max(1, min(MAX_RETRY_AFTER, round(self._takes * (self._line.waiting + 1) / self._max)))

    def _full(self) -> GatewayError:
        if not self._max_queue:
            message = f"All {self._max} runs of upstream {self._upstream!r} are busy, and none may wait."
            return GatewayError(errors.CONCURRENCY_LIMIT_EXCEEDED, message, retry_after=self.retry_after())
        message = f"All {self._max} runs of upstream {self._upstream!r} are busy, and {self._max_queue} calls wait."
        return GatewayError(errors.QUEUE_FULL, message, retry_after=self.retry_after())
