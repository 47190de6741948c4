"""Metrics of calls by alias, under the names of the outbound contract.

Counted in plain numbers and made into metrics when somebody asks: a call costs some additions. No label says who
called, and each has a bounded number of values: hosts and paths are those of the configuration.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.policy import audit

SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS: Final = (*map(str, SECONDS), "+Inf")


class OutboundMeter(Collector):
    """Register it, `begin` a call, and `finish` it."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, str, str], int] = {}
        self._durations: dict[tuple[str, str], list[int]] = {}
        self._seconds: dict[tuple[str, str], float] = {}
        self._errors: dict[str, int] = {}
        self._in_flight = 0

    def begin(self) -> None:
        self._in_flight += 1

    def finish(self, host: str, path: str, method: str, status: int, seconds: float, error: str) -> None:
        """`path` is a route's, not the caller's; `error` is the stable code of what went wrong, if anything did."""
        self._in_flight -= 1
        request = (host, path, audit.method(method), audit.status_class(status))
        self._requests[request] = self._requests.get(request, 0) + 1
        place = (host, path)
        counts = self._durations.get(place)
        if counts is None:
            counts = self._durations[place] = [0] * len(_BOUNDS)
        counts[bisect_left(SECONDS, seconds)] += 1
        self._seconds[place] = self._seconds.get(place, 0.0) + seconds
        if audit.is_ours(error):
            kind = audit.error_type(error)
            self._errors[kind] = self._errors.get(kind, 0) + 1

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "oagw_requests", "Calls by alias.", labels=("host", "path", "method", "status_class")
        )
        for labels, count in self._requests.items():
            requests.add_metric(labels, count)
        yield requests
        durations = HistogramMetricFamily(
            "oagw_request_duration_seconds", "From request to the end of the answer.", labels=("host", "path")
        )
        for place, counts in self._durations.items():
            total, buckets = 0, []
            for bound, count in zip(_BOUNDS, counts, strict=True):
                total += count
                buckets.append((bound, float(total)))
            durations.add_metric(place, buckets, self._seconds[place])
        yield durations
        yield GaugeMetricFamily("oagw_requests_in_flight", "Calls by alias being answered.", value=self._in_flight)
        failed = CounterMetricFamily(
            "oagw_errors", "Calls by alias that the gateway answered with an error.", labels=("error_type",)
        )
        for kind, count in self._errors.items():
            failed.add_metric((kind,), count)
        yield failed
