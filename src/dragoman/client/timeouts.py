"""How long each phase of a call may take.

    connect      name, TCP and TLS together, and the wait for a free connection
    send         each write of the request, which stalls when the other side does not read
    first_byte   from the request's last byte to the head of the answer
    idle         each silence within the answer
    total        all of it, attempts included; none unless set, so that a stream may live for hours

A `Limits` object follows one call; what it hands to the HTTP library are floats that know, when the wait begins,
how much of the phase and of the total is left.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Final

from dragoman.client.errors import BuildError, Phase

Seconds = float | None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for each phase; None is no limit."""

    connect: Seconds = 5.0
    send: Seconds = 60.0
    first_byte: Seconds = 600.0
    """Ten minutes, as in the official SDKs: a model may think that long before its first token."""
    idle: Seconds = 120.0
    """The gateway breaks a silence every 15 seconds."""
    total: Seconds = None

    def __post_init__(self) -> None:
        for field in fields(self):
            seconds = getattr(self, field.name)
            if seconds is not None and not 0 < seconds < float("inf"):
                raise BuildError(f"timeouts.{field.name} must be a positive number of seconds or None, not {seconds!r}")

    def but(self, changes: "Changes") -> "Timeouts":
        """These, with some of them changed."""
        return replace(self, **dict(changes)) if changes else self


Changes = tuple[tuple[Phase, Seconds], ...]


class Wait(float):
    """The timeout of one operation: as a float the whole of it, by `left` what remains of it now."""

    left: Callable[[], Seconds]

    def __new__(cls, seconds: Seconds, left: Callable[[], Seconds]) -> "Wait":
        wait = super().__new__(cls, _ENDLESS if seconds is None else seconds)
        wait.left = left
        return wait


_ENDLESS: Final = 20 * 86400.0  # socket timeouts are milliseconds in 31 bits: no more than 24 days


def left(timeout: Seconds) -> Seconds:
    """What remains of a timeout of either kind; None if it has no end, and never negative."""
    remaining = timeout.left() if isinstance(timeout, Wait) else timeout
    return None if remaining is None else max(remaining, 0.0)


class Limits:
    """The deadlines of one call, over all of its attempts."""

    def __init__(self, timeouts: Timeouts, clock: Callable[[], float]) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._end = None if timeouts.total is None else clock() + timeouts.total
        self._connect_by: float | None = None
        self._answer_by: float | None = None
        self._answering = False
        self.phase: Phase = "connect"
        """The phase whose limit the last wait was under."""
        self.waits: dict[str, Seconds] = {}
        """The timeouts of the attempt under way."""

    def attempt(self) -> dict[str, Seconds]:
        """Begins an attempt; gives the timeouts of its operations, by the HTTP library's names."""
        timeouts = self._timeouts
        self._answering = False
        self._answer_by = None
        self._connect_by = None if timeouts.connect is None else self._clock() + timeouts.connect
        self.waits = {
            "pool": left(Wait(timeouts.connect, self._connect_left)),
            "connect": Wait(timeouts.connect, self._connect_left),
            "write": Wait(timeouts.send, self._send_left),
            "read": Wait(timeouts.first_byte, self._read_left),
        }
        return self.waits

    def answered(self) -> None:
        """The head is there: from now on reads are limited by `idle`."""
        self._answering = True

    def remaining(self) -> Seconds:
        """What is left of the total; None if it has no limit."""
        return None if self._end is None else self._end - self._clock()

    def _connect_left(self) -> Seconds:
        return self._least("connect", self._until(self._connect_by))

    def _send_left(self) -> Seconds:
        return self._least("send", self._timeouts.send)

    def _read_left(self) -> Seconds:
        if self._answering:
            return self._least("idle", self._timeouts.idle)
        if self._answer_by is None and self._timeouts.first_byte is not None:
            self._answer_by = self._clock() + self._timeouts.first_byte
        return self._least("first_byte", self._until(self._answer_by))

    def _until(self, deadline: float | None) -> Seconds:
        return None if deadline is None else deadline - self._clock()

    def _least(self, phase: Phase, seconds: Seconds) -> Seconds:
        total = self.remaining()
        if total is not None and (seconds is None or total < seconds):
            self.phase = "total"
            return total
        self.phase = phase
        return seconds
