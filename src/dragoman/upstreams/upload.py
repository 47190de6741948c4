"""A request body that is sent piece by piece, and is exactly as long as its head says."""

from collections.abc import AsyncIterator
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError

PIECE_BYTES: Final = 256 * 1024


class Upload:
    """The pieces of `source`, counted against `length` where that was announced.

    A body that is shorter or longer than its Content-Length would leave the two ends of a pooled
    connection disagreeing about where the next request begins.
    """

    __slots__ = ("_left", "_source", "length")

    def __init__(self, source: AsyncIterator[bytes | memoryview], length: int | None) -> None:
        self._source = source
        self._left = length
        self.length = length

    def __aiter__(self) -> "Upload":
        return self

    async def __anext__(self) -> bytes | memoryview:
        if self._left is None:
            return await anext(self._source)
        try:
            piece = await anext(self._source)
        except StopAsyncIteration:
            if self._left:
                raise _not_as_announced() from None
            raise
        self._left -= len(piece)
        if self._left < 0:
            raise _not_as_announced()
        return piece


class Pieces:
    """A body in memory, cut so that sending it neither holds the loop nor outruns a slow upstream."""

    __slots__ = ("_sent", "_view")

    def __init__(self, body: bytes) -> None:
        self._view = memoryview(body)
        self._sent = 0

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> memoryview:
        if self._sent >= len(self._view):
            raise StopAsyncIteration
        piece = self._view[self._sent : self._sent + PIECE_BYTES]
        self._sent += PIECE_BYTES
        return piece


def _not_as_announced() -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, "The request body is not as long as its Content-Length says.")
