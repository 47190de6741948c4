"""Events as a Responses stream.

    state    event                          sends                                             goes to
    -------  -----------------------------  ------------------------------------------------  -------
    NEW      Opened, or anything else       response.created, response.in_progress            OPEN
    OPEN     TextDelta, RefusalDelta        [item done] [message added] its delta             OPEN
    OPEN     ReasoningDelta                 [item done] [reasoning added] its delta           OPEN
    OPEN     ReasoningSealed                [item done] [reasoning added]                     OPEN
    OPEN     CallOpened                     [item done] call added                            OPEN
    OPEN     CallDelta, CallClosed          the call's delta; what is missing and its end     OPEN
    OPEN     Annotated                      its event in the open text, or held for the next  OPEN
    OPEN     Used                           nothing: it goes into the last event              OPEN
    OPEN     Stopped                        [item done] response.completed or .incomplete,    ENDED
                                            [DONE]
    OPEN     Failed, fail()                 error, response.failed, [DONE]                    ENDED
    ENDED    anything                       nothing                                           ENDED

An item is done only when the next begins or the answer ends, for only then is it known whether the last one
was cut. Every event is numbered, from 0 and without gaps. The last event's object equals the buffered answer.
"""

from typing import Final

import msgspec

from dragoman.dialects.base import Setting
from dragoman.dialects.calls import Calls
from dragoman.dialects.error_types import openai
from dragoman.dialects.responses import echo, errors
from dragoman.dialects.responses.items import SEALER
from dragoman.dialects.responses.namespaces import Homes
from dragoman.dialects.responses.open_items import OpenCall, OpenItem, OpenMessage, OpenReasoning
from dragoman.dialects.responses.response import wants_seal
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
from dragoman.wire import responses as wire
from dragoman.wire import responses_events as events
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody

_encode: Final = msgspec.json.Encoder().encode


class ResponsesWriter:
    """See the table above; each item of a result is one whole event, to be sent at once."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._calls = Calls(setting.turn)
        self._homes = Homes(setting.turn.tools)
        self._wants_seal = setting.keeps or wants_seal(setting.turn)
        self._number = 0
        self._out: list[bytes] = []
        self._begun: wire.Response | None = None
        self._output: list[wire.OutputItem] = []
        self._open: OpenItem | None = None
        self._muted = False
        self._refused = False
        self._held: list[msgspec.Raw] = []
        self._usage: Usage | None = None
        self._ended = False

    def write(self, event: Event) -> list[bytes]:
        if not self._ended:
            self._event(event)
        return self._taken()

    def fail(self, error: ErrorBody) -> list[bytes]:
        if not self._ended:
            self._fail(error)
        return self._taken()

    def _event(self, event: Event) -> None:
        if isinstance(event, Opened):
            self._begin(event)
            return
        self._begin(_UNSAID)
        match event:
            case TextDelta():
                self._message().say(event.text, event.logprobs)
            case RefusalDelta():
                self._refused = True
                self._message().refuse(event.text)
            case Annotated():
                self._annotate(event.annotation)
            case CallOpened() | CallDelta() | CallClosed():
                self._call(event)
            case ReasoningDelta():
                self._reasoning().think(event.text, event.channel, event.part)
            case ReasoningSealed():
                shown = self._wants_seal and event.sealed_by == SEALER
                self._reasoning().seal(event.seal if shown else "")
            case Used() | Stopped() | Failed():
                self._last(event)

    def _begin(self, opened: Opened) -> None:
        """The first two events, in front of whatever comes first."""
        if self._begun is not None:
            return
        self._begun = echo.begin(self._setting, opened.id, opened.created)
        self._put(events.Created(self._begun))
        self._put(events.InProgress(self._begun))

    def _message(self) -> OpenMessage:
        if isinstance(self._open, OpenMessage):
            return self._open
        self._close("completed")
        message = OpenMessage(self._setting.new_id("msg_"), len(self._output), self._put)
        self._open = message
        for annotation in self._held:
            message.annotate(annotation)
        self._held.clear()
        return message

    def _reasoning(self) -> OpenReasoning:
        if isinstance(self._open, OpenReasoning) and not self._open.sealed:
            return self._open
        self._close("completed")
        reasoning = OpenReasoning(self._setting.new_id("rs_"), len(self._output), self._put)
        self._open = reasoning
        return reasoning

    def _annotate(self, annotation: msgspec.Raw) -> None:
        if isinstance(self._open, OpenMessage):
            self._open.annotate(annotation)
        else:
            self._held.append(annotation)

    def _call(self, event: CallOpened | CallDelta | CallClosed) -> None:
        if isinstance(event, CallOpened):
            name = self._calls.name(event.name)
            self._muted = not self._calls.permits(name)
            if not self._muted:
                self._close("completed")
                wrapped = self._calls.unwraps(name, event.kind)
                identity = self._setting.new_id("ctc_" if wrapped or event.kind == "custom" else "fc_")
                name, space = self._homes.of(name)
                opened = CallOpened(event.call_id, name, event.kind)
                self._open = OpenCall(identity, len(self._output), self._put, opened, space, wrapped=wrapped)
        elif not self._muted and isinstance(self._open, OpenCall):
            if isinstance(event, CallDelta):
                self._open.more(event.text)
            else:
                self._open.finish(event.arguments)

    def _last(self, event: Used | Stopped | Failed) -> None:
        match event:
            case Used():
                self._usage = event.usage
            case Stopped():
                self._stop(event)
            case Failed():
                self._fail(ErrorBody(event.message, event.type or "server_error", None, event.code))

    def _stop(self, stopped: Stopped) -> None:
        assert self._begun is not None
        if self._held:
            self._message()  # annotations that came after their text go into a text of their own
        status, _ = echo.outcome(stopped.stop, refused=self._refused)
        self._close(status)
        response = echo.end(
            self._begun,
            self._output,
            self._setting,
            stop=stopped.stop,
            usage=self._usage,
            service_tier=stopped.service_tier,
        )
        completed = response.status == "completed"
        self._put(events.Completed(response) if completed else events.Incomplete(response))
        self._end()

    def _fail(self, error: ErrorBody) -> None:
        """An error, and the response as far as its items had come whole."""
        self._begin(_UNSAID)
        assert self._begun is not None
        said = openai(error)
        detail = events.ErrorDetail(said.type, said.code, said.message, said.param)
        self._put(events.Error(code=said.code, message=said.message, param=said.param, error=detail))
        failed = echo.fail(self._begun, self._output, self._setting, errors.of_response(error), self._usage)
        self._put(events.Failed(failed))
        self._end()

    def _close(self, status: wire.Status) -> None:
        if self._open is not None:
            self._output.append(self._open.close(status))
            self._open = None

    def _end(self) -> None:
        self._out.append(sse.render(sse.DONE))
        self._ended = True

    def _put(self, event: events.StreamEvent) -> None:
        event.sequence_number = self._number
        self._number += 1
        self._out.append(sse.render(_encode(event), str(event.__struct_config__.tag).encode()))

    def _taken(self) -> list[bytes]:
        out, self._out = self._out, []
        return out


_UNSAID: Final = Opened("", 0, "")
