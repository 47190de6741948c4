"""The items that the events of a stream have begun, each to be taken once by the item at the end that it is."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from dragoman.dialects.responses.given_items import GivenItem
from dragoman.wire import responses as wire

_NOBODY: Final[deque[GivenItem]] = deque()


class BegunItems:
    """Items by the names they go by. An answer may have thousands: each is looked at a few times, not by each other."""

    def __init__(self, items: list[GivenItem]) -> None:
        self._left = set(items)
        self._order = {item: number for number, item in enumerate(items)}
        self._by_name: dict[tuple[str, str, str], deque[GivenItem]] = {}
        for item in items:
            for name in (("id", item.kind, item.id), ("call", item.kind, item.call_id)):
                self._by_name.setdefault(name, deque()).append(item)

    def take(self, known: wire.GivenItem, placed: Iterable[GivenItem | None]) -> GivenItem | None:
        """The item that `known` completes: the first one of its id or its call, else one of those at its place."""
        named = [self._first("id", known.type, known.id), self._first("call", known.type, known.call_id)]
        found = min((item for item in named if item is not None), key=self._order.__getitem__, default=None)
        if found is None:
            at_place = (item for item in placed if item in self._left and item.kind == known.type)
            found = next(at_place, None)
        if found is not None:
            self._left.remove(found)
        return found

    def _first(self, what: str, kind: str, name: str | None) -> GivenItem | None:
        queue = self._by_name.get((what, kind, name), _NOBODY) if name else _NOBODY
        while queue and queue[0] not in self._left:
            queue.popleft()
        return queue[0] if queue else None
