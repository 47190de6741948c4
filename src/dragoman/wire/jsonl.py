"""JSON lines: bytes to lines and back, incrementally.

A line ends with LF or CRLF; blank lines are skipped. What a line holds is its reader's business, but it is text by
then: whatever is not UTF-8 has been replaced. There is no bound of a line but the one that is given.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.errors import WireError

MAX_LINE: Final = 64 * 1024 * 1024  # bytes: a line may have a whole file in it


class Decoder:
    """Takes bytes as they arrive, gives the lines that are complete."""

    __slots__ = ("_held", "_max_line")

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._held = bytearray()

    def receive(self, data: bytes) -> Iterator[str]:
        """The lines that `data` completes.

        Raises `WireError` at a line, finished or not, of more than `max_line` bytes; what came before it has been
        given by then, so that nothing depends on how the stream was cut.
        """
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._hold(piece)
            yield from self.eof()
        self._hold(rest)

    def eof(self) -> Iterator[str]:
        """The last line, if nothing ended it."""
        line = bytes(self._held)
        self._held.clear()
        if line and not line.isspace():
            yield line.removesuffix(b"\r").decode("utf-8", "replace")

    def _hold(self, piece: bytes) -> None:
        if len(self._held) + len(piece) > self._max_line:
            raise WireError(f"a line of more than {self._max_line} bytes")
        self._held += piece


def render(value: object) -> bytes:
    """One line."""
    return msgspec.json.encode(value) + b"\n"
