"""A stream of typed events on its way to a caller of the same dialect: Responses and Messages.

    state      sees                        does                                  goes to
    ---------  --------------------------  ------------------------------------  --------
    OPENING    an event before content     holds it back                         OPENING
    OPENING    content                     gives what it held, then the event    RUNNING
    OPENING    a failure, rubbish, an end  raises: the call may go elsewhere     ENDED
    RUNNING    an event                    passes it                             RUNNING
    RUNNING    the last event              passes it and the end marker, if the  ENDED
                                           dialect has one; the answer is whole
    RUNNING    a failure of the upstream   passes it, and what belongs behind it ENDED
    RUNNING    rubbish, the end too soon   the dialect's own error events        ENDED

Events pass untouched but for the model's name, inside the object that an event of the frame carries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError, WireError
from dragoman.turn import Usage
from dragoman.wire import sse
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody

MAX_HELD: Final = 256 * 1024
"""Bytes of events that may precede the first content."""


class _State(Enum):
    OPENING = auto()
    RUNNING = auto()
    ENDED = auto()


class _Typed(msgspec.Struct, frozen=True):
    type: str
    sequence_number: int | None = None


_typed: Final = msgspec.json.Decoder(_Typed)


@dataclass(frozen=True, slots=True)
class Kinds:
    """What the events of a dialect mean."""

    opening: frozenset[str]
    """Come before content and say nothing yet."""
    last: frozenset[str]
    failing: frozenset[str]
    frame: str
    """The member that holds the object with the model's name."""
    meter: Callable[[], Callable[[Fields], Usage | None]]
    """Makes what reads the usage so far from the members of each event; None if nothing was told."""
    read_failure: Callable[[bytes], ErrorBody | None]
    render_failure: Callable[[ErrorBody, int, Fields], list[bytes]]
    """The events that end a broken stream, by the number of the next event and the members of the first."""
    conclude: Callable[[str, ErrorBody, int, Fields], list[bytes]]
    """The events behind a failure of this type, by the same."""
    after: tuple[bytes, ...] = ()
    """What comes behind the last event."""


class TypedRelay:
    """See the table above; `receive`, `eof` and `fail` give events ready to send."""

    __slots__ = (
        "_decoder", "_first", "_held", "_held_bytes", "_kinds", "_meter", "_model", "_next", "_state", "failure",
        "finished", "started", "usage",
    )  # fmt: skip

    def __init__(self, model: str, kinds: Kinds, *, max_event: int = sse.MAX_EVENT) -> None:
        self._decoder = sse.Decoder(max_event)
        self._kinds = kinds
        self._meter = kinds.meter()
        self._model = model
        self._state = _State.OPENING
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._first: Fields = {}
        self._next = 0
        self.usage: Usage | None = None
        self.started = False
        self.finished = False
        self.failure: GatewayError | None = None

    def receive(self, data: bytes) -> list[bytes]:
        out: list[bytes] = []
        try:
            for frame in self._decoder.receive(data):
                if self._state is _State.ENDED:
                    break
                if frame.data and frame.data != sse.DONE:
                    self._frame(frame, out)
        except WireError as error:
            if self._state is not _State.ENDED:
                out += self._broken(errors.PROTOCOL_ERROR, f"The upstream sent {error}.")
        return out

    def eof(self) -> list[bytes]:
        if self._state is _State.ENDED:
            return []
        return self._broken(errors.STREAM_ABORTED, "The upstream's answer ended before it was complete.")

    def fail(self, error: GatewayError) -> list[bytes]:
        if self._state is _State.ENDED:
            return []
        return self._give_up(error, lambda: self._say(error))

    def _frame(self, frame: sse.Frame, out: list[bytes]) -> None:
        try:
            fields = parse_fields(frame.data)
            typed = _typed.decode(frame.data)
        except (msgspec.DecodeError, WireError, RecursionError):
            raise WireError("an event that has no type") from None
        if typed.sequence_number is not None:
            self._next = typed.sequence_number + 1
        kind = typed.type
        self.usage = self._meter(fields) or self.usage
        event = self._render(frame, fields, kind)
        if kind in self._kinds.failing:
            said = self._kinds.read_failure(frame.data) or ErrorBody("an error", "upstream_error")
            error = GatewayError(errors.STREAM_ABORTED, f"The upstream reported: {said.message}")
            behind = self._kinds.conclude(kind, said, self._next, self._first)
            out += self._give_up(error, lambda: [event, *behind])
        elif self._state is _State.OPENING and kind in self._kinds.opening:
            self._hold(event)
        else:
            out += [*self._held, event]
            self._held.clear()
            self.started = True
            self._state = _State.RUNNING
            if kind in self._kinds.last:
                self._state = _State.ENDED
                self.finished = True
                out += self._kinds.after

    def _hold(self, event: bytes) -> None:
        self._held.append(event)
        self._held_bytes += len(event)
        if self._held_bytes > MAX_HELD:
            raise WireError(f"more than {MAX_HELD} bytes before any content")

    def _render(self, frame: sse.Frame, fields: Fields, kind: str) -> bytes:
        name = kind.encode() if kind.isprintable() else frame.event  # the official SDKs go by either
        inner = fields.get(self._kinds.frame)
        if inner is not None:
            members = parse_fields(bytes(inner))
            if not self._first:
                self._first = members
            if "model" in members:
                members["model"] = raw(self._model)
                return sse.render(_line(render_fields({**fields, self._kinds.frame: _raw(members)})), name)
        return sse.render(_line(frame.data), name)

    def _broken(self, kind: ErrorKind, message: str) -> list[bytes]:
        error = GatewayError(kind, message)
        return self._give_up(error, lambda: self._say(error))

    def _say(self, error: GatewayError) -> list[bytes]:
        said = ErrorBody(error.message, error.kind.type, error.param, error.kind.code)
        return self._kinds.render_failure(said, self._next, self._first)

    def _give_up(self, error: GatewayError, say: Callable[[], list[bytes]]) -> list[bytes]:
        self._state = _State.ENDED
        self._held.clear()
        self.failure = error
        if not self.started:
            raise error
        return say()


def _raw(members: Fields) -> msgspec.Raw:
    return msgspec.Raw(render_fields(members))


def _line(data: bytes) -> bytes:
    """A multi-line event may hold line ends between its values, none inside a string."""
    return data.replace(b"\n", b" ") if b"\n" in data else data
