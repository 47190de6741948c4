"""Which endpoint of a pool a call goes to: the next in turn of those that may be called, or the one it names.

An endpoint is out while its breaker is open and while its health checks fail. A call that names its endpoint does not
move the turn of the others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.breaker import REFUSED, Circuit, State
from dragoman.policy.resources import Breaker

_HEADER: Final = b"x-oagw-target-host"
_HOST: Final = re.compile(r"(?!.{254})[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
"""RFC 1123, 2.1: a host name, or an IPv4 address."""
UNGUARDED: Final = 1
"""The ticket of a call that no breaker watches."""


def target_host(header: Mapping[bytes, bytes]) -> str | None:
    """The endpoint that a caller's headers name, if they do. Raises `GatewayError` INVALID_TARGET_HOST."""
    value = header.get(_HEADER)
    return None if value is None else parse_host(value)


def parse_host(value: bytes) -> str:
    """The host that a caller names in `X-OAGW-Target-Host`. Raises `GatewayError` INVALID_TARGET_HOST."""
    host = value.decode("latin-1").lower().removesuffix(".")
    if not _HOST.fullmatch(host):
        message = f"X-OAGW-Target-Host is {value.decode('latin-1')!r}: it must be a host alone, without port or path."
        raise GatewayError(errors.INVALID_TARGET_HOST, message)
    return host


def is_suffix(name: str, hosts: Sequence[str]) -> bool:
    """Whether the pool is named after what its several hosts end with, so that no call says which one it means."""
    return len(hosts) > 1 and all(host.endswith("." + name) for host in hosts)


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How one endpoint of an upstream does."""

    host: str
    circuit: State | None
    """None without a breaker."""
    transitions: Mapping[State, int]
    """How often its breaker came into each state."""
    healthy: bool
    """What its health checks say."""
    selected: int
    """How many calls it got."""
    named: int
    """How many of them named it."""


class Balance:
    """The endpoints of the pool `name`, numbered as `hosts` are; with a `rule` each has a breaker."""

    __slots__ = ("_cursor", "_explicit", "_hosts", "_name", "circuits", "healthy", "named", "selected")

    def __init__(self, name: str, hosts: Sequence[str], rule: Breaker | None) -> None:
        self._name = name
        self._hosts = tuple(hosts)
        self._cursor = 0
        self._explicit = is_suffix(name, self._hosts)
        self.circuits = [None if rule is None else Circuit(rule) for _ in self._hosts]
        self.healthy = [True] * len(self._hosts)
        """What the health checks say of each."""
        self.selected = [0] * len(self._hosts)
        """How many calls each got."""
        self.named = [0] * len(self._hosts)
        """How many of them named it."""

    def select(self, now: float, host: str | None = None) -> tuple[int, int]:
        """The endpoint's number, and the ticket to settle with its breaker.

        Raises `GatewayError` CIRCUIT_BREAKER_OPEN, or as `check`.
        """
        self.check(host)
        if host is not None:
            numbers: Sequence[int] = (self._hosts.index(host),)
        else:
            count = len(self._hosts)
            first = self._cursor
            numbers = (0,) if count == 1 else [(first + step) % count for step in range(count)]
        for number in numbers:
            ticket = self._take(number, now)
            if ticket != REFUSED:
                if host is None:
                    self._cursor = (number + 1) % len(self._hosts)
                else:
                    self.named[number] += 1
                self.selected[number] += 1
                return number, ticket
        raise self._all_out(numbers, now)

    def check(self, host: str | None) -> None:
        """Whether there is an endpoint for a call that names `host`, or none.

        Raises `GatewayError` MISSING_TARGET_HOST, UNKNOWN_TARGET_HOST.
        """
        if host is None:
            if self._explicit:
                message = f"{self._name!r} stands for several hosts: say in X-OAGW-Target-Host which one you mean."
                raise GatewayError(errors.MISSING_TARGET_HOST, message)
        elif host not in self._hosts:
            raise GatewayError(errors.UNKNOWN_TARGET_HOST, f"{self._name!r} has no endpoint {host!r}.")

    def available(self, now: float) -> bool:
        """Whether any endpoint may be called."""
        return any(
            healthy and (circuit is None or circuit.admits(now))
            for healthy, circuit in zip(self.healthy, self.circuits, strict=True)
        )

    def status(self, now: float) -> Sequence[EndpointStatus]:
        """How each endpoint does, in their order."""
        return [
            EndpointStatus(
                host,
                None if circuit is None else circuit.state(now),
                {} if circuit is None else dict(circuit.transitions),
                healthy,
                selected,
                named,
            )
            for host, circuit, healthy, selected, named in zip(
                self._hosts, self.circuits, self.healthy, self.selected, self.named, strict=True
            )
        ]

    def _take(self, number: int, now: float) -> int:
        if not self.healthy[number]:
            return REFUSED
        circuit = self.circuits[number]
        return UNGUARDED if circuit is None else circuit.take(now)

    def _all_out(self, numbers: Sequence[int], now: float) -> GatewayError:
        waits = [circuit.retry_after(now) for number in numbers if (circuit := self.circuits[number]) is not None]
        what = "its endpoint is" if len(numbers) == 1 else f"all {len(numbers)} endpoints are"
        message = f"Upstream {self._name!r} is given a rest: {what} failing. Try again later."
        return GatewayError(
            errors.CIRCUIT_BREAKER_OPEN,
            message,
            retry_after=min(waits, default=None),
            headers={"X-Circuit-State": "OPEN"},
        )
