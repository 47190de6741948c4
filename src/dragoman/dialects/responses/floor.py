"""The order of events of one answer: while a call is open, what belongs to other items waits.

The neutral events say "the text", "the call": an upstream that works on two items at once must not show. What
waited follows item by item.
"""

from typing import Final, Literal

import msgspec

from dragoman.dialects.responses.given_items import GivenItem
from dragoman.dialects.responses.parts import raw
from dragoman.errors import WireError
from dragoman.turn import Annotated, CallClosed, CallDelta, CallOpened, Event, ReasoningDelta, TextDelta

MAX_WAITING: Final = 65_536
"""Events that may wait for an open call; upstreams that keep items apart make none wait."""


class Floor:
    """Gives events out one item at a time, and numbers reasoning parts and annotations by what has gone before."""

    def __init__(self) -> None:
        self.called = False
        """Whether any call was among the events."""
        self._holder: GivenItem | None = None
        self._waiting: dict[GivenItem, list[tuple[int, Event]]] = {}
        """By item, in the order in which they began to wait; empty while nobody holds the floor."""
        self._left = MAX_WAITING
        self._run = 0
        self._begins: dict[tuple[GivenItem, int], int] = {}
        self._thinker: GivenItem | None = None
        self._next: dict[Literal["text", "summary"], int] = {}
        self._offset: dict[Literal["text", "summary"], int] = {}

    def give(self, item: GivenItem, part: int, given: list[Event], out: list[Event]) -> None:
        """`given` belongs to a content part of `item`; `out` takes what may go now."""
        if self._holder in (None, item) and len(given) == 1 and isinstance(given[0], TextDelta | CallDelta):
            out.append(self._placed(item, part, given[0]))  # nearly every event of a stream
            return
        for event in given:
            if self._holder is None or self._holder is item:
                self._put(item, part, event, out)
                if self._holder is None and self._waiting:
                    self._advance(out)
                continue
            self._waiting.setdefault(item, []).append((part, event))
            self._left -= 1
            if self._left < 0:
                raise WireError("a call that is never closed")

    def _put(self, item: GivenItem, part: int, event: Event, out: list[Event]) -> None:
        out.append(self._placed(item, part, event))
        if isinstance(event, CallOpened):
            self.called = True
            self._holder = item
        elif isinstance(event, CallClosed):
            self._holder = None

    def _advance(self, out: list[Event]) -> None:
        """Gives what waits, item by item, until one of them keeps the floor."""
        while self._waiting and self._holder is None:
            item = next(iter(self._waiting))
            waited = self._waiting.pop(item)
            self._left += len(waited)
            for part, event in waited:
                self._put(item, part, event, out)

    def _placed(self, item: GivenItem, part: int, event: Event) -> Event:
        if isinstance(event, Annotated):
            return _shifted(event, self._begins.get((item, part), 0))
        if isinstance(event, ReasoningDelta):
            self._run = 0
            return self._numbered(item, event)
        self._thinker = None
        if isinstance(event, TextDelta):
            self._begins.setdefault((item, part), self._run)
            self._run += len(event.text)
        else:
            self._run = 0
        return event

    def _numbered(self, item: GivenItem, event: ReasoningDelta) -> ReasoningDelta:
        """Reasoning that follows reasoning of another item goes on counting, so that it begins a new part."""
        if self._thinker is None:
            self._next, self._offset = {}, {}
        elif self._thinker is not item:
            self._offset = dict(self._next)
        self._thinker = item
        part = event.part + self._offset.get(event.channel, 0)
        self._next[event.channel] = part + 1
        return ReasoningDelta(event.text, event.channel, part)


class _Place(msgspec.Struct, frozen=True):
    start_index: int | None = None
    end_index: int | None = None


def _shifted(event: Annotated, by: int) -> Annotated:
    """The annotation `by` characters further on; one whose places are no numbers stays as it is."""
    if not by:
        return event
    try:
        place = msgspec.json.decode(event.annotation, type=_Place)
        members = msgspec.json.decode(event.annotation, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return event
    for name, index in (("start_index", place.start_index), ("end_index", place.end_index)):
        if index is not None:
            members[name] = raw(index + by)
    return Annotated(raw(members))
