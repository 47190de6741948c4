"""All runs of one command-line agent: those that work, those that wait for their callers, those that are about to end.

begin      a place in the line, then a run (command_call.py)
suspend    the run has asked its caller for a tool, and gives its place away
resume     the caller has come back with what the tool gave
linger     the run has answered, and its program has not ended yet
"""

import asyncio
from collections import deque
from collections.abc import Callable, Container, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from dragoman.dialects.commands.base import Adapter, Settings
from dragoman.ports import Load, Timeouts
from dragoman.upstreams.command_run import CommandRun
from dragoman.upstreams.places import Places
from dragoman.upstreams.process import Process
from dragoman.upstreams.sessions import Sessions
from dragoman.upstreams.workshop import Workshop
from dragoman.upstreams.workspace import Workspace

SUSPENDED: Final = 4
"""Runs that may wait for their callers for each that may work: they cost memory and no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSettings:
    """One upstream, as the operator has settled it."""

    run: Settings
    """What its adapter has to know."""
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment of its runs; see `process.allowed`."""
    models: tuple[str, ...] = ()
    default_model: str = ""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """`first_byte` until the program says anything, `idle` for its silence after that, `total` for the run."""
    max_concurrency: int = 1
    max_queue: int = 100
    queue_timeout: float = 60.0
    grace: float = 5.0
    stream_fallback: Literal["reject", "emulate"] = "reject"


class Suspended(Protocol):
    """A call whose run waits for its caller."""

    owner: str
    run: CommandRun


class Runs:
    """Those of one upstream, and what they are made of."""

    def __init__(
        self,
        settings: CommandSettings,
        adapter: Adapter,
        workshop: Workshop,
        workspace: Workspace,
        sessions: Sessions,
        now: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.adapter = adapter
        self.workshop = workshop
        self.workspace = workspace
        self.sessions = sessions
        self.now = now
        self.places = Places(settings.run.upstream, settings.max_concurrency, settings.max_queue)
        self.closing = False
        self._running: set[CommandRun] = set()
        self._suspended: dict[Suspended, asyncio.TimerHandle] = {}
        self._lingering: deque[Process] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def load(self) -> Load:
        return Load(self.places.held, self.places.waiting, len(self._suspended))

    def add(self, run: CommandRun) -> None:
        self._running.add(run)

    def ended(self, call: Suspended) -> None:
        """Its answer is over, and its process will be gone in a moment."""
        self._running.discard(call.run)
        self._forget(call)
        self.own(call.run.tidy())

    def suspend(self, call: Suspended) -> None:
        """Ends a run whose caller does not come back in time, and the eldest if too many wait."""
        patience = self.settings.timeouts.idle
        self._suspended[call] = asyncio.get_running_loop().call_later(patience, call.run.end)
        if len(self._suspended) > SUSPENDED * self.settings.max_concurrency:
            next(iter(self._suspended)).run.end()

    def resume(self, owner: str, results: Container[str]) -> Suspended | None:
        """The call that waits for one of these results, for its caller alone."""
        for call in self._suspended:
            if call.owner == owner and any(one in results for one in call.run.waits_for):
                self._forget(call)
                return call
        return None

    def linger(self, process: Process) -> None:
        """So many may linger as may run at once."""
        self._lingering = deque(one for one in self._lingering if one.returncode is None)
        self._lingering.append(process)
        if len(self._lingering) > self.settings.max_concurrency:
            self._lingering.popleft().terminate()

    def own(self, work: Coroutine[object, object, None]) -> None:
        """Runs what ends a call, and what `close` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends all of them, and removes what was made for them."""
        self.closing = True
        for run in list(self._running):
            run.end()
        for process in list(self._lingering):
            process.terminate()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _forget(self, call: Suspended) -> None:
        timer = self._suspended.pop(call, None)
        if timer is not None:
            timer.cancel()
