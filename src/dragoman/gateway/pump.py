"""Bytes from an upstream to a caller: back-pressure, silence, deadlines and broken streams.

One await per chunk read and one send per event; no task, queue or generator per stream. A caller that
reads slowly stops the reading here; one that leaves cancels the call's task.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from dragoman import errors
from dragoman.dialects.base import Relay
from dragoman.errors import GatewayError
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.keeping import Kept
from dragoman.gateway.render import STREAM_HEADERS, Headers
from dragoman.ports import Reply, Timeouts
from dragoman.turn import Event
from dragoman.wire import sse

D = TypeVar("D", bytes, list[Event])
Read = TypeVar("Read", bytes, list[Event], covariant=True)


async def read_all(call: Call, reply: Reply, limit: int, idle: float) -> bytes:
    """The whole body of an answer. Raises `GatewayError` PROTOCOL_ERROR if it is longer than `limit`."""
    call.watch.phase(errors.IDLE_TIMEOUT, idle)
    part = await call.watch.guard(reply.read())
    if not part:
        return b""
    parts = [part]
    size = len(part)
    while part := await call.watch.guard(reply.read()):
        call.watch.touch()
        parts.append(part)
        size += len(part)
        if size > limit:
            raise GatewayError(errors.PROTOCOL_ERROR, f"The upstream's answer is larger than {limit} bytes.")
    return b"".join(parts)


class Source(Protocol[Read]):
    """What is read of an upstream: bytes or events, and nothing once it is at its end."""

    async def read(self) -> Read: ...


class ModelStream:
    """One streamed answer of a model, over as many attempts as it takes until content comes.

    The head goes out with the first content or the first ping. Before it, a failure is raised and can still
    be a plain HTTP error or another attempt; after content it ends the stream in a typed error event.
    """

    __slots__ = ("_booking", "_call", "_kept", "headers", "redact")

    def __init__(self, call: Call, booking: Booking, kept: Kept | None = None) -> None:
        """`kept` takes the answer in before the last of it is sent: whoever has seen its end can come back to it."""
        self._call = call
        self._booking = booking
        self._kept = kept
        self.headers: Headers = []
        """Headers of the upstream's that go with the head."""
        self.redact: Callable[[bytes], bytes] = bytes
        """The upstream's own, for what it says in an error."""

    async def run(self, source: Source[D], relay: Relay[D], timeouts: Timeouts) -> None:
        """Sends the answer to its end. Raises `GatewayError` while another upstream may still be asked."""
        try:
            while not await self._step(source, relay, timeouts):
                pass
        except GatewayError as error:
            if not relay.started:
                raise
            if relay.finished:  # and its end could not be sent
                self._booking.error = error.kind.code
                self._call.abort()
                return
            await self._conclude(relay.fail(error), relay)
        finally:
            self._booking.usage = relay.usage or self._booking.usage
        if relay.failure is not None:
            self._booking.error = relay.failure.kind.code
        await self._call.send(b"", more=False)

    async def _step(self, source: Source[D], relay: Relay[D], timeouts: Timeouts) -> bool:
        """Carries what the upstream sends next; True if that was the end."""
        watch = self._call.watch
        data = await watch.guard(source.read())
        events = relay.receive(data) if data else relay.eof()
        over = not data or relay.finished
        if relay.failure is not None:
            over = True
            events = [self.redact(event) for event in events]  # they may quote the upstream
        if events:
            if self._booking.first_token_at is None:
                self._booking.first_token()
                watch.phase(errors.IDLE_TIMEOUT, timeouts.idle)
            watch.touch()
            if over:
                await self._conclude(events, relay)
            else:
                await self._send(events)
        elif relay.started:
            watch.heard()
        return over

    async def end(self, events: list[bytes]) -> None:
        """Ends a stream whose head is out but to which no upstream had anything to say."""
        if self._kept is not None:
            events = self._kept.adopt(events)
            await self._keep(self._kept)
        await self._send(events)
        await self._call.send(b"", more=False)

    async def ping(self) -> None:
        """Breaks the caller's silence with a comment, which commits to a stream."""
        if self._call.ended:
            return
        if not self._call.head_sent:
            await self._start()
        await self._call.send(sse.PING)

    async def _conclude(self, events: list[bytes], relay: Relay[D]) -> None:
        """Sends the last of an answer once it is kept; an answer that cannot be kept has failed."""
        if self._kept is not None:
            error = await self._keep(self._kept)
            if error is not None and relay.failure is None:
                self._booking.error = error.kind.code
                events = self._kept.unkept(events, error)
        await self._send(events)

    async def _keep(self, kept: Kept) -> GatewayError | None:
        """What kept it from being kept."""
        self._call.watch.ease()
        try:
            await self._call.watch.guard(kept.keep())
        except GatewayError as error:
            return error
        return None

    async def _send(self, events: list[bytes]) -> None:
        if not self._call.head_sent:
            await self._start()
        for event in events:
            await self._call.send(event)

    async def _start(self) -> None:
        kept = [] if self._kept is None else self._kept.headers
        await self._call.start(200, [*STREAM_HEADERS, *self.headers, *kept], source="upstream")
