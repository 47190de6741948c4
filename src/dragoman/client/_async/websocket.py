"""A WebSocket through a gateway, or to the gateway itself."""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import httpcore2

from dragoman.client.conversation import GOING_AWAY, NORMAL, Conversation, Message
from dragoman.client.errors import CallTimeout, TransportError, WebSocketClosed
from dragoman.client.timeouts import Limits, Seconds
from dragoman.client.waiting import AsyncLock

READ: Final = 64 * 1024
GOODBYE: Final = 5.0
"""Seconds in which the other side may answer our Close."""


class AsyncWebSocket:
    """Whole messages both ways, text as `str` and binary as `bytes`. One reader at a time; any may send.

    As an iterator it gives messages until the other side closes in order.
    """

    def __init__(
        self,
        stream: httpcore2.AsyncNetworkStream,
        conversation: Conversation,
        limits: Limits,
        subprotocol: str,
    ) -> None:
        self.subprotocol = subprotocol
        self._stream = stream
        self._conversation = conversation
        self._limits = limits
        self._writing = AsyncLock()

    async def send(self, message: Message) -> None:
        """Sends a message. Raises `WebSocketClosed`, `CallTimeout`."""
        self._conversation.send(message)
        await self._flush()

    async def receive(self) -> Message:
        """The next message. Raises `WebSocketClosed`, and `CallTimeout` when not even a ping comes."""
        while (message := self._conversation.take()) is None:
            if self._conversation.over:
                raise self._conversation.closed
            await self._read(self._limits.waits["read"])
        return message

    async def __aiter__(self) -> AsyncIterator[Message]:
        try:
            while True:
                yield await self.receive()
        except WebSocketClosed as error:
            if error.code not in (NORMAL, GOING_AWAY):
                raise

    async def aclose(self, code: int = NORMAL, reason: str = "") -> None:
        """Says goodbye and waits a moment for the other side's; what still comes before it is dropped."""
        self._conversation.close(code, reason)
        with suppress(TransportError):
            await self._flush()
            end = time.monotonic() + GOODBYE
            while not self._conversation.over and (remaining := end - time.monotonic()) > 0:
                self._conversation.take()
                await self._read(remaining)

    async def _read(self, timeout: Seconds) -> None:
        try:
            data = await self._stream.read(READ, timeout)
        except httpcore2.ReadTimeout as error:
            raise CallTimeout(self._limits.phase) from error
        except httpcore2.ReadError:
            data = b""
        self._conversation.receive(data)
        await self._flush()

    async def _flush(self) -> None:
        async with self._writing:
            data = self._conversation.outgoing()
            if not data:
                return
            try:
                await self._stream.write(data, self._limits.waits["write"])
            except httpcore2.WriteTimeout as error:
                raise CallTimeout(self._limits.phase) from error
            except httpcore2.WriteError:
                # Whoever closed may have said why: that is still to be read.
                return
