"""Mock upstreams: everything Dragoman calls, in one application, with faults on demand."""

from dragoman.mocks.app import MockApp, app
from dragoman.mocks.scenario import Scenario, ScenarioError
from dragoman.mocks.timing import Timing

__all__ = ["MockApp", "Scenario", "ScenarioError", "Timing", "app"]
