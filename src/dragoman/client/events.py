"""Server-sent events as a client sees them (HTML Living Standard, 9.2.6).

The cutting of bytes into events is `wire.sse`'s; here are the fields that only a client needs: an event's id
outlives it, and `retry` is for whoever reconnects. Nobody here does: where to resume is the caller's decision.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from dragoman.client import problem
from dragoman.client.errors import DecodeError
from dragoman.client.problem import Problem
from dragoman.errors import WireError
from dragoman.wire import sse
from dragoman.wire.sse import Frame

DONE: Final = "[DONE]"


class Event(msgspec.Struct, frozen=True):
    """One event. `id` is the last id the stream gave, be it with this event or before it."""

    data: str
    event: str = "message"
    id: str = ""
    retry: int | None = None
    """Milliseconds to wait before reconnecting, if the stream said so with this event or before it."""

    @property
    def done(self) -> bool:
        """Whether this is the mark by which Chat Completions ends its streams, and nothing else."""
        return self.data == DONE

    def json(self) -> Any:
        """The data, decoded. Raises `DecodeError`."""
        try:
            return msgspec.json.decode(self.data)
        except msgspec.DecodeError as error:
            raise DecodeError(f"the data of an event is not JSON: {error}; it begins {self.data[:80]!r}") from None


class EventDecoder:
    """Takes bytes as they arrive, gives the events that are complete."""

    def __init__(self, max_event: int = sse.MAX_EVENT) -> None:
        self._decoder = _Decoder(max_event)

    def receive(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes. Raises `DecodeError` at one that is too large."""
        decoder = self._decoder
        try:
            for frame in decoder.receive(data):
                yield Event(
                    frame.data.decode("utf-8", "replace"),
                    frame.event.decode("utf-8", "replace") or "message",
                    decoder.last_id,
                    decoder.retry,
                )
        except WireError as error:
            raise DecodeError(f"the stream has {error}; raise ClientConfig.max_event if it should") from None

    @property
    def last_id(self) -> str:
        return self._decoder.last_id

    @property
    def pending(self) -> bool:
        """Whether an event has begun and not ended: after the last byte, it never will."""
        return self._decoder.pending


class _Decoder(sse.Decoder):
    """Keeps the two fields that outlive their block, blocks without data included."""

    __slots__ = ("last_id", "retry")

    def __init__(self, max_event: int) -> None:
        super().__init__(max_event)
        self.last_id = ""
        self.retry: int | None = None

    def frame(self, block: bytes) -> Frame | None:
        if b"id" in block or b"retry" in block:
            for line in block.split(b"\n"):
                name, _, value = line.partition(b":")
                value = value.removeprefix(b" ")
                if name == b"id" and b"\0" not in value:
                    self.last_id = value.decode("utf-8", "replace")
                # "ASCII digits only": `int` would take a sign, blanks and other scripts.
                elif name == b"retry" and value.isdigit():
                    self.retry = int(value)
        return super().frame(block)


def broken_off(event: Event) -> Problem | None:
    """What the gateway says in the event with which it breaks off a stream; None for any other event.

    An upstream's own `error` event is not the gateway's and passes as it is.
    """
    if event.event != "error":
        return None
    said = problem.parse(0, problem.CONTENT_TYPE, event.data.encode())
    return said if said is not None and said.source == "gateway" and said.code else None
