"""What can be seen from outside: metrics, and one log line per call.

Nothing is written while a call runs: counters are bumped in memory and log lines are gathered, to be
written by `flush` off the hot path. A line holds names and numbers, never bodies, queries or headers.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from dragoman.gateway.meter import OutboundMeter
from dragoman.policy import redact
from dragoman.turn import Loss, Usage

SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
MAX_LOSSES: Final = 32
"""Losses that are named in a log line and in the header of an answer; `/convert` names all."""
MAX_PARAM: Final = 128
"""Characters of a loss's parameter that are shown; one that nobody knows has the name its caller gave it."""
MAX_LINES: Final = 10_000
"""Log lines that wait to be written; beyond, the oldest are dropped and counted."""


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finished call as it is logged."""

    timestamp: float
    level: str
    event: str
    request_id: str
    family: str
    status: int
    source: str
    duration_ms: float
    key_id: str = ""
    name: str = ""
    upstream: str = ""
    model: str = ""
    stream: bool = False
    first_token_ms: float | None = None
    usage: Usage | None = None
    error: str = ""
    attempts: int = 1
    losses: tuple[Loss, ...] = ()
    agent: str = ""
    """The agent that made it, while it answered another call of the same request."""


class AuditRecord(CallRecord, frozen=True, omit_defaults=True):
    """One finished call by alias: a line of the audit log. It names no query, no header, no body and no secret."""

    logger: str = ""
    trace_id: str = ""
    tenant_id: str = ""
    principal_id: str = ""
    host: str = ""
    path: str = ""
    """As the caller wrote it, without the query."""
    method: str = ""
    request_size: int = 0
    response_size: int = 0
    error_type: str = ""
    error_message: str = ""
    """What the caller was told of an error of ours, without what it had written itself."""
    route: str = ""
    """The path of the route it took; empty where there are none."""


class Observer:
    """Counts calls and logs them. `write` takes whole lines of bytes; None keeps the log off."""

    def __init__(self, write: Callable[[bytes], object] | None) -> None:
        self._write = write
        self._lines: deque[CallRecord] = deque(maxlen=MAX_LINES)
        self._dropped = 0
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "dragoman_requests", "Calls answered.", ("family", "status", "source"), registry=self.registry
        )
        self._errors = Counter(
            "dragoman_errors", "Calls that failed, by who failed.", ("family", "source", "code"), registry=self.registry
        )
        self._duration = Histogram(
            "dragoman_request_duration_seconds", "From request to the end of the answer.", ("family",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._first = Histogram(
            "dragoman_time_to_first_token_seconds", "From request to the first content of a stream.", ("family",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._tokens = Counter("dragoman_tokens", "Tokens booked.", ("direction",), registry=self.registry)
        self.outbound = OutboundMeter()
        self.registry.register(self.outbound)
        self.limits = LimitMeter(self.registry)
        self.in_flight = Gauge("dragoman_requests_in_flight", "Calls being answered.", registry=self.registry)
        # `labels()` costs more than the increment; the few label sets in use are kept.
        self._kept: dict[tuple[str, int, str], Counter] = {}
        self._histograms: dict[str, tuple[Histogram, Histogram]] = {}
        self._input = self._tokens.labels("input")
        self._output = self._tokens.labels("output")

    def finish(self, record: CallRecord) -> None:
        """Counts one call and queues its log line."""
        key = (record.family, record.status, record.source)
        counter = self._kept.get(key)
        if counter is None:
            counter = self._kept[key] = self._requests.labels(record.family, str(record.status), record.source)
        counter.inc()
        histograms = self._histograms.get(record.family)
        if histograms is None:
            histograms = (self._duration.labels(record.family), self._first.labels(record.family))
            self._histograms[record.family] = histograms
        histograms[0].observe(record.duration_ms / 1000)
        if record.first_token_ms is not None:
            histograms[1].observe(record.first_token_ms / 1000)
        if record.usage is not None:
            self._input.inc(record.usage.input_tokens)
            self._output.inc(record.usage.output_tokens)
        if record.error:
            self._errors.labels(record.family, record.source, record.error).inc()
        if self._write is not None:
            if len(self._lines) == MAX_LINES:
                self._dropped += 1
            self._lines.append(record)

    def flush(self) -> None:
        """Writes the gathered lines at once; called twice a second and at the end."""
        if self._write is None or not self._lines:
            return
        lines = [_line(self._lines.popleft()) for _ in range(len(self._lines))]
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            lines.append(msgspec.json.encode({"event": "log_lines_dropped", "level": "warning", "count": dropped}))
        self._write(b"\n".join(lines) + b"\n")

    def metrics(self) -> bytes:
        """The Prometheus text exposition."""
        return generate_latest(self.registry)


class LimitMeter:
    """Counts what limits did to calls, by the resource that has them; of callers it says nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        of = ("kind", "name")
        self._exceeded = Counter("oagw_rate_limit_exceeded", "Calls that a rate limit refused.", of, registry=registry)
        self._usage = Gauge(
            "oagw_rate_limit_usage_ratio", "How much of a limit its latest caller left used, from 0 to 1.", of,
            registry=registry,
        )  # fmt: skip
        self._no_place = Counter(
            "oagw_concurrency_limit_exceeded", "Calls for which there was no place.", of, registry=registry
        )
        self._depth = Gauge("oagw_queue_depth", "Calls that wait for their turn.", of, registry=registry)
        self._wait = Histogram(
            "oagw_queue_wait_duration_seconds", "How long calls waited for their turn, in vain or not.", of,
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._rejected = Counter(
            "oagw_queue_rejected", "Calls that found the line full, or whose turn did not come.", (*of, "reason"),
            registry=registry,
        )  # fmt: skip

    def used(self, kind: str, name: str, ratio: float) -> None:
        self._usage.labels(kind, name).set(ratio)

    def exceeded(self, kind: str, name: str) -> None:
        self._exceeded.labels(kind, name).inc()

    def no_place(self, kind: str, name: str) -> None:
        self._no_place.labels(kind, name).inc()

    def rejected(self, kind: str, name: str, reason: Literal["full", "timeout"]) -> None:
        self._rejected.labels(kind, name, reason).inc()

    @contextmanager
    def waiting(self, kind: str, name: str) -> Iterator[None]:
        """Counts a call among those that wait while the block runs."""
        depth = self._depth.labels(kind, name)
        depth.inc()
        with self._wait.labels(kind, name).time():
            try:
                yield
            finally:
                depth.dec()


def _line(record: CallRecord) -> bytes:
    # Names and parameters are the only text a caller chooses. The time is as the rest of the log has it, ISO 8601.
    at = datetime.fromtimestamp(record.timestamp, UTC)
    name, model = (redact.text(record.name), redact.text(record.model)) if record.name else ("", record.model)
    losses = tuple(redact.text(loss) for loss in shown(record.losses))
    line = msgspec.structs.replace(record, timestamp=at, name=name, model=model, losses=losses)
    if isinstance(line, AuditRecord):
        line = msgspec.structs.replace(line, path=redact.text(line.path), error_message=redact.text(line.error_message))
    return msgspec.json.encode(line)


def loss_header(losses: tuple[Loss, ...]) -> list[tuple[bytes, bytes]]:
    """What a call could not carry as it was: `X-Dragoman-Loss: param;kind, ...`."""
    return [(b"x-dragoman-loss", ", ".join(shown(losses)).encode("ascii"))] if losses else []


def shown(losses: tuple[Loss, ...]) -> list[str]:
    """Losses in a line each, `param;kind`, in printable ASCII; the first `MAX_LOSSES` of them."""
    return [f"{_printable(loss.param)};{loss.kind}" for loss in losses[:MAX_LOSSES]]


def _printable(param: str) -> str:
    if not (param.isascii() and param.isprintable()):
        param = param.encode("unicode_escape").decode("ascii")
    return param if len(param) <= MAX_PARAM else f"{param[:MAX_PARAM]}..."
