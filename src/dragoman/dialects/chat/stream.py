"""A streamed Chat Completions answer on its way to a caller of the same dialect.

    state      sees                        does                                  goes to
    ---------  --------------------------  ------------------------------------  --------
    OPENING    a chunk without content     holds it back                         OPENING
    OPENING    content or a finish reason  gives what it held, then the chunk    RUNNING
    OPENING    an error, rubbish, the end  raises: the call may go elsewhere     ENDED
    RUNNING    a chunk                     passes it                             RUNNING
    RUNNING    a usage-only chunk          books it; passes it if asked for      RUNNING
    RUNNING    [DONE], the end             passes [DONE] if every choice has     ENDED
                                           finished, else an error event
    RUNNING    an error, rubbish           an error event                        ENDED
    RUNNING    the gateway gives up        as at the end                         ENDED
    ENDED      anything                    drops it                              ENDED
    any        an event without data       drops it: a keep-alive                the same

A stream that ends without a finish reason is a failure even after `[DONE]`: it is how an upstream that
was cut looks, and the official SDKs would end in silence. Values pass untouched but for the model name.
"""

from enum import Enum, auto
from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects.chat.errors import body as error_body
from dragoman.dialects.chat.errors import parse as parse_error
from dragoman.dialects.chat.errors import render_events
from dragoman.dialects.chat.response import read_usage
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Usage
from dragoman.wire import chat as wire
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody

MAX_HELD: Final = 256 * 1024
"""Bytes of chunks without content that may precede the first content: a role chunk per choice, and keep-alives."""

_NULL: Final = msgspec.Raw(b"null")
_EMPTY: Final = (b"null", b'""', b"[]", b"{}")


class State(Enum):
    OPENING = auto()
    RUNNING = auto()
    ENDED = auto()


class ChatRelay:
    """See the table above; `receive`, `eof` and `fail` give events ready to send."""

    __slots__ = (
        "_decoder", "_done", "_held", "_held_bytes", "_model", "_open", "_pass_usage", "_state", "failure", "finished",
        "started", "usage",
    )  # fmt: skip

    def __init__(self, model: str, *, pass_usage: bool, max_event: int = sse.MAX_EVENT) -> None:
        self._decoder = sse.Decoder(max_event)
        self._model = model
        self._pass_usage = pass_usage
        self._state = State.OPENING
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._open: set[int] = set()
        self._done: set[int] = set()
        self.usage: Usage | None = None
        self.started = False
        """Whether content has been given out; from then on no other upstream can be asked."""
        self.finished = False
        """Whether the answer came whole."""
        self.failure: GatewayError | None = None

    def receive(self, data: bytes) -> list[bytes]:
        out: list[bytes] = []
        try:
            for frame in self._decoder.receive(data):
                if self._state is State.ENDED:
                    break
                self._frame(frame, out)
        except WireError as error:
            out += self._broken(errors.PROTOCOL_ERROR, f"The upstream sent {error}.")
        return out

    def eof(self) -> list[bytes]:
        if self._state is State.ENDED:
            return []
        if self._complete():
            return self._end()
        return self._broken(errors.STREAM_ABORTED, "The upstream's answer ended before it was complete.")

    def fail(self, error: GatewayError) -> list[bytes]:
        if self._state is not State.ENDED and self._complete():
            return self._end()  # only usage and the end marker were still to come
        return self._give_up(error, error_body(error))

    def _frame(self, frame: sse.Frame, out: list[bytes]) -> None:
        data = frame.data
        if not data:
            return  # a keep-alive to some upstreams, a JSON error to the SDKs
        if data.startswith(sse.DONE):  # as the SDKs read it
            out += self.eof()
            return
        chunk = _parse(data)
        if frame.event == b"error" or (chunk is not None and chunk.error != _NULL):
            out += self._said_error(data)
        elif chunk is None:
            out += self._broken(errors.PROTOCOL_ERROR, "The upstream sent an event that is no chunk.")
        elif self._book(chunk, counted := chunk.usage != _NULL):
            event = self._render(data, chunk, strip_usage=counted and not self._pass_usage)
            if self._state is State.RUNNING:
                out.append(event)
            else:
                self._opening(data, event, out)

    def _book(self, chunk: wire.Chunk, counted: bool) -> bool:
        """Notes usage and finish reasons; False for a usage chunk the caller did not ask for."""
        if counted:
            self.usage = read_usage(chunk.usage) or self.usage
            if not chunk.choices and not self._pass_usage:
                return False
        for choice in chunk.choices:
            self._open.add(choice.index)
            if choice.finish_reason:  # some upstreams write "" for none
                self._done.add(choice.index)
        return True

    def _opening(self, data: bytes, event: bytes, out: list[bytes]) -> None:
        if self._done or _has_content(data):
            self._state = State.RUNNING
            self.started = True
            out += self._held
            out.append(event)
            self._held.clear()
            return
        self._held.append(event)
        self._held_bytes += len(event)
        if self._held_bytes > MAX_HELD:
            out += self._broken(errors.PROTOCOL_ERROR, "The upstream sends chunks without content.")

    def _render(self, data: bytes, chunk: wire.Chunk, *, strip_usage: bool) -> bytes:
        if (chunk.model == self._model or chunk.model is None) and not strip_usage and b"\n" not in data:
            return b"data: " + data + b"\n\n"
        fields = wire.parse_fields(data)
        if chunk.model is not None:
            fields["model"] = wire.raw(self._model)
        if strip_usage:
            del fields["usage"]
        # A multi-line event may hold line ends between its values, none inside a string.
        return sse.render(wire.render_fields(fields).replace(b"\n", b" "))

    def _complete(self) -> bool:
        return bool(self._done) and self._open == self._done

    def _end(self) -> list[bytes]:
        self._state = State.ENDED
        self.finished = True
        return [sse.render(sse.DONE)]

    def _said_error(self, data: bytes) -> list[bytes]:
        """The upstream reports an error in the stream: its own words go on."""
        said = parse_error(data) or ErrorBody("The upstream reported an error.", "upstream_error")
        return self._give_up(GatewayError(errors.STREAM_ABORTED, f"The upstream reported: {said.message}"), said)

    def _broken(self, kind: errors.ErrorKind, message: str) -> list[bytes]:
        error = GatewayError(kind, message)
        return self._give_up(error, error_body(error))

    def _give_up(self, error: GatewayError, said: ErrorBody) -> list[bytes]:
        if self._state is State.ENDED:
            return []
        self._state = State.ENDED
        self._held.clear()
        self.failure = error
        if not self.started:
            raise error
        return render_events(said)


def _parse(data: bytes) -> wire.Chunk | None:
    try:
        # Values kept raw are not looked into by the decoder, and a caller chokes on bad UTF-8.
        if not data.isascii():
            data.decode("utf-8")
        return wire.parse_chunk(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _has_content(data: bytes) -> bool:
    """Whether a chunk says anything: any member of a delta but its role, or legacy text."""
    try:
        choices = wire.parse_deltas(data).choices
    except (msgspec.DecodeError, RecursionError):
        return False
    for choice in choices:
        if choice.text:
            return True
        for name, value in (choice.delta or {}).items():
            if name != "role" and bytes(value) not in _EMPTY:
                return True
    return False
