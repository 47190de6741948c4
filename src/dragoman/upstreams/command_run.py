"""One run of a command-line agent: its process, the answers that are read of it, and what is tidied away after it.

    running     the output becomes events; a silence or a run that is too long ends it with a 504
    suspended   the answer has ended in calls of the caller's tools, and the program waits for what they give;
                the caller's next turn goes on with the run, which then gives another answer
    answered    the program may end by itself for a moment; its place is free for the next run already
    failed      or the caller has left: the group is ended at once
    gone        then: its session is put down, its directory removed

Deadlines look at what the program puts out and not at what its caller gets of it: one that works with tools of its own
may say nothing for long. They rest while nobody reads.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from msgspec.structs import replace

from dragoman import errors
from dragoman.dialects.commands.base import Reader
from dragoman.errors import GatewayError
from dragoman.policy.routing import Timeouts
from dragoman.ports import Exit
from dragoman.turn import Event, Failed, Opened, ReasoningSealed, Stop, Stopped, TextDelta, ToolResult, Usage, Used
from dragoman.upstreams.process import Process
from dragoman.upstreams.sessions import Session, Thread
from dragoman.upstreams.tool_calls import ToolCalls
from dragoman.upstreams.workspace import Made, Workplace

COLLECT: Final = 0.1
"""Seconds in which calls of tools are taken for calls at the same time."""
_log = structlog.get_logger("dragoman")


class Claims(Protocol):
    """What a run needs of the call that began it."""

    place: Workplace
    place_name: str
    thread: Thread
    tools: ToolCalls | None
    """None where it has none of its caller's."""

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

    def suspend(self) -> None:
        """It waits for its caller, who may never come, and needs no place while it does."""
        ...

    def tend(self) -> None:
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
    def of(cls, timeouts: Timeouts, grace: float, *, streams: bool) -> "Bounds":
        """What cannot stream is silent until its end."""
        total = math.inf if timeouts.total is None else timeouts.total
        if not streams:
            return cls(math.inf, math.inf, total, grace)
        return cls(timeouts.first_byte, timeouts.idle, total, grace)


class Answer:
    """`ports.TurnReply`: one answer of a run. Whoever has read it whole has no more power over the run."""

    def __init__(self, run: "CommandRun", opened: Opened) -> None:
        self._run = run
        self.opened: Opened | None = opened
        """The first event, until it has been given."""
        self.told = False
        """Whether anything of substance has been given."""
        self.over = False
        self.failure: GatewayError | None = None
        """How it ends, once what it has cost has been given."""

    async def read(self) -> list[Event]:
        if self.failure is not None:
            failure, self.failure, self.over = self.failure, None, True
            raise failure
        return [] if self.over else await self._run.read(self)

    def close(self) -> None:
        if not self.over:
            self.over = True
            self._run.end()

    async def ended(self) -> Exit | None:
        return await self._run.ended()

    def can_give(self, events: list[Event]) -> bool:
        """Whether there is anything in them for the caller."""
        return bool(events) and (self.opened is not None or not all(isinstance(event, Opened) for event in events))

    def give(self, events: list[Event]) -> list[Event]:
        """What goes to the caller of what the run has said."""
        events = [event for event in events if not isinstance(event, Opened)]
        self.told = self.told or any(map(_is_substance, events))
        if self.opened is not None:
            events.insert(0, self.opened)
            self.opened = None
        self.over = isinstance(events[-1], (Stopped, Failed))
        return events


class CommandRun:
    """One process at a time, for one call or, with tools of the caller's, for several."""

    def __init__(self, claims: Claims, bounds: Bounds) -> None:
        self._claims = claims
        self._bounds = bounds
        self._loop = asyncio.get_running_loop()
        self._ending: list[Event] | None = None
        """The end of the answer, which waits for what the run has changed."""
        self._over = False
        self._well = False
        self._apart = False
        """Whether what is said next is the beginning of an answer, and no new paragraph."""
        self._begin()

    def answer(self, opened: Opened) -> Answer:
        """The run's next answer."""
        self._total_at = self._loop.time() + self._bounds.total
        return Answer(self, opened)

    def go_on(self, opened: Opened, results: Mapping[str, ToolResult]) -> Answer:
        """After a suspension, with what the caller's tools gave."""
        assert self._claims.tools is not None
        self._claims.tools.answer(results)
        self._apart = True
        return self.answer(opened)

    @property
    def waits_for(self) -> frozenset[str]:
        """The ids of the calls of tools in which its latest answer has ended."""
        tools = self._claims.tools
        ended = self._over or self._process.returncode is not None
        return frozenset() if tools is None or ended else tools.told

    async def read(self, answer: Answer) -> list[Event]:
        """The next events of an answer. Raises `GatewayError`."""
        try:
            events = await self._next(answer) if self._ending is None else self._ending
            last = events[-1]
            if isinstance(last, Stopped) and last.stop is not Stop.TOOL_CALLS:
                self._ending = events
                events = await self._harvested(events)
        except GatewayError as error:
            return self._fail(answer, error)
        if isinstance(last, Failed):
            return self._fail(answer, self._failure(last), events)
        if isinstance(last, Stopped):
            self._stop(last)
        return answer.give(events)

    def end(self) -> None:
        """Ends what still runs; idempotent."""
        if self._over:
            return
        self._over = True
        if self._well:
            self._process.finish(self._bounds.grace)
            self._claims.linger(self._process)
        else:
            self._process.terminate()
        self._claims.release()
        self._claims.tend()

    async def ended(self) -> Exit | None:
        """How its program has ended; None for one that waits for its caller."""
        if not self._over:
            return None
        code = await self._process.wait()
        return Exit(code, self._process.stderr.decode("utf-8", "replace"))

    async def tidy(self) -> None:
        """Once the process is gone: puts its session down and removes what was made for the run."""
        await self._process.wait()
        try:
            self._claims.thread.settle(self._session(), well=self._well)
        except OSError as error:
            _log.error("a session could not be kept", reason=error.strerror)
        finally:
            await self._claims.clean()

    def _begin(self) -> None:
        self._process, self._reader = self._claims.launch()
        self._heard = False
        """Whether the program has said anything."""
        self._quiet = False
        """Whether it will say nothing more."""
        if self._claims.tools is not None:
            self._claims.tools.arrived = self._process.nudge

    async def _next(self, answer: Answer) -> list[Event]:
        """The next events, at least one. Raises `GatewayError`."""
        since = self._loop.time()
        while True:
            events = await self._step(since)
            if events and isinstance(events[-1], Failed) and self._has_lost_its_session(answer, events):
                await self._begin_anew()
            elif answer.can_give(events):
                return events
            elif self._claims.tools is not None and self._claims.tools.asked:
                return await self._called(self._claims.tools)
            since = self._loop.time()

    async def _step(self, since: float) -> list[Event]:
        silence = since + (self._bounds.idle if self._heard else self._bounds.first_byte)
        try:
            async with asyncio.timeout_at(min(silence, self._total_at)):
                if self._quiet:
                    return self._exited(await self._process.wait())
                await self._process.ready()
        except TimeoutError:
            raise self._too_long(silent=silence < self._total_at) from None
        return self._hear()

    def _hear(self) -> list[Event]:
        """What the program has said in the meantime."""
        if data := self._process.take():
            self._heard = True
            return self._spoken(self._reader.receive(data))
        if not self._process.ended:
            return []
        self._quiet = True
        self._process.expire(self._bounds.grace)
        return self._reader.eof()

    def _spoken(self, events: list[Event]) -> list[Event]:
        for number, event in enumerate(events if self._apart else ()):
            if isinstance(event, TextDelta):
                self._apart = False
                text = event.text.lstrip("\n")
                return [*events[:number], *([replace(event, text=text)] if text else []), *events[number + 1 :]]
        return events

    def _exited(self, code: int) -> list[Event]:
        events = self._reader.exited(code, self._process.stderr)
        assert events, "a reader ends its answer at the latest when the program has exited"
        return events

    async def _called(self, tools: ToolCalls) -> list[Event]:
        """The end of an answer in calls of the caller's tools, with what the program has said before them."""
        await asyncio.sleep(COLLECT)
        said = [] if self._process.ended else self._hear()
        if said and isinstance(said[-1], (Stopped, Failed)):
            return said
        # What the model calls have used until now is told with the last answer of the run.
        return [*said, *tools.tell(), Used(Usage()), Stopped(Stop.TOOL_CALLS)]

    def _too_long(self, *, silent: bool) -> GatewayError:
        if not silent:
            message = f"The run took longer than its {self._bounds.total:g} seconds."
            return GatewayError(errors.REQUEST_TIMEOUT, message)
        if not self._heard:
            message = f"The program said nothing for {self._bounds.first_byte:g} seconds."
            return GatewayError(errors.REQUEST_TIMEOUT, message)
        message = f"The program fell silent for {self._bounds.idle:g} seconds in the middle of its answer."
        return GatewayError(errors.IDLE_TIMEOUT, message)

    def _has_lost_its_session(self, answer: Answer, events: list[Event]) -> bool:
        """Whether the program has failed because it does not know what it was to go on with: then it never named it."""
        return (
            self._claims.thread.session is not None
            and not self._reader.facts.session
            and answer.opened is not None
            and not any(map(_is_substance, events))
            and not self._over
            and not self._claims.closing
        )

    async def _begin_anew(self) -> None:
        self._process.terminate()
        await self._process.wait()
        self._claims.thread.lose()
        self._begin()

    async def _harvested(self, events: list[Event]) -> list[Event]:
        """The end of the answer with what the run has changed, where that is kept. Raises `GatewayError`."""
        if not self._claims.place.keeps:
            return events
        self._process.finish(self._bounds.grace)
        await self._process.wait()
        made = await self._claims.place.harvest()
        ends = next(number for number, event in enumerate(events) if isinstance(event, (Used, Stopped)))
        return [*events[:ends], *told(made), *events[ends:]]

    def _stop(self, stopped: Stopped) -> None:
        if stopped.stop is Stop.TOOL_CALLS:
            self._claims.suspend()
            return
        self._well = True
        self.end()

    def _failure(self, failed: Failed) -> GatewayError:
        if self._claims.closing:
            return GatewayError(errors.SHUTTING_DOWN, "The gateway is shutting down.")
        return self._reader.failure or GatewayError(errors.EXECUTION_FAILED, failed.message)

    def _fail(self, answer: Answer, error: GatewayError, events: list[Event] | None = None) -> list[Event]:
        self.end()
        if events is None:
            events = [Failed(error.message, error.kind.code, error.kind.type)]
        if answer.told or any(map(_is_substance, events)):
            return answer.give(events)
        if any(isinstance(event, Used) for event in events):
            answer.failure = error
            return answer.give(events[:-1])
        answer.over = True
        raise error

    def _session(self) -> Session | None:
        facts = self._reader.facts
        if not facts.session:
            return None
        before = self._claims.thread.session
        spent = before.spent if before is not None and facts.spent == Usage() else facts.spent
        return Session(facts.session, self._claims.place_name, spent)


def _is_substance(event: Event) -> bool:
    return not isinstance(event, (Opened, Used, ReasoningSealed, Stopped, Failed))


def told(made: Made) -> list[Event]:
    """What a run has changed, in words at the end of its answer."""
    if made.branch:
        return [TextDelta(f"\n\nBranch: {made.branch}\n")]
    if made.patch:
        return [TextDelta(f"\n\n```diff\n{made.patch.rstrip()}\n```\n")]
    return []
