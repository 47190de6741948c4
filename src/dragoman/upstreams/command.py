"""`ports.TurnUpstream` over a command-line agent: each turn is a run of a program.

    prepare    looks at the turn whole, and starts nothing
    open       waits for its session and for a place, fetches what it works on, and starts the program
    read       its output as events (command_reply.py)
    close      ends its process group; what was made for it is removed when it is gone

What a program is, its flags, the model's names and where it works are the operator's; of a caller's request nothing but
text reaches it, by stdin, in a file of content or behind `--`.
"""

import asyncio
import math
import re
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import structlog

from dragoman import errors
from dragoman.dialects.commands.base import Adapter, Argument, Invocation, Reader, Run, Settings, TempFile
from dragoman.errors import GatewayError
from dragoman.ports import Asked, Streaming, Timeouts
from dragoman.turn import Loss, Opened, Turn, Usage
from dragoman.upstreams.command_reply import Bounds, CommandReply
from dragoman.upstreams.leftovers import Leftovers
from dragoman.upstreams.places import Places, Ticket
from dragoman.upstreams.process import Launch, Process, Processes
from dragoman.upstreams.rooms import Rooms
from dragoman.upstreams.sessions import Sessions
from dragoman.upstreams.traces import HOMES
from dragoman.upstreams.workspace import Workplace, Workspace

SWEEP_EVERY: Final = 60.0
"""Seconds between two looks at the sessions that are too old."""
_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@\[\]-]{0,127}")
"""A name that is neither a flag nor a path, where the operator has listed none."""
_log = structlog.get_logger("dragoman")


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


class Workshop:
    """What all command upstreams of a gateway share: their processes, and the directories made for runs."""

    def __init__(self, processes: Processes, rooms: Rooms, files: Rooms) -> None:
        self.processes = processes
        self.rooms = rooms
        self.files = files

    @classmethod
    def open(cls, state: Path) -> "Workshop":
        """Ends and removes what a dead gateway has left under `state`. Blocks; raises `OSError`."""
        leftovers = Leftovers(state / "runs")
        for group in leftovers.sweep():
            _log.warning("ended what a dead gateway left running", run=group.mark)
        rooms, files = Rooms(state / "work"), Rooms(state / "files")
        rooms.sweep()
        files.sweep()
        return cls(Processes(leftovers), rooms, files)

    async def close(self) -> None:
        await self.processes.close()


class CommandUpstream:
    """One command-line agent; see the module."""

    def __init__(
        self,
        settings: CommandSettings,
        adapter: Adapter,
        workshop: Workshop,
        workspace: Workspace,
        sessions: Sessions,
        *,
        now: Callable[[], float],
    ) -> None:
        self.name = settings.run.upstream
        self.settings = settings
        self.adapter = adapter
        self.workshop = workshop
        self.workspace = workspace
        self.sessions = sessions
        self.now = now
        self.places = Places(self.name, settings.max_concurrency, settings.max_queue)
        # Its runs have deadlines of their own, which know more of them than those of a call.
        self.timeouts = Timeouts(0.0, math.inf, math.inf, None)
        self.closing = False
        self.replies: set[CommandReply] = set()
        """Answers that are not over yet."""
        self._lingering: deque[Process] = deque()
        self._sweeping: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"CommandUpstream({self.name!r})"

    @property
    def streaming(self) -> Streaming:
        return self.adapter.streaming(self.settings.run.output)

    def models(self) -> Sequence[str]:
        named = self.settings.models or ((self.settings.default_model,) if self.settings.default_model else ())
        return sorted(named, key=lambda model: model != self.settings.default_model)

    def prepare(self, turn: Turn, model: str) -> "_Prepared":
        """Raises `GatewayError` MODEL_NOT_FOUND, UNSUPPORTED_PARAMETER, INVALID_REQUEST."""
        model = model or self.settings.default_model
        if self.settings.models and model not in self.settings.models:
            supported = ", ".join(self.settings.models)
            message = f"Upstream {self.name!r} has no model {model!r}; it has {supported}."
            raise GatewayError(errors.MODEL_NOT_FOUND, message, param="model", extra={"supported": supported})
        if not self.settings.models and model and not _MODEL.fullmatch(model):
            message = f"{model!r} cannot be the name of a model of upstream {self.name!r}."
            raise GatewayError(errors.MODEL_NOT_FOUND, message, param="model")
        if turn.stream and self.streaming == "none" and self.settings.stream_fallback == "reject":
            message = f"Streaming not supported by upstream {self.name!r}; ask without `stream`."
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param="stream")
        losses = self.adapter.prepare(turn, model, self.settings.run, Run()).losses
        return _Prepared(self, turn, model, losses)

    def start(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep_forever())

    async def close(self) -> None:
        """Ends its runs, and removes what was made for them."""
        self.closing = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        for reply in list(self.replies):
            reply.close()
        for process in list(self._lingering):
            process.terminate()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def own(self, work: Coroutine[object, object, None]) -> None:
        """Runs what ends a call, and what `close` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def linger(self, process: Process) -> None:
        """A program that has answered and may end by itself; so many may as may run at once."""
        self._lingering = deque(one for one in self._lingering if one.returncode is None)
        self._lingering.append(process)
        if len(self._lingering) > self.settings.max_concurrency:
            self._lingering.popleft().terminate()

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.to_thread(self.sessions.sweep)
            await asyncio.sleep(SWEEP_EVERY)


class _Prepared:
    def __init__(self, upstream: CommandUpstream, turn: Turn, model: str, losses: tuple[Loss, ...]) -> None:
        self._upstream = upstream
        self._turn = turn
        self._model = model
        self.losses = losses

    async def open(self, asked: Asked) -> CommandReply:
        call = _Call(self._upstream, self._turn, self._model, asked)
        try:
            return await call.begin()
        except BaseException:
            call.abandon()
            raise


class _Call:
    """What one call claims: a session, a place among the runs, a directory, files. `begin`, then `clean` once."""

    def __init__(self, upstream: CommandUpstream, turn: Turn, model: str, asked: Asked) -> None:
        self._upstream = upstream
        self._turn = turn
        self._model = model
        self._asked = asked
        self._thread = upstream.sessions.thread(asked)
        self._ticket: Ticket | None = None
        self._workplace: Workplace | None = None
        self._files: Path | None = None

    async def begin(self) -> CommandReply:
        """Raises `GatewayError`."""
        settings = self._upstream.settings
        try:
            async with asyncio.timeout(settings.queue_timeout):
                await self._thread.enter()
                self._ticket = await self._upstream.places.enter(self._asked.key_id)
        except TimeoutError:
            message = f"Upstream {self._upstream.name!r} had no place within {settings.queue_timeout:g} seconds."
            retry_after = self._upstream.places.retry_after()
            raise GatewayError(errors.QUEUE_TIMEOUT, message, retry_after=retry_after) from None
        if self.closing:
            raise GatewayError(errors.SHUTTING_DOWN, "The gateway is shutting down.")
        self._thread.take()
        place = self._place_name()
        self._workplace = await self._upstream.workspace.open(self._asked.call_id, place)
        bounds = Bounds.of(settings.timeouts, settings.grace)
        reply = CommandReply(self, bounds, self._thread, self._workplace, place)
        self._upstream.replies.add(reply)
        return reply

    def launch(self) -> tuple[Process, Reader]:
        settings = self._upstream.settings
        session = self._thread.session
        run = Run(
            session="" if session is None else session.id,
            spent=Usage() if session is None else session.spent,
            keeps=self._thread.keeps,
        )
        invocation = self._upstream.adapter.prepare(self._turn, self._model, settings.run, run)
        opened = Opened(self._asked.call_id, int(self._upstream.now()), self._model or self._upstream.name)
        reader = self._upstream.adapter.reader(self._turn, settings.run, run, opened)
        try:
            launch = self._launch(invocation)
        except OSError as error:
            message = f"The files of a run could not be written: {error.strerror}."
            raise GatewayError(errors.LINK_UNAVAILABLE, message) from None
        return self._upstream.workshop.processes.spawn(launch), reader

    @property
    def closing(self) -> bool:
        return self._upstream.closing

    def linger(self, process: Process) -> None:
        self._upstream.linger(process)

    def release(self) -> None:
        if self._ticket is not None:
            self._upstream.places.leave(self._ticket)

    def tend(self, reply: CommandReply) -> None:
        self._upstream.replies.discard(reply)
        self._upstream.own(reply.tidy())

    def abandon(self) -> None:
        """Nothing has been started."""
        self.release()
        self._thread.restore()
        self._upstream.own(self.clean())

    async def clean(self) -> None:
        """Removes what was made for the call, and lets the next go on with its session."""
        try:
            if self._workplace is not None:
                await self._workplace.close()
            if self._files is not None:
                await asyncio.to_thread(self._upstream.workshop.files.remove, self._files.name)
        finally:
            self._thread.leave()

    def _place_name(self) -> str:
        """Of a directory that must have the same path when the session goes on; empty if any will do."""
        home = HOMES.get(self._upstream.adapter.name)
        if home is None or not home.by_directory or not self._thread.keeps:
            return ""
        session = self._thread.session
        return session.place if session is not None else sha256(self._asked.call_id.encode()).hexdigest()[:12]

    def _launch(self, invocation: Invocation) -> Launch:
        assert self._workplace is not None
        settings = self._upstream.settings
        argv = (settings.command, *settings.args, *map(self._rendered, invocation.argv))
        env = {**settings.env, **{name: self._rendered(value) for name, value in invocation.environment.items()}}
        return Launch(argv, env, self._workplace.directory, self._asked.call_id, invocation.stdin)

    def _rendered(self, argument: Argument) -> str:
        if not isinstance(argument, TempFile):
            return argument
        if self._files is None:
            self._files = self._upstream.workshop.files.make_next(self._upstream.name)
        path = self._files / argument.name
        path.write_bytes(argument.content)
        return f"{argument.prefix}{path}"
