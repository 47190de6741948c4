"""`dragoman.gateway.execution`: jobs whose agent is a program, the fake `claude`."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.mocks import fake_cli
from tests.support.live import Live, running
from tests.support.running import runs

ENDED = ("completed", "failed", "timeout", "error", "cancelled")
OK = [{"answer": True}]


class Bench:
    """A gateway over the program, and what the program is told to do and has seen."""

    def __init__(self, live: Live, directory: Path) -> None:
        self.live = live
        self.directory = directory

    def play(self, steps: Sequence[Any]) -> None:
        (self.directory / "script").write_text(json.dumps(steps))
        (self.directory / "log").write_text("")

    def ran(self) -> list[Any]:
        return [json.loads(line) for line in (self.directory / "log").read_text().splitlines()]

    def ask(self, method: str, path: str, **order: object) -> httpx2.Response:
        body = {"json": order} if order else {}
        return httpx2.request(method, self.live.url + path, headers=self.live.headers(), timeout=30, **body)  # type: ignore[arg-type]

    def submit(self, **order: object) -> str:
        answer = self.ask("POST", "/execute", **order)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def until(self, name: str, *statuses: str) -> dict[str, Any]:
        end = time.monotonic() + 20
        while (found := self.ask("GET", f"/jobs/{name}").json())["status"] not in statuses:
            assert time.monotonic() < end, found
            time.sleep(0.01)
        return dict(found)

    def run(self, **order: object) -> dict[str, Any]:
        return self.until(self.submit(**order), *ENDED)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("execution")
    program = str(fake_cli.install(directory, "claude"))
    fake_cli.install(directory, "codex")

    def configure(values: dict[str, Any], mock_url: str) -> None:
        common = {"env": [fake_cli.LOG, fake_cli.SCRIPT], "grace": 0.2}
        values.update(models={}, aliases={})
        values["upstreams"] = {
            "claude": {"command": program, **common, "max_concurrency": 2, "timeouts": {"total": 1.0}},
            "listed": {"command": program, **common, "models": ["haiku", "opus"], "max_budget_usd": 2.0},
            "narrow": {"command": program, **common, "output": "json", "max_concurrency": 1, "max_queue": 0},
            "codex": {"command": str(directory / "codex"), **common},
            "gone": {"command": str(directory / "gone"), **common},
        }

    environ = {
        fake_cli.LOG: str(directory / "log"),
        fake_cli.SCRIPT: str(directory / "script"),
        "PATH": "/usr/bin:/bin",
    }
    with running(directory, configure, environ=environ) as live:
        yield Bench(live, directory)


@pytest.fixture
def bench(opened: Bench) -> Bench:
    opened.play(OK)
    return opened


def test_the_first_program_is_the_default_and_its_exit_is_told(bench: Bench) -> None:
    bench.play([{"err": "a warning\n"}, *OK])
    done = bench.run(prompt="good day")
    assert (done["status"], done["agent"], done["exit_code"], done["stderr"]) == (
        "completed",
        "claude",
        0,
        "a warning\n",
    )
    assert done["output"] == ['You said: "good day". This is a fake agent, no model was asked.']
    assert done["usage"]["cost_usd"] == pytest.approx(fake_cli.COST)


def test_an_answer_that_comes_whole_is_one_too(bench: Bench) -> None:
    assert bench.run(prompt="good day", agent="narrow")["output"][0].startswith('You said: "good day".')


def test_a_program_that_fails_is_told_with_its_exit(bench: Bench) -> None:
    bench.play([{"err": "boom"}, {"exit": 42}])
    done = bench.run(prompt="a")
    assert (done["status"], done["exit_code"], done["stderr"]) == ("failed", 42, "boom")
    assert "boom" in done["error"]["message"]


def test_a_program_that_is_killed_has_failed(bench: Bench) -> None:
    bench.play([{"kill": "KILL"}])
    done = bench.run(prompt="a")
    assert (done["status"], done["exit_code"]) == ("failed", -9)


def test_one_that_cannot_be_started_never_began(bench: Bench) -> None:
    done = bench.run(prompt="a", agent="gone")
    assert (done["status"], done["started_at"], done["exit_code"]) == ("error", None, None)
    assert done["error"]["code"] == "link_unavailable"


@pytest.mark.parametrize("steps", [[{"sleep": 100}], [{"ignore": "TERM"}, {"child": 100}, {"sleep": 100}]])
def test_a_run_that_takes_too_long_is_ended_whole(bench: Bench, steps: list[Any]) -> None:
    bench.play(steps)
    done = bench.run(prompt="a", timeout_seconds=0.5)
    assert (done["status"], done["error"]["code"]) == ("timeout", "request_timeout")
    assert done["exit_code"] in (-15, -9)
    assert not runs(bench.ran()[0]["pid"])


def test_a_job_may_take_longer_than_a_call(bench: Bench) -> None:
    bench.play([{"sleep": 1.3}, *OK])
    assert bench.run(prompt="a")["status"] == "completed"


def test_a_cancelled_run_is_ended_whole(bench: Bench) -> None:
    bench.play([{"child": 100}, {"sleep": 100}])
    name = bench.submit(prompt="a")
    bench.until(name, "running")
    bench.live.until(lambda: bool(bench.ran()), "the program runs")
    assert bench.ask("POST", f"/jobs/{name}/cancel").json()["status"] == "cancelled"
    bench.live.until(lambda: not runs(bench.ran()[0]["pid"]), "the program has ended")
    assert bench.until(name, "cancelled")["exit_code"] == -15


def test_a_job_waits_where_a_call_would_be_refused(bench: Bench) -> None:
    door = bench.directory / "door"
    bench.play([{"wait": str(door)}, *OK])
    names = [bench.submit(prompt=str(number), agent="narrow") for number in range(2)]
    bench.live.until(lambda: bool(bench.ran()), "the first runs")
    call = bench.ask("POST", "/v1/chat/completions", model="narrow/any", messages=[{"role": "user", "content": "a"}])
    assert call.status_code == 503
    states = sorted(bench.ask("GET", f"/jobs/{name}").json()["status"] for name in names)
    assert states == ["queued", "running"]
    door.touch()
    assert [bench.until(name, *ENDED)["status"] for name in names] == ["completed", "completed"]


def test_a_model_is_chosen_behind_the_agent(bench: Bench) -> None:
    assert bench.run(prompt="a", agent="listed/opus")["status"] == "completed"
    assert bench.run(prompt="a", agent="listed")["status"] == "completed"
    models = [run["argv"][run["argv"].index("--model") + 1] for run in bench.ran()]
    assert models == ["opus", "haiku"]


@pytest.mark.parametrize("asked", [0.5, 5])
def test_a_budget_is_the_less_of_the_callers_and_the_operators(bench: Bench, asked: float) -> None:
    bench.run(prompt="a", agent="listed", max_budget_usd=asked)
    argv = bench.ran()[0]["argv"]
    assert float(argv[argv.index("--max-budget-usd") + 1]) == min(asked, 2)


def test_a_budget_is_refused_where_the_program_does_not_count(bench: Bench) -> None:
    answer = bench.ask("POST", "/execute", prompt="a", agent="codex", max_budget_usd=1)
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_parameter")


@pytest.mark.parametrize(
    "agent",
    [
        "listed/sonnet", "listed/--dangerously-skip-permissions", "listed/../opus", "claude/--flag", "claude/-p",
        "claude/a b", "claude/$(id)", "claude/\n", "claude/a/b", "claude/../../bin/sh", "claude --flag", "/bin/sh",
    ],
)  # fmt: skip
def test_nothing_runs_for_what_is_no_model_of_the_agents(bench: Bench, agent: str) -> None:
    assert bench.ask("POST", "/execute", prompt="a", agent=agent).status_code in (400, 404)
    assert bench.ran() == []


@pytest.mark.parametrize(
    "prompt", ["--dangerously-skip-permissions", "; touch x", "$(id)", "--model=opus", "/config", "@/etc/passwd"]
)
def test_a_prompt_is_text_to_the_program_and_no_more(bench: Bench, prompt: str) -> None:
    assert bench.run(prompt=prompt, metadata={"env": {"PATH": "/evil"}, "cwd": "/"})["status"] == "completed"
    run = bench.ran()[0]
    assert prompt in run["stdin"]
    assert prompt not in run["argv"] and "/evil" not in json.dumps(run["environ"]) and run["cwd"] != "/"
