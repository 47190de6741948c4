"""`ports.Pool`: one upstream at one endpoint or several, each with a breaker of its own.

It chooses where a call goes and notes how it went; it makes one attempt. An endpoint is judged by the head of its
answer: what breaks off later may be anybody's fault. Nor is an endpoint to blame for a caller that leaves, or whose
request body breaks off, nor for a token endpoint that fails.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.policy.balance import Balance, EndpointStatus
from dragoman.policy.breaker import Circuit, Outcome
from dragoman.policy.health import Verdict
from dragoman.policy.resources import Breaker, Health
from dragoman.ports import Headers, Reply, Upgraded, Upstream, UpstreamRequest
from dragoman.upstreams.tokens import NoToken

R = TypeVar("R", bound=Reply)
_AS: Headers = [(b"user-agent", b"dragoman")]
_log = structlog.get_logger("dragoman")


class Given:
    """A request body as it is read; remembers whether it broke off."""

    __slots__ = ("_body", "broken")

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self.broken = False

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._body:
                yield part
        except GatewayError:
            self.broken = True
            raise


class UpstreamPool:
    """`endpoints` by their hosts, of which there is at least one; `now` is a monotonic clock."""

    def __init__(
        self,
        name: str,
        endpoints: Mapping[str, Upstream],
        *,
        breaker: Breaker | None,
        now: Callable[[], float],
        health: Health | None = None,
    ) -> None:
        self.name = name
        self._hosts = tuple(endpoints)
        self._endpoints = tuple(endpoints.values())
        self._balance = Balance(name, self._hosts, breaker)
        self._circuits = self._balance.circuits
        self._now = now
        self._health = health
        self._checking: asyncio.Task[None] | None = None
        self.timeouts = self._endpoints[0].timeouts

    def __repr__(self) -> str:
        return f"UpstreamPool({self.name!r}, {', '.join(self._hosts)})"

    async def open(self, request: UpstreamRequest) -> Reply:
        """Sends the request to one endpoint; returns once the head of the answer is there. Raises `GatewayError`."""
        number, ticket = self._choose(request)
        circuit = self._circuits[number]
        endpoint = self._endpoints[number]
        if circuit is None:
            return await endpoint.open(request)
        body = request.body
        if body is None or isinstance(body, bytes):
            return await self._judged(endpoint.open(request), number, circuit, ticket)
        given = Given(body)
        request = replace(request, body=given.parts())
        return await self._judged(endpoint.open(request), number, circuit, ticket, given)

    async def upgrade(self, request: UpstreamRequest, protocol: str) -> Upgraded:
        """The same for a request to go on in another protocol. Raises `GatewayError`."""
        number, ticket = self._choose(request)
        circuit = self._circuits[number]
        wait = self._endpoints[number].upgrade(request, protocol)
        if circuit is None:
            return await wait
        # A refusal is raised as this, whatever the answer was: it says nothing of the endpoint.
        return await self._judged(wait, number, circuit, ticket, excused=errors.PROTOCOL_ERROR)

    def check(self, host: str | None) -> None:
        """Whether there is an endpoint for a call that names `host`, or none. Raises as `ports.Pool.check`."""
        self._balance.check(host)

    def _choose(self, request: UpstreamRequest) -> tuple[int, int]:
        number, ticket = self._balance.select(self._now(), request.host)
        if request.chosen is not None:
            request.chosen(self._hosts[number])
        return number, ticket

    async def _judged(
        self,
        wait: Awaitable[R],
        number: int,
        circuit: Circuit,
        ticket: int,
        given: Given | None = None,
        *,
        excused: ErrorKind | None = None,
    ) -> R:
        """The answer, once the endpoint's breaker knows what to make of it."""
        outcome: Outcome = "none"
        try:
            reply = await wait
            outcome = circuit.of_status(reply.status)
            return reply
        except GatewayError as error:
            ours = isinstance(error, NoToken) or (given is not None and given.broken)
            if error.kind is not excused and not ours:
                outcome = circuit.of_error(error.kind)
            raise
        except asyncio.CancelledError as cancelled:
            reason = cancelled.args[0] if cancelled.args else None
            if isinstance(reason, GatewayError):  # a deadline, and not a caller that has left
                outcome = circuit.of_error(reason.kind)
            raise
        finally:
            if circuit.settle(ticket, outcome, self._now()):
                self._tell(number, circuit)

    def _tell(self, number: int, circuit: Circuit) -> None:
        state = circuit.state(self._now())
        tell = _log.warning if state == "open" else _log.info
        tell("circuit breaker", upstream=self.name, host=self._hosts[number], state=state)

    def redact(self, text: bytes) -> bytes:
        """`text` with the upstream's own credential blanked out; its endpoints share one."""
        return self._endpoints[0].redact(text)

    @property
    def reach(self) -> int:
        """Bytes of the longest credential that `redact` knows."""
        return self._endpoints[0].reach

    def start(self) -> None:
        """Begins the health checks, if there are any; in the event loop that serves."""
        if self._health is not None and self._checking is None:
            self._checking = asyncio.get_running_loop().create_task(self._check_forever(self._health))

    async def _check_forever(self, rule: Health) -> None:
        verdicts = [Verdict(rule) for _ in self._hosts]
        while True:
            async with asyncio.TaskGroup() as checks:
                for number, verdict in enumerate(verdicts):
                    checks.create_task(self._check(number, rule, verdict))
            await asyncio.sleep(rule.interval)

    async def _check(self, number: int, rule: Health, verdict: Verdict) -> None:
        good = False
        try:
            async with asyncio.timeout(rule.timeout):
                reply = await self._endpoints[number].open(UpstreamRequest("GET", rule.path, _AS))
                good = reply.status < 500
                reply.close()
        except (GatewayError, TimeoutError):
            good = False
        if verdict.note(good):
            self._balance.healthy[number] = good
            tell = _log.info if good else _log.warning
            tell("health check", upstream=self.name, host=self._hosts[number], healthy=good)

    def available(self) -> bool:
        """Whether any endpoint may be called."""
        return self._balance.available(self._now())

    def status(self) -> Sequence[EndpointStatus]:
        """How each endpoint does, in their order."""
        return self._balance.status(self._now())

    async def close(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        for endpoint in self._endpoints:
            await endpoint.close()
