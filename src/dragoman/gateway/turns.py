"""One attempt of a model call at an upstream that answers turns: a command-line agent, or one of this process.

It is what `exchange.py` does with an upstream of kind `http`, without the bytes.
"""

from msgspec.structs import replace

from dragoman import errors
from dragoman.bridge import Bridge
from dragoman.errors import GatewayError
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.keeping import Kept
from dragoman.gateway.observe import loss_header
from dragoman.gateway.pump import ModelStream
from dragoman.gateway.render import JSON
from dragoman.policy.keys import Key
from dragoman.policy.routing import Target
from dragoman.ports import Asked, Prepared, Timeouts, TurnReply, TurnUpstream
from dragoman.turn import Event, Failed, Loss, Turn, Used, tells

SESSION = "session_id"
"""The field by which a Chat caller names what its calls go on from; it has no other word for that."""


class TurnAttempt:
    """`prepare`, then `run`."""

    def __init__(self, call: Call, booking: Booking, memory: Kept | None, bridge: Bridge, target: Target) -> None:
        self._call = call
        self._booking = booking
        self._memory = memory
        self._target = target
        self._bridge = bridge
        self._session = ""

    def prepare(self, upstream: TurnUpstream) -> tuple[Prepared, tuple[Loss, ...]]:
        """The turn ready to run, and all of its losses. Raises `GatewayError`."""
        self._telling = self._bridge.telling()
        turn, self._session = _without_session(self._bridge.whole)
        try:
            prepared = upstream.prepare(turn, self._target.model)
        except GatewayError as error:
            raise self._bridge.placed(error) from None
        return prepared, self._bridge.told((*self._telling.losses, *prepared.losses))

    async def run(
        self, prepared: Prepared, losses: tuple[Loss, ...], key: Key, timeouts: Timeouts, stream: ModelStream | None
    ) -> None:
        """Begins the run once there is room for it, and carries its answer to the caller. Raises `GatewayError`."""
        call = self._call
        call.watch.ease()  # while it waits for room, which has a deadline of its own
        reply = await call.watch.guard(prepared.open(self._asked(key)))
        try:
            call.watch.total(timeouts.total)
            call.watch.phase(errors.REQUEST_TIMEOUT, timeouts.first_byte)
            if stream is None:
                await self._buffered(reply, losses, timeouts)
            else:
                stream.headers = loss_header(losses)
                relay = self._telling.stream()
                await stream.run(reply, relay if self._memory is None else self._memory.stream(relay), timeouts)
        finally:
            reply.close()

    def _asked(self, key: Key) -> Asked:
        call = self._call
        session, becomes = (self._session, self._session) if self._memory is None else self._memory.thread
        depth, owner = _depth(call), key.owner
        return Asked(
            key.id, call.id, call.request_id, session, becomes, depth, key.admin, journal=call.journal, owner=owner
        )

    async def _buffered(self, reply: TurnReply, losses: tuple[Loss, ...], timeouts: Timeouts) -> None:
        call = self._call
        events: list[Event] = []
        told = False
        try:
            while some := await call.watch.guard(reply.read()):
                if not told and any(map(tells, some)):
                    told = True
                    call.watch.phase(errors.IDLE_TIMEOUT, timeouts.idle)
                if told:
                    call.watch.touch()
                events += some
        finally:  # a run that has failed has cost something, too
            used = [event.usage for event in events if isinstance(event, Used)]
            self._booking.usage = used[-1] if used else self._booking.usage
        if events and isinstance(events[-1], Failed):
            raise _error(events[-1])
        answer, self._booking.usage = self._telling.answer(events)
        headers = [(b"content-type", JSON), *loss_header(losses)]
        if self._memory is not None:
            answer = self._memory.answer(answer)
            call.watch.ease()
            await call.watch.guard(self._memory.keep())
            headers += self._memory.headers
        await call.answer(200, headers, answer, source="upstream")


def _depth(call: Call) -> int:
    return 0 if call.grant is None else call.grant.depth


def _error(failed: Failed) -> GatewayError:
    """What a run has ended with, for a caller who has been sent nothing yet."""
    kind = next((kind for kind in errors.TABLE if kind.code == failed.code), errors.STREAM_ABORTED)
    return GatewayError(kind, failed.message)


def _without_session(turn: Turn) -> tuple[Turn, str]:
    """The turn, and the session that its caller named beside it."""
    for extra in turn.extras:
        if extra.param == SESSION:
            name = bytes(extra.value).strip(b'"').decode("utf-8", "replace")
            return replace(turn, extras=tuple(one for one in turn.extras if one.param != SESSION)), name
    return turn, ""
