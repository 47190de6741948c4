"""`dragoman.gateway.job_log`."""

from typing import Any

import pytest

from dragoman.gateway.job_log import Begun, Logged, Output, Result, Thought, name_of, parse, render, status_of, view
from dragoman.gateway.order import Order
from dragoman.ports import JobRecord
from dragoman.turn import Usage

ORDER = Order(prompt="do it", agent="claude", timeout_seconds=60)
FIRST: list[Logged] = [Begun(5.0, 1), Output("half"), Thought("hm"), Output(" of\nit")]
SECOND: list[Logged] = [Begun(9.0, 2), Output("whole"), Result(0, "a warning", Usage(1, 2, cost_usd=0.5))]


def record(**changes: Any) -> JobRecord:
    given = {"state": "running", "attempt": 1, "recorded": 3, "started_at": 4.0, **changes}
    return JobRecord(id="job_1", kind="execute", owner="key", idempotent=False, created_at=3.0, **given)


@pytest.mark.parametrize("event", [*FIRST, *SECOND])
def test_events_are_read_as_they_were_written(event: Logged) -> None:
    assert parse(render(event)) == event
    assert name_of(render(event)).decode() in ("begun", "output", "reasoning", "result")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"state": "queued", "recorded": 0}, "queued"),
        ({"recorded": 0}, "queued"),
        ({}, "running"),
        ({"state": "completed"}, "completed"),
        ({"state": "cancelled", "recorded": 0}, "cancelled"),
        ({"state": "failed", "error_code": "execution_failed"}, "failed"),
        ({"state": "failed", "error_code": "request_timeout"}, "timeout"),
        ({"state": "failed", "error_code": "idle_timeout"}, "timeout"),
        ({"state": "failed", "error_code": "queue_timeout", "recorded": 0}, "error"),
        ({"state": "failed", "error_code": "request_timeout", "recorded": 0}, "error"),
    ],
)
def test_how_it_stands_follows_from_its_record(changes: dict[str, Any], status: str) -> None:
    assert status_of(record(**changes)) == status


def test_of_a_run_that_broke_off_all_is_shown_that_was_said() -> None:
    shown = view(record(), ORDER, map(render, FIRST))
    assert (shown.output, shown.started_at, shown.exit_code, shown.stderr) == (["half of", "it"], 5.0, None, "")


def test_of_several_runs_the_latest_is_shown() -> None:
    shown = view(record(state="completed", attempt=2), ORDER, map(render, [*FIRST, *SECOND]))
    assert (shown.output, shown.started_at, shown.exit_code, shown.stderr) == (["whole"], 9.0, 0, "a warning")
    assert shown.usage is not None
    assert (shown.usage.output_tokens, shown.usage.cost_usd) == (2, 0.5)


def test_a_job_that_has_not_begun_has_no_time_of_that() -> None:
    assert view(record(recorded=0), ORDER).started_at is None
    assert view(record(), ORDER).started_at == 4.0
