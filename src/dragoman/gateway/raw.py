"""An upstream's answer to a caller, byte for byte: aliases and the pass-through endpoints."""

from collections.abc import Callable
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.begun import is_events
from dragoman.gateway.call import Call
from dragoman.gateway.pump import read_all
from dragoman.gateway.render import Headers
from dragoman.policy.headers import value_of
from dragoman.ports import Reply, Timeouts
from dragoman.wire import sse

SMALL_ANSWER: Final = 64 * 1024
"""Bytes up to which an answer of known length is read whole before its head goes out: a broken one is then a
plain error, and a whole one is sent at once."""
_NO_BODY: Final = (204, 304)


class RawAnswer:
    """One upstream's answer, passed byte for byte; a broken one never looks complete.

    Before the head is sent a failure is raised. After it, an event stream gets an `error` event of ours and
    any other body just stops; either way the connection is closed without the end of the body.
    """

    __slots__ = ("_call", "_error_event", "_ping_interval", "_reply", "_splitter", "_timeouts")

    def __init__(
        self, call: Call, reply: Reply, timeouts: Timeouts, *, ping: float, error_event: Callable[[GatewayError], bytes]
    ) -> None:
        self._call = call
        self._reply = reply
        self._timeouts = timeouts
        self._error_event = error_event
        self._ping_interval = ping
        self._splitter: sse.Splitter | None = None

    async def run(self, headers: Headers) -> None:
        """Sends the answer; `headers` are the upstream's as the caller may see them. Raises `GatewayError`."""
        call, reply = self._call, self._reply
        if call.method == "HEAD" or reply.status in _NO_BODY:
            if call.method != "HEAD":
                headers = [item for item in headers if item[0] != b"content-length"]
            await call.start(reply.status, headers, source="upstream")
            await call.send(b"", more=False)
            return
        call.watch.phase(errors.IDLE_TIMEOUT, self._timeouts.idle)
        length = value_of(headers, b"content-length")
        if _is_events(headers):
            self._splitter = sse.Splitter()
            call.watch.ping_every(self._ping_interval, self._ping)
            headers = [item for item in headers if item[0] != b"content-length"]
            await self._stream(headers)
        elif length is not None and int(length) <= SMALL_ANSWER:
            body = await read_all(call, reply, SMALL_ANSWER, self._timeouts.idle)
            rest = [item for item in headers if item[0] != b"content-length"]
            await call.answer(reply.status, rest, body, source="upstream")
        else:
            await self._stream(headers)

    async def _stream(self, headers: Headers) -> None:
        call, reply = self._call, self._reply
        data = await call.watch.guard(reply.read())
        if self._splitter is not None and not data:
            raise GatewayError(errors.STREAM_ABORTED, "The upstream's event stream ended before its first event.")
        await call.start(reply.status, headers, source="upstream")
        try:
            while data:
                call.watch.touch()
                out = data if self._splitter is None else self._splitter.receive(data)
                if out:
                    await call.send(out)
                data = await call.watch.guard(reply.read())
            await call.send(b"" if self._splitter is None else self._splitter.rest(), more=False)
        except GatewayError as error:
            await self._break_off(error)
            raise

    async def _break_off(self, error: GatewayError) -> None:
        if self._splitter is not None and not self._splitter.torn:
            await self._call.send(self._error_event(error))

    async def _ping(self) -> None:
        call = self._call
        if call.head_sent and not call.ended and self._splitter is not None and not self._splitter.torn:
            await call.send(sse.PING)


def _is_events(headers: Headers) -> bool:
    """Whether the answer is an event stream that can be cut at its events, so not an encoded one."""
    return is_events(headers) and value_of(headers, b"content-encoding") is None
