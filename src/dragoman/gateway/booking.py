"""The account of one call: reserved before it goes out, settled once however it ends.

`settle` is synchronous, so that it runs to its end even while the call is being cancelled.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.meter import Phase
from dragoman.gateway.observe import AuditRecord, CallRecord
from dragoman.gateway.runtime import Services
from dragoman.policy import audit
from dragoman.policy.keys import Key
from dragoman.ports import Reservation, Settlement
from dragoman.turn import Loss, Usage


class Booking:
    """One call's entry in the ledger, the metrics and the log. Fill in what becomes known, then `settle`."""

    __slots__ = (
        "_call", "_family", "_key", "_name", "_reserved", "_services", "_settled", "attempts", "error",
        "estimate", "first_token_at", "host", "losses", "message", "model", "route", "spent", "stream",
        "upstream", "usage",
    )  # fmt: skip

    def __init__(self, services: Services, call: Call, family: str) -> None:
        self._services = services
        self._call = call
        self._family = family
        self._key: Key | None = None
        self._name = ""
        self._reserved = False
        self._settled = False
        if family == "proxy":
            services.observer.outbound.begin()
        self.upstream = ""
        self.host = ""
        """Of an alias: the endpoint that was called last, or the name of a pool of which none was."""
        self.route = ""
        """Of an alias: the path of the route that the call took."""
        self.model = ""
        self.stream = False
        self.attempts = 0
        self.first_token_at: float | None = None
        self.usage: Usage | None = None
        self.estimate: Callable[[], Usage | None] | None = None
        """Stands in for a usage that the upstream did not report."""
        self.losses: tuple[Loss, ...] = ()
        """What the translation for the last upstream asked did not carry as it was."""
        self.error = ""
        """Stable code of what went wrong, `upstream_STATUS` where the upstream said it."""
        self.message = ""
        """What the caller was told of it."""
        self.spent: dict[Phase, float] = {}
        """Of an alias: seconds spent in some of the phases of the call."""

    def identify(self, key: Key, name: str) -> None:
        self._key = key
        self._name = name

    def blame(self, error: GatewayError) -> None:
        """Books why the call failed; the first reason stands."""
        if not self.error:
            self.error = error.kind.code
            self.message = error.message

    def went_to(self, host: str) -> None:
        self.host = host

    @contextmanager
    def websocket(self) -> Iterator[None]:
        """Counts a WebSocket as open while the block runs."""
        meter, clock = self._services.observer.outbound, self._services.clock
        meter.begin_websocket()
        began = clock.monotonic()
        try:
            yield
        finally:
            meter.finish_websocket(self.host, clock.monotonic() - began)

    async def reserve(self, kind: Literal["model", "alias"], upstream: str) -> None:
        """Books the call before it goes out; in strict mode returns once that is on disk."""
        assert self._key is not None
        now = self._services.clock.now()
        call = self._call
        self.upstream = upstream
        ledger = self._services.ledger
        agent, parent = ("", "") if call.grant is None else (call.grant.agent, call.grant.call_id)
        ledger.reserve(
            Reservation(call.id, call.request_id, self._key.id, kind, self._name, upstream, now, agent, parent)
        )
        self._reserved = True
        if ledger.strict:
            await call.watch.guard(ledger.durable())

    def first_token(self) -> None:
        if self.first_token_at is None:
            self.first_token_at = self._services.clock.monotonic()

    def settle(self, *, cancelled: bool = False) -> None:
        """Books the end of the call, once."""
        if self._settled:
            return
        self._settled = True
        if self.usage is None and self.estimate is not None:
            self.usage = self.estimate()
        call, clock = self._call, self._services.clock
        duration = (clock.monotonic() - call.started_at) * 1000
        first = None if self.first_token_at is None else (self.first_token_at - call.started_at) * 1000
        status = 499 if cancelled else call.status  # 499: the caller left, as nginx counts it
        failed = bool(self.error) or not 0 < call.status < 400
        code = self.error or ("caller_left" if cancelled else "internal_error" if call.status == 0 else "")
        now = clock.now()
        if self._reserved:
            self._services.ledger.settle(
                Settlement(
                    call.id, "cancelled" if cancelled else "failed" if failed else "settled", status, now,
                    int(duration), None if first is None else int(first), self.upstream, self.model, self.usage, code,
                )
            )  # fmt: skip
        record = CallRecord(
            timestamp=round(now, 3), level="warning" if failed else "info", event="call",
            request_id=call.request_id, family=self._family, status=status, source=call.source,
            duration_ms=round(duration, 2),
            key_id="" if self._key is None else self._key.id, name=self._name, upstream=self.upstream,
            model=self.model, stream=self.stream, first_token_ms=None if first is None else round(first, 2),
            usage=self.usage, error=code, attempts=self.attempts,
            losses=self.losses, agent="" if call.grant is None else call.grant.agent,
        )  # fmt: skip
        if self._family == "proxy":
            record = self._audited(record)
        self._services.observer.finish(record)

    def _audited(self, record: CallRecord) -> AuditRecord:
        call, status, code = self._call, record.status, record.error
        route = self.route or ("/" if self.host else "")
        self._services.observer.outbound.finish(
            self.host, route, call.method, status, {"total": record.duration_ms / 1000, **self.spent}, code
        )  # fmt: skip
        return AuditRecord(
            logger="audit", timestamp=record.timestamp, level=audit.level(code), event=record.event,
            request_id=record.request_id, family=record.family, status=status, source=record.source,
            duration_ms=record.duration_ms, key_id=record.key_id, name=record.name, upstream=record.upstream,
            error=code, attempts=record.attempts, trace_id=call.trace_id,
            tenant_id="" if self._key is None else self._key.tenant, principal_id=record.key_id,
            host=self.host, path=call.route_path[: audit.MAX_PATH], method=call.method,
            agent=record.agent, request_size=call.received, response_size=call.sent, error_type=audit.error_type(code),
            error_message=audit.message(code, self.message), route=self.route,
        )  # fmt: skip
