"""A call at its limits: it takes what it costs, waits where it may, and holds its places until it ends.

    refused      there is neither a place nor room to wait for one: nothing is taken
    limits       all buckets of the call at once, or none; in turn where the rule lets calls wait
    places       in the order of the resources, the upstream's before its route's

A call that waits for a limit holds no place, and one that waits for a place has paid. Buckets and gates outlive a
reload; a gate that nobody uses is forgotten.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from itertools import repeat

import structlog

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.observe import LimitMeter
from dragoman.gateway.watch import NEVER
from dragoman.policy import admission
from dragoman.policy.admission import Bounds, Caller
from dragoman.policy.client_address import client_address, subscriber
from dragoman.policy.concurrency import Gate
from dragoman.policy.keys import Key
from dragoman.policy.limits import Ask, Verdict
from dragoman.policy.resources import Concurrency
from dragoman.ports import Clock, Counters

Place = asyncio.Future[bool]
"""A call's ticket at a gate: true once it is in, false once it has waited too long."""
Name = tuple[str, str]

_log = structlog.get_logger("dragoman")


@dataclass(slots=True)
class Line:
    """Calls that wait for a limit, one of which asks for all."""

    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


class Admission:
    """The limits of all resources, as this process sees them. With `fail_open` calls pass while no one can count."""

    def __init__(self, counters: Counters, clock: Clock, meter: LimitMeter, *, fail_open: bool) -> None:
        self.counters = counters
        self.clock = clock
        self.meter = meter
        self._fail_open = fail_open
        self._blind = False
        self._gates: dict[Name, Gate] = {}
        self._lines: dict[str, Line] = {}

    async def take(self, asks: Sequence[Ask]) -> Sequence[Verdict] | None:
        """The verdicts; None if the store is away and calls pass. Raises `GatewayError` STORE_UNAVAILABLE."""
        try:
            verdicts = await self.counters.take(asks)
        except GatewayError as error:
            if not self._fail_open:
                raise
            if not self._blind:
                self._blind = True
                _log.warning("calls pass unlimited", reason=error.message)
            return None
        self._blind = False
        return verdicts

    def gate(self, bound: Bounds) -> Gate:
        """The gate of a resource, under the rule it has now."""
        assert bound.concurrency is not None
        name = bound.kind, bound.id
        gate = self._gates.get(name)
        if gate is None:
            gate = self._gates[name] = Gate(bound.concurrency)
        else:
            gate.adopt(bound.concurrency)
        return gate

    def would_refuse(self, bound: Bounds, tenant: str) -> bool:
        """Whether a call that came to the gate now would be turned away."""
        return (bound.kind, bound.id) in self._gates and self.gate(bound).would_refuse(tenant)

    def leave(self, bound: Bounds, gate: Gate, place: Place) -> None:
        """Gives up a place, or the wait for it, and calls in who is next."""
        gate.give_up(place)
        left = deque(gate.leave(place))
        while left:
            called = left.popleft()
            assert isinstance(called, asyncio.Future)
            if called.done():  # its call has gone in the same moment
                left.extend(gate.leave(called))
            else:
                called.set_result(True)
        if gate.unused and self._gates.get((bound.kind, bound.id)) is gate:
            del self._gates[bound.kind, bound.id]

    def has_line(self, key: str) -> bool:
        return key in self._lines

    def line(self, key: str) -> Line:
        return self._lines.setdefault(key, Line())

    def close_line(self, key: str) -> None:
        """Forgets a line in which nobody stands any more."""
        if not self._lines[key].length:
            del self._lines[key]


class Permit:
    """What one call may do, and what it holds for it until its block ends, however that is."""

    __slots__ = ("_admission", "_call", "_caller", "_places", "_verdicts")

    def __init__(
        self, admission: Admission, call: Call, key: Key, trusted: Sequence[IPv4Network | IPv6Network], route: str = ""
    ) -> None:
        self._admission = admission
        self._call = call
        forwarded = b",".join(value for name, value in call.headers if name == b"x-forwarded-for")
        self._caller = Caller(key.tenant, key.id, subscriber(client_address(call.peer, forwarded, trusted)), route)
        self._verdicts: dict[Bounds, Verdict | None] = {}
        """What was paid, and what the limit said; None where it could not be asked."""
        self._places: list[tuple[Bounds, Gate, Place]] = []

    def __enter__(self) -> "Permit":
        return self

    def __exit__(self, *_: object) -> None:
        while self._places:
            self._admission.leave(*self._places.pop())

    async def gain(self, bounds: Sequence[Bounds]) -> None:
        """Returns once the call is within these bounds; those it is within already are not asked again.

        Raises `GatewayError` RATE_LIMIT_EXCEEDED, CONCURRENCY_LIMIT_EXCEEDED, QUEUE_FULL, QUEUE_TIMEOUT or
        STORE_UNAVAILABLE; what was gained before stays.
        """
        taken = [bound for bound, _, _ in self._places]
        gates = [(bound, bound.concurrency) for bound in bounds if bound.concurrency and bound not in taken]
        unpaid = [bound for bound in bounds if bound.limit and bound not in self._verdicts]
        self._call.watch.phase(errors.REQUEST_TIMEOUT, NEVER)  # how long a line may be is said by its own rule
        for bound, _ in gates:
            if self._admission.would_refuse(bound, self._caller.tenant):
                raise self._no_place(bound)
        if unpaid:
            await self._pay(unpaid)
        self._show([bound for bound in bounds if bound in self._verdicts])
        for bound, rule in gates:
            await self._enter(bound, rule)

    def drop(self, bounds: Sequence[Bounds]) -> None:
        """Gives up the places of these resources; to go there again costs again."""
        for bound in bounds:
            self._verdicts.pop(bound, None)
        for held in [held for held in self._places if held[0] in bounds]:
            self._places.remove(held)
            self._admission.leave(*held)

    def _no_place(self, bound: Bounds) -> GatewayError:
        if bound.concurrency is not None and bound.concurrency.max_queue:
            return self._no_room(bound)
        self._admission.meter.no_place(bound.kind, bound.name)
        message = f"Too many calls to {bound.kind} {bound.name!r} are under way."
        return admission.refusal(errors.CONCURRENCY_LIMIT_EXCEEDED, bound, message)

    def _no_room(self, bound: Bounds) -> GatewayError:
        self._admission.meter.rejected(bound.kind, bound.name, "full")
        message = f"Too many calls wait for their turn at {bound.kind} {bound.name!r}."
        return admission.refusal(errors.QUEUE_FULL, bound, message)

    async def _pay(self, bounds: Sequence[Bounds]) -> None:
        asks = [admission.ask(bound, self._caller) for bound in bounds]
        waits = [bound for bound in bounds if bound.limit is not None and bound.limit.strategy == "queue"]
        if waits:
            await self._pay_in_turn(bounds, asks, waits[0])
            return
        verdicts = await self._take(bounds, asks)
        if verdicts is not None:
            raise self._exceeded(bounds, verdicts)

    async def _take(self, bounds: Sequence[Bounds], asks: Sequence[Ask]) -> Sequence[Verdict] | None:
        """None if the call may pass, else what the limits say."""
        verdicts = await self._admission.take(asks)
        for bound, said in zip(bounds, verdicts or (), strict=False):
            self._admission.meter.used(bound.kind, bound.name, 1 - said.remaining / max(1, said.limit))
        if verdicts is None or all(verdict.granted for verdict in verdicts):
            self._verdicts.update(zip(bounds, verdicts or repeat(None), strict=False))
            return None
        return verdicts

    def _show(self, bounds: Sequence[Bounds], verdicts: Sequence[Verdict] | None = None) -> None:
        """Puts the limits of these bounds, as they stand or as told, into the headers of the answer."""
        added = self._call.added
        for name in admission.HEADERS:
            added.pop(name, None)
        told = [(bound, said) for bound, said in zip(bounds, verdicts or map(self._verdicts.get, bounds), strict=True)]
        shown = [said for bound, said in told if said is not None and bound.limit and bound.limit.response_headers]
        if shown:
            added.update(admission.headers(shown, self._admission.clock.now()))

    def _exceeded(self, bounds: Sequence[Bounds], verdicts: Sequence[Verdict]) -> GatewayError:
        self._show(bounds, verdicts)
        for bound, verdict in zip(bounds, verdicts, strict=True):
            if not verdict.granted:
                self._admission.meter.exceeded(bound.kind, bound.name)
        return admission.exceeded(bounds, verdicts)

    async def _pay_in_turn(self, bounds: Sequence[Bounds], asks: Sequence[Ask], bound: Bounds) -> None:
        """As `_pay`, behind those who wait for the same limit already."""
        key = asks[bounds.index(bound)].key
        if not self._admission.has_line(key):
            verdicts = await self._take(bounds, asks)
            if verdicts is None:
                return
            self._check_patience(bounds, verdicts)
        line, patience = self._admission.line(key), bound.patience
        if line.length >= patience.max_queue:
            raise self._no_room(bound)
        until = asyncio.get_running_loop().time() + patience.queue_timeout
        line.length += 1
        try:
            with self._admission.meter.waiting(bound.kind, bound.name):
                async with asyncio.timeout_at(until), line.first:
                    while (verdicts := await self._take(bounds, asks)) is not None:
                        self._check_patience(bounds, verdicts)
                        await self._sleep(bound, max(verdict.retry_after for verdict in verdicts), until)
        except TimeoutError:
            raise self._too_long(bound, 1) from None
        finally:
            line.length -= 1
            self._admission.close_line(key)

    def _check_patience(self, bounds: Sequence[Bounds], verdicts: Sequence[Verdict]) -> None:
        """Raises if one of the limits that refuse lets nobody wait."""
        for bound, verdict in zip(bounds, verdicts, strict=True):
            if not verdict.granted and bound.limit is not None and bound.limit.strategy == "reject":
                raise self._exceeded(bounds, verdicts)

    async def _sleep(self, bound: Bounds, milliseconds: int, until: float) -> None:
        """Sleeps until the limit may have room again, unless that is too late anyway."""
        if asyncio.get_running_loop().time() + milliseconds / 1000 > until:
            raise self._too_long(bound, admission.seconds(milliseconds))
        await asyncio.sleep(milliseconds / 1000)

    def _too_long(self, bound: Bounds, retry_after: int) -> GatewayError:
        self._admission.meter.rejected(bound.kind, bound.name, "timeout")
        message = f"No turn came for this call to {bound.kind} {bound.name!r} in {bound.patience.queue_timeout:g} s."
        return admission.refusal(errors.QUEUE_TIMEOUT, bound, message, retry_after)

    async def _enter(self, bound: Bounds, rule: Concurrency) -> None:
        gate = self._admission.gate(bound)
        place: Place = asyncio.get_running_loop().create_future()
        entry = gate.enter(place, self._caller.tenant)
        if entry == "refused":
            raise self._no_place(bound)
        try:
            if entry == "waiting" and not await self._wait(bound, rule, gate, place):
                raise self._too_long(bound, 1)
        except BaseException:
            self._admission.leave(bound, gate, place)
            raise
        self._places.append((bound, gate, place))

    async def _wait(self, bound: Bounds, rule: Concurrency, gate: Gate, place: Place) -> bool:
        """Whether the call came in before its time was up."""
        timer = asyncio.get_running_loop().call_later(rule.queue_timeout, _give_up, gate, place)
        try:
            with self._admission.meter.waiting(bound.kind, bound.name):
                return await place
        finally:
            timer.cancel()


def _give_up(gate: Gate, place: Place) -> None:
    if not place.done():
        gate.give_up(place)
        place.set_result(False)
