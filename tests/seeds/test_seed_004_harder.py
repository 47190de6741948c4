"""Seed 004 in a harder form: what each of its tests asks, where a program, a caller or chance makes it difficult."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from tests.seeds.claude_endpoint import HI, OK, RESULT, ClaudeEndpoint, endpoint
from tests.support.running import runs


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClaudeEndpoint]:
    with endpoint(tmp_path_factory.mktemp("seed004")) as served:
        yield served


@pytest.fixture
def claude(served: ClaudeEndpoint) -> ClaudeEndpoint:
    served.play(OK)
    served.ran()
    return served


def said(response: httpx2.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


def refused(response: httpx2.Response) -> str:
    """The detail of a run that failed."""
    assert response.status_code == 503, response.text
    assert response.json()["error"] == "execution failed"
    assert int(response.headers.get("retry-after", "1")) > 0
    return str(response.json()["detail"])


def test_the_happy_path_with_the_official_client_and_a_long_answer_in_one_line(claude: ClaudeEndpoint) -> None:
    text = 'Ünïcode "quoted"\n\u2028 and a tab\t' + "x" * 1_000_000
    used = {"input_tokens": 7, "output_tokens": 11, "cache_read_input_tokens": 2}
    claude.play([{"line": {**RESULT, "result": text, "usage": used}}])
    with openai.OpenAI(base_url=f"{claude.live.url}/v1", api_key=claude.live.key, max_retries=0) as client:
        answers = [client.chat.completions.create(model="haiku", messages=HI, user="u") for _ in range(2)]  # type: ignore[arg-type]
    for answer in answers:
        assert answer.choices[0].message.content == text
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (9, 11, 20)
    assert answers[0].id != answers[1].id


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
@pytest.mark.parametrize("model", [{}, {"model": "opus"}])
def test_streaming_is_refused_before_anything_runs(claude: ClaudeEndpoint, path: str, model: dict[str, str]) -> None:
    asked: dict[str, Any] = {"messages": HI} if "chat" in path else {"input": "hi"}
    response = claude.ask(path, **asked, **model, stream=True)
    assert response.status_code == 400
    assert "streaming not supported" in json.dumps(response.json()).lower()
    assert claude.ran() == []


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"X-Api-Key": ""},
        {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dGVzdA=="}, {"Authorization": "Bearer test-token"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/execute"])
def test_without_a_good_key_nothing_is_looked_at(claude: ClaudeEndpoint, path: str, headers: dict[str, str]) -> None:
    for body in ({"messages": HI}, {"messages": [], "stream": True, "model": "none"}, {"prompt": "hi"}):
        response = claude.ask(path, headers=headers, **body)
        assert response.status_code == 401
        assert isinstance(response.json()["error"], str)
    assert claude.ran() == []


@pytest.mark.parametrize(
    ("steps", "detail"),
    [
        ([{"err": "boom"}, {"exit": 1}], "boom"),
        ([{"err": "boom"}, {"kill": "KILL"}], "signal 9"),
        ([{"err": "x" * 100, "times": 3000}, {"err": "boom"}, {"exit": 42}], "boom"),
        ([{"line": {**RESULT, "is_error": True, "result": "Credit is too low"}}, {"exit": 1}], "Credit is too low"),
        ([{"line": {**RESULT, "is_error": True, "result": "Credit is too low"}}], "Credit is too low"),
        ([{"line": {**RESULT, "subtype": "error_during_execution", "result": None, "errors": ["aborted"]}}], "aborted"),
        ([{"exit": 42}], "42"),
        ([], "before its answer was complete"),
    ],
)
def test_a_run_that_fails_says_why_whatever_its_way_to_do_so(
    claude: ClaudeEndpoint, steps: list[dict[str, Any]], detail: str
) -> None:
    claude.play(steps)
    assert detail in refused(claude.ask(model="haiku", messages=HI))
    claude.play(OK)
    assert said(claude.ask(model="haiku", messages=HI)) == "ok"


def test_a_program_that_is_not_there_is_a_failed_run(tmp_path: Path) -> None:
    with endpoint(tmp_path) as claude:
        (tmp_path / "claude").unlink()
        assert refused(claude.ask(model="haiku", messages=HI))


@pytest.mark.parametrize(
    "steps",
    [
        [{"sleep": 60}],
        [{"ignore": "TERM"}, {"sleep": 60}],
        [{"out": "a beginning"}, {"sleep": 60}],
        [{"child": 60}, {"sleep": 60}],
    ],
)  # fmt: skip
def test_a_run_that_takes_too_long_is_a_503_and_gives_its_place_back(
    tmp_path: Path, steps: list[dict[str, Any]]
) -> None:
    with endpoint(tmp_path, timeouts={"total": 0.5}, grace=0.2) as claude:
        claude.play(steps)
        began = time.monotonic()
        assert "0.5 seconds" in refused(claude.ask(model="haiku", messages=HI))
        assert time.monotonic() - began < 10
        claude.play(OK)
        assert said(claude.ask(model="haiku", messages=HI)) == "ok"


@pytest.mark.parametrize("messages", [[], None, "hi", {}, [{}], [[]], [{"role": "user"}], [{"content": "hi"}], 1])
def test_what_are_no_messages_is_refused_before_anything_runs(claude: ClaudeEndpoint, messages: object) -> None:
    response = claude.ask(model="haiku", messages=messages)
    assert response.status_code in (400, 422)
    assert response.json()["error"]
    assert claude.ran() == []


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([{"out": "first line\nsecond line\n"}], "first line\nsecond line"),
        ([{"out": "no end of line"}], "no end of line"),
        ([{"out": '{"not": "a result"}\n'}], '{"not": "a result"}'),
        ([{"out": "x" * 2_000_000}], "x" * 2_000_000),
        ([{"out": "{broken json\n"}], "{broken json"),
    ],
)
def test_what_is_no_json_is_the_answer_as_it_stands(
    claude: ClaudeEndpoint, steps: list[dict[str, Any]], text: str
) -> None:
    claude.play(steps)
    assert text in said(claude.ask(model="haiku", messages=HI))


@pytest.mark.parametrize(
    "text", ["--dangerously-skip-permissions", "-p", "--", "--model=opus", "; id", "$(id)", "/config", "@/etc/passwd"]
)
def test_what_a_caller_says_is_one_argument_behind_the_last_flag(claude: ClaudeEndpoint, text: str) -> None:
    for messages in (
        [{"role": "user", "content": text}],
        [{"role": "system", "content": "SYSTEM-MARKER"}, {"role": "user", "content": text}],
    ):
        assert said(claude.ask(model="haiku", messages=messages)) == "ok"
        argv = claude.ran()[0]["argv"]
        assert text in argv[-1]
        assert argv[-2] == "--"
        assert argv.count("--model") == 1


def test_all_that_was_said_is_in_the_last_argument_and_nowhere_else(claude: ClaudeEndpoint) -> None:
    messages = [
        {"role": "system", "content": "SYSTEM-1"},
        {"role": "developer", "content": "DEVELOPER-1"},
        {"role": "user", "content": [{"type": "text", "text": "USER-1"}]},
        {"role": "assistant", "content": "ASSISTANT-1"},
        {"role": "user", "content": "USER-2"},
    ]
    assert said(claude.ask(model="haiku", messages=messages)) == "ok"
    run = claude.ran()[0]
    for mark in ("SYSTEM-1", "DEVELOPER-1", "USER-1", "ASSISTANT-1", "USER-2"):
        assert mark in run["argv"][-1]
        assert mark not in json.dumps([run["argv"][:-1], run["environ"], run["cwd"]])
    assert run["argv"][-1].index("SYSTEM-1") < run["argv"][-1].index("USER-1") < run["argv"][-1].index("USER-2")


def test_of_many_at_once_one_runs_and_the_others_hear_so_at_once(claude: ClaudeEndpoint) -> None:
    door = claude.directory / "harder-door"
    claude.play([{"wait": str(door)}, {"line": RESULT}])
    with ThreadPoolExecutor(1) as other, ThreadPoolExecutor(8) as crowd:
        first = other.submit(claude.ask, model="haiku", messages=HI)
        claude.live.until(lambda: bool(claude.ran()), "a run")
        began = time.monotonic()
        turned_away = list(crowd.map(lambda _: claude.ask(messages=HI), range(8)))
        assert time.monotonic() - began < 5
        door.touch()
        assert said(first.result()) == RESULT["result"]
    assert all(refused(response) for response in turned_away)
    assert claude.ran() == []
    claude.play(OK)
    assert said(claude.ask(messages=HI)) == "ok"


def test_a_caller_that_leaves_ends_its_run_and_frees_the_place(claude: ClaudeEndpoint) -> None:
    claude.play([{"child": 60}, {"sleep": 60}])
    body = json.dumps({"model": "haiku", "messages": HI}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-Api-Key: {claude.live.key}\r\nContent-Length: {len(body)}"
    )
    with socket.create_connection(("127.0.0.1", claude.live.port)) as caller:
        caller.sendall(head.encode() + b"\r\n\r\n" + body)
        began: list[int] = []

        def has_begun() -> bool:
            began.extend(run["pid"] for run in claude.ran())
            return bool(began)

        claude.live.until(has_begun, "a run")
    claude.play(OK)
    claude.live.until(lambda: not runs(began[0]), "the end of its program")
    assert said(claude.ask(messages=HI)) == "ok"


@pytest.mark.parametrize("model", ["haiku", "sonnet", "opus"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_each_model_is_asked_under_its_name_alone_in_every_dialect(
    claude: ClaudeEndpoint, model: str, path: str
) -> None:
    asked: dict[str, Any] = {"messages": HI} if "chat" in path else {"input": "hi"}
    for name in (model, f"claude/{model}"):
        response = claude.ask(path, model=name, **asked)
        assert (response.status_code, response.json()["model"]) == (200, name)
        argv = claude.ran()[0]["argv"]
        assert [after for flag, after in zip(argv, argv[1:], strict=False) if flag == "--model"] == [model]


@pytest.mark.parametrize("model", [{}, {"model": None}])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_the_default_is_run_and_named_in_every_dialect(
    claude: ClaudeEndpoint, model: dict[str, Any], path: str
) -> None:
    asked: dict[str, Any] = {"messages": HI} if "chat" in path else {"input": "hi"}
    response = claude.ask(path, **model, **asked)
    assert (response.status_code, response.json()["model"]) == (200, "sonnet")
    argv = claude.ran()[0]["argv"]
    assert argv[argv.index("--model") + 1] == "sonnet"


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o", "Haiku", "haiku ", "haiku\n", "--model", "--dangerously-skip-permissions", "claude/gpt-4o",
        "claude/--flag", "claude/../haiku", "../haiku", "/bin/sh", "haiku; id", "haiku\u0000", "h*", "?????",
    ],
)  # fmt: skip
def test_no_other_model_is_run_and_those_there_are_are_listed(claude: ClaudeEndpoint, model: str) -> None:
    response = claude.ask(model=model, messages=HI)
    assert response.status_code == 400, response.text
    body = response.json()
    assert body["error"] == "unsupported model"
    assert body["supported"] == ["haiku", "sonnet", "opus"]
    assert claude.ran() == []


@pytest.mark.parametrize(
    "member", ["command", "args", "argv", "env", "cwd", "flags", "permission_mode", "allowed_tools", "mcp_config"]
)
def test_no_member_of_a_request_reaches_the_program(claude: ClaudeEndpoint, member: str) -> None:
    response = claude.ask(messages=HI, **{member: "MARKED"})
    assert response.status_code in (200, 400)
    assert "MARKED" not in json.dumps(claude.ran())
