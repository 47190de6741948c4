"""The pytest plugin of the runner: it brings the target, and prints and writes the figures at the end."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.integration.figures import Figures
from tests.integration.target import Target

NAME: Final = "dragoman-integration"
OUTCOMES: Final = ("passed", "failed", "error")


class Plugin:
    """Registered by the runner only; without it the suites run against mock upstreams in this process."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.figures = Figures()
        self.left_out = 0
        """Tests that compare with a provider that cannot be asked."""

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        parser.addoption("--metrics", metavar="FILE", type=Path, help="Write outcome and figures as JSON.")

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if self.target.direct is not None:
            return
        without = [item for item in items if "openai_client" in getattr(item, "fixturenames", ())]
        self.left_out = len(without)
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        stats: Mapping[str, Sequence[object]] = terminalreporter.stats
        counts = {outcome: len(stats.get(outcome, ())) for outcome in OUTCOMES}
        lines = self.figures.lines()
        if lines:
            terminalreporter.section("latency in ms")
            for line in lines:
                terminalreporter.write_line(line)
        path: Path | None = config.getoption("metrics")
        if path is not None:
            target = {"gateway": self.target.gateway.base_url, "model": self.target.model}
            target |= {"direct": self.target.direct.base_url} if self.target.direct is not None else {}
            path.write_text(
                json.dumps({"target": target, "tests": counts, "ms": self.figures.values()}, indent=2) + "\n"
            )
