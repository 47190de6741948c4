"""The metrics of upstreams' endpoints, made from what their pools know when somebody asks: a call counts nothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from dragoman.policy.breaker import State
from dragoman.ports import Pool

STATES: Final[Mapping[State, int]] = {"closed": 0, "half_open": 1, "open": 2}


class PoolCollector(Collector):
    """Of the upstreams of the moment; a reload begins the counts anew, as a restart does."""

    def __init__(self, upstreams: Callable[[], Mapping[str, Pool]]) -> None:
        self._upstreams = upstreams

    def collect(self) -> Iterator[Metric]:
        labels = ("upstream", "host")
        available = GaugeMetricFamily(
            "oagw_upstream_available", "Whether any endpoint may be called.", labels=("upstream",)
        )
        selected = CounterMetricFamily("oagw_routing_endpoint_selected", "Calls sent to an endpoint.", labels=labels)
        named = CounterMetricFamily(
            "oagw_routing_target_host_used", "Calls sent to the endpoint that they named.", labels=labels
        )
        state = GaugeMetricFamily("oagw_circuit_breaker_state", "0 closed, 1 half open, 2 open.", labels=labels)
        transitions = CounterMetricFamily(
            "oagw_circuit_breaker_transitions", "How often a breaker came into a state.", labels=(*labels, "state")
        )
        for name, pool in self._upstreams().items():
            available.add_metric((name,), pool.available())
            for endpoint in pool.status():
                at = (name, endpoint.host)
                selected.add_metric(at, endpoint.selected)
                named.add_metric(at, endpoint.named)
                if endpoint.circuit is not None:
                    state.add_metric(at, STATES[endpoint.circuit])
                for to, count in endpoint.transitions.items():
                    transitions.add_metric((*at, to), count)
        yield from (available, selected, named, state, transitions)
