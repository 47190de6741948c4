"""The metrics of upstreams that answer turns, made from what they know when somebody asks."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dragoman.ports import TurnUpstream


class RunCollector(Collector):
    """Of the agents of the moment."""

    def __init__(self, upstreams: Callable[[], Mapping[str, TurnUpstream]]) -> None:
        self._upstreams = upstreams

    def collect(self) -> Iterator[Metric]:
        runs = GaugeMetricFamily("dragoman_agent_runs", "Runs of agents.", labels=("upstream", "state"))
        for name, upstream in self._upstreams().items():
            load = upstream.load()
            runs.add_metric((name, "working"), load.working)
            runs.add_metric((name, "waiting"), load.waiting)
            runs.add_metric((name, "suspended"), load.suspended)
        yield runs
