"""One WebSocket through an alias: frames both ways as they are, until either side has said goodbye to the other.

An upstream is asked before the caller is answered, so that its refusal is a plain HTTP error. Frames keep their
fragmentation; pings are answered by each side of the gateway for itself. Whoever reads slowly stops the reading of the
other. How a side ends, the other is told:

    one side                             the other is closed with
    -----------------------------------  -----------------------------------
    closes                               the same code and reason
    the caller is gone, or at fault      1001
    the upstream is gone, or at fault    1014
    neither sends for the idle time      1001, both
    the server stops                     1001, both
"""

import asyncio

from dragoman import errors
from dragoman.config import ServerConfig
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.handshake import Approach, Handshake
from dragoman.gateway.websocket import BAD_GATEWAY, GOING_AWAY, WebSocket
from dragoman.policy.headers import ResponseRule
from dragoman.ports import Timeouts, Upstream, UpstreamRequest


class Relay:
    """One conversation. `run` is the whole of it."""

    __slots__ = ("_booking", "_call", "_first_byte", "_response", "_server", "_upstream")

    def __init__(
        self,
        call: Call,
        booking: Booking,
        upstream: Upstream,
        timeouts: Timeouts,
        response: ResponseRule,
        server: ServerConfig,
    ) -> None:
        self._call = call
        self._booking = booking
        self._upstream = upstream
        self._first_byte = timeouts.first_byte
        self._response = response
        self._server = server

    async def run(self, asked: UpstreamRequest) -> None:
        """Raises `GatewayError` if no conversation comes about."""
        call, server = self._call, self._server
        handshake = Handshake(call, max_message=server.max_message)
        approach = Approach(handshake.subprotocols, max_message=server.max_message)
        call.watch.phase(errors.REQUEST_TIMEOUT, self._first_byte)
        headers = [*asked.headers, *approach.headers]
        request = UpstreamRequest("GET", asked.target, headers, None, asked.host, asked.chosen)
        reply = await call.watch.guard(self._upstream.upgrade(request, "websocket"))
        try:
            theirs = approach.finish(reply.headers, ping_interval=server.ping_interval)
            theirs.attach(reply.switch(theirs))
            try:
                ours = handshake.accept(
                    ping_interval=server.ping_interval,
                    source="upstream",
                    subprotocol=theirs.subprotocol,
                    headers=self._response.apply(reply.headers),
                )
                try:
                    with self._booking.websocket():
                        await self._converse(ours, theirs)
                finally:
                    ours.release()
            finally:
                theirs.release()
        finally:
            reply.close()

    async def _converse(self, ours: WebSocket, theirs: WebSocket) -> None:
        watch = self._call.watch
        watch.phase(errors.IDLE_TIMEOUT, self._server.websocket_idle)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(ours, theirs, GOING_AWAY))
                ways.create_task(self._carry(theirs, ours, BAD_GATEWAY))
        except asyncio.CancelledError:
            reason = watch.take()
            if reason is None:  # the caller is gone, which is in order after its goodbye
                await theirs.close(*(ours.goodbye or (GOING_AWAY, "")))
                if ours.goodbye is None:
                    raise
                return
            self._booking.blame(reason)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(ours.close(GOING_AWAY, reason.kind.title))
                ways.create_task(theirs.close(GOING_AWAY, reason.kind.title))

    async def _carry(self, source: WebSocket, sink: WebSocket, gone: int) -> None:
        """One way, until its source has ended; `gone` is what the other side is told of an end without goodbye."""
        while (frame := await source.frame()) is not None:
            self._call.watch.touch()
            if not await sink.send(frame):
                return  # the other way sees why
        if source.goodbye is not None:
            await sink.close(*source.goodbye)
            return
        if gone == BAD_GATEWAY and not sink.over:
            self._booking.error = errors.PROTOCOL_ERROR.code if source.failed else errors.STREAM_ABORTED.code
        await sink.close(gone, "frames that cannot be passed on" if source.failed else "the connection broke")
