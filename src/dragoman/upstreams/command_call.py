"""One call of a command-line agent: what it claims, in which order, and how all of it is given back.

    its session     waited for, so that one run at a time works with it
    a place         waited for, in a line that is fair between keys
    a directory     made, or a clone fetched
    its tools       offered to the program, if the caller has any
    the program

What is waited for has one deadline together. Whatever fails, and whenever the caller leaves, what was claimed is given
back: the place at once, the rest when the program is gone.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman import errors
from dragoman.dialects.commands.base import Argument, Invocation, Reader, Run, Settings, TempFile
from dragoman.errors import GatewayError
from dragoman.ports import Asked
from dragoman.turn import Opened, ToolResult, Turn, Usage
from dragoman.upstreams.command_run import Answer, Bounds, CommandRun
from dragoman.upstreams.command_runs import Runs
from dragoman.upstreams.places import Ticket
from dragoman.upstreams.process import Launch, Process
from dragoman.upstreams.tool_calls import ToolCalls, offered
from dragoman.upstreams.traces import HOMES
from dragoman.upstreams.workspace import Workplace

if TYPE_CHECKING:
    from dragoman.upstreams.tool_server import Offer


class CommandCall:
    """`begin`, and `abandon` if that fails; the rest is its run's to call."""

    run: CommandRun
    place: Workplace

    def __init__(self, runs: Runs, turn: Turn, model: str, asked: Asked) -> None:
        self.owner = asked.owner or asked.key_id
        self.thread = runs.sessions.thread(asked)
        self.tools: ToolCalls | None = None
        self.place_name = ""
        self._runs = runs
        self._turn = turn
        self._model = model
        self._key_id = asked.key_id
        self._run_id = asked.call_id
        self._settings = _held_to(asked, runs.settings.run)
        self._longest = asked.longest
        self._opened = self._opening(asked)
        self._ticket: Ticket | None = None
        self._placed = False
        self._offer: Offer | None = None
        self._files: Path | None = None

    async def begin(self) -> Answer:
        """Raises `GatewayError`."""
        settings = self._runs.settings
        await self._enter(self._key_id, anew=True)
        self.thread.take()
        self.place_name = self._place_name()
        self.place = await self._runs.workspace.open(self._run_id, self.place_name)
        self._placed = True
        tools = offered(self._turn) if self._settings.tools else ()
        if tools:
            self.tools = ToolCalls()
            self._offer = await self._runs.workshop.tools.offer(tools, self.tools.called)
        streams = self._runs.adapter.streaming(settings.run.output) != "none"
        timeouts = settings.timeouts if self._longest is None else replace(settings.timeouts, total=self._longest)
        self.run = CommandRun(self, Bounds.of(timeouts, settings.grace, streams=streams))
        self._runs.add(self.run)
        return self.run.answer(self._opened)

    async def go_on(self, asked: Asked, results: Mapping[str, ToolResult]) -> Answer:
        """With what the caller's tools gave. Raises `GatewayError`; then the run still waits."""
        try:
            await self._enter(asked.key_id, anew=False)
        except BaseException:  # a caller that leaves, too: the run waits on for one that comes back
            if not self.closing:
                self._runs.suspend(self)
            raise
        self.thread.become(asked)
        return self.run.go_on(self._opening(asked), results)

    def abandon(self) -> None:
        """Nothing has been started."""
        self.release()
        self.thread.restore()
        self._runs.own(self.clean())

    @property
    def closing(self) -> bool:
        return self._runs.closing

    def launch(self) -> tuple[Process, Reader]:
        adapter = self._runs.adapter
        session = self.thread.session
        run = Run(
            session="" if session is None else session.id,
            spent=Usage() if session is None else session.spent,
            keeps=self.thread.keeps,
            tools_url="" if self._offer is None else self._offer.url,
        )
        invocation = adapter.prepare(self._turn, self._model, self._settings, run)
        reader = adapter.reader(self._turn, self._settings, run, self._opened)
        try:
            launch = self._launch(invocation)
        except OSError as error:
            message = f"The files of a run could not be written: {error.strerror}."
            raise GatewayError(errors.LINK_UNAVAILABLE, message) from None
        return self._runs.workshop.processes.spawn(launch), reader

    def linger(self, process: Process) -> None:
        self._runs.linger(process)

    def release(self) -> None:
        if self._ticket is not None:
            self._runs.places.leave(self._ticket)

    def suspend(self) -> None:
        self.release()
        self._runs.suspend(self)

    def tend(self) -> None:
        self._runs.ended(self)

    async def clean(self) -> None:
        """Removes what was made for the call, and lets the next go on with its session."""
        if self._offer is not None:
            self._offer.close()
        if self.tools is not None:
            self.tools.close()
        try:
            if self._placed:
                await self.place.close()
            if self._files is not None:
                await asyncio.to_thread(self._runs.workshop.files.remove, self._files.name)
        finally:
            self._runs.sessions.end_place(self.place_name)
            self.thread.leave()

    async def _enter(self, key_id: str, *, anew: bool) -> None:
        """Waits for its session, if it has not got it, and for a place."""
        name, settings, places = self._runs.settings.run.upstream, self._runs.settings, self._runs.places
        try:
            async with asyncio.timeout(settings.queue_timeout):
                if anew:
                    await self.thread.enter()
                self._ticket = await places.enter(key_id)
        except TimeoutError:
            message = f"Upstream {name!r} had no place within {settings.queue_timeout:g} seconds."
            raise GatewayError(errors.QUEUE_TIMEOUT, message, retry_after=places.retry_after()) from None
        if self.closing:
            self.release()
            raise GatewayError(errors.SHUTTING_DOWN, "The gateway is shutting down.")

    def _opening(self, asked: Asked) -> Opened:
        return Opened(asked.call_id, int(self._runs.now()), self._model or self._runs.settings.run.upstream)

    def _place_name(self) -> str:
        """Of a directory that must have the same path when the session goes on; empty if any will do."""
        home = HOMES.get(self._runs.adapter.name)
        if home is None or not home.by_directory or not self.thread.keeps:
            return ""
        session = self.thread.session
        return session.place if session is not None else self._runs.sessions.begin_place()

    def _launch(self, invocation: Invocation) -> Launch:
        settings = self._runs.settings
        argv = (settings.command, *settings.args, *map(self._rendered, invocation.argv))
        env = {**settings.env, **{name: self._rendered(value) for name, value in invocation.environment.items()}}
        return Launch(argv, env, self.place.directory, self._run_id, invocation.stdin)

    def _rendered(self, argument: Argument) -> str:
        if not isinstance(argument, TempFile):
            return argument
        if self._files is None:
            settings = self._runs.settings
            self._files = self._runs.workshop.files.make_next(settings.run.upstream)
        path = self._files / argument.name
        path.write_bytes(argument.content)
        return f"{argument.prefix}{path}"


def _held_to(asked: Asked, settings: Settings) -> Settings:
    """What the operator has settled, and no more money than the caller will spend."""
    bounds = [bound for bound in (asked.max_budget_usd, settings.max_budget_usd) if bound is not None]
    return replace(settings, max_budget_usd=min(bounds, default=None))
