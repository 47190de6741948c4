"""A connection to an upstream that has left HTTP: `ports.Pipe`, over what aiohttp keeps for WebSockets.

Used of aiohttp beside what `connection.py` names: `ResponseHandler.set_parser`, which takes whatever has a
`feed_data` and a `feed_eof`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from dragoman.ports import Receiver
from dragoman.upstreams.connection import Line

LINGER: Final = 5.0
"""Seconds that the last bytes may take to leave."""


class HttpPipe:
    """Bytes both ways; `ended` is called once, when nothing of it is left."""

    def __init__(self, line: Line, transport: asyncio.Transport, receiver: Receiver, ended: Callable[[], None]) -> None:
        self._line = line
        self._transport = transport
        self._receiver: Receiver | None = receiver
        self._ended = ended
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        line.on_writable = self._make_room
        line.set_parser(self, None)

    # What the gateway uses

    @property
    def congested(self) -> bool:
        return self._line.writing_paused

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():  # uvloop raises when it has been dropped a moment ago
            self._transport.write(data)

    async def drain(self) -> None:
        # aiohttp's own wait can be made once only: whoever is cancelled in it cancels it for all.
        if self._line.writing_paused and not self._over:
            self._room.clear()
            await self._room.wait()

    def pause_reading(self) -> None:
        self._line.pause_reading()

    def resume_reading(self) -> None:
        self._line.resume_reading()

    def close(self) -> None:
        self._receiver = None
        if self._timer is not None or self._over:
            return
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._transport.abort)
        self._line.resume_reading()  # a paused transport would not come upon its end
        if self._transport.can_write_eof():
            with suppress(OSError):  # asyncio's own loop raises where the peer has just reset the connection
                self._transport.write_eof()  # closing at once, the kernel would answer what still comes with a reset
        else:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    # What aiohttp calls

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if self._receiver is not None:
            self._receiver.receive(data)
        return False, b""

    def feed_eof(self) -> None:
        self._over = True
        self._room.set()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lose()
        if self._timer is not None:
            self._timer.cancel()
        self._line.on_writable = None
        self._ended()

    def _make_room(self) -> None:
        self._room.set()
        if self._receiver is not None:
            self._receiver.writable()
