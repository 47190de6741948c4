"""The job of `/execute`: one turn of an agent, carried into the job's output.

It is booked, limited and logged as a model call is, under the key that asked for it as that key stands now. A job may
wait where a caller could not: at an agent that has no room it tries again.
"""

import asyncio
from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.gateway.admission import Permit
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call, Message
from dragoman.gateway.exchange import LIMITED
from dragoman.gateway.inner import Flow, InnerCalls
from dragoman.gateway.job_log import Begun, Logged, Output, Result, Thought, render
from dragoman.gateway.keyring import Keyring
from dragoman.gateway.order import Chosen, Order, choose
from dragoman.gateway.runtime import Runtime, Services
from dragoman.policy.keys import Key
from dragoman.ports import Asked, Exit, JobRun, TurnReply
from dragoman.turn import Event, Failed, ReasoningDelta, Stopped, TextDelta, Usage, Used

PATH: Final = "/execute"
LOOK_AGAIN: Final = 5.0
"""Seconds after which a job looks again for room, at the latest."""
MAX_OUTPUT: Final = 32 * 1024 * 1024
"""Bytes that a run may say; they are all kept, and shown at once."""
STOPPING: Final = 60.0
"""Seconds that a job which may run again waits for the gateway to take it back as it stops."""


class Executions:
    """The worker of such jobs."""

    def __init__(self, services: Services, keyring: Keyring, inner: InnerCalls) -> None:
        self._services = services
        self._keyring = keyring
        self._inner = inner

    async def work(self, run: JobRun) -> None:
        """Runs one job. Raises `GatewayError`."""
        order = msgspec.json.decode(run.payload, type=Order)
        key = await self._keyring.by_id(run.owner)

        def begin(call: Call, runtime: Runtime) -> Flow:
            return Execution(call, runtime, self._services, key, order, run)

        try:
            await self._inner.carry(PATH, _nothing, begin, request_id=order.request_id or run.id)
        except GatewayError as error:
            if error.kind is errors.SHUTTING_DOWN and order.idempotent:
                await asyncio.sleep(STOPPING)  # the engine ends it meanwhile, to queue it again
            raise


class Execution:
    """One run. `run` is the whole of it."""

    def __init__(self, call: Call, runtime: Runtime, services: Services, key: Key, order: Order, job: JobRun) -> None:
        self.booking = Booking(services, call, "execute")
        self._call = call
        self._runtime = runtime
        self._services = services
        self._key = key
        self._order = order
        self._job = job
        self._usage: Usage | None = None
        self._said = 0

    async def run(self) -> None:
        """Raises `GatewayError`."""
        call, booking = self._call, self.booking
        booking.identify(self._key, self._order.agent)
        chosen = choose(self._order.agent, self._runtime, self._key)  # a reload may have changed what there is
        await booking.reserve("model", chosen.name)
        booking.model, booking.attempts, booking.stream = chosen.model, 1, True
        with Permit(self._services.admission, call, self._key, self._runtime.trusted_proxies) as permit:
            reply = await self._opened(chosen, permit)
            try:
                await self._log(Begun(self._services.clock.now(), self._job.attempt))
                call.watch.total(self._order.timeout_seconds)
                await self._read(reply)
            finally:
                reply.close()
                booking.usage = self._usage
                call.watch.ease()
                await self._log(self._result(await reply.ended()))
        call.status = 200

    async def _opened(self, chosen: Chosen, permit: Permit) -> TurnReply:
        """The run, begun as soon as there is room for it."""
        call = self._call
        bounds = self._runtime.bounds.get(chosen.name, ())
        order = self._order
        asked = Asked(
            self._key.id,
            call.id,
            call.request_id,
            admin=self._key.admin,
            longest=order.timeout_seconds,
            max_budget_usd=order.max_budget_usd,
        )
        loop = asyncio.get_running_loop()
        until = loop.time() + self._runtime.config.jobs.max_wait
        while True:
            prepared = chosen.upstream.prepare(order.turn(chosen.model, chosen.upstream), chosen.model)
            try:
                await call.watch.guard(permit.gain(bounds))
                return await call.watch.guard(prepared.open(asked))
            except GatewayError as error:
                permit.drop(bounds)
                pause = min(error.retry_after or LOOK_AGAIN, LOOK_AGAIN)
                if error.kind not in LIMITED or loop.time() + pause > until:
                    raise
            await call.watch.guard(asyncio.sleep(pause))

    async def _read(self, reply: TurnReply) -> None:
        over = False
        while not over:
            events = await self._call.watch.guard(reply.read())
            if not events:
                raise GatewayError(errors.STREAM_ABORTED, "The agent ended before its answer was complete.")
            self.booking.first_token()
            for event in _joined(events):
                over = over or isinstance(event, Stopped)
                await self._take(event)

    def _result(self, end: Exit | None) -> Result:
        return Result(usage=self._usage) if end is None else Result(end.code, end.stderr, self._usage)

    async def _take(self, event: Event) -> None:
        match event:
            case TextDelta() | ReasoningDelta():
                self._said += len(event.text)
                if self._said > MAX_OUTPUT:
                    raise GatewayError(errors.PROTOCOL_ERROR, f"The run said more than {MAX_OUTPUT} characters.")
                await self._log((Output if isinstance(event, TextDelta) else Thought)(event.text))
            case Used():
                self._usage = event.usage
            case Failed():
                raise GatewayError(_kind(event.code), event.message)
            case _:
                return

    async def _log(self, event: Logged) -> None:
        await self._job.append(render(event))


def _joined(events: list[Event]) -> list[Event]:
    """The events, with pieces of text that follow one another as one: each that is logged is a row."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, TextDelta) and isinstance(last, TextDelta):
            joined[-1] = TextDelta(last.text + event.text)
        elif isinstance(event, ReasoningDelta) and isinstance(last, ReasoningDelta):
            joined[-1] = ReasoningDelta(last.text + event.text)
        else:
            joined.append(event)
    return joined


def _kind(code: str | None) -> ErrorKind:
    return next((kind for kind in errors.TABLE if kind.code == code), errors.EXECUTION_FAILED)


async def _nothing(message: Message) -> None:
    raise AssertionError("what a job says is in its output")
