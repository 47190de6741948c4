"""`ports.TurnUpstream` over a command-line agent: each turn is a run of a program.

    prepare    looks at the turn whole, and starts nothing
    open       waits for its session and for a place, fetches what it works on, and starts the program
    read       its output as events
    close      ends its process group; what was made for it is removed when it is gone

What a program is, its flags, the model's names and where it works are the operator's; of a caller's request nothing but
text reaches it, by stdin, in a file of content or behind `--`.
"""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from typing import Final

from dragoman import errors
from dragoman.dialects.commands.base import Adapter, Run
from dragoman.errors import GatewayError
from dragoman.ports import Asked, Load, Streaming, Timeouts
from dragoman.turn import Loss, Turn
from dragoman.upstreams.command_call import CommandCall
from dragoman.upstreams.command_run import Answer
from dragoman.upstreams.command_runs import CommandSettings, Runs
from dragoman.upstreams.sessions import Sessions
from dragoman.upstreams.tool_calls import results_of
from dragoman.upstreams.workshop import Workshop
from dragoman.upstreams.workspace import Workspace

SWEEP_EVERY: Final = 60.0
"""Seconds between two looks at the sessions that are too old."""
_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@\[\]-]{0,127}")
"""A name that is neither a flag nor a path, where the operator has listed none."""


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
        self.runs = Runs(settings, adapter, workshop, workspace, sessions, now)
        # Its runs have deadlines of their own, which know more of them than those of a call.
        self.timeouts = Timeouts(0.0, math.inf, math.inf, None)
        self._settings = settings
        self._adapter = adapter
        self._sessions = sessions
        self._sweeping: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"CommandUpstream({self.name!r})"

    @property
    def streaming(self) -> Streaming:
        return self._adapter.streaming(self._settings.run.output)

    def models(self) -> Sequence[str]:
        named = self._settings.models or ((self._settings.default_model,) if self._settings.default_model else ())
        return sorted(named, key=lambda model: model != self._settings.default_model)

    def prepare(self, turn: Turn, model: str) -> "_Prepared":
        """Raises `GatewayError` MODEL_NOT_FOUND, UNSUPPORTED_PARAMETER, INVALID_REQUEST."""
        model = model or self._settings.default_model
        if self._settings.models and model not in self._settings.models:
            supported = self._settings.models
            message = f"Upstream {self.name!r} has no model {model!r}; it has {', '.join(supported)}."
            raise GatewayError(errors.MODEL_NOT_FOUND, message, param="model", extra={"supported": supported})
        if not self._settings.models and model and not _MODEL.fullmatch(model):
            message = f"{model!r} cannot be the name of a model of upstream {self.name!r}."
            raise GatewayError(errors.MODEL_NOT_FOUND, message, param="model")
        if turn.stream and self.streaming == "none" and self._settings.stream_fallback == "reject":
            message = f"Streaming not supported by upstream {self.name!r}; ask without `stream`."
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param="stream")
        losses = self._adapter.prepare(turn, model, self._settings.run, Run()).losses
        return _Prepared(self.runs, turn, model, losses)

    def load(self) -> Load:
        return self.runs.load

    def start(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep_forever())

    async def close(self) -> None:
        """Ends its runs, and removes what was made for them."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self.runs.close()

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.to_thread(self._sessions.sweep)
            await asyncio.sleep(SWEEP_EVERY)


class _Prepared:
    def __init__(self, runs: Runs, turn: Turn, model: str, losses: tuple[Loss, ...]) -> None:
        self._runs = runs
        self._turn = turn
        self._model = model
        self.losses = losses

    async def open(self, asked: Asked) -> Answer:
        results = results_of(self._turn)
        waiting = self._runs.resume(asked.owner or asked.key_id, results) if results else None
        if isinstance(waiting, CommandCall):
            return await waiting.go_on(asked, results)
        call = CommandCall(self._runs, self._turn, self._model, asked)
        try:
            return await call.begin()
        except BaseException:  # a caller that leaves, too, gives back its place and its session
            call.abandon()
            raise
