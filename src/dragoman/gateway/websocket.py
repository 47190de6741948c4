"""One end of a WebSocket (RFC 6455): the caller's, or an upstream's behind an alias.

The protocol itself is the `websockets` library's, without its I/O; this gives it a connection. What it adds:
frames wait in a bounded box that stops the reading of a peer who sends too fast, sending waits for a peer who
reads too slowly, a peer that answers no ping is dropped, and goodbye takes at most `GOODBYE` seconds. No
extension is ever agreed on, so that a frame is as large as it looks.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, State

from dragoman.ports import Pipe

GOODBYE: Final = 5.0
"""Seconds a peer has to answer our Close."""
HELD: Final = 64 * 1024
"""Bytes of frames that wait to be taken before reading stops; a frame that is larger still comes whole."""
OVERHEAD: Final = 256
"""What a frame counts for beside its payload."""

NORMAL, GOING_AWAY, UNSUPPORTED, INVALID_DATA, INTERNAL_ERROR, BAD_GATEWAY = 1000, 1001, 1003, 1007, 1011, 1014
NO_STATUS: Final = 1005
"""Never sent: what the code of a Close without one is called."""

_DATA: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
log: Final = logging.getLogger("dragoman.websocket")
"""For the library."""
log.setLevel(logging.WARNING)  # it tells of each connection at INFO; so do the call lines


class WebSocket:
    """A `Guest` of one connection; frames for one reader, and any number that send or close."""

    __slots__ = (
        "_beat", "_box", "_busy", "_failed", "_held", "_heard", "_interval", "_loop", "_lost", "_paused", "_pipe",
        "_protocol", "_waiting", "draining",
    )  # fmt: skip

    def __init__(self, protocol: Protocol, *, ping_interval: float) -> None:
        self._protocol = protocol
        self._interval = ping_interval
        self._loop = asyncio.get_running_loop()
        self._pipe: Pipe | None = None
        self._box: deque[Frame] = deque()
        self._held = 0
        self._paused = False
        self._lost = False
        self._failed = False
        self._heard = True
        self._busy: asyncio.Task[object] | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self.draining = False
        """Whether the server is about to stop."""

    def attach(self, pipe: Pipe) -> None:
        """Begins to speak over `pipe`."""
        self._pipe = pipe
        self._beat = self._loop.call_later(self._interval, self._keep_alive)
        self._flush()
        self._regulate()

    # What the call uses

    @property
    def over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._lost or self._protocol.state is not State.OPEN

    @property
    def subprotocol(self) -> str | None:
        return self._protocol.subprotocol

    @property
    def goodbye(self) -> tuple[int, str] | None:
        """The code and reason with which the peer closed; None if it has not, or is gone without."""
        close = self._protocol.close_rcvd
        return None if close is None else (close.code, close.reason)

    @property
    def failed(self) -> bool:
        """Whether it ended because of frames that could not be taken."""
        return self._failed

    async def frame(self) -> Frame | None:
        """The next frame of data; None when the peer has closed, or is gone."""
        while not self._box:
            if self.over:
                return None
            await self._wait()
        frame = self._box.popleft()
        self._held -= len(frame.data) + OVERHEAD
        self._regulate()
        return frame

    async def message(self) -> bytes | None:
        """The next message; None at the end, or when the server is about to stop.

        One that is not text, or not UTF-8, ends the connection.
        """
        while not self._box and not self.over and not self.draining:
            await self._wait()
        if self.draining or not self._box:
            return None
        parts = bytearray()
        fin = False
        while not fin:
            frame = await self.frame()
            if frame is None:
                return None
            if frame.opcode is Opcode.BINARY:
                self._fail(UNSUPPORTED, "only text is understood here")
                return None
            parts += frame.data
            fin = frame.fin
        try:
            parts.decode()
        except UnicodeDecodeError:
            self._fail(INVALID_DATA, "text must be UTF-8")
            return None
        return bytes(parts)

    async def send(self, frame: Frame) -> bool:
        """Sends one frame and waits while the peer's side is full; False if it is gone."""
        if self.over or self._pipe is None:
            return False
        protocol = self._protocol
        if frame.opcode is Opcode.TEXT:
            protocol.send_text(frame.data, frame.fin)
        elif frame.opcode is Opcode.BINARY:
            protocol.send_binary(frame.data, frame.fin)
        else:
            protocol.send_continuation(frame.data, frame.fin)
        self._flush()
        if self._pipe.congested:
            await self._pipe.drain()
        return not self.over

    async def send_text(self, text: bytes) -> bool:
        return await self.send(Frame(Opcode.TEXT, text))

    async def during(self, work: Awaitable[None]) -> None:
        """Awaits what would be in vain once the peer has closed: it is then cancelled, as if the peer were gone."""
        self._busy = asyncio.current_task()
        try:
            await work
        finally:
            self._busy = None

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Says goodbye, waits a little for the peer's, and ends the connection."""
        try:
            self._say(code, reason)
            async with asyncio.timeout(GOODBYE):
                while self._protocol.close_rcvd is None and not self._lost and not self._failed:
                    self._drop_frames()
                    await self._wait()
        except TimeoutError:
            pass
        finally:
            self.release()

    def release(self) -> None:
        """Ends the connection as it is, without waiting; a peer that was not told sees an internal error."""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            if not self.over:
                self._protocol.fail(INTERNAL_ERROR)
                pipe.write(b"".join(self._protocol.data_to_send()))
            self._box.clear()
            self._lost = True
            pipe.close()

    # What the connection calls

    def receive(self, data: bytes) -> None:
        self._heard = True
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in _DATA:
                self._box.append(event)
                self._held += len(event.data) + OVERHEAD
        self._failed = self._failed or self._protocol.parser_exc is not None
        self._flush()
        self._regulate()
        self._wake()
        if self.over and self._busy is not None:
            self._busy.cancel()
            self._busy = None

    def writable(self) -> None:
        self._regulate()

    def drain(self) -> None:
        if not self.draining:
            self.draining = True
            self._wake()

    def lose(self) -> None:
        self._lost = True
        self._wake()

    # Within

    async def _wait(self) -> None:
        waiter = self._loop.create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _flush(self) -> None:
        if self._pipe is None:
            return
        data = b"".join(self._protocol.data_to_send())
        if data:
            self._pipe.write(data)

    def _regulate(self) -> None:
        """Reads only while there is room for frames, and for the answers to pings."""
        pipe = self._pipe
        if pipe is None:
            return
        if self._held > HELD or pipe.congested:
            self._paused = True
            pipe.pause_reading()
        elif self._paused:
            self._paused = False
            self._heard = True  # its silence was ours
            pipe.resume_reading()

    def _drop_frames(self) -> None:
        self._box.clear()
        self._held = 0
        self._regulate()

    def _keep_alive(self) -> None:
        """Each `ping_interval`: a peer of which nothing was heard since the last ping is gone."""
        pipe = self._pipe
        if pipe is None or self._lost:
            return
        if not self._heard and not self._paused:
            self._fail(INTERNAL_ERROR, "no answer to a ping")
            pipe.abort()
            return
        self._heard = False
        if not pipe.congested:
            self._protocol.send_ping(b"")
            self._flush()
        self._beat = self._loop.call_later(self._interval, self._keep_alive)

    def _say(self, code: int, reason: str) -> None:
        if not self.over:
            self._protocol.send_close(None if code == NO_STATUS else code, reason)
            self._flush()

    def _fail(self, code: int, reason: str) -> None:
        self._failed = True
        self._protocol.fail(code, reason)
        self._flush()
