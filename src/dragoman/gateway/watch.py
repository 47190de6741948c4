"""The deadlines of one call, on one timer and without a second task (but for a ping's moment).

    phase     waits for                         ends in
    --------  --------------------------------  ------------------
    body      the next bytes of the request     408 body_timeout
    first     the first byte or first content   504 request_timeout
    idle      the next bytes of the answer      504 idle_timeout
    (any)     the total deadline                504 request_timeout

While something is sent to the caller these rest; a caller that does not read is the connection's to drop.
When a deadline passes, the call's own task is cancelled and `take` tells it why, as the cancellation itself
tells those it passes; one without a reason means that the caller has left. The timer is lazy: pushing a
deadline back, as every chunk does, only writes a number, and the timer looks at it when it fires.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final, TypeVar

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError

T = TypeVar("T")
NEVER: Final = float("inf")
LOOK_AGAIN: Final = 1.0
"""Seconds until the next look at a call that was sending when its timer fired."""

_MESSAGES: Final = {
    errors.BODY_TIMEOUT: "The request body did not arrive in time.",
    errors.REQUEST_TIMEOUT: "The upstream did not answer in time.",
    errors.IDLE_TIMEOUT: "The upstream fell silent in the middle of its answer.",
}


class Watch:
    """Owned by one call; `start` it in the call's task, `stop` it when the call ends."""

    __slots__ = (
        "_kind", "_loop", "_phase", "_phase_at", "_ping", "_ping_at", "_ping_every", "_pinging", "_reading", "_reason",
        "_task", "_timer", "_timer_at", "_total_at",
    )  # fmt: skip

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task: asyncio.Task[object] = task
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._kind: ErrorKind = errors.REQUEST_TIMEOUT
        self._phase = NEVER
        self._phase_at = NEVER
        self._total_at = NEVER
        self._ping: Callable[[], Coroutine[object, object, None]] | None = None
        self._ping_every = NEVER
        self._ping_at = NEVER
        self._pinging: asyncio.Task[None] | None = None
        self._reading = True
        self._reason: GatewayError | None = None

    def phase(self, kind: ErrorKind, seconds: float) -> None:
        """From now on the wait is for something that must come within `seconds`."""
        self._kind = kind
        self._phase = seconds
        now = self._loop.time()
        self._phase_at = now + seconds
        self._arm(self._phase_at)

    def touch(self) -> None:
        """What was waited for has come and goes on to the caller; phase and silence begin anew."""
        now = self._loop.time()
        self._phase_at = now + self._phase
        self._ping_at = now + self._ping_every

    def heard(self) -> None:
        """Something has come that the caller gets nothing of, such as an upstream's own ping."""
        self._phase_at = self._loop.time() + self._phase

    def total(self, seconds: float | None) -> None:
        self._total_at = NEVER if seconds is None else self._loop.time() + seconds
        self._arm(self._total_at)

    def ease(self) -> None:
        """From now on neither caller nor upstream is waited for, and only silence is broken."""
        self._phase = self._phase_at = self._total_at = NEVER

    def ping_every(self, seconds: float, ping: Callable[[], Coroutine[object, object, None]]) -> None:
        """Runs `ping` after each `seconds` without a `touch`, while nothing is being sent."""
        self._ping = ping
        self._ping_every = seconds
        self._ping_at = self._loop.time() + seconds
        self._arm(self._ping_at)

    async def guard(self, wait: Awaitable[T]) -> T:
        """Awaits, and raises the reason if a deadline cuts the wait short."""
        try:
            return await wait
        except asyncio.CancelledError:
            reason = self.take()
            if reason is None:
                raise
            raise reason from None

    def sending(self, begins: bool) -> None:
        """While something is sent to the caller, the upstream's deadlines rest."""
        self._reading = not begins

    def abort(self, error: GatewayError) -> None:
        """Ends the call from outside, as a drain deadline does."""
        if self._reason is None:
            self._reason = error
            self._task.cancel(error)

    def take(self) -> GatewayError | None:
        """Why the task was cancelled, once; None if not by this watch."""
        reason, self._reason = self._reason, None
        if reason is not None:
            self._task.uncancel()
        return reason

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = NEVER
        self._phase_at = self._total_at = self._ping_at = NEVER
        if self._pinging is not None:
            self._pinging.cancel()
            self._pinging = None

    def _arm(self, at: float) -> None:
        if at >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._timer_at = NEVER
        if self._reason is not None:
            return
        now = self._loop.time()
        reason = self._due(now)
        if reason is not None:
            self._reason = reason
            self._task.cancel(reason)
        following = self._next(now)
        if following < NEVER:
            self._arm(following)

    def _due(self, now: float) -> GatewayError | None:
        if now >= self._total_at:
            self._total_at = NEVER
            return GatewayError(errors.REQUEST_TIMEOUT, "The call took longer than its total deadline.")
        if not self._reading:
            return None
        if now >= self._phase_at:
            self._phase_at = NEVER
            return GatewayError(self._kind, _MESSAGES[self._kind])
        if now >= self._ping_at and self._ping is not None:
            self._ping_at = now + self._ping_every
            # The call's task is waiting for its upstream and must not be disturbed: a connection being
            # opened could not be resumed.
            self._pinging = self._loop.create_task(self._ping())
        return None

    def _next(self, now: float) -> float:
        if not self._reading:
            return min(self._total_at, now + LOOK_AGAIN)
        return min(self._total_at, self._phase_at, self._ping_at)
