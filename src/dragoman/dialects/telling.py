"""Events told to a caller in the caller's own dialect: as a stream, or as a finished answer."""

from collections.abc import Callable

from dragoman import errors
from dragoman.dialects.base import Codec, Reader, Setting, Writer
from dragoman.dialects.folding import fold
from dragoman.dialects.sealing import SealedEvents
from dragoman.errors import ErrorKind, GatewayError, WireError
from dragoman.turn import Event, Failed, Loss, Stopped, Usage, Used, tells
from dragoman.wire.common import ErrorBody


class Telling:
    """One attempt of an upstream that answers with events."""

    __slots__ = ("_codec", "_setting", "losses")

    def __init__(self, codec: Codec, setting: Setting) -> None:
        self._codec = codec
        self._setting = setting
        self.losses: tuple[Loss, ...] = ()

    def answer(self, events: list[Event]) -> tuple[bytes, Usage | None]:
        """A finished answer for the caller, from all of its events. Raises `GatewayError`."""
        answer = fold(events)
        return self._codec.render_answer(answer, self._setting), answer.usage

    def stream(self) -> "EventStream":
        return EventStream(self._codec.writer(self._setting))


class _Told:
    """What is written before the first content is held, so that another upstream can still be asked."""

    __slots__ = ("_ended", "_held", "_sealed", "_writer", "failure", "finished", "started", "usage")

    def __init__(self, writer: Writer, sealed: SealedEvents | None = None) -> None:
        self._sealed = sealed
        self._writer = writer
        self._held: list[bytes] = []
        self._ended = False
        self.started = False
        self.finished = False
        self.usage: Usage | None = None
        self.failure: GatewayError | None = None

    def _step(self, read: Callable[[], list[Event]]) -> list[bytes]:
        out: list[bytes] = []
        if self._ended:
            return out
        try:
            for event in read():
                for one in (event,) if self._sealed is None else self._sealed.take(event):
                    out += self._write(one)
                if self.finished or self.failure is not None:
                    break
        except WireError as error:
            out += self._broken(errors.PROTOCOL_ERROR, f"The upstream sent {error}.")
        return out

    def _write(self, event: Event) -> list[bytes]:
        if isinstance(event, Failed):
            said = ErrorBody(event.message, event.type or "upstream_error", None, event.code)
            return self._give_up(GatewayError(errors.STREAM_ABORTED, f"The upstream reported: {event.message}"), said)
        if isinstance(event, Used):
            self.usage = event.usage
        written = self._writer.write(event)
        self._ended = self.finished = isinstance(event, Stopped)
        if self.started:
            return written
        if not tells(event):
            self._held += written
            return []
        self.started = True
        out, self._held = [*self._held, *written], []
        return out

    def _cut(self) -> list[bytes]:
        if self._ended:
            return []
        return self._broken(errors.STREAM_ABORTED, "The upstream's answer ended before it was complete.")

    def _broken(self, kind: ErrorKind, message: str) -> list[bytes]:
        error = GatewayError(kind, message)
        return self._give_up(error, said_by(error))

    def _give_up(self, error: GatewayError, said: ErrorBody) -> list[bytes]:
        self._ended = True
        self.failure = error
        self._held.clear()
        if not self.started:
            raise error
        return self._writer.fail(said)


class EventStream(_Told):
    """A streamed answer that comes as events; see `Relay` for what it promises."""

    __slots__ = ()

    def receive(self, data: list[Event]) -> list[bytes]:
        return self._step(lambda: data)

    def eof(self) -> list[bytes]:
        return self._cut()

    def fail(self, error: GatewayError) -> list[bytes]:
        return [] if self._ended else self._give_up(error, said_by(error))


class TranslatedStream(_Told):
    """A streamed answer from one dialect into another; see `Relay` for what it promises."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader, writer: Writer, sealed: SealedEvents | None = None) -> None:
        super().__init__(writer, sealed)
        self._reader = reader

    def receive(self, data: bytes) -> list[bytes]:
        return self._step(lambda: self._reader.receive(data))

    def eof(self) -> list[bytes]:
        return self._step(self._reader.eof) + self._cut()

    def fail(self, error: GatewayError) -> list[bytes]:
        if self._ended:
            return []
        try:
            out = self._step(self._reader.eof)
        except GatewayError:
            pass
        else:
            if self.finished or self.failure is not None:
                return out
        return self._give_up(error, said_by(error))


def said_by(error: GatewayError) -> ErrorBody:
    """An error of our own as a dialect renders it."""
    return ErrorBody(error.message, error.kind.type, error.param, error.kind.code)
