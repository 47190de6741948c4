"""Who may run at once and who waits, fairly between keys: a machine without a clock.

    enter    a place is free                          in, at once
             else there is room to wait               waiting
             else a key has more waiting than this    its youngest is turned out, and this one waits
             else                                     refused
    leave    a place is given back                    the next key in turn has its eldest in
    give up  a waiting call has had enough            out of the line

Calls of one key keep their order; keys take turns, so that one with a hundred calls waiting costs another one call's
time. A place is anybody's: a key that is alone has them all.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a call that came; `out` had been waiting and is not any more."""

    state: Literal["in", "waiting", "refused"]
    out: Hashable | None = None


class Line:
    """The places of one upstream. A ticket is whatever its caller tells calls apart by."""

    __slots__ = ("_held", "_max", "_max_queue", "_waiting", "waiting")

    def __init__(self, max_concurrency: int, max_queue: int) -> None:
        self._max = max_concurrency
        self._max_queue = max_queue
        self._held: set[Hashable] = set()
        self._waiting: OrderedDict[str, dict[Hashable, None]] = OrderedDict()
        """By key, in the order in which keys have their turn; and each call's in the order of coming."""
        self.waiting = 0

    @property
    def held(self) -> int:
        return len(self._held)

    def enter(self, ticket: Hashable, key: str) -> Entry:
        if len(self._held) < self._max:
            self._held.add(ticket)
            return Entry("in")
        out = None
        if self.waiting >= self._max_queue:
            out = self._youngest_beyond(len(self._waiting.get(key, ())) + 1)
            if out is None:
                return Entry("refused")
            self.give_up(out)
        self._waiting.setdefault(key, {})[ticket] = None
        self.waiting += 1
        return Entry("waiting", out)

    def leave(self, ticket: Hashable) -> Sequence[Hashable]:
        """Gives a place back, once; the tickets that are in now."""
        if ticket not in self._held:
            return ()
        self._held.discard(ticket)
        called = []
        while self._waiting and len(self._held) < self._max:
            key, tickets = self._waiting.popitem(last=False)
            eldest = next(iter(tickets))
            del tickets[eldest]
            if tickets:
                self._waiting[key] = tickets  # behind the others
            self.waiting -= 1
            self._held.add(eldest)
            called.append(eldest)
        return called

    def give_up(self, ticket: Hashable) -> None:
        """Takes a waiting call out of the line; one that is in already has to `leave`."""
        for key, tickets in self._waiting.items():
            if ticket in tickets:
                del tickets[ticket]
                self.waiting -= 1
                if not tickets:
                    del self._waiting[key]
                return

    def _youngest_beyond(self, count: int) -> Hashable | None:
        """Of the key with the most calls waiting, if those are more than `count`."""
        longest = max(self._waiting.values(), key=len, default={})
        return next(reversed(longest)) if len(longest) > count else None
