"""A streamed Responses answer as events.

    event of the upstream                       gives
    ------------------------------------------  ------------------------------------------------------------
    (first)                                     Opened, from the response it carries if it does
    response.output_text.delta                  TextDelta
    response.refusal.delta                      RefusalDelta
    response.output_text.annotation.added       Annotated
    response.reasoning_text.delta,              ReasoningDelta; `response.reasoning.delta` is Open Responses'
    response.reasoning_summary_text.delta       name of the first
    response.output_item.added of a call        CallOpened, once name and call id are known
    response.*_call_arguments / _input .delta   CallDelta
    response.*_call_arguments / _input .done    what no delta gave, CallClosed
    response.output_item.done                   what is still missing of the item, ReasoningSealed
    response.completed, response.incomplete     what is still missing of all items, Used, Stopped
    error, response.failed                      Failed
    anything else                               nothing: hosted tools, audio, and what is yet to be invented

An item is known by its `output_index`, and by its id where an upstream leaves the index out. Items should not
overlap; where they do, what belongs to others waits until the open call is closed. Text is never given twice:
of a whole part only what is longer than the deltas so far. Annotations count from where the present run of
text began, so those of a later part are shifted.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from dragoman.dialects.responses import errors
from dragoman.dialects.responses.begun_items import BegunItems
from dragoman.dialects.responses.floor import Floor
from dragoman.dialects.responses.given_items import GivenItem
from dragoman.dialects.responses.response import read_stop, read_usage
from dragoman.errors import WireError
from dragoman.turn import Event, Failed, Opened, Stopped, Used
from dragoman.wire import responses as wire
from dragoman.wire import responses_events as events
from dragoman.wire import sse

MAX_ITEMS: Final = 4096
"""Items of one answer; OpenAI's own bound of a stored conversation is far below."""
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of events of one answer: what is kept of it is bounded with it."""

# The events that add to an item: the item's type, and what it makes of them.
_DELTAS: Final[dict[str, tuple[str, Callable[[GivenItem, events.GivenDelta], list[Event]]]]] = {
    "response.output_text.delta": ("message", GivenItem.text),
    "response.refusal.delta": ("message", GivenItem.refusal),
    "response.reasoning_text.delta": ("reasoning", GivenItem.thought),
    "response.reasoning.delta": ("reasoning", GivenItem.thought),
    "response.reasoning_summary_text.delta": ("reasoning", GivenItem.summary),
    "response.function_call_arguments.delta": ("function_call", GivenItem.arguments),
    "response.custom_tool_call_input.delta": ("custom_tool_call", GivenItem.arguments),
}
_CALLS_DONE: Final = {
    "response.function_call_arguments.done": "function_call",
    "response.custom_tool_call_input.done": "custom_tool_call",
}


class ResponsesReader:
    """See the table above."""

    def __init__(self, max_event: int = sse.MAX_EVENT, max_answer: int = MAX_ANSWER) -> None:
        self._decoder = sse.Decoder(max_event)
        self._left = max_answer
        self._begun = False
        self._floor = Floor()
        self._items: list[GivenItem] = []
        self._by_index: dict[int, GivenItem] = {}
        self._by_id: dict[str, GivenItem] = {}
        self._broken: WireError | None = None
        self.done = False

    def receive(self, data: bytes) -> list[Event]:
        """Raises `WireError`, but not before the events that came in front of what is wrong have been given."""
        out: list[Event] = []
        if self._broken is not None:
            raise self._broken
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
        """Nothing: an answer that is whole has said so by now."""
        if self._broken is not None:
            raise self._broken
        return []

    def _frame(self, frame: sse.Frame, out: list[Event]) -> None:
        data = frame.data
        if not data or data.startswith(sse.DONE):
            return
        self._left -= len(data)
        if self._left < 0:
            raise WireError("an answer that is too long")
        try:
            if not data.isascii():
                data.decode("utf-8")  # what is kept raw is not looked into
            head = events.parse_head(data)
            self._event(head, head.type or frame.event.decode("ascii", "replace"), data, out)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise WireError("an event that is not what its type says") from None

    def _event(self, head: events.GivenHead, kind: str, data: bytes, out: list[Event]) -> None:
        if kind in _DELTAS:
            self._delta(kind, events.parse_delta(data), out)
        elif kind in _CALLS_DONE:
            done = events.parse_call_done(data)
            item = self._of(done, _CALLS_DONE[kind])
            self._give(item, item.arguments_done(done), out)
        elif kind in _HANDLERS:
            _HANDLERS[kind](self, data, out)
        elif not head.type and head.error is not msgspec.UNSET:
            self._error(data, out)

    def _delta(self, kind: str, delta: events.GivenDelta, out: list[Event]) -> None:
        owner, take = _DELTAS[kind]
        item = self._of(delta, owner)
        self._give(item, take(item, delta), out, delta.content_index)

    def _give(self, item: GivenItem, given: list[Event], out: list[Event], part: int = 0) -> None:
        if not self._begun:
            self._open(wire.GivenResponse(), out)
        self._floor.give(item, part, given, out)

    def _open(self, response: wire.GivenResponse, out: list[Event]) -> None:
        if not self._begun:
            self._begun = True
            out.append(Opened(response.id, int(response.created_at), response.model or ""))

    def _begin(self, data: bytes, out: list[Event]) -> None:
        self._open(events.parse_response(data).response, out)

    def _added(self, data: bytes, out: list[Event]) -> None:
        given = events.parse_item(data)
        kind = wire.parse_kind(given.item).type or ""
        known = wire.parse_item(given.item) if kind in wire.READ_ITEMS else None
        item = None if given.output_index is None else self._by_index.get(given.output_index)
        if item is None or item.done or item.kind != kind:
            item = self._new(kind, given.output_index)
        if known is not None:
            self._know(item, known)
            self._give(item, item.begin(known), out)

    def _item_done(self, data: bytes, out: list[Event]) -> None:
        given = events.parse_item(data)
        if wire.parse_kind(given.item).type not in wire.READ_ITEMS:
            return
        known = wire.parse_item(given.item)
        item = self._by_id.get(known.id or "")
        if item is None and given.output_index is not None:
            item = self._by_index.get(given.output_index)
        if item is None or item.kind != known.type:
            item = self._new(known.type, given.output_index)
        self._whole(item, known, out)

    def _whole(self, item: GivenItem, known: wire.GivenItem, out: list[Event]) -> None:
        self._know(item, known)
        for part, given in item.whole(known):
            self._give(item, given, out, part)

    def _know(self, item: GivenItem, known: wire.GivenItem) -> None:
        if known.id:
            self._by_id[known.id] = item

    def _new(self, kind: str, index: int | None) -> GivenItem:
        if len(self._items) >= MAX_ITEMS:
            raise WireError(f"an answer of more than {MAX_ITEMS} items")
        item = GivenItem(kind, len(self._items))
        self._by_index[len(self._items) if index is None else index] = item
        self._items.append(item)
        return item

    def _of(self, place: events.GivenPlace, kind: str) -> GivenItem:
        """The item that an event belongs to; a new one where nobody has announced it."""
        item = self._by_id.get(place.item_id or "")
        if item is None and place.output_index is not None:
            item = self._by_index.get(place.output_index)
        if item is None and place.output_index is None and self._items and self._items[-1].kind == kind:
            item = self._items[-1]
        return item if item is not None and item.kind == kind else self._new(kind, place.output_index)

    def _annotation(self, data: bytes, out: list[Event]) -> None:
        given = events.parse_annotation(data)
        item = self._of(given, "message")
        self._give(item, item.annotation(given), out, given.content_index)

    def _end(self, data: bytes, out: list[Event]) -> None:
        """The response at the end: what it has that the events had not, and why it ended."""
        response = events.parse_response(data).response
        if response.status in ("failed", "cancelled"):
            self._failed(data, out)
            return
        self._open(response, out)
        begun = BegunItems(self._items)
        for number, value in enumerate(response.output or ()):
            if wire.parse_kind(value).type in wire.READ_ITEMS:
                known = wire.parse_item(value)
                item = begun.take(known, self._placed(number)) or self._new(known.type, None)
                self._whole(item, known, out)
        for item in self._items:
            self._give(item, item.end(), out)
        usage = read_usage(response.usage)
        if usage is not None:
            out.append(Used(usage))
        if response.status is None and events.parse_head(data).type == "response.incomplete":
            response = msgspec.structs.replace(response, status="incomplete")
        out.append(Stopped(read_stop(response, called=self._floor.called), service_tier=response.service_tier))
        self.done = True

    def _placed(self, number: int) -> Iterator[GivenItem | None]:
        """The items that may stand at this place of the output."""
        yield self._by_index.get(number)
        yield from self._items[number : number + 1]

    def _failed(self, data: bytes, out: list[Event]) -> None:
        self._open(events.parse_response(data).response, out)
        self._fail(data, out)

    def _error(self, data: bytes, out: list[Event]) -> None:
        self._open(wire.GivenResponse(), out)
        self._fail(data, out)

    def _fail(self, data: bytes, out: list[Event]) -> None:
        said = errors.of_event(data)
        if said is None:
            raise WireError("an event that is not what its type says")
        out.append(Failed(said.message, said.code, None if said.type == errors.UPSTREAM else said.type))
        self.done = True


_HANDLERS: Final[dict[str, Callable[[ResponsesReader, bytes, list[Event]], None]]] = {
    "response.created": ResponsesReader._begin,
    "response.queued": ResponsesReader._begin,
    "response.in_progress": ResponsesReader._begin,
    "response.output_item.added": ResponsesReader._added,
    "response.output_item.done": ResponsesReader._item_done,
    "response.output_text.annotation.added": ResponsesReader._annotation,
    "response.completed": ResponsesReader._end,
    "response.incomplete": ResponsesReader._end,
    "response.failed": ResponsesReader._failed,
    "response.cancelled": ResponsesReader._failed,
    "error": ResponsesReader._error,
}
