"""A gateway whose upstreams are each broken in a way of their own, over the same mock."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.live import Live, running

FAULTS = {
    "resets": "reset",
    "drops": "drop",
    "fails": "status:500",
    "busy": "status:429",
    "empty": "instant,cut-after:1",
    "cut": "instant,cut-after:4",
    "torn": "instant,cut-mid-event:4",
    "breaks": "instant,error-event:4",
}
"""Upstream: the fault of each of its answers. The first content is the second event, the first word."""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Each upstream of `FAULTS` by its name, and `dead`; model `after-NAME` falls back from it to the good one."""

    def change(values: dict[str, Any], mock_url: str) -> None:
        bases = {name: f"{mock_url}/scenario/{spec}/v1" for name, spec in FAULTS.items()}
        bases["dead"] = "http://127.0.0.1:1/v1"
        for name, base in bases.items():
            values["upstreams"][name] = {"base_url": base, "direct": True, "breaker": False}
            values["models"][f"after-{name}"] = {
                "upstream": name, "model": "gpt-4", "fallback": ["mock-chat/gpt-4o-mini"]
            }  # fmt: skip
        values["models"]["house-model"] = "mock-chat/gpt-4o-mini"
        values["models"]["two-good-ones"] = {
            "upstream": "mock-chat", "model": "gpt-4o-mini", "fallback": ["mock-chat/gpt-4"]
        }  # fmt: skip

    with running(tmp_path_factory.mktemp("faulty"), change, timing="instant") as gateway:
        yield gateway
