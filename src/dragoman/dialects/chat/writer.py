"""Events as a Chat stream.

event                     chunk
------------------------  ----------------------------------------------------------------
Opened                    the role, with empty content
TextDelta, RefusalDelta   their member of the delta
ReasoningDelta            `reasoning_content`, as other servers of this dialect write it
CallOpened                a call with id, type, name and empty arguments; numbered by call
CallDelta                 its arguments; CallClosed gives what no delta gave
Annotated                 `annotations`
Used                      kept for the usage chunk
Stopped                   the finish reason, the usage chunk if asked for, [DONE]
Failed, fail()            the error, [DONE]; no finish reason
"""

from typing import Any

import msgspec

from dragoman.dialects.base import Setting
from dragoman.dialects.chat.answers import chat_annotation, reason, usage_body
from dragoman.dialects.chat.errors import render_events
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallKind,
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

_encode = msgspec.json.Encoder().encode


class ChatWriter:
    """See the table above."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._head: dict[str, Any] = {}
        self._calls = 0
        self._kind: CallKind = "function"
        self._sent: list[str] = []
        self._usage: Usage | None = None

    def write(self, event: Event) -> list[bytes]:
        match event:
            case TextDelta():
                logprobs = {"content": event.logprobs, "refusal": None} if event.logprobs else None
                return [self._chunk({"content": event.text}, logprobs=logprobs)]
            case ReasoningDelta():
                return [self._chunk({"reasoning_content": event.text})]
            case RefusalDelta():
                return [self._chunk({"refusal": event.text})]
            case Annotated():
                return [self._chunk({"annotations": [chat_annotation(event.annotation)]})]
            case CallOpened() | CallDelta() | CallClosed():
                return self._called(event)
            case ReasoningSealed():
                return []  # Chat has no place for it
            case Opened() | Used() | Stopped() | Failed():
                return self._bounded(event)

    def _called(self, event: CallOpened | CallDelta | CallClosed) -> list[bytes]:
        match event:
            case CallOpened():
                return [self._call(event)]
            case CallDelta():
                self._sent.append(event.text)
                return [self._arguments(event.text)]
            case CallClosed():
                return self._close(event.arguments)

    def _bounded(self, event: Opened | Used | Stopped | Failed) -> list[bytes]:
        match event:
            case Opened():
                return self._open(event)
            case Used():
                self._usage = event.usage
                return []
            case Stopped():
                return self._stop(event)
            case Failed():
                return self.fail(ErrorBody(event.message, event.type or "upstream_error", None, event.code))

    def fail(self, error: ErrorBody) -> list[bytes]:
        return render_events(error)

    def _open(self, event: Opened) -> list[bytes]:
        setting = self._setting
        self._head = {
            "id": event.id if event.id.startswith("chatcmpl-") else setting.new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": event.created or setting.now,
            "model": setting.turn.model,
        }
        return [self._chunk({"role": "assistant", "content": ""})]

    def _call(self, event: CallOpened) -> bytes:
        self._kind = event.kind
        self._sent.clear()
        member = {"name": event.name, "input" if event.kind == "custom" else "arguments": ""}
        call = {"index": self._calls, "id": event.call_id, "type": event.kind, event.kind: member}
        self._calls += 1
        return self._chunk({"tool_calls": [call]})

    def _arguments(self, text: str) -> bytes:
        member = {"input" if self._kind == "custom" else "arguments": text}
        return self._chunk({"tool_calls": [{"index": self._calls - 1, self._kind: member}]})

    def _close(self, arguments: str) -> list[bytes]:
        missing = arguments.removeprefix("".join(self._sent))
        return [self._arguments(missing)] if missing else []

    def _stop(self, event: Stopped) -> list[bytes]:
        finish = reason(event.stop, called=self._calls > 0)
        if event.service_tier is not None:
            self._head["service_tier"] = event.service_tier
        events = [self._chunk({}, finish=finish)]
        if self._setting.include_usage and self._usage is not None:
            events.append(sse.render(_encode({**self._head, "choices": [], "usage": usage_body(self._usage)})))
        return [*events, sse.render(sse.DONE)]

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None, logprobs: object = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return sse.render(_encode({**self._head, "choices": [choice]}))
