"""The items of an upstream's stream: what each has given so far, and so what is still to be given.

Some upstreams send no deltas, some no `done` events, some neither and only the object at the end. Each of
these may complete an item, in any order; nothing is given twice.
"""

from typing import Final

from msgspec import Raw

from dragoman.dialects.responses.items import SEALER
from dragoman.dialects.responses.namespaces import whole
from dragoman.dialects.responses.parts import neutral_logprob
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
)
from dragoman.wire import responses as wire
from dragoman.wire import responses_events as events

CALLS: Final = ("function_call", "custom_tool_call")


class GivenItem:
    """One item; its methods give the events that are new."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind = kind
        self._number = number
        self.id = ""
        self.call_id = ""
        self.done = False
        self._name = ""
        self._parts: dict[int, int] = {}
        self._annotations: dict[int, int] = {}
        self._summaries: dict[int, int] = {}
        self._arguments: list[str] = []
        self._unsent: list[str] = []
        self._opened = False
        self._closed = False
        self._sealed = False

    def begin(self, item: wire.GivenItem) -> list[Event]:
        """What is known of the item before its content."""
        self.kind = item.type
        self.id = item.id or self.id
        self.call_id = item.call_id or self.call_id
        self._name = whole(item.namespace, item.name) if item.name else self._name
        return self._open() if self.kind in CALLS else []

    def text(self, delta: events.GivenDelta) -> list[Event]:
        return self._text(delta.content_index, delta.delta, delta.logprobs)

    def refusal(self, delta: events.GivenDelta) -> list[Event]:
        return self._refusal(delta.content_index, delta.delta)

    def annotation(self, given: events.GivenAnnotation) -> list[Event]:
        self._annotations[given.content_index] = self._annotations.get(given.content_index, 0) + 1
        return _annotated([given.annotation])

    def thought(self, delta: events.GivenDelta) -> list[Event]:
        return self._thought(delta.content_index, delta.delta)

    def summary(self, delta: events.GivenDelta) -> list[Event]:
        return self._summary(delta.summary_index, delta.delta)

    def arguments(self, delta: events.GivenDelta) -> list[Event]:
        if not delta.delta or self._closed:
            return []
        self._arguments.append(delta.delta)
        self._unsent.append(delta.delta)
        return self._open()

    def arguments_done(self, done: events.GivenCallDone) -> list[Event]:
        """The end of a call, if it is known by now whose."""
        whole = (done.input if self.kind == "custom_tool_call" else done.arguments) or ""
        self._complete(whole)
        return [*self._open(), *self._close()] if self.call_id and self._name else []

    def whole(self, item: wire.GivenItem) -> list[tuple[int, list[Event]]]:
        """The item complete, as `output_item.done` or the response at the end has it, by content part."""
        given = [(0, self.begin(item))]
        match item.type:
            case "message":
                given += [(index, self._whole_part(index, part)) for index, part in enumerate(item.content or ())]
            case "reasoning":
                given.append((0, self._whole_reasoning(item)))
            case _:
                self.call_id = self.call_id or item.id or f"call_{self._number}"
                self._complete((item.input if item.type == "custom_tool_call" else item.arguments) or "")
                given.append((0, self.end()))
        self.done = True
        return given

    def end(self) -> list[Event]:
        """The end of a call that nobody closed."""
        if self.kind not in CALLS or self._closed:
            return []
        if not self._name or not self.call_id:
            raise WireError("a call without a name or an id")
        return [*self._open(), *self._close()]

    def _text(self, index: int, text: str, logprobs: list[Raw] | None) -> list[Event]:
        if not text:
            return []
        self._parts[index] = self._parts.get(index, 0) + len(text)
        return [TextDelta(text, tuple(map(neutral_logprob, logprobs)) if logprobs else ())]

    def _refusal(self, index: int, text: str) -> list[Event]:
        if not text:
            return []
        self._parts[index] = self._parts.get(index, 0) + len(text)
        return [RefusalDelta(text)]

    def _thought(self, index: int, text: str) -> list[Event]:
        if not text:
            return []
        self._parts[index] = self._parts.get(index, 0) + len(text)
        return [ReasoningDelta(text, "text", index)]

    def _summary(self, index: int, text: str) -> list[Event]:
        if not text:
            return []
        self._summaries[index] = self._summaries.get(index, 0) + len(text)
        return [ReasoningDelta(text, "summary", index)]

    def _whole_part(self, index: int, part: wire.GivenPart) -> list[Event]:
        sent = self._parts.get(index, 0)
        if part.type == "refusal":
            return self._refusal(index, (part.refusal or "")[sent:])
        # The rest of a text has no log probabilities that could be told from those of its beginning.
        given = self._text(index, (part.text or "")[sent:], None if sent else part.logprobs)
        annotated = self._annotations.get(index, 0)
        late = (part.annotations or [])[annotated:]
        self._annotations[index] = annotated + len(late)
        return given + _annotated(late)

    def _whole_reasoning(self, item: wire.GivenItem) -> list[Event]:
        given: list[Event] = []
        for index, part in enumerate(item.summary or ()):
            given += self._summary(index, (part.text or "")[self._summaries.get(index, 0) :])
        for index, part in enumerate(item.content or ()):
            given += self._thought(index, (part.text or "")[self._parts.get(index, 0) :])
        if item.encrypted_content and not self._sealed:
            self._sealed = True
            given.append(ReasoningSealed(item.encrypted_content, SEALER))
        return given

    def _complete(self, whole: str) -> None:
        """Takes what the whole arguments have beyond the deltas; the deltas are right where they disagree."""
        sent = "".join(self._arguments)
        if not self._closed and len(whole) > len(sent) and whole.startswith(sent):
            self._arguments.append(whole[len(sent) :])
            self._unsent.append(whole[len(sent) :])

    def _open(self) -> list[Event]:
        given: list[Event] = []
        if not self._opened and self.call_id and self._name:
            self._opened = True
            kind = self.kind
            given.append(CallOpened(self.call_id, self._name, "custom" if kind == "custom_tool_call" else "function"))
        if self._opened:
            given += [CallDelta(text) for text in self._unsent]
            self._unsent.clear()
        return given

    def _close(self) -> list[Event]:
        if self._closed:
            return []
        self._closed = True
        text = "".join(self._arguments)
        return [CallClosed(text if self.kind == "custom_tool_call" else text or "{}")]


def _annotated(annotations: list[Raw]) -> list[Event]:
    return [Annotated(annotation) for annotation in annotations if bytes(annotation) != b"null"]
