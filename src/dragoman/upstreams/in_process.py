"""`ports.TurnUpstream` over an agent of this process.

Each run is a task of its own, so that a caller's deadline ends a wait and not the agent's step. What the agent says
faster than its caller reads waits in a short queue; then the agent waits too.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

import structlog

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import Access, Agent, Asked, Load, Streaming, Timeouts, TurnReply
from dragoman.turn import Event, Failed, Loss, Stopped, Turn, tells

MAX_DEPTH: Final = 8
"""Agents that may stand between a caller and a model: more are a circle."""
MAX_WAITING: Final = 256
"""Events that wait for the caller."""
Opening = Callable[[Asked], AbstractContextManager[Access]]
"""Gives a run the means to make calls of its own, while the block lasts."""
_log = structlog.get_logger("dragoman")


class InProcessUpstream:
    """One agent; its runs are ended by `close`."""

    streaming: Streaming = "tokens"

    def __init__(self, name: str, agent: Agent, timeouts: Timeouts, opening: Opening) -> None:
        self.name = name
        self.timeouts = timeouts
        self._agent = agent
        self._opening = opening
        self._runs: set[asyncio.Task[None]] = set()

    def models(self) -> Sequence[str]:
        return (self.name,)

    def prepare(self, turn: Turn, model: str) -> "_Prepared":
        return _Prepared(self, turn, self._agent.inspect(turn))

    def begin(self, turn: Turn, asked: Asked) -> "_Run":
        """Raises `GatewayError` LOOP_DETECTED for an agent that asks itself."""
        if asked.depth >= MAX_DEPTH:
            message = f"The agent {self.name!r} is {asked.depth} agents away from its caller; they ask one another."
            raise GatewayError(errors.LOOP_DETECTED, message)
        run = _Run()
        run.task = asyncio.create_task(run.carry(self._agent, turn, asked, self._opening))  # noqa: TID251 - owned by `_runs`
        self._runs.add(run.task)
        run.task.add_done_callback(self._runs.discard)
        return run

    def load(self) -> Load:
        return Load(len(self._runs))

    def start(self) -> None:
        return

    async def close(self) -> None:
        runs = list(self._runs)
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


class _Prepared:
    def __init__(self, upstream: InProcessUpstream, turn: Turn, losses: tuple[Loss, ...]) -> None:
        self._upstream = upstream
        self._turn = turn
        self.losses = losses

    async def open(self, asked: Asked) -> TurnReply:
        return self._upstream.begin(self._turn, asked)


class _Run:
    """One run of an agent: its task, and what it has said that nobody has read."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self._said: asyncio.Queue[Event | GatewayError | None] = asyncio.Queue(MAX_WAITING)
        self._told = False
        """Whether anything of substance has been read."""
        self._over = False

    async def carry(self, agent: Agent, turn: Turn, asked: Asked, opening: Opening) -> None:
        with opening(asked) as access:
            await self._carry(agent, turn, replace(asked, access=access))
        await self._said.put(None)

    async def _carry(self, agent: Agent, turn: Turn, asked: Asked) -> None:
        events = agent.answer(turn, asked)
        try:
            async for event in events:
                await self._said.put(event)
        except GatewayError as error:
            await self._said.put(error)
        except Exception:  # noqa: BLE001 - the outermost of an agent's run: its author's code may raise anything
            _log.exception("agent failed", agent=agent.name, request_id=asked.request_id)
            await self._said.put(GatewayError(errors.INTERNAL_ERROR, f"The agent {agent.name!r} failed."))
        finally:
            await events.aclose()

    async def read(self) -> list[Event]:
        if self._over:
            return []
        said = [await self._said.get()]
        while not self._said.empty():
            said.append(self._said.get_nowait())
        events: list[Event] = []
        for one in said:
            self._over = one is None or isinstance(one, (GatewayError, Stopped, Failed))
            if isinstance(one, GatewayError):
                if not self._told:
                    raise one
                events.append(Failed(one.message, one.kind.code, one.kind.type))
            elif one is not None:
                events.append(one)
                self._told = self._told or tells(one)
            if self._over:
                break
        return events

    def close(self) -> None:
        self.task.cancel()

    async def ended(self) -> None:
        return None
