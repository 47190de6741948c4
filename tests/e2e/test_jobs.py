"""Jobs under the real program: what becomes of them when it is killed, or told to stop."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.mocks import fake_cli
from tests.cli.program import Home, Program, started
from tests.postgres import postgres_server, postgres_url
from tests.support.running import alive_now, runs

__all__ = ["postgres_server", "postgres_url"]

DELTA = {
    "type": "stream_event", "parent_tool_use_id": None, "session_id": "s",
    "event": {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half of it"}},
}  # fmt: skip
STUCK = [{"ignore": "TERM"}, {"child": 1000}, {"line": DELTA}, {"sleep": 1000}]
DEADLINE = 20.0
HEARTBEAT = 3.0
CONFIG = """
[server]
port = 0
drain = 0.1
[jobs]
heartbeat = {heartbeat}
[store]
{store}
[upstreams.claude]
command = "{program}"
env = ["FAKE_CLI_LOG", "FAKE_CLI_SCRIPT"]
grace = 0.2
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A gateway over an agent that says a little and then hangs, deaf to SIGTERM, with a child of its own."""
    (tmp_path / "tmp").mkdir()
    store = ""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        store = f'url = "{url}"\nsecret = "env:DRAGOMAN_SECRET"'
    text = CONFIG.format(heartbeat=HEARTBEAT, store=store, program=fake_cli.install(tmp_path, "claude"))
    (tmp_path / "dragoman.toml").write_text(text)
    play(tmp_path, STUCK)
    return Home(tmp_path)


def play(directory: Path, steps: list[Any]) -> None:
    (directory / "script").write_text(json.dumps(steps))


def serve(home: Home) -> Any:
    log, script = str(home.path / "log"), str(home.path / "script")
    secret = "a secret that both gateways know, 0123456789"
    return started(home, "serve", FAKE_CLI_LOG=log, FAKE_CLI_SCRIPT=script, DRAGOMAN_SECRET=secret)


def client(gateway: Program, key: str) -> httpx2.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=gateway.url, headers=headers, trust_env=False, timeout=30)


def until(http: httpx2.Client, name: str, status: str, output: list[str] | None = None) -> dict[str, Any]:
    """The job, once it stands so."""
    end = time.monotonic() + DEADLINE
    while True:
        found = http.get(f"/jobs/{name}").json()
        if found["status"] == status and (output is None or found["output"] == output):
            return dict(found)
        assert time.monotonic() < end, found
        time.sleep(0.02)


def programs(home: Home) -> list[int]:
    return [int(json.loads(line)["pid"]) for line in (home.path / "log").read_text().splitlines()]


def begun(gateway: Program, key: str) -> tuple[str, str]:
    """Two jobs that have said something: one that must not run twice, and one that may."""
    with client(gateway, key) as http:
        names = [
            http.post("/execute", json={"prompt": "go", "idempotent": idempotent}).json()["job_id"]
            for idempotent in (False, True)
        ]
        for name in names:
            until(http, name, "running", ["half of it"])
    return names[0], names[1]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_state_of_a_job_is_true_after_its_gateway_has_gone(home: Home, how: signal.Signals) -> None:
    with serve(home) as first:
        key = first.wait_for(r"drg_\w+")[0]
        once, again = begun(first, key)
        running = programs(home)
        assert all(map(runs, running))
        assert first.stop(how) == (-9 if how is signal.SIGKILL else 0)
    play(home.path, [{"answer": True}])
    with serve(home) as second, client(second, key) as http:
        for pid in running:
            alive_now(pid, False)
        failed = until(http, once, "failed")
        assert failed["output"] == ["half of it"]
        assert failed["error"]["code"] == ("server_error" if how is signal.SIGKILL else "shutting_down")
        assert (failed["exit_code"] is None) is (how is signal.SIGKILL)
        done = until(http, again, "completed")
        assert (done["attempt"], done["exit_code"]) == (2, 0)
        assert done["output"] == ['You said: "go". This is a fake agent, no model was asked.']
        told = http.get(f"/jobs/{again}/stream").text
        assert told.index("half of it") < told.index('"attempt":2') < told.index("event: end")
        assert len(programs(home)) == 3, "what must not run twice did"
        assert second.stop() == 0
