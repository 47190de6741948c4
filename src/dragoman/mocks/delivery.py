"""Carries out a plan on one connection: writes, waits, closes, resets. It decides nothing.

Every wait ends when the client leaves: one watcher per answer reads the disconnect from ASGI and ends
the task group that both run in. `SCOPE_TRANSPORT` is the transport that `server` puts into the scope;
without it (the app called in process) a broken connection is a `ConnectionResetError` to the caller.
"""

import asyncio
import fcntl
import socket
import struct
import termios
from array import array
from collections.abc import Iterable
from typing import Final

from starlette.types import Receive, Scope, Send

from dragoman.mocks.answer import Headers
from dragoman.mocks.faults import Chunk, Close, End, Head, Raw, Reset, Stall, Step, Wait
from dragoman.mocks.timing import MAX_WAIT

SCOPE_TRANSPORT: Final = "dragoman.transport"
_LINGER_RESET: Final = struct.pack("ii", 1, 0)
_FLUSH_WAIT: Final = 5.0
_FLUSH_POLL: Final = 0.005


class _Departed(Exception):
    """The client closed the connection."""


class Delivery:
    """The way of one answer to its client; `departed` tells afterwards whether it left before the end."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.departed = False
        self._receive = receive
        self._send = send
        self._transport: asyncio.Transport | None = scope.get(SCOPE_TRANSPORT)
        self._broken = False
        self._ended = False

    async def run(self, steps: Iterable[Step]) -> None:
        """Takes the steps in order, until they end or the client leaves."""
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch())
                for step in steps:
                    await self._take(step)
                    # A chance for other connections, and for the disconnect to be seen, after every write.
                    await asyncio.sleep(0)
                watcher.cancel()
        except* _Departed:
            # The end of an answer, and our own close and reset, come back as a disconnect, too.
            self.departed = not (self._ended or self._broken)
        if self._broken and self._transport is None:
            raise ConnectionResetError("the mock broke the connection, as its scenario said")

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        raise _Departed

    async def _take(self, step: Step) -> None:
        match step:
            case Head(status, headers):
                await self._send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
            case Chunk(data):
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            case Raw(data):
                await self._write(data)
            case Wait(seconds):
                await asyncio.sleep(min(seconds, MAX_WAIT))
            case End():
                self._ended = True
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            case Stall():
                await asyncio.sleep(MAX_WAIT)
                await self._close()
            case Close():
                await self._close()
            case Reset():
                await self._reset()

    async def _write(self, data: bytes) -> None:
        if self._transport is None:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        else:
            self._transport.write(data)

    async def _close(self) -> None:
        self._broken = True
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(_FLUSH_WAIT)
            self._transport.abort()
            await asyncio.sleep(_FLUSH_WAIT)

    async def _reset(self) -> None:
        self._broken = True
        if self._transport is None:
            return
        connection: socket.socket = self._transport.get_extra_info("socket")
        # An abort discards what is still queued, here and in the kernel, and the client is to get what came before.
        for _ in range(int(_FLUSH_WAIT / _FLUSH_POLL)):
            if not self._transport.get_write_buffer_size() and not _unacknowledged(connection):
                break
            await asyncio.sleep(_FLUSH_POLL)
        # socket(7): with a linger time of zero, close() discards and sends a RST.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self._transport.abort()
        await asyncio.sleep(_FLUSH_WAIT)


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that have not reached the peer (SIOCOUTQ, tcp(7)); 0 where the kernel does not tell."""
    count = array("i", [0])
    try:
        fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, count)
    except OSError:
        return 0
    return count[0]


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
