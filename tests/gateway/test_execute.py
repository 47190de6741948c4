"""`/execute` and `/jobs`: turns of an agent that outlive their call, over real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.ports import Asked
from dragoman.turn import Event, Opened, Stop, Stopped, TextDelta, Turn, Usage, Used
from tests.support.agents import EchoAgent, heard
from tests.support.live import Live, running

ENDED = ("completed", "failed", "timeout", "error", "cancelled")


class Stepping(EchoAgent):
    """Says its words one by one, each when it is let."""

    name = "stepping"

    def __init__(self) -> None:
        super().__init__()
        self.steps = asyncio.Semaphore(0)

    async def answer(self, turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
        self.asked.append(asked)
        yield Opened("run_1", 1_700_000_000, self.name)
        try:
            for word in heard(turn).split(" "):
                await self.steps.acquire()
                yield TextDelta(f"{word}\n")
            yield Used(Usage(1, 2, cost_usd=0.25))
            yield Stopped(Stop.END)
        finally:
            self.finished += 1


ECHO, STEPPING = EchoAgent(), Stepping()


def no_programs(values: dict[str, Any], mock_url: str) -> None:
    """The demo without its fake agent."""
    del values["upstreams"]["fake-claude"], values["models"]["fake-claude"]


def configure(values: dict[str, Any], mock_url: str) -> None:
    no_programs(values, mock_url)
    values["jobs"] = {"default_agent": "agent/echo", "timeout": 30.0}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("execute"), configure, agents=[ECHO, STEPPING]) as live:
        yield live


def ask(live: Live, method: str, path: str, body: object = None, key: str | None = None, **headers: str) -> Any:
    with httpx2.Client(base_url=live.url, headers={**live.headers(key), **headers}, timeout=30) as http:
        return http.request(method, path, json=body) if body is not None else http.request(method, path)


def submit(live: Live, **order: object) -> str:
    answer = ask(live, "POST", "/execute", order)
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert made["status"] == "queued"
    assert answer.headers["location"] == f"/jobs/{made['job_id']}"
    return str(made["job_id"])


def job(live: Live, name: str) -> dict[str, Any]:
    answer = ask(live, "GET", f"/jobs/{name}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ended(live: Live, name: str) -> dict[str, Any]:
    """The job once it has ended."""
    return until(live, name, *ENDED)


def until(live: Live, name: str, *statuses: str) -> dict[str, Any]:
    end = time.monotonic() + 20
    while (found := job(live, name))["status"] not in statuses:
        assert time.monotonic() < end, found
        time.sleep(0.01)
    return found


def stream(live: Live, name: str, query: str = "", **headers: str) -> list[tuple[int, str, dict[str, Any]]]:
    """The events of a job, to the end of the stream: number, name, data."""
    answer = ask(live, "GET", f"/jobs/{name}/stream{query}", **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    events = []
    for block in answer.text.strip().split("\n\n"):
        if not block.startswith(":"):
            number, event, data = (line.partition(": ")[2] for line in block.split("\n"))
            events.append((int(number), event, json.loads(data)))
    return events


def test_a_job_is_accepted_at_once_and_carried_out_later(live: Live) -> None:
    name = submit(live, prompt="hello there", agent="agent/echo", metadata={"ticket": {"n": 1.50}})
    done = ended(live, name)

    assert (done["job_id"], done["status"], done["prompt"], done["agent"]) == (
        name, "completed", "hello there", "agent/echo",
    )  # fmt: skip
    assert (done["output"], done["stderr"], done["exit_code"], done["error"]) == (["hello there"], "", None, None)
    assert done["metadata"] == {"ticket": {"n": 1.5}}
    assert done["usage"] == {"input_tokens": 1, "output_tokens": 3, "cost_usd": 0.5}
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    assert (done["timeout_seconds"], done["attempt"]) == (30.0, 1)


def test_the_agent_may_be_left_to_the_operator(live: Live) -> None:
    done = ended(live, submit(live, prompt="a"))
    assert (done["agent"], done["status"], done["metadata"]) == ("agent/echo", "completed", {})


def test_the_run_is_booked_and_logged_as_its_callers(live: Live) -> None:
    answer = ask(live, "POST", "/execute", {"prompt": "one two"}, **{"X-Request-ID": "the-job-of-ann"})
    name = answer.json()["job_id"]
    ended(live, name)
    row = live.booked("the-job-of-ann")

    assert (row.state, row.reservation.upstream, row.reservation.name) == ("settled", "agent/echo", "agent/echo")
    assert row.settlement is not None
    assert row.settlement.usage is not None
    assert (row.settlement.usage.input_tokens, row.settlement.usage.output_tokens) == (1, 3)
    assert ECHO.asked[-1].key_id == row.reservation.key_id
    live.until(
        lambda: any(b'"execute"' in line and b"the-job-of-ann" in line for line in live.log), "a line in the log"
    )


def test_its_output_is_followed_while_it_comes(live: Live) -> None:
    live.call_later(0, STEPPING.steps.release)
    name = submit(live, prompt="one two three", agent="agent/stepping")
    with httpx2.stream("GET", f"{live.url}/jobs/{name}/stream", headers=live.headers(), timeout=20) as answer:
        lines = answer.iter_lines()
        while next(lines) != 'data: {"type":"output","text":"one\\n"}':
            pass
        running = job(live, name)
        assert (running["status"], running["output"], running["finished_at"]) == ("running", ["one"], None)
        for _ in range(2):
            live.call_later(0, STEPPING.steps.release)
        rest = "\n".join(lines)
    assert rest.index("two") < rest.index("three") < rest.index("event: result") < rest.index("event: end")
    assert ended(live, name)["output"] == ["one", "two", "three"]


def test_a_stream_goes_on_from_any_event(live: Live) -> None:
    name = submit(live, prompt="hello there")
    whole = stream(live, name)

    assert [number for number, _, _ in whole] == list(range(len(whole)))
    assert [event for _, event, _ in whole] == ["begun", "reasoning", "output", "result", "end"]
    assert (whole[-1][2]["status"], whole[-1][2]["job_id"]) == ("completed", name)
    for after in range(len(whole) - 1):
        assert stream(live, name, f"?starting_after={after}") == whole[after + 1 :]
        assert stream(live, name, **{"Last-Event-ID": str(after)}) == whole[after + 1 :]


def test_who_has_seen_the_end_of_a_stream_is_told_to_stay_away(live: Live) -> None:
    name = submit(live, prompt="hello")
    last = stream(live, name)[-1][0]
    answer = ask(live, "GET", f"/jobs/{name}/stream", **{"Last-Event-ID": str(last)})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(("words", "said"), [("it did fall", ["it did fall"]), ("it did vanish", ["it did vanish"])])
def test_a_run_that_breaks_off_has_failed_and_keeps_what_it_said(live: Live, words: str, said: list[str]) -> None:
    done = ended(live, submit(live, prompt=words))
    assert (done["status"], done["output"]) == ("failed", said)
    assert done["error"]["message"]


def test_what_an_agent_raises_stays_inside(live: Live) -> None:
    done = ended(live, submit(live, prompt="break"))
    assert done["status"] in ("failed", "error")
    assert "secret" not in json.dumps(done["error"])


def test_a_run_that_takes_too_long_is_a_timeout_counted_from_its_begin(live: Live) -> None:
    before = ECHO.finished
    done = ended(live, submit(live, prompt="wait", timeout_seconds=0.2))
    assert (done["status"], done["error"]["code"]) == ("timeout", "request_timeout")
    assert 0.2 <= done["finished_at"] - done["started_at"] < 5
    live.until(lambda: ECHO.finished == before + 1, "the agent's run has ended")


def test_a_job_can_be_cancelled_and_its_run_ends(live: Live) -> None:
    before = ECHO.finished
    name = submit(live, prompt="wait")
    until(live, name, "running")
    answer = ask(live, "POST", f"/jobs/{name}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    live.until(lambda: ECHO.finished == before + 1, "the agent's run has ended")
    assert ask(live, "POST", f"/jobs/{name}/cancel").json()["status"] == "cancelled"
    assert stream(live, name)[-1][2]["status"] == "cancelled"


def test_a_job_that_is_deleted_is_ended_and_forgotten(live: Live) -> None:
    before = ECHO.finished
    name = submit(live, prompt="wait")
    until(live, name, "running")
    assert ask(live, "DELETE", f"/jobs/{name}").json() == {"job_id": name, "deleted": True}
    live.until(lambda: ECHO.finished == before + 1, "the agent's run has ended")
    assert ask(live, "GET", f"/jobs/{name}").json()["code"] == "job_not_found"


def test_lists_show_ones_own_jobs_the_newest_first_page_by_page(live: Live) -> None:
    key = live.issue()
    made = [ask(live, "POST", "/execute", {"prompt": str(n)}, key).json()["job_id"] for n in range(3)]
    first = ask(live, "GET", "/jobs?limit=2", key=key).json()
    assert ([one["job_id"] for one in first["data"]], first["has_more"]) == ([made[2], made[1]], True)
    assert first["data"][0].keys().isdisjoint(("output", "stderr"))
    second = ask(live, "GET", f"/jobs?limit=2&after={first['last_id']}", key=key).json()
    assert ([one["prompt"] for one in second["data"]], second["has_more"]) == (["0"], False)
    assert ask(live, "GET", f"/jobs?after={submit(live, prompt='a')}", key=key).json()["code"] == "invalid_request"
    assert ask(live, "GET", "/jobs", key=live.issue()).json()["data"] == []


@pytest.mark.parametrize(("method", "below"), [("GET", ""), ("DELETE", ""), ("GET", "/stream"), ("POST", "/cancel")])
def test_a_job_of_another_key_does_not_exist(live: Live, method: str, below: str) -> None:
    name = submit(live, prompt="hello")
    foreign = ask(live, method, f"/jobs/{name}{below}", key=live.issue())
    unknown = ask(live, method, f"/jobs/job_0{below}", key=live.issue())
    assert (
        (foreign.status_code, foreign.json()["code"])
        == (unknown.status_code, "job_not_found")
        == (404, "job_not_found")
    )
    assert ended(live, name)["status"] == "completed"


def test_without_a_key_there_is_nothing(live: Live) -> None:
    for method, path in (("POST", "/execute"), ("GET", "/jobs"), ("GET", "/jobs/job_0"), ("GET", "/jobs/job_0/stream")):
        assert httpx2.request(method, live.url + path).status_code == 401


def test_a_key_runs_what_its_scope_says(live: Live) -> None:
    echo = live.issue(models=("agent/echo",))
    refused = ask(live, "POST", "/execute", {"prompt": "a", "agent": "agent/stepping"}, echo)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert ask(live, "POST", "/execute", {"prompt": "a", "agent": "agent/echo"}, echo).status_code == 202
    unknown = ask(live, "POST", "/execute", {"prompt": "a", "agent": "nobody"}, echo)
    assert "there are: agent/echo." in unknown.json()["detail"]


@pytest.mark.parametrize(
    "agent",
    [
        "nobody", "../echo", "agent/../echo", "agent/echo --flag", "claude --dangerously-skip-permissions", "/bin/sh",
        "/bin/sh -c id", "agent", "agent/", "agent/echo/../../bin/sh", "agent/echo\u0000", "$(id)", "`id`",
        "mock-chat/gpt-4",
    ],
)  # fmt: skip
def test_what_is_no_agent_of_the_operators_is_an_error_that_lists_those(live: Live, agent: str) -> None:
    answer = ask(live, "POST", "/execute", {"prompt": "a", "agent": agent})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "there are: agent/echo, agent/stepping." in answer.json()["detail"]


@pytest.mark.parametrize(
    "member",
    [
        "command", "cmd", "args", "argv", "flags", "env", "environment", "cwd", "path", "workspace", "directory",
        "shell", "stdin", "upstream", "model", "profile", "request_id", "key_id", "owner", "allowed_tools", "Prompt",
    ],
)  # fmt: skip
def test_an_unknown_member_is_refused_by_name(live: Live, member: str) -> None:
    answer = ask(live, "POST", "/execute", {"prompt": "a", member: "/bin/sh"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert repr(member) in answer.json()["detail"]


@pytest.mark.parametrize(
    ("order", "named"),
    [
        ({}, "prompt"), ({"prompt": ""}, "prompt"), ({"prompt": " \n"}, "prompt"), ({"prompt": ["a"]}, "prompt"),
        ({"prompt": "a", "agent": 1}, "agent"), ({"prompt": "a", "agent": ["sh", "-c"]}, "agent"),
        ({"prompt": "a", "timeout_seconds": 0}, "timeout_seconds"),
        ({"prompt": "a", "timeout_seconds": -1}, "timeout_seconds"),
        ({"prompt": "a", "timeout_seconds": 31}, "timeout_seconds"),
        ({"prompt": "a", "timeout_seconds": "1; id"}, "timeout_seconds"),
        ({"prompt": "a", "max_budget_usd": -1}, "max_budget_usd"),
        ({"prompt": "a", "max_budget_usd": "1 --flag"}, "max_budget_usd"),
        ({"prompt": "a", "metadata": "a"}, "metadata"), ({"prompt": "a", "metadata": ["a"]}, "metadata"),
        ({"prompt": "a", "metadata": {"a": "x" * 17_000}}, "metadata"),
        ({"prompt": "a", "idempotent": 1}, "idempotent"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name(live: Live, order: object, named: str) -> None:
    answer = ask(live, "POST", "/execute", order)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert repr(named) in answer.json()["detail"]


def test_a_budget_that_nobody_would_keep_is_refused(live: Live) -> None:
    answer = ask(live, "POST", "/execute", {"prompt": "a", "max_budget_usd": 0.5})
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_parameter")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"a"', b'{"prompt":', b'{"prompt": "\xff"}', b"{}"])
def test_what_is_no_order_is_a_400(live: Live, body: bytes) -> None:
    assert httpx2.post(f"{live.url}/execute", content=body, headers=live.headers()).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/execute", 405), ("POST", "/jobs", 405), ("PUT", "/jobs/job_0", 405),
        ("GET", "/jobs/job_0/cancel", 405), ("POST", "/jobs/job_0/stream", 405), ("GET", "/jobs/a%2Fb", 404),
        ("GET", "/jobs/job_0/more", 404),
        ("GET", "/jobs/", 404), ("GET", "/jobs/..", 404), ("GET", "/jobs?nothing=1", 400),
    ],
)  # fmt: skip
def test_paths_and_methods_that_there_are_not(live: Live, method: str, path: str, status: int) -> None:
    answer = live.raw(f"{method} {path} HTTP/1.1\r\nHost: a\r\nX-Api-Key: {live.key}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("seen", ["a", "-1", "1e3", ""])
def test_a_place_in_a_stream_is_a_number(live: Live, seen: str) -> None:
    name = submit(live, prompt="hello")
    assert ask(live, "GET", f"/jobs/{name}/stream", **{"Last-Event-ID": seen}).status_code == 400
    assert ask(live, "GET", f"/jobs/{name}/stream?starting_after={seen or 'x'}x").status_code == 400


def test_a_background_response_is_no_job_of_this_kind(live: Live) -> None:
    body = {"model": "agent/echo", "input": "a", "background": True}
    made = ask(live, "POST", "/v1/responses", body).json()
    assert ask(live, "GET", f"/jobs/{made['id']}").status_code == 404


def test_a_key_that_is_revoked_meanwhile_runs_nothing(tmp_path: Path) -> None:
    agent = EchoAgent()
    with running(tmp_path, one_at_a_time, agents=[agent]) as live:
        stored, token = live.run(lambda: live.gateway.issuer.create("short"))
        first = submit(live, prompt="wait")
        assert ask(live, "POST", "/execute", {"prompt": "a"}, token).status_code == 202
        last = submit(live, prompt="b")
        live.run(lambda: live.gateway.issuer.revoke(stored.id))
        ask(live, "POST", f"/jobs/{first}/cancel")
        assert ended(live, last)["status"] == "completed"
        assert len(agent.asked) == 2
        assert stored.id not in {asked.key_id for asked in agent.asked}


def one_at_a_time(values: dict[str, Any], mock_url: str) -> None:
    values["jobs"] = {"max_concurrency": 1, "max_queue": 2, "default_agent": "agent/echo"}


def test_too_many_jobs_are_a_429_that_says_when_to_come_back(tmp_path: Path) -> None:
    with running(tmp_path, one_at_a_time, agents=[EchoAgent()]) as live:
        first = submit(live, prompt="wait")
        until(live, first, "running")
        waiting = [submit(live, prompt="wait") for _ in range(2)]
        full = ask(live, "POST", "/execute", {"prompt": "a"})
        assert (full.status_code, full.json()["code"]) == (429, "jobs_full")
        assert int(full.headers["retry-after"]) > 0
        assert ask(live, "POST", f"/jobs/{waiting[0]}/cancel").json()["status"] == "cancelled"
        assert job(live, waiting[0])["started_at"] is None
        assert ask(live, "POST", "/execute", {"prompt": "a"}).status_code == 202
        for name in (first, waiting[1]):
            ask(live, "POST", f"/jobs/{name}/cancel")


def test_an_agent_that_has_a_job_may_be_busy(tmp_path: Path) -> None:
    def refusing(values: dict[str, Any], mock_url: str) -> None:
        values["jobs"] = {"when_busy": "refuse", "default_agent": "agent/echo"}

    with running(tmp_path, refusing, agents=[EchoAgent(), Stepping()]) as live:
        first = submit(live, prompt="wait")
        busy = ask(live, "POST", "/execute", {"prompt": "a"})
        assert (busy.status_code, busy.json()["code"]) == (409, "agent_busy")
        other = submit(live, prompt="a", agent="agent/stepping")
        ask(live, "POST", f"/jobs/{first}/cancel")
        assert ask(live, "POST", "/execute", {"prompt": "a"}).status_code == 202
        ask(live, "POST", f"/jobs/{other}/cancel")


def test_one_of_many_who_ask_at_once_gets_an_agent_that_is_free(tmp_path: Path) -> None:
    def refusing(values: dict[str, Any], mock_url: str) -> None:
        values["jobs"] = {"when_busy": "refuse", "default_agent": "agent/echo"}

    with running(tmp_path, refusing, agents=[EchoAgent()]) as live, ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: ask(live, "POST", "/execute", {"prompt": "wait"}), range(8)))
        assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
        name = next(answer.json()["job_id"] for answer in answers if answer.status_code == 202)
        ask(live, "POST", f"/jobs/{name}/cancel")


def test_a_gateway_without_agents_says_so(tmp_path: Path) -> None:
    with running(tmp_path, no_programs) as live:
        answer = ask(live, "POST", "/execute", {"prompt": "a"})
        assert answer.status_code == 400
        assert "there are none" in answer.json()["detail"]
