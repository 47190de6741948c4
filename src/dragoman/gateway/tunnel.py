"""A caller's connection after it has left HTTP, as the call sees it: `ports.Pipe`."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl

from dragoman.ports import Receiver


class Guest(Receiver, Protocol):
    """What the connection's bytes are for."""

    def drain(self) -> None:
        """The server is about to stop; may be called many times."""
        ...


class Tunnel:
    """Bytes both ways until `close`, which the connection itself carries out."""

    __slots__ = ("_close", "_flow", "_transport")

    def __init__(self, transport: asyncio.Transport, flow: FlowControl, close: Callable[[], None]) -> None:
        self._transport = transport
        self._flow = flow
        self._close = close

    @property
    def congested(self) -> bool:
        return self._flow.write_paused

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():  # uvloop raises when it has been dropped a moment ago
            self._transport.write(data)

    async def drain(self) -> None:
        await self._flow.drain()

    def pause_reading(self) -> None:
        self._flow.pause_reading()

    def resume_reading(self) -> None:
        self._flow.resume_reading()

    def close(self) -> None:
        self._close()

    def abort(self) -> None:
        self._transport.abort()
