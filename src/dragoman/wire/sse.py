"""Server-sent events: bytes to frames and back, incrementally.

Decodes by the WHATWG rules (HTML Living Standard, 9.2.6): LF, CRLF and CR end a line, a blank line ends
an event, a leading BOM is skipped, comments are skipped, an unfinished event at the end is discarded.
It is not a client: `retry` is ignored and nobody reconnects.
"""

import re
from typing import Final

import msgspec

from dragoman.errors import WireError

MAX_EVENT: Final = 1024 * 1024  # bytes; httpx2's decoder and the peers' gateways bound a pending event alike
PING: Final = b": ping\n\n"
DONE: Final = b"[DONE]"
_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_BOM: Final = b"\xef\xbb\xbf"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event; `data` has its lines joined by LF."""

    data: bytes
    event: bytes = b""
    id: bytes | None = None


class Decoder:
    """Takes bytes as they arrive, gives the frames that are complete.

    Raises `WireError` once an unfinished event holds more than `max_event` bytes.
    """

    __slots__ = ("_after_cr", "_at_start", "_max_event", "_pending")

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._max_event = max_event
        self._pending = bytearray()
        self._after_cr = False
        self._at_start = True

    def receive(self, data: bytes) -> list[Frame]:
        if not data:
            return []
        if self._at_start or self._after_cr or b"\r" in data:
            data = self._normalise(data)
        pending = self._pending
        if pending:
            # Only the new bytes, and the one before them, can complete a blank line: a stream that
            # dribbles byte by byte costs linear time.
            searched = len(pending) - 1
            pending += data
            if pending.find(b"\n\n", searched) < 0:
                self._check(len(pending))
                return []
            data = bytes(pending)
            pending.clear()
        blocks = data.split(b"\n\n")
        tail = blocks.pop()
        if tail:
            pending += tail
            self._check(len(tail))
        frames = []
        for block in blocks:
            frame = _parse(block)
            if frame is not None:
                self._check(len(frame.data))
                frames.append(frame)
        return frames

    @property
    def pending(self) -> bool:
        """Whether bytes of an unfinished event are held: after the last byte, a sign of truncation."""
        return bool(self._pending.strip(b"\n"))

    def _check(self, size: int) -> None:
        if size > self._max_event:
            raise WireError(f"an event of more than {self._max_event} bytes")

    def _normalise(self, data: bytes) -> bytes:
        """Every line end as LF; a CR that ends the input counts at once, an LF after it is then dropped."""
        if self._at_start:
            if _BOM.startswith(data) and data != _BOM:
                # Fewer than three bytes of what may be a BOM: no line ends here, so nothing is delayed.
                self._pending += data
                return b""
            data = bytes(self._pending) + data
            self._pending.clear()
            self._at_start = False
            data = data.removeprefix(_BOM)
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _parse(block: bytes) -> Frame | None:
    if block.startswith(b"data: ") and b"\n" not in block:
        return Frame(block[6:]) if len(block) > 6 else None
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
    data = b"\n".join(lines)
    return Frame(data, event, identity) if data else None


class Splitter:
    """Cuts a stream of events at event ends without looking into it or changing a byte.

    What is given out always ends with a whole event, so that something of our own can follow at any time. An
    event larger than `max_held` bytes is given out in pieces; `torn` says that one is under way.
    """

    __slots__ = ("_held", "_max_held", "torn")

    def __init__(self, max_held: int = 64 * 1024) -> None:
        self._held = b""
        self._max_held = max_held
        self.torn = False

    def receive(self, data: bytes) -> bytes:
        data = self._held + data
        end = _last_end(data)
        if end:
            self.torn = False
        if len(data) - end > self._max_held:
            self.torn = True
            end = len(data)
        self._held = data[end:]
        return data[:end]

    def rest(self) -> bytes:
        """What is held of an unfinished event."""
        return self._held


def _last_end(data: bytes) -> int:
    """The offset after the last blank line of `data`, 0 if there is none."""
    if b"\r" not in data:
        return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
    end = 0
    for match in _BLANK_LINE.finditer(data):
        end = match.end()
    return end


def render(data: bytes, event: bytes = b"") -> bytes:
    """One event on the wire; `data` without line ends, as JSON always is."""
    if event:
        return b"event: " + event + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"
