"""Runs of command-line agents under the real program: they end with their callers, and with their gateway."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.mocks import fake_cli
from tests.cli.program import Home, Program, started
from tests.support.running import alive_now, runs

DELTA = {
    "type": "stream_event", "parent_tool_use_id": None, "session_id": "s",
    "event": {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "thinking"}},
}  # fmt: skip
STUCK = [{"ignore": "TERM"}, {"child": 1000}, {"line": DELTA}, {"sleep": 1000}]
DEADLINE = 20.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A gateway over an agent that says a word and then hangs, deaf to SIGTERM, with a child of its own."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "script").write_text(json.dumps(STUCK))
    program = fake_cli.install(tmp_path, "claude")
    env = f'env = ["{fake_cli.LOG}", "{fake_cli.SCRIPT}"]'
    config = f'[server]\ndrain = 0.1\n[upstreams.claude]\ncommand = "{program}"\n{env}\n'
    (tmp_path / "dragoman.toml").write_text(config)
    yield Home(tmp_path)


def serve(home: Home) -> Any:
    log, script = str(home.path / "log"), str(home.path / "script")
    return started(home, "serve", "--port", "0", FAKE_CLI_LOG=log, FAKE_CLI_SCRIPT=script)


def key_of(gateway: Program) -> str:
    return gateway.wait_for(r"drg_\w+")[0]


def body(*, stream: bool) -> dict[str, object]:
    return {"model": "claude/any", "messages": [{"role": "user", "content": "go"}], "stream": stream}


def pids(home: Home, count: int) -> list[int]:
    """Of the processes of the runs so far, each agent's and its child's, once they are there."""
    end = time.monotonic() + DEADLINE
    while True:
        log = home.path / "log"
        leaders = [int(json.loads(line)["pid"]) for line in log.read_text().splitlines()] if log.exists() else []
        found = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and group_of(int(pid)) in leaders]
        if len(leaders) == count and len(found) == 2 * count:
            return found
        assert time.monotonic() < end, f"{found} of {leaders}"
        time.sleep(0.01)


def group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def left(home: Home) -> list[Path]:
    """What the gateway has on disk for runs."""
    return [path for folder in ("runs", "work", "files") for path in (home.state / folder).iterdir()]


def test_a_caller_that_leaves_ends_its_run_streamed_or_not(home: Home) -> None:
    with serve(home) as gateway:
        headers = {"authorization": f"Bearer {key_of(gateway)}"}
        with httpx2.Client(base_url=f"{gateway.url}/v1", headers=headers, trust_env=False, timeout=30) as client:
            with client.stream("POST", "/chat/completions", json=body(stream=True)) as answer:
                assert any("thinking" in line for line in answer.iter_lines())
                streamed = pids(home, 1)
            for pid in streamed:
                alive_now(pid, False)
            with pytest.raises(httpx2.ReadTimeout):
                client.post("/chat/completions", json=body(stream=False), timeout=2)
            for pid in pids_of_second(home):
                alive_now(pid, False)
        assert gateway.stop() == 0
    assert left(home) == []


def pids_of_second(home: Home) -> list[int]:
    return [int(json.loads(line)["pid"]) for line in (home.path / "log").read_text().splitlines()][1:]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_runs_end_with_their_gateway_or_at_the_start_of_the_next(home: Home, how: signal.Signals) -> None:
    with ThreadPoolExecutor(2) as callers:
        with serve(home) as first:
            url, headers = f"{first.url}/v1/chat/completions", {"authorization": f"Bearer {key_of(first)}"}

            def call() -> None:
                with pytest.raises((httpx2.HTTPError, AssertionError)):
                    answer = httpx2.post(url, json=body(stream=False), headers=headers, trust_env=False, timeout=30)
                    assert answer.status_code == 200

            calls = [callers.submit(call) for _ in range(2)]
            running = pids(home, 2)
            first.stop(how)
            for one in calls:
                one.result()
        if how is signal.SIGTERM:
            assert not any(map(runs, running))
            assert left(home) == []
            return
        assert all(map(runs, running))
        with serve(home) as second:
            assert second.url
            for pid in running:
                alive_now(pid, False)
            assert left(home) == []
            assert second.stop() == 0
