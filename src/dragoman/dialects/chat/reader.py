"""A streamed Chat answer as events.

    seen                          gives
    ----------------------------  ----------------------------------------------------------------
    (first) any chunk             Opened
    reasoning, text, refusal      its delta
    an annotation                 Annotated
    a piece of a call             CallOpened once name and id are known; CallDelta
    a finish reason               noted; the usage chunk is still to come
    usage                         noted
    [DONE], end of stream         CallClosed, Used, Stopped; nothing without a finish reason
    an error, a failed finish     Failed
    an event without data         nothing: a keep-alive

Nothing says when a call is complete, and pieces of several may come in turns. So a call that is open keeps
the floor, and all that is not its own waits, until its arguments are a whole JSON object: then it is closed
as soon as something waits. Else it is closed at the end, and what waited follows in the order of its coming.
"""

from collections import deque
from typing import Final

import msgspec

from dragoman.dialects.chat import annotations
from dragoman.dialects.chat.answers import CallIds, is_failure, read_name, read_stop
from dragoman.dialects.chat.errors import parse as parse_error
from dragoman.dialects.chat.members import absent
from dragoman.dialects.chat.pieces import PiecedCall
from dragoman.dialects.chat.response import read_usage
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    Event,
    Failed,
    Opened,
    ReasoningDelta,
    RefusalDelta,
    Stopped,
    TextDelta,
    Usage,
    Used,
)
from dragoman.wire import chat_answer as wire
from dragoman.wire import sse

MAX_CALLS: Final = 256
"""Calls of one answer; OpenAI's own bound of parallel calls is 128."""
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of events of one answer: what is kept of it is bounded with it."""
_chunk: Final = msgspec.json.Decoder(wire.Answer)


class ChatReader:
    """See the table above. Raises `WireError` for bytes that are no stream of chunks, after what came before them."""

    def __init__(self, max_event: int = sse.MAX_EVENT, max_answer: int = MAX_ANSWER) -> None:
        self._decoder = sse.Decoder(max_event)
        self._left = max_answer
        self._id: str | None = None
        self._ids = CallIds("")
        self._calls: dict[int, PiecedCall] = {}
        self._count = 0
        self._floor: deque[PiecedCall | Event] = deque()
        """A call that is open, and behind it what waits."""
        self._length = 0
        self._run = 0
        """Characters of text, and how many of them had come when the present run of it began."""
        self._in_run = False
        self._finish = ""
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._fingerprint: str | None = None
        self._broken: WireError | None = None
        self.done = False

    def receive(self, data: bytes) -> list[Event]:
        if self._broken is not None:
            raise self._broken
        out: list[Event] = []
        try:
            for frame in self._decoder.receive(data):
                if self.done:
                    break
                self._frame(frame, out)
        except WireError as error:
            self._broken = error
            if not out:
                raise
        return out

    def eof(self) -> list[Event]:
        """The end of the stream; nothing if it came before a finish reason, for then it was cut."""
        if self._broken is not None:
            raise self._broken
        out: list[Event] = []
        if not self.done and self._finish:
            self._end(out)
        return out

    def _frame(self, frame: sse.Frame, out: list[Event]) -> None:
        data = frame.data
        if not data:
            return
        self._left -= len(data)
        if self._left < 0:
            raise WireError("an answer that is too long")
        if data.startswith(sse.DONE):  # as the SDKs read it
            if not self._finish:
                raise WireError("an end marker before any finish reason")
            self._end(out)
        elif frame.event == b"error":
            self._fail(data, out)
        else:
            self._read(_decode(data), data, out)

    def _read(self, chunk: wire.Answer, data: bytes, out: list[Event]) -> None:
        if not absent(chunk.error):
            self._fail(data, out)
            return
        if self._id is None:
            self._id = chunk.id or ""
            self._ids = CallIds(self._id)
            out.append(Opened(self._id, int(chunk.created or 0), chunk.model or ""))
        self._usage = read_usage(chunk.usage) or self._usage
        self._tier = chunk.service_tier or self._tier
        self._fingerprint = chunk.system_fingerprint or self._fingerprint
        for choice in chunk.choices or ():
            if not choice.index and not self.done:
                self._choice(choice, out)

    def _choice(self, choice: wire.Choice, out: list[Event]) -> None:
        if choice.delta is not None:
            self._said(choice.delta, choice.logprobs, out)
        if choice.finish_reason and not self._finish:  # some upstreams write "" for none
            self._finish = choice.finish_reason
            if is_failure(self._finish):
                out.append(Failed(f"The upstream ended its answer with {self._finish!r}.", self._finish))
                self.done = True

    def _said(self, said: wire.Said, logprobs: wire.Logprobs | None, out: list[Event]) -> None:
        thought = said.reasoning_content or said.reasoning
        if thought:
            self._in_run = False
            self._give(ReasoningDelta(thought), out)
        if said.content:
            if not self._in_run:
                self._run, self._in_run = self._length, True
            self._length += len(said.content)
            drawn = tuple(logprobs.content or ()) if logprobs is not None else ()
            self._give(TextDelta(said.content, drawn), out)
        if said.refusal:
            self._in_run = False
            self._give(RefusalDelta(said.refusal), out)
        for given in said.annotations or ():
            self._give(Annotated(annotations.move(annotations.parse(given), -self._run)), out)
        for place, piece in enumerate(said.tool_calls or ()):
            self._piece(piece, self._index(piece, place), out)
        if said.function_call is not None:  # the deprecated form has one call and no id
            self._piece(wire.Call(function=said.function_call), 0, out)

    def _give(self, event: Event, out: list[Event]) -> None:
        if not self._floor:
            out.append(event)
            return
        self._floor.append(event)
        self._advance(out)

    def _index(self, piece: wire.Call, place: int) -> int:
        """Where a piece belongs; without an index a new id begins a new call, and no id goes on with the last.

        `place` counts the pieces of one chunk, which are of different calls.
        """
        if piece.index is not None:
            return piece.index
        last = max(self._calls, default=-1)
        if not piece.id:
            return last + 1 if place and read_name(piece) else max(last, 0)
        for index, call in self._calls.items():
            if call.has(piece.id):
                return index
        return last + 1

    def _piece(self, piece: wire.Call, index: int, out: list[Event]) -> None:
        call = self._calls.get(index)
        if call is None or not call.owns(piece):
            if self._count >= MAX_CALLS:
                raise WireError(f"more than {MAX_CALLS} tool calls")
            call = self._calls[index] = PiecedCall(self._count, self._ids)
            self._count += 1
            self._in_run = False
            self._floor.append(call)
        call.take(piece)
        self._advance(out)

    def _advance(self, out: list[Event], *, ends: bool = False) -> None:
        """Gives what waits, as far as the call in front of it is whole; at the end of the answer every call is."""
        while self._floor:
            head = self._floor[0]
            if isinstance(head, PiecedCall):
                head.advance(out)
                if not ends and (len(self._floor) == 1 or not head.whole()):
                    return
                head.close(out)
            else:
                out.append(head)
            self._floor.popleft()

    def _end(self, out: list[Event]) -> None:
        self._advance(out, ends=True)
        if self._usage is not None:
            out.append(Used(self._usage))
        stop = read_stop(self._finish, called=self._count > 0)
        out.append(Stopped(stop, service_tier=self._tier, fingerprint=self._fingerprint))
        self.done = True

    def _fail(self, data: bytes, out: list[Event]) -> None:
        if self._id is None:
            out.append(Opened("", 0, ""))
        said = parse_error(data)
        if said is None:
            out.append(Failed("The upstream reported an error."))
        else:
            out.append(Failed(said.message, said.code, said.type))
        self.done = True


def _decode(data: bytes) -> wire.Answer:
    try:
        if not data.isascii():
            data.decode()  # what is kept raw is not looked into
        chunk = _chunk.decode(data)
        # An event of several lines has line ends between its values, as is clear by now, and what is kept raw
        # would carry them into an event of ours.
        return _chunk.decode(data.replace(b"\n", b" ")) if b"\n" in data else chunk
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WireError("an event that is no chunk") from None
