"""A streamed Messages answer as events.

    sees                            gives
    ------------------------------  ----------------------------------------------------------------
    message_start                   Opened; usage is noted
    content_block_start text        nothing yet
      thinking, redacted_thinking   nothing yet
      tool_use                      CallOpened
      of a tool the API runs        nothing, nor do its deltas
    text_delta                      TextDelta
    citations_delta                 held until the block ends, then Annotated
    thinking_delta                  ReasoningDelta
    signature_delta                 held until the block ends, then ReasoningSealed
    input_json_delta                CallDelta
    content_block_stop              CallClosed, ReasoningSealed or Annotated, by the block
    message_delta                   the stop reason and usage are noted; what is open is closed
    message_stop, end of stream     Used, Stopped; nothing without a stop reason, for then it was cut
    error                           Failed
    ping, and what nobody knows     nothing

Blocks do not overlap by the API's promise. Where a server breaks it, the blocks behind the first open one are
held until their turn comes, for events of items never overlap.
"""

from typing import Final

import msgspec

from dragoman.dialects.messages import citations, usage
from dragoman.dialects.messages.blocks import REDACTED, SEALER
from dragoman.dialects.messages.errors import parse as parse_error
from dragoman.dialects.messages.members import absent
from dragoman.dialects.messages.response import explained, stop
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
    ReasoningSealed,
    RefusalDelta,
    Stopped,
    TextDelta,
    Used,
)
from dragoman.wire import messages_answer as wire
from dragoman.wire import sse

MAX_OPEN: Final = 256
"""Blocks that may be begun and not ended; the API itself never has two."""
MAX_HELD: Final = 1024 * 1024
"""Characters of deltas held for blocks whose turn has not come, and citations held for a block's end."""
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of events of one answer: what is kept of it is bounded with it."""
_KINDS: Final = ("text", "thinking", "redacted_thinking", "tool_use")


class _Block:
    """One block between its start and its stop."""

    __slots__ = (
        "begun",
        "citations",
        "given",
        "head",
        "held",
        "index",
        "kind",
        "sent",
        "signature",
        "start",
        "stopped",
    )

    def __init__(self, index: int, start: wire.Block) -> None:
        self.index = index
        self.start = start
        self.kind = start.type if start.type in _KINDS else ""
        self.begun = False
        self.stopped = False
        self.held: list[wire.Delta] = []
        self.given: list[str] = []
        self.signature = start.signature or ""
        self.citations: list[msgspec.Raw] = []
        self.head = 0
        """Where the block begins in the text so far."""
        self.sent = False


class MessagesReader:
    """See the table above. Raises `WireError` for bytes that are no stream of Messages."""

    def __init__(self, max_event: int = sse.MAX_EVENT, max_answer: int = MAX_ANSWER) -> None:
        self._decoder = sse.Decoder(max_event)
        self._left = max_answer
        self._blocks: dict[int, _Block] = {}
        self._held = 0
        self._written = 0
        """Characters of the text that is being written; any other item ends it."""
        self._thoughts = 0
        """Unsigned thoughts that have been given since the last item of another kind."""
        self._called = False
        self._begun = False
        self._reason: str | None = None
        self._sequence = ""
        self._explanation = ""
        self._usage: wire.Usage | None = None
        self._broken: WireError | None = None
        self.done = False

    def receive(self, data: bytes) -> list[Event]:
        """Raises `WireError`, but not before the events that came in front of what is wrong have been given."""
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
        """The end of the stream; nothing if it came before a stop reason, for then it was cut."""
        if self._broken is not None:
            raise self._broken
        out: list[Event] = []
        if not self.done and self._reason is not None:
            self._end(self._reason, out)
        return out

    def _frame(self, frame: sse.Frame, out: list[Event]) -> None:
        if not frame.data or frame.data == sse.DONE:
            return  # some servers of this dialect end like those of Chat
        self._left -= len(frame.data)
        if self._left < 0:
            raise WireError("an answer that is too long")
        try:
            if not frame.data.isascii():
                frame.data.decode()  # msgspec does not look into what it keeps raw
            self._event(frame, wire.parse_event(frame.data), out)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise WireError("an event that is none of Messages") from None

    def _event(self, frame: sse.Frame, event: wire.Event, out: list[Event]) -> None:
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._delta(event.index, event.delta, out)
            case "content_block_start" if event.content_block is not None:
                self._start(event.index, event.content_block, out)
            case "content_block_stop":
                self._stop(event.index, out)
            case "message_start" if event.message is not None and not self._begun:
                self._begun = True
                self._usage = usage.read(event.message.usage)
                out.append(Opened(event.message.id, 0, event.message.model))
            case "message_delta":
                self._message_delta(event, out)
            case "message_stop":
                if self._reason is None:
                    raise WireError("an end before any stop reason")
                self._end(self._reason, out)
            case kind if kind == "error" or frame.event == b"error" or not absent(event.error):
                self._fail(frame.data, out)

    def _start(self, index: int, start: wire.Block, out: list[Event]) -> None:
        if not self._begun:
            raise WireError("a block before the message")
        if index in self._blocks or len(self._blocks) >= MAX_OPEN:
            raise WireError("more open blocks than there can be")
        if start.type == "tool_use" and not start.name:
            raise WireError("a tool call without a name")
        block = self._blocks[index] = _Block(index, start)
        if len(self._blocks) == 1:
            self._begin(block, out)

    def _delta(self, index: int, delta: wire.Delta, out: list[Event]) -> None:
        block = self._blocks.get(index)
        if block is None:
            raise WireError("a delta of a block that is not open")
        if block.begun:
            self._piece(block, delta, out)
            return
        self._hold(len(delta.text or "") + len(delta.partial_json or "") + len(delta.thinking or ""))
        block.held.append(delta)

    def _hold(self, size: int) -> None:
        self._held += size + 1
        if self._held > MAX_HELD:
            raise WireError(f"more than {MAX_HELD} characters out of turn")

    def _stop(self, index: int, out: list[Event]) -> None:
        block = self._blocks.get(index)
        if block is not None:
            block.stopped = True
            self._advance(out)

    def _advance(self, out: list[Event]) -> None:
        """Ends what has ended at the head of the open blocks, and lets the next one speak."""
        while self._blocks:
            block = next(iter(self._blocks.values()))
            if not block.begun:
                self._begin(block, out)
            if not block.stopped:
                return
            self._finish(block, out)
            del self._blocks[block.index]
        self._held = 0

    def _begin(self, block: _Block, out: list[Event]) -> None:
        block.begun = True
        start = block.start
        match block.kind:
            case "tool_use":
                self._other_than_text()
                self._called = True
                out.append(CallOpened(start.id or f"call_{block.index}", start.name or ""))
            case "text":
                block.head = self._written
                block.citations += start.citations or ()
                self._say(start.text, out)
            case "thinking":
                self._think(block, start.thinking, out)
        for delta in block.held:
            self._piece(block, delta, out)
        block.held.clear()

    def _piece(self, block: _Block, delta: wire.Delta, out: list[Event]) -> None:
        match delta.type, block.kind:
            case "text_delta", "text":
                self._say(delta.text, out)
            case "input_json_delta", "tool_use":
                if delta.partial_json:
                    block.given.append(delta.partial_json)
                    out.append(CallDelta(delta.partial_json))
            case "thinking_delta", "thinking":
                self._think(block, delta.thinking, out)
            case "signature_delta", "thinking":
                block.signature = delta.signature or block.signature
            case "citations_delta", "text":
                self._hold(len(bytes(delta.citation)))
                block.citations.append(delta.citation)

    def _say(self, text: str | None, out: list[Event]) -> None:
        if text:
            self._thoughts = 0
            self._written += len(text)
            out.append(TextDelta(text))

    def _think(self, block: _Block, text: str | None, out: list[Event]) -> None:
        if text:
            block.sent = True
            self._written = 0
            out.append(ReasoningDelta(text, part=self._thoughts))

    def _other_than_text(self) -> None:
        self._written = self._thoughts = 0

    def _finish(self, block: _Block, out: list[Event]) -> None:
        match block.kind:
            case "tool_use":
                given = "".join(block.given)
                if not given.strip() and not absent(block.start.input):
                    given = bytes(block.start.input).decode()
                out.append(CallClosed(given if given.strip() else "{}"))
            case "text":
                self._annotate(block, out)
            case "redacted_thinking":
                self._seal(f"{REDACTED}{block.start.data or ''}", out)
            case "thinking" if block.signature:
                self._seal(block.signature, out)
            case "thinking":
                self._thoughts += block.sent

    def _seal(self, seal: str, out: list[Event]) -> None:
        self._other_than_text()
        out.append(ReasoningSealed(seal, SEALER))

    def _annotate(self, block: _Block, out: list[Event]) -> None:
        if self._written > block.head:
            out += [Annotated(citations.annotation(one, block.head, self._written)) for one in block.citations]

    def _message_delta(self, event: wire.Event, out: list[Event]) -> None:
        self._usage = usage.merge(self._usage, usage.read(event.usage))
        delta = event.delta
        if delta is None or delta.stop_reason is None or self._reason is not None:
            return
        if not self._begun:
            raise WireError("an end before the message")
        for block in self._blocks.values():
            block.stopped = True
        self._advance(out)
        self._reason = delta.stop_reason
        self._sequence = delta.stop_sequence or ""
        self._explanation = explained(delta.stop_details) if delta.stop_reason == "refusal" else ""

    def _end(self, reason: str, out: list[Event]) -> None:
        if self._explanation:
            out.append(RefusalDelta(self._explanation))
        used = usage.neutral(self._usage)
        if used is not None:
            out.append(Used(used))
        how = stop(reason, self._explanation, called=self._called)
        out.append(Stopped(how, self._sequence, usage.tier(self._usage)))
        self.done = True

    def _fail(self, data: bytes, out: list[Event]) -> None:
        said = parse_error(data)
        if said is None:
            out.append(Failed("The upstream reported an error."))
        else:
            out.append(Failed(said.message, said.code, said.type))
        self.done = True
