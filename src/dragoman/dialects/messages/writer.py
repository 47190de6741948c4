"""Events as a Messages stream.

event                     what is sent
------------------------  ------------------------------------------------------------------------
Opened                    message_start, with an estimate of the input or 1: agents divide by it
TextDelta, RefusalDelta   text_delta in a text block; a refusal has a block of its own
Annotated                 citations_delta in the text block that is open; dropped where none is
ReasoningDelta            thinking_delta in a thinking block, unless the caller wants none
ReasoningSealed           signature_delta, or a redacted_thinking block; seals of others are left out
CallOpened                content_block_start of a tool_use block
CallDelta                 input_json_delta; CallClosed gives what no delta gave, and ends the block
Used                      kept for the end
Stopped                   message_delta with stop reason and usage, message_stop
Failed, fail()            error; nothing after it

A block is begun by the first thing it holds and ended by the first thing it cannot hold; indices count up. What
a custom tool is called with becomes the member `input` of an object, and is sent when it is whole.
"""

from typing import Final

import msgspec

from dragoman.dialects.base import Setting
from dragoman.dialects.calls import Calls
from dragoman.dialects.messages import citations, usage
from dragoman.dialects.messages.blocks import REDACTED, SEALER
from dragoman.dialects.messages.errors import render_event
from dragoman.dialects.messages.members import Body
from dragoman.dialects.messages.response import CUT, NO_OBJECT, ending
from dragoman.dialects.messages.turns import arguments
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
    Usage,
    Used,
)
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody

_encode: Final = msgspec.json.Encoder().encode


class MessagesWriter:
    """See the table above. `write` raises `WireError` at an end after a call whose arguments are no JSON object."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._calls = Calls(setting.turn)
        self._index = -1
        self._open = ""
        """The kind of the block that is open, or nothing."""
        self._usage: Usage | None = None
        self._called = False
        self._refused = False
        self._broken = ""
        """The name of a call whose arguments are no JSON object."""
        self._call = CallOpened("", "")
        self._sent: list[str] = []
        self._channel = ("", 0)
        self._done = False

    def write(self, event: Event) -> list[bytes]:
        out: list[bytes] = []
        match event:
            case TextDelta():
                self._say("text", event.text, out)
            case RefusalDelta():
                self._refused = True
                self._say("refusal", event.text, out)
            case ReasoningDelta():
                self._think(event, out)
            case ReasoningSealed():
                self._seal(event, out)
            case Annotated():
                self._annotate(event, out)
            case CallOpened() | CallDelta() | CallClosed():
                self._called_for(event, out)
            case Opened() | Used() | Stopped() | Failed():
                self._bounded(event, out)
        return out

    def fail(self, error: ErrorBody) -> list[bytes]:
        if self._done:
            return []
        self._done = True
        return [render_event(error)]

    def _called_for(self, event: CallOpened | CallDelta | CallClosed, out: list[bytes]) -> None:
        match event:
            case CallOpened():
                self._close(out)
                self._called = True
                self._call = event
                self._sent.clear()
                block = {"type": "tool_use", "id": event.call_id, "name": self._calls.name(event.name), "input": {}}
                self._begin("tool_use", block, out)
            case CallDelta():
                if self._call.kind == "function":
                    self._sent.append(event.text)
                    self._delta({"type": "input_json_delta", "partial_json": event.text}, out)
            case CallClosed():
                self._end_call(event.arguments, out)

    def _end_call(self, given: str, out: list[bytes]) -> None:
        if self._call.kind == "custom":
            given = _encode({"input": given}).decode()
        elif arguments(given) is None:
            self._broken = self._call.name
        sent = "".join(self._sent)
        missing = given.removeprefix(sent) if given.startswith(sent) else ""
        if missing and missing != "{}":
            self._delta({"type": "input_json_delta", "partial_json": missing}, out)
        self._close(out)

    def _bounded(self, event: Opened | Used | Stopped | Failed, out: list[bytes]) -> None:
        match event:
            case Opened():
                self._start(event, out)
            case Used():
                self._usage = event.usage
            case Stopped():
                self._stop(event, out)
            case Failed():
                out += self.fail(ErrorBody(event.message, event.type or "api_error", None, event.code))

    def _start(self, event: Opened, out: list[bytes]) -> None:
        setting = self._setting
        message: Body = {
            "id": event.id if event.id.startswith("msg_") else setting.new_id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": setting.turn.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": usage.render(None, setting.input_estimate),
        }
        self._send("message_start", {"message": message}, out)

    def _stop(self, event: Stopped, out: list[bytes]) -> None:
        if self._broken and event.stop not in CUT:
            raise WireError(f"a call of {self._broken!r} with {NO_OBJECT}")
        self._close(out)
        delta = ending(event.stop, event.stop_sequence, called=self._called, refused=self._refused)
        used = usage.render(self._usage, self._setting.input_estimate)
        self._send("message_delta", {"delta": delta, "usage": used}, out)
        self._send("message_stop", {}, out)
        self._done = True

    def _say(self, kind: str, text: str, out: list[bytes]) -> None:
        if self._open != kind:
            self._close(out)
            self._begin(kind, {"type": "text", "text": ""}, out)
        self._delta({"type": "text_delta", "text": text}, out)

    def _annotate(self, event: Annotated, out: list[bytes]) -> None:
        cited = citations.citation(event.annotation)
        if cited is not None and self._open == "text":
            self._delta({"type": "citations_delta", "citation": cited}, out)

    def _think(self, event: ReasoningDelta, out: list[bytes]) -> None:
        if self._setting.turn.thinking.hidden:
            return
        text, channel = event.text, (event.channel, event.part)
        if self._open != "thinking":
            self._begin_thinking(out)
        elif channel != self._channel:
            text = f"\n\n{text}"
        self._channel = channel
        self._delta({"type": "thinking_delta", "thinking": text}, out)

    def _begin_thinking(self, out: list[bytes]) -> None:
        self._close(out)
        self._begin("thinking", {"type": "thinking", "thinking": "", "signature": ""}, out)

    def _seal(self, event: ReasoningSealed, out: list[bytes]) -> None:
        if event.sealed_by != SEALER:
            self._close_thinking(out)
        elif event.seal.startswith(REDACTED):
            self._close(out)
            self._begin("redacted", {"type": "redacted_thinking", "data": event.seal.removeprefix(REDACTED)}, out)
            self._close(out)
        else:
            if self._open != "thinking":
                self._begin_thinking(out)
            self._delta({"type": "signature_delta", "signature": event.seal}, out)
            self._close(out)

    def _close_thinking(self, out: list[bytes]) -> None:
        """A seal that means nothing here still ends the thought before it."""
        if self._open == "thinking":
            self._close(out)

    def _begin(self, kind: str, block: Body, out: list[bytes]) -> None:
        self._open = kind
        self._index += 1
        self._send("content_block_start", {"index": self._index, "content_block": block}, out)

    def _delta(self, delta: Body, out: list[bytes]) -> None:
        self._send("content_block_delta", {"index": self._index, "delta": delta}, out)

    def _close(self, out: list[bytes]) -> None:
        if self._open:
            self._open = ""
            self._send("content_block_stop", {"index": self._index}, out)

    def _send(self, kind: str, members: Body, out: list[bytes]) -> None:
        out.append(sse.render(_encode({"type": kind, **members}), kind.encode()))
