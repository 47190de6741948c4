"""Content encodings (RFC 9110, 8.4) undone as bytes arrive, and held to their end.

The client asks for none: nothing on the way then waits to compress a stream. What comes encoded all the same, or
because the request asked, is decoded if it is gzip or deflate; anything else stays as it is. Unlike most decoders
this one notices a body that was cut, and refuses one that swells out of all proportion.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from dragoman.client.errors import DecodeError

PIECE: Final = 64 * 1024
FREE: Final = 1024 * 1024
"""Bytes a body may come to, whatever it was before."""
RATIO: Final = 200
"""How many times larger it may be beyond that; deflate reaches 1032, text rarely 20."""
_WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib.decompressobj, `wbits`


class ContentDecoder:
    """Undoes one encoding; the name of none, or of one it does not know, leaves the bytes as they are."""

    def __init__(self, encoding: str = "") -> None:
        self._name = encoding.strip().lower()
        self._window = _WINDOW.get(self._name)
        self._inflate = None if self._window is None else zlib.decompressobj(self._window)
        self._taken = 0
        self._given = 0

    @property
    def complete(self) -> bool:
        """Whether the bytes so far may be all of it."""
        return self._inflate is None or self._inflate.eof or not self._taken

    def receive(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to, in pieces. Raises `DecodeError`."""
        if self._inflate is None:
            yield data
            return
        self._taken += len(data)
        try:
            yield from self._inflated(data)
        except zlib.error as error:
            raise DecodeError(f"the body is not the {self._name} its head names: {error}") from None

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        assert self._inflate is not None
        while data:
            if self._inflate.eof:
                # RFC 1952, 2.2: a gzip body may have several members.
                self._inflate = zlib.decompressobj(self._window or 0)
            piece = self._inflate.decompress(data, PIECE)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            self._given += len(piece)
            if self._given > FREE and self._given > RATIO * self._taken:
                raise DecodeError(f"the body swells to more than {RATIO} times its size; it is refused as a trap")
            if piece:
                yield piece
