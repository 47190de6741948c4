"""Events as a Chat stream.

event                     chunk
------------------------  ----------------------------------------------------------------------------
Opened                    the role, in front of the first thing that is said: with empty content before
                          a text, with null before anything else, as OpenAI has it
TextDelta, RefusalDelta   their member of the delta
ReasoningDelta            `reasoning_content`, as other servers of this dialect write it; a new part is a
                          new paragraph
CallOpened                a call with id, type, name and empty arguments; numbered by call. The first one is
                          a `function_call` where the caller asked with the deprecated `functions`
CallDelta                 its arguments; CallClosed gives what no delta gave
Annotated                 `annotations`, all at the end: the official SDK cannot add one to another
Used                      kept for the usage chunk
Stopped                   the finish reason, the usage chunk if asked for, [DONE]
Failed, fail()            the error, [DONE]; no finish reason
ReasoningSealed           nothing: Chat has no place for it
"""

from typing import Any, Final

import msgspec

from dragoman.dialects.base import Setting
from dragoman.dialects.calls import Calls, unwrap
from dragoman.dialects.chat import annotations
from dragoman.dialects.chat.answers import PAUSED, reason, usage_body
from dragoman.dialects.chat.errors import render_events
from dragoman.dialects.chat.members import Body
from dragoman.dialects.chat.tools import asks_functions
from dragoman.dialects.error_types import openai
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
    Stop,
    Stopped,
    TextDelta,
    Usage,
    Used,
)
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody

_encode: Final = msgspec.json.Encoder().encode
_UNSAID: Final = Opened("", 0, "")


class _Call:
    """The call that is being written; `put` takes what goes into the delta."""

    def __init__(self, opened: CallOpened, index: int | None, *, wrapped: bool) -> None:
        """`index` None is the deprecated form; `wrapped`: a custom call that comes as a function's."""
        self._opened = opened
        self._index = index
        self._wrapped = wrapped
        self._kind = "custom" if wrapped else opened.kind
        self._said: list[str] = []

    def begin(self) -> Body:
        if self._index is None:
            return {"function_call": {"name": self._opened.name, "arguments": ""}}
        member = {"name": self._opened.name, self._place: ""}
        call = {"index": self._index, "id": self._opened.call_id, "type": self._kind, self._kind: member}
        return {"tool_calls": [call]}

    def more(self, text: str) -> Body | None:
        """The delta for a piece of the arguments; None where they are known only when they are whole."""
        if self._wrapped:
            return None
        self._said.append(text)
        return self._delta(text)

    def end(self, arguments: str) -> Body | None:
        """The delta for what no piece gave."""
        whole = unwrap(arguments) if self._wrapped else arguments
        said = "".join(self._said)
        # What has been said cannot be unsaid.
        return self._delta(whole[len(said) :]) if whole.startswith(said) and len(whole) > len(said) else None

    @property
    def _place(self) -> str:
        return "input" if self._kind == "custom" else "arguments"

    def _delta(self, text: str) -> Body:
        if self._index is None:
            return {"function_call": {"arguments": text}}
        return {"tool_calls": [{"index": self._index, self._kind: {self._place: text}}]}


class ChatWriter:
    """See the table above. `write` raises `WireError` at a pause, for which Chat has no word."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._calls = Calls(setting.turn)
        self._functions = asks_functions(setting.turn)
        self._hidden = setting.turn.thinking.hidden
        self._head: Body = {}
        self._spoken = False
        self._count = 0
        self._called = ""
        self._call: _Call | None = None
        self._refused = False
        self._length = 0
        self._run = 0
        """Characters of text, and how many of them had come when the present run of it began."""
        self._last: type[Event] | None = None
        """The kind of the last event that said something."""
        self._part: tuple[str, int] | None = None
        """The part of reasoning that was written last; None before any."""
        self._annotations: list[msgspec.Raw] = []
        self._usage: Usage | None = None
        self._ended = False

    def write(self, event: Event) -> list[bytes]:
        if self._ended:
            return []
        if not self._head:
            self._open(event if isinstance(event, Opened) else _UNSAID)
        match event:
            case TextDelta():
                out = self._text(event)
            case ReasoningDelta():
                out = self._think(event)
            case RefusalDelta():
                self._refused = True
                out = self._say({"refusal": event.text})
            case CallOpened() | CallDelta() | CallClosed():
                out = self._called_with(event)
            case Annotated():
                self._annotations.append(annotations.render(event.annotation, self._run))
                return []
            case Opened() | ReasoningSealed() | Used() | Stopped() | Failed():
                return self._bounded(event)
        self._last = type(event)
        return out

    def fail(self, error: ErrorBody) -> list[bytes]:
        self._ended = True
        return render_events(openai(error))

    def _bounded(self, event: Opened | ReasoningSealed | Used | Stopped | Failed) -> list[bytes]:
        match event:
            case Used():
                self._usage = event.usage
            case Stopped():
                return self._stop(event)
            case Failed():
                return self.fail(ErrorBody(event.message, event.type or "upstream_error", None, event.code))
            case ReasoningSealed():
                self._last = ReasoningSealed  # whatever is thought after it is another item's
            case Opened():
                return []
        return []

    def _open(self, event: Opened) -> None:
        setting = self._setting
        self._head = {
            "id": event.id if event.id.startswith("chatcmpl-") else setting.new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": event.created or setting.now,
            "model": setting.turn.model,
        }
        if setting.include_usage:
            self._head["usage"] = None

    def _text(self, event: TextDelta) -> list[bytes]:
        if self._last is not TextDelta:
            self._run = self._length
        self._length += len(event.text)
        logprobs = {"content": event.logprobs, "refusal": None} if event.logprobs else None
        return self._say({"content": event.text}, logprobs=logprobs)

    def _think(self, event: ReasoningDelta) -> list[bytes]:
        if self._hidden:
            return []
        part = (event.channel, event.part)
        begins = self._part is not None and (part != self._part or self._last is not ReasoningDelta)
        self._part = part
        return self._say({"reasoning_content": f"\n\n{event.text}" if begins else event.text})

    def _called_with(self, event: CallOpened | CallDelta | CallClosed) -> list[bytes]:
        delta: Body | None = None
        match event:
            case CallOpened():
                delta = self._begin(event)
            case CallDelta() if self._call is not None:
                delta = self._call.more(event.text)
            case CallClosed() if self._call is not None:
                delta = self._call.end(event.arguments)
                self._call = None
            case _:
                return []  # of a call that the caller may not see
        return [] if delta is None else self._say(delta)

    def _begin(self, event: CallOpened) -> Body | None:
        event = CallOpened(event.call_id, self._calls.name(event.name), event.kind)
        if not self._calls.permits(event.name):
            return None
        wrapped = self._calls.unwraps(event.name, event.kind)
        if self._functions and not self._called and not wrapped and event.kind == "function":
            self._called = "function_call"
            self._call = _Call(event, None, wrapped=False)
        else:
            self._called = "tool_calls"
            self._call = _Call(event, self._count, wrapped=wrapped)
            self._count += 1
        return self._call.begin()

    def _stop(self, event: Stopped) -> list[bytes]:
        if event.stop is Stop.PAUSE:
            raise WireError(PAUSED)
        self._ended = True
        out = self._say({"annotations": self._annotations}) if self._annotations else []
        if event.service_tier is not None:
            self._head["service_tier"] = event.service_tier
        if event.fingerprint is not None:
            self._head["system_fingerprint"] = event.fingerprint
        out += self._say({}, finish=reason(event.stop, self._called, refused=self._refused))
        if self._setting.include_usage and self._usage is not None:
            out.append(_event(self._head | {"choices": [], "usage": usage_body(self._usage)}))
        return [*out, sse.render(sse.DONE)]

    def _say(self, delta: Body, *, finish: str | None = None, logprobs: Any = None) -> list[bytes]:
        chunk = self._chunk(delta, finish=finish, logprobs=logprobs)
        if self._spoken:
            return [chunk]
        self._spoken = True
        content = "" if "content" in delta else None
        return [self._chunk({"role": "assistant", "content": content, "refusal": None}), chunk]

    def _chunk(self, delta: Body, *, finish: str | None = None, logprobs: Any = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return _event(self._head | {"choices": [choice]})


def _event(chunk: Body) -> bytes:
    # Raw values may hold line ends between their members, none inside a string.
    return sse.render(_encode(chunk).replace(b"\n", b" "))
