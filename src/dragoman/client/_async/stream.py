"""An answer whose body is still to be read."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final, TypeVar

import httpcore2
import httpx2

from dragoman.client.encoding import ContentDecoder
from dragoman.client.errors import ClientError, StreamInterrupted
from dragoman.client.events import Event, EventDecoder
from dragoman.client.faults import within_answer
from dragoman.client.headers import Headers
from dragoman.client.lines import LineDecoder
from dragoman.client.response import Bytes, Head, Response, check_end, status_error, whole_events
from dragoman.client.timeouts import Limits

T = TypeVar("T")
SHORT: Final = 64 * 1024


class AsyncStream(Head):
    """The head of an answer, and the body as it comes. It is read once, in one of the ways offered.

    An answer that breaks off raises `StreamInterrupted`, whichever way it is read: what was read without an error
    is the whole.
    """

    def __init__(self, answer: httpx2.Response, limits: Limits, max_event: int) -> None:
        super().__init__(answer.status_code, Headers(answer.headers.multi_items()))
        self._answer = answer
        self._limits = limits
        self._max_event = max_event
        self._received = 0
        self._last_event_id = ""

    @property
    def network(self) -> httpcore2.AsyncNetworkStream:
        """The connection itself, once it has left HTTP."""
        stream = self._answer.extensions["network_stream"]
        assert isinstance(stream, httpcore2.AsyncNetworkStream)
        return stream

    async def read(self) -> Response:
        """The whole answer."""
        content = b"".join([part async for part in self.iter_bytes()])
        return Response(self.status, self.headers, content, max_event=self._max_event)

    async def bytes(self) -> Bytes:
        """The whole body."""
        response = await self.read()
        return response.bytes()

    async def text(self) -> str:
        """The whole body as text."""
        response = await self.read()
        return response.text()

    async def json(self, type: type[T] | Any = Any) -> Any:
        """The whole body decoded, as `Response.json` does. Raises `DecodeError`."""
        response = await self.read()
        return response.json(type)

    async def raise_for_status(self) -> None:
        """Raises the `GatewayError` or `UpstreamError` that an error is; the body is read for it."""
        if self.is_error:
            raise status_error(await self.read())

    async def iter_bytes(self) -> AsyncIterator[Bytes]:
        """The body in the pieces in which it comes. Raises `StreamInterrupted`, `CallTimeout`, `DecodeError`."""
        decoder = ContentDecoder(self.headers.get("content-encoding", ""))
        parts = self._answer.aiter_raw()
        while True:
            with within_answer(self._limits, self._received, self._last_event_id):
                part = await anext(parts, None)
            if part is None:
                break
            self._received += len(part)
            for piece in decoder.receive(part):
                yield piece
        if not decoder.complete:
            raise StreamInterrupted("the body ends before its encoding does", received=self._received)

    async def iter_lines(self) -> AsyncIterator[str]:
        """The lines of the body, without their ends, as they come."""
        decoder = LineDecoder()
        async for part in self.iter_bytes():
            for line in decoder.receive(part):
                yield line
        for line in decoder.eof():
            yield line

    async def sse(self) -> AsyncIterator[Event]:
        """The events of the body as they come.

        Raises `StreamInterrupted` also where the gateway says in the stream that it breaks off, and where the body
        ends within an event; for a body that is no event stream, `DecodeError`, or the `StatusError` that it is.
        """
        if not self.is_event_stream:
            await self.raise_for_status()
            raise self.no_event_stream
        decoder = EventDecoder(self._max_event)
        async for part in self.iter_bytes():
            for event in whole_events(decoder, part, self._received):
                self._last_event_id = decoder.last_id
                yield event
            self._last_event_id = decoder.last_id
        check_end(decoder, self._received)

    async def discard(self) -> None:
        """Lets the call go; a short body is read first, so that its connection can be used again."""
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) <= SHORT:
            with suppress(ClientError):
                async for _ in self.iter_bytes():
                    pass
        await self.aclose()

    async def aclose(self) -> None:
        """Lets the call go, read or not."""
        await self._answer.aclose()
