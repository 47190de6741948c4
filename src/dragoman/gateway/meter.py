"""Metrics of calls by alias, under the names of the outbound contract, and under that of OpenTelemetry.

`http.client.request.duration` is of OpenTelemetry's semantic conventions, its attributes as Prometheus writes them.
Counted in plain numbers and made into metrics when somebody asks: a call costs some additions. No label says who
called, and each has a bounded number of values: hosts and paths are those of the configuration.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Generic, Literal, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.policy import audit

SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS: Final = (*map(str, SECONDS), "+Inf")


Phase = Literal["total", "upstream", "plugins"]
"""All of a call, the wait for the head of the upstream's answer, and what plugins took."""
Place = TypeVar("Place", bound=tuple[str, ...])


class Durations(Generic[Place]):
    """One histogram, by the labels of a place."""

    def __init__(self) -> None:
        self._counts: dict[Place, list[int]] = {}
        self._sums: dict[Place, float] = {}

    def add(self, place: Place, seconds: float) -> None:
        counts = self._counts.get(place)
        if counts is None:
            counts = self._counts[place] = [0] * len(_BOUNDS)
        counts[bisect_left(SECONDS, seconds)] += 1
        self._sums[place] = self._sums.get(place, 0.0) + seconds

    def metric(self, name: str, documentation: str, labels: Sequence[str]) -> HistogramMetricFamily:
        family = HistogramMetricFamily(name, documentation, labels=labels)
        for place, counts in self._counts.items():
            total, buckets = 0, []
            for bound, count in zip(_BOUNDS, counts, strict=True):
                total += count
                buckets.append((bound, float(total)))
            family.add_metric(place, buckets, self._sums[place])
        return family


class OutboundMeter(Collector):
    """Register it, `begin` a call, and `finish` it."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, str, str], int] = {}
        self._durations: Durations[tuple[str, str, str]] = Durations()
        self._asked: Durations[tuple[str, str, str, str]] = Durations()
        self._errors: dict[str, int] = {}
        self._in_flight = 0
        self._websockets = 0
        self._websocket_durations: Durations[tuple[str]] = Durations()

    def begin(self) -> None:
        self._in_flight += 1

    def finish(self, host: str, path: str, method: str, status: int, spent: Mapping[Phase, float], error: str) -> None:
        """`path` is a route's, not the caller's; `error` is the stable code of what went wrong, if anything did."""
        self._in_flight -= 1
        method = audit.method(method)
        request = (host, path, method, audit.status_class(status))
        self._requests[request] = self._requests.get(request, 0) + 1
        for phase, seconds in spent.items():
            self._durations.add((host, path, phase), seconds)
        if "upstream" in spent:
            self._asked.add((method, str(status), host, path), spent["upstream"])
        if audit.is_ours(error):
            kind = audit.error_type(error)
            self._errors[kind] = self._errors.get(kind, 0) + 1

    def begin_websocket(self) -> None:
        self._websockets += 1

    def finish_websocket(self, host: str, seconds: float) -> None:
        self._websockets -= 1
        self._websocket_durations.add((host,), seconds)

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "oagw_requests", "Calls by alias.", labels=("host", "path", "method", "status_class")
        )
        for labels, count in self._requests.items():
            requests.add_metric(labels, count)
        yield requests
        yield self._durations.metric(
            "oagw_request_duration_seconds", "From request to the end of the answer, and parts of it.",
            ("host", "path", "phase"),
        )  # fmt: skip
        yield self._asked.metric(
            "http_client_request_duration_seconds", "From request to the head of the upstream's answer.",
            ("http_request_method", "http_response_status_code", "server_address", "url_template"),
        )  # fmt: skip
        yield GaugeMetricFamily("oagw_requests_in_flight", "Calls by alias being answered.", value=self._in_flight)
        yield GaugeMetricFamily("oagw_active_websocket_sessions", "WebSockets that are open.", value=self._websockets)
        yield self._websocket_durations.metric(
            "oagw_websocket_session_duration_seconds", "How long WebSockets were open.", ("host",)
        )
        failed = CounterMetricFamily(
            "oagw_errors", "Calls by alias that the gateway answered with an error.", labels=("error_type",)
        )
        for kind, count in self._errors.items():
            failed.add_metric((kind,), count)
        yield failed
