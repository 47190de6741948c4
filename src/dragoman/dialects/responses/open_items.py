"""The items of a stream while they are being written.

Each begins with `output_item.added`, is closed once with `output_item.done`, and between them sends the events
of its own kind:

    item       part              events
    ---------  ----------------  ------------------------------------------------------------------------
    message    text              content_part.added (output_text.delta | output_text.annotation.added)*
                                 output_text.done content_part.done
    message    refusal           content_part.added refusal.delta* refusal.done content_part.done
    reasoning  summary           reasoning_summary_part.added reasoning_summary_text.delta*
                                 reasoning_summary_text.done reasoning_summary_part.done
    reasoning  text              content_part.added reasoning_text.delta* reasoning_text.done content_part.done
    function                     function_call_arguments.delta* function_call_arguments.done
    custom                       custom_tool_call_input.delta* custom_tool_call_input.done
"""

from collections.abc import Callable
from typing import Literal

from msgspec import UNSET, Raw

from dragoman.dialects.calls import unwrap
from dragoman.dialects.responses.parts import native_logprobs
from dragoman.turn import CallOpened
from dragoman.wire import responses as wire
from dragoman.wire import responses_events as events

Put = Callable[[events.StreamEvent], None]
"""Takes an event to be sent; it sets the number."""
Channel = Literal["text", "summary"]


class OpenMessage:
    """A message; a new kind of part closes the one that is open."""

    def __init__(self, identity: str, index: int, put: Put) -> None:
        self._id = identity
        self._index = index
        self._put = put
        self._parts: list[wire.OutputText | wire.RefusalPart] = []
        self._open: Literal["", "text", "refusal"] = ""
        self._said: list[str] = []
        self._annotations: list[Raw] = []
        self._logprobs: list[Raw] = []
        put(events.ItemAdded(index, wire.OutputMessage(id=identity, status="in_progress", content=[])))

    def say(self, text: str, logprobs: tuple[Raw, ...]) -> None:
        self._open_part("text")
        drawn = native_logprobs(logprobs) if logprobs else []
        self._said.append(text)
        self._logprobs += drawn
        self._put(events.TextDelta(self._id, self._index, len(self._parts), text, drawn))

    def refuse(self, text: str) -> None:
        self._open_part("refusal")
        self._said.append(text)
        self._put(events.RefusalDelta(self._id, self._index, len(self._parts), text))

    def annotate(self, annotation: Raw) -> None:
        self._open_part("text")
        number = len(self._annotations)
        self._annotations.append(annotation)
        self._put(events.AnnotationAdded(self._id, self._index, len(self._parts), number, annotation))

    def close(self, status: wire.Status) -> wire.OutputItem:
        self._close_part()
        item = wire.OutputMessage(id=self._id, status=status, content=self._parts)
        self._put(events.ItemDone(self._index, item))
        return item

    def _open_part(self, kind: Literal["text", "refusal"]) -> None:
        if self._open == kind:
            return
        self._close_part()
        self._open = kind
        part = wire.OutputText("", [], []) if kind == "text" else wire.RefusalPart("")
        self._put(events.PartAdded(self._id, self._index, len(self._parts), part))

    def _close_part(self) -> None:
        if not self._open:
            return
        place = (self._id, self._index, len(self._parts))
        text = "".join(self._said)
        part: wire.OutputText | wire.RefusalPart
        if self._open == "text":
            part = wire.OutputText(text, self._annotations, self._logprobs)
            self._put(events.TextDone(*place, text, self._logprobs))
        else:
            part = wire.RefusalPart(text)
            self._put(events.RefusalDone(*place, text))
        self._put(events.PartDone(*place, part))
        self._parts.append(part)
        self._open = ""
        self._said, self._annotations, self._logprobs = [], [], []


class OpenReasoning:
    """Reasoning; another part, or the other channel, closes the part that is open."""

    def __init__(self, identity: str, index: int, put: Put) -> None:
        self._id = identity
        self._index = index
        self._put = put
        self._summary: list[wire.SummaryText] = []
        self._content: list[wire.ReasoningText] = []
        self._open: tuple[Channel, int] | None = None
        self._said: list[str] = []
        self._seal = ""
        self.sealed = False
        put(events.ItemAdded(index, wire.ReasoningItem([], identity, status="in_progress")))

    def think(self, text: str, channel: Channel, part: int) -> None:
        if self._open != (channel, part):
            self._close_part()
            self._open = (channel, part)
            self._open_part(channel)
        self._said.append(text)
        if channel == "summary":
            self._put(events.SummaryTextDelta(self._id, self._index, len(self._summary), text))
        else:
            self._put(events.ReasoningTextDelta(self._id, self._index, len(self._content), text))

    def seal(self, seal: str) -> None:
        """The end of the item; `seal` is empty where the caller is not to have it."""
        self._seal = seal
        self.sealed = True

    def close(self, status: wire.Status) -> wire.OutputItem:
        self._close_part()
        item = wire.ReasoningItem(self._summary, self._id, self._content or UNSET, self._seal or UNSET, status)
        self._put(events.ItemDone(self._index, item))
        return item

    def _open_part(self, channel: Channel) -> None:
        if channel == "summary":
            place = (self._id, self._index, len(self._summary))
            self._put(events.SummaryPartAdded(*place, wire.SummaryText("")))
        else:
            place = (self._id, self._index, len(self._content))
            self._put(events.PartAdded(*place, wire.ReasoningText("")))

    def _close_part(self) -> None:
        if self._open is None:
            return
        text = "".join(self._said)
        if self._open[0] == "summary":
            place = (self._id, self._index, len(self._summary))
            self._summary.append(wire.SummaryText(text))
            self._put(events.SummaryTextDone(*place, text))
            self._put(events.SummaryPartDone(*place, self._summary[-1]))
        else:
            place = (self._id, self._index, len(self._content))
            self._content.append(wire.ReasoningText(text))
            self._put(events.ReasoningTextDone(*place, text))
            self._put(events.PartDone(*place, self._content[-1]))
        self._open = None
        self._said = []


class OpenCall:
    """A call; what no delta gave comes as one when the call is finished."""

    def __init__(
        self, identity: str, index: int, put: Put, opened: CallOpened, namespace: str | None = None, *, wrapped: bool
    ) -> None:
        """`wrapped`: a custom call that comes as a function's, whose input is known only when it is whole."""
        self._id = identity
        self._index = index
        self._put = put
        self._opened = opened
        self._namespace = namespace
        self._wrapped = wrapped
        self._custom = wrapped or opened.kind == "custom"
        self._said: list[str] = []
        self._whole: str | None = None
        put(events.ItemAdded(index, self._item("", "in_progress")))

    def more(self, text: str) -> None:
        self._said.append(text)
        if not self._wrapped:
            self._delta(text)

    def finish(self, arguments: str) -> None:
        """The call is whole; the item stays open until it is known whether the answer is."""
        sent = "" if self._wrapped else "".join(self._said)
        whole = unwrap(arguments) if self._wrapped else arguments
        if not whole.startswith(sent):
            whole = sent  # what has been sent cannot be unsaid
        if len(whole) > len(sent):
            self._delta(whole[len(sent) :])
        self._whole = whole
        if self._custom:
            self._put(events.InputDone(self._id, self._index, whole))
        else:
            self._put(events.ArgumentsDone(self._id, self._index, whole))

    def close(self, status: wire.Status) -> wire.OutputItem:
        if self._whole is None:
            self.finish("".join(self._said))
        item = self._item(self._whole or "", status)
        self._put(events.ItemDone(self._index, item))
        return item

    def _delta(self, text: str) -> None:
        if self._custom:
            self._put(events.InputDelta(self._id, self._index, text))
        else:
            self._put(events.ArgumentsDelta(self._id, self._index, text))

    def _item(self, text: str, status: wire.Status) -> wire.FunctionCall | wire.CustomToolCall:
        kind = wire.CustomToolCall if self._custom else wire.FunctionCall
        return kind(self._opened.call_id, self._opened.name, text, self._id, status, self._namespace)


OpenItem = OpenMessage | OpenReasoning | OpenCall
