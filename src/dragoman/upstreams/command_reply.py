"""One answer of a command-line agent: its process, what is read of it, and what is tidied away after it.

    running     the output becomes events; a silence or a run that is too long ends it with a 504
    answered    the program may end by itself for a moment; its place is free for the next run already
    failed      or the caller has left: the group is ended at once
    gone        then: its session is put down, its directory removed

Deadlines look at what the program puts out and not at what its caller gets of it: one that works with tools of its own
may say nothing for long. They rest while nobody reads.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Protocol

import structlog

from dragoman import errors
from dragoman.dialects.commands.base import Reader
from dragoman.errors import GatewayError
from dragoman.policy.routing import Timeouts
from dragoman.turn import Event, Failed, Opened, ReasoningSealed, Stopped, TextDelta, Usage, Used
from dragoman.upstreams.process import Process
from dragoman.upstreams.sessions import Session, Thread
from dragoman.upstreams.workspace import Made, Workplace

_log = structlog.get_logger("dragoman")


class Call(Protocol):
    """What a reply needs of the call that it answers."""

    @property
    def closing(self) -> bool:
        """Whether the gateway is about to end."""
        ...

    def launch(self) -> tuple[Process, Reader]:
        """Starts the program, with the session that its thread goes on with. Raises `GatewayError`."""
        ...

    def linger(self, process: Process) -> None:
        """The answer is whole, and the program may end by itself."""
        ...

    def release(self) -> None:
        """Its place is free for another run."""
        ...

    def tend(self, reply: "CommandReply") -> None:
        """Sees to it that `tidy` is run."""
        ...

    async def clean(self) -> None:
        """The program is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Those of one run, in seconds."""

    first_byte: float
    idle: float
    total: float
    grace: float

    @classmethod
    def of(cls, timeouts: Timeouts, grace: float) -> "Bounds":
        total = math.inf if timeouts.total is None else timeouts.total
        return cls(timeouts.first_byte, timeouts.idle, total, grace)


class CommandReply:
    """`ports.TurnReply`."""

    def __init__(self, call: Call, bounds: Bounds, thread: Thread, place: Workplace, place_name: str) -> None:
        self._call = call
        self._bounds = bounds
        self._thread = thread
        self._place = place
        self._place_name = place_name
        self._loop = asyncio.get_running_loop()
        self._total_at = self._loop.time() + bounds.total
        self._process, self._reader = call.launch()
        self._heard = False
        """Whether the program has said anything."""
        self._quiet = False
        """Whether it will say nothing more."""
        self._given = False
        """Whether anything has been read."""
        self._told = False
        """Whether anything of substance has been read."""
        self._ending: list[Event] | None = None
        """The end of the answer, which waits for what the run has changed."""
        self._over = False
        self._well = False

    async def read(self) -> list[Event]:
        if self._over:
            return []
        try:
            events = await self._next() if self._ending is None else self._ending
            if events and isinstance(events[-1], Stopped):
                self._ending = events
                events = await self._harvested(events)
        except GatewayError as error:
            return self._fail(error)
        if not events or isinstance(events[-1], (Stopped, Failed)):
            return self._finish(events)
        self._note(events)
        return events

    def close(self) -> None:
        self._end()

    async def tidy(self) -> None:
        """Once the process is gone: puts its session down and removes what was made for the run."""
        await self._process.wait()
        try:
            self._thread.settle(self._session(), well=self._well)
        except OSError as error:
            _log.error("a session could not be kept", reason=error.strerror)
        finally:
            await self._call.clean()

    async def _next(self) -> list[Event]:
        """The next events, at least one. Raises `GatewayError`."""
        since = self._loop.time()
        while True:
            events = await self._step(since)
            if events and isinstance(events[-1], Failed) and self._has_lost_its_session(events):
                await self._begin_anew()
            elif events:
                return events
            since = self._loop.time()

    async def _step(self, since: float) -> list[Event]:
        silence = since + (self._bounds.idle if self._heard else self._bounds.first_byte)
        try:
            async with asyncio.timeout_at(min(silence, self._total_at)):
                if self._quiet:
                    code = await self._process.wait()
                    return self._exited(code)
                data = await self._process.read()
        except TimeoutError:
            raise self._too_long(silent=silence < self._total_at) from None
        if data:
            self._heard = True
            return self._reader.receive(data)
        self._quiet = True
        self._process.expire(self._bounds.grace)
        return self._reader.eof()

    def _exited(self, code: int) -> list[Event]:
        events = self._reader.exited(code, self._process.stderr)
        assert events, "a reader ends its answer at the latest when the program has exited"
        return events

    def _too_long(self, *, silent: bool) -> GatewayError:
        if not silent:
            message = f"The run took longer than its {self._bounds.total:g} seconds."
            return GatewayError(errors.REQUEST_TIMEOUT, message)
        if not self._heard:
            message = f"The program said nothing for {self._bounds.first_byte:g} seconds."
            return GatewayError(errors.REQUEST_TIMEOUT, message)
        message = f"The program fell silent for {self._bounds.idle:g} seconds in the middle of its answer."
        return GatewayError(errors.IDLE_TIMEOUT, message)

    def _has_lost_its_session(self, events: list[Event]) -> bool:
        """Whether the program has failed because it does not know what it was to go on with: then it never named it."""
        return (
            self._thread.session is not None
            and not self._reader.facts.session
            and not self._given
            and not any(map(_is_substance, events))
            and not self._call.closing
        )

    async def _begin_anew(self) -> None:
        self._process.terminate()
        await self._process.wait()
        self._thread.lose()
        self._process, self._reader = self._call.launch()
        self._heard = self._quiet = False

    async def _harvested(self, events: list[Event]) -> list[Event]:
        """The end of the answer with what the run has changed, where that is kept. Raises `GatewayError`."""
        if not self._place.keeps:
            return events
        self._process.finish(self._bounds.grace)
        await self._process.wait()
        made = await self._place.harvest()
        ends = next(number for number, event in enumerate(events) if isinstance(event, (Used, Stopped)))
        return [*events[:ends], *told(made), *events[ends:]]

    def _finish(self, events: list[Event]) -> list[Event]:
        self._note(events)
        failed = bool(events) and isinstance(events[-1], Failed)
        failure = self._reader.failure
        if failed and self._call.closing:
            failure = GatewayError(errors.SHUTTING_DOWN, "The gateway is shutting down.")
        if failed and failure is not None and not self._told:
            return self._fail(failure)
        self._well = not failed
        self._end()
        return events

    def _fail(self, error: GatewayError) -> list[Event]:
        self._end()
        if not self._told:
            raise error
        return [Failed(error.message, error.kind.code, error.kind.type)]

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        if self._well:
            self._process.finish(self._bounds.grace)
            self._call.linger(self._process)
        else:
            self._process.terminate()
        self._call.release()
        self._call.tend(self)

    def _note(self, events: list[Event]) -> None:
        self._given = True
        self._told = self._told or any(map(_is_substance, events))

    def _session(self) -> Session | None:
        facts = self._reader.facts
        if not facts.session:
            return None
        before = self._thread.session
        spent = before.spent if before is not None and facts.spent == Usage() else facts.spent
        return Session(facts.session, self._place_name, spent)


def _is_substance(event: Event) -> bool:
    return not isinstance(event, (Opened, Used, ReasoningSealed, Stopped, Failed))


def told(made: Made) -> list[Event]:
    """What a run has changed, in words at the end of its answer."""
    if made.branch:
        return [TextDelta(f"\n\nBranch: {made.branch}\n")]
    if made.patch:
        return [TextDelta(f"\n\n```diff\n{made.patch.rstrip()}\n```\n")]
    return []
