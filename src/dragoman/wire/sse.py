"""Server-sent events: bytes to frames and back, incrementally.

Decodes by the WHATWG rules (HTML Living Standard, 9.2.6): LF, CRLF and CR end a line, a blank line ends
an event, a leading BOM is skipped, comments are skipped, an unfinished event at the end is discarded.
It is not a client: `retry` is ignored and nobody reconnects.
"""

import re
from collections.abc import Iterator
from typing import Final, NoReturn

import msgspec

from dragoman.errors import WireError

MAX_EVENT: Final = 1024 * 1024  # bytes; httpx2's decoder and the peers' gateways bound a pending event alike
PING: Final = b": ping\n\n"
DONE: Final = b"[DONE]"
_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LONGEST_END: Final = 3  # bytes of CRLF CRLF that may have come before the one that completes it
_BOM: Final = b"\xef\xbb\xbf"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event; `data` has its lines joined by LF."""

    data: bytes
    event: bytes = b""
    id: bytes | None = None


class Decoder:
    """Takes bytes as they arrive, gives the frames that are complete."""

    __slots__ = ("_after_cr", "_at_start", "_max_event", "_pending")

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._max_event = max_event
        self._pending = bytearray()
        self._after_cr = False
        self._at_start = True

    def receive(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes.

        Raises `WireError` at an event, finished or not, of more than `max_event` bytes; what came before it
        has been given by then, so that nothing depends on how the network cut the stream.
        """
        if self._at_start or self._after_cr or b"\r" in data:
            data = self._normalise(data)
        pending = self._pending
        if pending:
            # Only the new bytes, and the one before them, can complete a blank line: a stream that
            # dribbles byte by byte costs linear time.
            searched = len(pending) - 1
            pending += data
            if pending.find(b"\n\n", searched) < 0:
                self._check_pending()
                return
            data = bytes(pending)
            pending.clear()
        blocks = data.split(b"\n\n")
        pending += blocks.pop()
        for block in blocks:
            if len(block) > self._max_event:
                self._refuse()
            frame = self.frame(block)
            if frame is not None:
                yield frame
        if pending:
            self._check_pending()

    def frame(self, block: bytes) -> Frame | None:
        """The event of a block of lines, if it is one; for readers who want to see the other fields."""
        if block.startswith(b"data: ") and b"\n" not in block:
            return Frame(block[6:])
        lines: list[bytes] = []
        event = b""
        identity: bytes | None = None
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                lines.append(value)
            elif name == b"event":
                event = value
            elif name == b"id" and b"\0" not in value:
                identity = value
        return Frame(b"\n".join(lines), event, identity) if lines else None

    @property
    def pending(self) -> bool:
        """Whether bytes of an unfinished event are held: after the last byte, a sign of truncation."""
        return bool(self._pending.strip(b"\n"))

    def _check_pending(self) -> None:
        # What may become a BOM is no event's; an LF at its end may be half of the blank line, which is not either.
        if not self._at_start and len(self._pending) - self._pending.endswith(b"\n") > self._max_event:
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise WireError(f"an event of more than {self._max_event} bytes")

    def _normalise(self, data: bytes) -> bytes:
        """Every line end as LF; a CR that ends the input counts at once, an LF after it is then dropped."""
        if self._at_start:
            data = bytes(self._pending) + data
            self._pending.clear()
            if len(data) < len(_BOM) and _BOM.startswith(data):
                # This may become a BOM: no line ends here, so nothing is delayed.
                self._pending += data
                return b""
            self._at_start = False
            data = data.removeprefix(_BOM)
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class Splitter:
    """Cuts a stream of events at event ends without looking into it or changing a byte.

    What is given out always ends with a whole event, so that something of our own can follow at any time. An
    event larger than `max_held` bytes is given out in pieces; `torn` says that one is under way.
    """

    __slots__ = ("_held", "_max_held", "torn")

    def __init__(self, max_held: int = 64 * 1024) -> None:
        self._held = bytearray()
        self._max_held = max_held
        self.torn = False

    def receive(self, data: bytes) -> bytes:
        held = self._held
        if not held and data.endswith(b"\n\n"):
            self.torn = False
            return data
        searched = max(len(held) - _LONGEST_END, 0)
        held += data
        end = _last_end(bytes(held[searched:]))
        if end:
            end += searched
            self.torn = False
        if len(held) - end > self._max_held:
            # Line ends at the cut stay: they may be half of the blank line that ends the event.
            end = len(held.rstrip(b"\r\n"))
            self.torn = True
        out = bytes(held[:end])
        del held[:end]
        return out

    def rest(self) -> bytes:
        """What is held of an unfinished event."""
        return bytes(self._held)


def _last_end(data: bytes) -> int:
    """The offset after the last blank line of `data`, 0 if there is none."""
    if b"\r" not in data:
        return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
    end = 0
    for match in _BLANK_LINE.finditer(data):
        end = match.end()
    return end


def render(data: bytes, event: bytes = b"", number: int | None = None) -> bytes:
    """One event on the wire; `data` without line ends, as JSON always is. `number` is its id, to go on from."""
    if number is not None:
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, event, data)
    if event:
        return b"event: " + event + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"
