"""A streamed Chat answer as events.

    state      sees                          gives
    ---------  ----------------------------  ------------------------------------------------------
    (first)    any chunk                     Opened
    IDLE       reasoning / text / refusal    its delta; SPEAKING
    IDLE       a piece of a call             held until name and id are known, then CallOpened; CALLING
    CALLING    more of the same call         CallDelta
    CALLING    anything else                 CallClosed first
    CALLING    a piece of a later call       held: items never overlap
    any        a finish reason               noted; the usage chunk is still to come
    any        usage                         noted
    any        [DONE], end of stream         CallClosed, Used, Stopped; nothing without a finish reason
    any        an error                      Failed

Of several choices only the first is read; a caller of another dialect cannot have asked for more.
"""

from typing import Final

import msgspec

from dragoman.dialects.chat.answers import STOPS, annotation
from dragoman.dialects.chat.errors import parse as parse_error
from dragoman.dialects.chat.response import read_usage
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Opened,
    ReasoningDelta,
    RefusalDelta,
    Stop,
    Stopped,
    TextDelta,
    Usage,
    Used,
)
from dragoman.wire import chat_answer as wire
from dragoman.wire import sse

MAX_CALLS: Final = 256  # pieces of later calls are held, so their number is bounded
_chunk: Final = msgspec.json.Decoder(wire.Answer)


class _Call:
    """One call as its pieces come in."""

    __slots__ = ("arguments", "custom", "id", "name", "opened", "unsent")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.custom = False
        self.arguments: list[str] = []
        self.unsent: list[str] = []
        self.opened = False

    def take(self, piece: wire.Call) -> None:
        self.id = self.id or piece.id or ""
        self.custom = self.custom or piece.custom is not None
        said = piece.custom.input if piece.custom is not None else piece.function.arguments if piece.function else None
        name = piece.custom.name if piece.custom is not None else piece.function.name if piece.function else None
        self.name = self.name or name or ""
        if said:
            self.arguments.append(said)
            self.unsent.append(said)


class ChatReader:
    """See the table above. Raises `WireError` for bytes that are no stream of chunks, after what came before them."""

    def __init__(self, max_event: int = sse.MAX_EVENT) -> None:
        self._decoder = sse.Decoder(max_event)
        self._begun = False
        self._calls: dict[int, _Call] = {}
        self._current: int | None = None
        self._called = False
        self._finish: str | None = None
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
        if not self.done and self._finish is not None:
            self._end(self._finish, out)
        return out

    def _frame(self, frame: sse.Frame, out: list[Event]) -> None:
        if not frame.data:
            return  # a keep-alive to some upstreams
        if frame.data.startswith(sse.DONE):  # as the SDKs read it
            if self._finish is None:
                raise WireError("an end marker before any finish reason")
            self._end(self._finish, out)
            return
        if frame.event == b"error":
            self._fail(frame.data, out)
            return
        try:
            chunk = _chunk.decode(frame.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise WireError("an event that is no chunk") from None
        if bytes(chunk.error) != b"null":
            self._fail(frame.data, out)
            return
        if not self._begun:
            self._begun = True
            out.append(Opened(chunk.id, chunk.created, chunk.model))
        self._usage = read_usage(chunk.usage) or self._usage
        self._tier = chunk.service_tier or self._tier
        self._fingerprint = chunk.system_fingerprint or self._fingerprint
        for choice in chunk.choices:
            if choice.index == 0:
                self._choice(choice, out)

    def _choice(self, choice: wire.Choice, out: list[Event]) -> None:
        said = choice.delta
        if said is not None:
            self._said(said, choice.logprobs, out)
        if choice.finish_reason and self._finish is None:  # some upstreams write "" for none
            self._finish = choice.finish_reason

    def _said(self, said: wire.Said, logprobs: wire.Logprobs | None, out: list[Event]) -> None:
        thought = said.reasoning_content or said.reasoning
        if thought:
            self._close_call(out)
            out.append(ReasoningDelta(thought))
        if said.content:
            self._close_call(out)
            drawn = tuple(logprobs.content or ()) if logprobs is not None else ()
            out.append(TextDelta(said.content, drawn))
        if said.refusal:
            self._close_call(out)
            out.append(RefusalDelta(said.refusal))
        out += [Annotated(annotation(one)) for one in said.annotations or ()]
        pieces = said.tool_calls or ()
        if said.function_call is not None:
            pieces = [wire.Call(0, "call_0_function", function=said.function_call)]
        for place, piece in enumerate(pieces):
            self._piece(piece.index if piece.index is not None else self._place(piece, place), piece, out)

    def _place(self, piece: wire.Call, place: int) -> int:
        """Where a piece without an index belongs: a new id begins a new call, no id goes on with the last."""
        if piece.id is None:
            return max(self._calls, default=place)
        for index, call in self._calls.items():
            if call.id == piece.id:
                return index
        return len(self._calls)

    def _piece(self, index: int, piece: wire.Call, out: list[Event]) -> None:
        if index not in self._calls and len(self._calls) >= MAX_CALLS:
            raise WireError(f"more than {MAX_CALLS} tool calls")
        call = self._calls.setdefault(index, _Call())
        call.take(piece)
        if self._current is not None and self._current != index and index > self._current:
            return  # its turn comes when the current one is closed
        self._current = index
        self._open(call, out)

    def _open(self, call: _Call, out: list[Event]) -> None:
        if not call.opened and call.name and call.id:
            call.opened = self._called = True
            out.append(CallOpened(call.id, call.name, "custom" if call.custom else "function"))
        if call.opened:
            out += [CallDelta(text) for text in call.unsent]
            call.unsent.clear()

    def _close_call(self, out: list[Event]) -> None:
        """Closes the current call and, one after the other, those that were held behind it."""
        if self._current is None:
            return
        for index in sorted(self._calls):
            call = self._calls[index]
            if index < self._current or not call.name:
                continue
            call.id = call.id or f"call_{index}"
            self._open(call, out)
            text = "".join(call.arguments)
            out.append(CallClosed(text if call.custom else text or "{}"))
        self._calls.clear()
        self._current = None

    def _end(self, finish: str, out: list[Event]) -> None:
        self._close_call(out)
        if self._usage is not None:
            out.append(Used(self._usage))
        stop = STOPS.get(finish, Stop.END)
        if self._called and stop is Stop.END:
            stop = Stop.TOOL_CALLS
        out.append(Stopped(stop, service_tier=self._tier, fingerprint=self._fingerprint))
        self.done = True

    def _fail(self, data: bytes, out: list[Event]) -> None:
        said = parse_error(data)
        if said is None:
            out.append(Failed("The upstream reported an error."))
        else:
            out.append(Failed(said.message, said.code, said.type))
        self.done = True
