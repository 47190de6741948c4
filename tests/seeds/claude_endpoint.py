"""Seed 004: a gateway with the profile `claude-json` over the fake `claude`, which plays what a test writes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from dragoman.mocks import fake_cli
from tests.support.live import Live, running

RESULT: dict[str, Any] = {
    "type": "result", "subtype": "success", "is_error": False, "result": "Paris is the capital of France.",
    "total_cost_usd": 0.001, "num_turns": 1, "session_id": "abc123",
}  # fmt: skip
OK = [{"line": {"type": "result", "result": "ok", "is_error": False}}]
HI = [{"role": "user", "content": "hi"}]


class ClaudeEndpoint:
    """The gateway, and the program behind it."""

    def __init__(self, live: Live, directory: Path) -> None:
        self.live = live
        self.directory = directory
        self._log = directory / "log"
        self._script = directory / "script"
        self.play(OK)

    def play(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """What the program does from now on."""
        self._script.write_text(json.dumps(steps))

    def ran(self) -> list[Any]:
        """The runs since the last look: `argv`, `stdin`, `cwd`, `environ`, `pid`."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.write_text("")
        return [json.loads(line) for line in lines]

    def ask(self, path: str = "/v1/chat/completions", *, headers: Any = None, **body: Any) -> httpx2.Response:
        headers = self.live.headers() if headers is None else headers
        return httpx2.post(self.live.url + path, json=body, headers=headers, timeout=30)


@contextmanager
def endpoint(directory: Path, **settings: Any) -> Iterator[ClaudeEndpoint]:
    """With further settings of the upstream beside its profile."""
    program = fake_cli.install(directory, "claude")
    names = [fake_cli.LOG, fake_cli.SCRIPT]

    def configure(values: dict[str, Any], mock_url: str) -> None:
        upstream = {"command": str(program), "profile": "claude-json", "env": names, **settings}
        values.update(upstreams={"claude": upstream}, models={}, aliases={})

    environ = {"PATH": "/usr/bin:/bin", names[0]: str(directory / "log"), names[1]: str(directory / "script")}
    with running(directory, configure, environ=environ) as live:
        yield ClaudeEndpoint(live, directory)
