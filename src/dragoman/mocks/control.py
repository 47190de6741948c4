"""The mock's own endpoints: health, journal, scenario queue, counters. No scenario ever applies to them."""

from collections import deque
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from dragoman.mocks.answer import Answer, Buffered, json_answer, not_allowed, openai_error
from dragoman.mocks.journal import MAX_ENTRIES, Journal
from dragoman.mocks.request import BadJson, Request
from dragoman.mocks.scenario import MAX_SPEC, Scenario, ScenarioError, known_items

PATHS: Final = frozenset({"health", "journal", "scenario", "reset-counters"})
MAX_QUEUED: Final = 1000
_NO_CONTENT: Final = Buffered(204, (), b"")


class _Order(msgspec.Struct):
    spec: Annotated[str, msgspec.Meta(max_length=MAX_SPEC)]
    times: Annotated[int, msgspec.Meta(ge=1, le=MAX_QUEUED)] = 1


class ScenarioQueue:
    """Scenarios for the next requests, one each, in the order they were added; bounded."""

    def __init__(self) -> None:
        self._scenarios: deque[Scenario] = deque()

    def __len__(self) -> int:
        return len(self._scenarios)

    @property
    def specs(self) -> list[str]:
        return [scenario.spec for scenario in self._scenarios]

    def add(self, spec: str, times: int = 1) -> None:
        """Queues a scenario; raises `ScenarioError` if it is none, or the queue would grow too long."""
        if len(self) + times > MAX_QUEUED:
            raise ScenarioError(f"at most {MAX_QUEUED} scenarios wait at a time")
        self._scenarios.extend([Scenario.parse(spec)] * times)

    def take(self) -> Scenario | None:
        return self._scenarios.popleft() if self._scenarios else None

    def clear(self) -> None:
        self._scenarios.clear()


class Control:
    """Answers the paths in `PATHS`; `reset` sets the counters of all services back."""

    def __init__(self, journal: Journal, queue: ScenarioQueue, reset: Callable[[], None]) -> None:
        self._journal = journal
        self._queue = queue
        self._reset = reset

    def answer(self, request: Request) -> Answer:
        match request.rest[0]:
            case "journal":
                return self._journal_answer(request)
            case "scenario":
                return self._scenario_answer(request)
            case "reset-counters":
                self._reset()
                return json_answer({"status": "reset"})
            case _:
                return json_answer({"status": "healthy", "service": "dragoman-mock"})

    def _journal_answer(self, request: Request) -> Answer:
        if request.method == "DELETE":
            self._journal.forget()
            return _NO_CONTENT
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET", "DELETE")
        limit = request.parameter("limit") or str(MAX_ENTRIES)
        if not (limit.isascii() and limit.isdigit() and 0 < len(limit) < 10):
            return openai_error(400, f"limit must be a number, not {limit!r}.", "limit")
        entries = self._journal.entries
        return json_answer({"requests": entries[max(0, len(entries) - int(limit)) :]})

    def _scenario_answer(self, request: Request) -> Answer:
        match request.method:
            case "GET" | "HEAD":
                return json_answer({"queued": self._queue.specs, "known": known_items()})
            case "DELETE":
                self._queue.clear()
                return _NO_CONTENT
            case "POST":
                try:
                    order = request.json(_Order)
                    self._queue.add(order.spec, order.times)
                except BadJson as error:
                    return openai_error(400, f"{error}.", error.path)
                except ScenarioError as error:
                    return openai_error(400, f"{error}.", "spec", "invalid_scenario")
                return json_answer({"queued": len(self._queue)}, 201)
            case _:
                return not_allowed("GET", "POST", "DELETE")
