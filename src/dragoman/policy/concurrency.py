"""How many calls are under way at once, and which of those that wait is next: a machine without a clock.

    enter    a place is free                    in, at once
             else there is room to wait         waiting, in the order of coming
             else                               refused
    leave    a place is given back              whoever waits longest and may, is in
    give up  a waiting call has had enough      out of the line

A tenant that has all its places does not keep those of others from passing it in the line. Whoever comes takes a
free place only if nobody who waits could: `leave` has given it to them already.
"""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Literal

from dragoman.policy.resources import Concurrency

Entry = Literal["in", "waiting", "refused"]


class Gate:
    """The places of one resource. A ticket is whatever the caller tells its calls apart by."""

    __slots__ = ("_held", "_of", "_rule", "_waiting")

    def __init__(self, rule: Concurrency) -> None:
        self._rule = rule
        self._held: dict[object, str] = {}
        self._of: Counter[str] = Counter()
        self._waiting: OrderedDict[object, str] = OrderedDict()

    @property
    def held(self) -> int:
        return len(self._held)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def unused(self) -> bool:
        return not self._held and not self._waiting

    def adopt(self, rule: Concurrency) -> None:
        """Goes on under another rule; whoever is in stays in."""
        self._rule = rule

    def would_refuse(self, tenant: str) -> bool:
        """Whether a call that came now would be turned away."""
        return not self._free(tenant) and len(self._waiting) >= self._rule.max_queue

    def enter(self, ticket: object, tenant: str) -> Entry:
        if self._free(tenant):
            self._admit(ticket, tenant)
            return "in"
        if len(self._waiting) >= self._rule.max_queue:
            return "refused"
        self._waiting[ticket] = tenant
        return "waiting"

    def leave(self, ticket: object) -> Sequence[object]:
        """Gives a place back, once; the tickets that are in now."""
        tenant = self._held.pop(ticket, None)
        if tenant is None:
            return ()
        self._of[tenant] -= 1
        if not self._of[tenant]:
            del self._of[tenant]
        return self._advance()

    def give_up(self, ticket: object) -> None:
        """Takes a waiting call out of the line; one that is in already has to `leave`."""
        self._waiting.pop(ticket, None)

    def _free(self, tenant: str) -> bool:
        rule = self._rule
        return len(self._held) < rule.max and (rule.per_tenant is None or self._of[tenant] < rule.per_tenant)

    def _admit(self, ticket: object, tenant: str) -> None:
        self._held[ticket] = tenant
        self._of[tenant] += 1

    def _advance(self) -> Sequence[object]:
        called: list[object] = []
        for ticket, tenant in self._waiting.items():
            if len(self._held) >= self._rule.max:
                break
            if self._free(tenant):
                self._admit(ticket, tenant)
                called.append(ticket)
        for ticket in called:
            del self._waiting[ticket]
        return called
