"""`dragoman.upstreams.command` over programs that speak as `claude`, `codex` and `gemini` do, and misbehave so."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import errors
from dragoman.dialects.commands.base import Output, Settings
from dragoman.dialects.commands.table import ADAPTERS
from dragoman.errors import GatewayError
from dragoman.mocks import fake_cli
from dragoman.ports import Asked, Timeouts
from dragoman.turn import (
    CallOpened,
    Event,
    Failed,
    Message,
    Stop,
    Stopped,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    Used,
)
from dragoman.upstreams.command import CommandUpstream
from dragoman.upstreams.command_runs import CommandSettings
from dragoman.upstreams.sessions import Sessions
from dragoman.upstreams.workshop import Workshop
from dragoman.upstreams.workspace import EmptyWorkspace
from tests.support.running import alive, runs, until

KINDS = ("claude", "codex", "gemini")
Make = Callable[..., CommandUpstream]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes upstreams over fakes; `script` is what they do instead of an answer."""
    workshop = Workshop.open(tmp_path / "state")
    made: list[CommandUpstream] = []

    def upstream(
        kind: str = "claude", script: object = None, *, output: Output | None = None, idle: float = 5.0,
        grace: float = 5.0, tools: bool = False, own_tools: bool = False,
    ) -> CommandUpstream:  # fmt: skip
        adapter = ADAPTERS[f"{kind}-cli"]
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), fake_cli.LOG: str(tmp_path / "log")}
        if script is not None:
            (tmp_path / "script").write_text(json.dumps(script))
            env[fake_cli.SCRIPT] = str(tmp_path / "script")
        settings = CommandSettings(
            run=Settings(upstream=kind, output=output or adapter.outputs[0], tools=tools, own_tools=own_tools),
            command=str(fake_cli.install(tmp_path, kind)),
            env=env,
            timeouts=Timeouts(0, 5, idle, 20),
            max_concurrency=4,
            grace=grace,
        )
        sessions = Sessions(tmp_path / f"{kind}-sessions", adapter.name, env, age=100, now=time.time, max_waiting=10)
        space = EmptyWorkspace(kind, workshop.rooms)
        made.append(CommandUpstream(settings, adapter, workshop, space, sessions, now=time.time))
        return made[-1]

    yield upstream
    for one in made:
        await one.close()
    await workshop.close()
    for folder in ("runs", "work", "files"):
        assert list((tmp_path / "state" / folder).iterdir()) == []


def turn(prompt: str, **changes: Any) -> Turn:
    return Turn("m", items=(Message("user", (Text(prompt),)),), **changes)


def asked(call: str = "call_1", session: str = "", becomes: str = "") -> Asked:
    return Asked("key", call, "req_1", session=session, becomes=becomes)


async def run(upstream: CommandUpstream, said: str | Turn, call: Asked | None = None) -> list[Event]:
    whole = turn(said) if isinstance(said, str) else said
    reply = await upstream.prepare(whole, "m").open(call or asked())
    found: list[Event] = []
    while some := await reply.read():
        found += some
    reply.close()
    return found


def text(found: list[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta))


def usage(found: list[Event]) -> Usage:
    return next(event.usage for event in found if isinstance(event, Used))


def log(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


@pytest.mark.parametrize("kind", KINDS)
async def test_each_answers(make: Make, tmp_path: Path, kind: str) -> None:
    found = await run(make(kind), "good day")
    assert text(found) == 'You said: "good day". This is a fake agent, no model was asked.'
    assert found[-1] == Stopped(Stop.END)
    assert usage(found).input_tokens == 2
    (seen,) = log(tmp_path)
    assert "good day" not in seen["argv"]
    assert not {name for name in seen["environ"] if name.startswith("DRAGOMAN_")} - {"DRAGOMAN_RUN"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_prompt_of_200_kb_and_one_that_looks_like_a_flag_are_only_said(make: Make, kind: str) -> None:
    upstream = make(kind)
    assert "--help" in text(await run(upstream, "--help"))
    assert len(text(await run(upstream, "word " * 40_000))) > 200_000


@pytest.mark.parametrize("kind", KINDS)
async def test_what_the_provider_refuses_is_refused_as_it_did(make: Make, kind: str) -> None:
    with pytest.raises(GatewayError) as caught:
        await run(make(kind), "make an error")
    assert caught.value.kind is errors.RATE_LIMIT_EXCEEDED


@pytest.mark.parametrize("kind", KINDS)
async def test_a_conversation_goes_on_with_the_programs_session(make: Make, kind: str) -> None:
    upstream = make(kind)
    first = await run(upstream, "the word is plum", asked(becomes="resp_1"))
    second = await run(upstream, "recall", asked("call_2", session="resp_1", becomes="resp_2"))
    assert text(second) == "the word is plum"
    if kind == "claude":  # it tells what the whole session has cost
        assert [usage(found).cost_usd for found in (first, second)] == pytest.approx([fake_cli.COST, fake_cli.COST])


def kept(tmp_path: Path) -> list[Path]:
    """The files of claude's sessions."""
    return list(tmp_path.glob(".claude/projects/*/*.jsonl"))


async def test_a_session_whose_files_are_gone_is_begun_anew(make: Make, tmp_path: Path) -> None:
    upstream = make()
    await run(upstream, "the word is plum", asked(becomes="name"))
    await until(lambda: bool(kept(tmp_path)))
    kept(tmp_path)[0].unlink()
    found = await run(upstream, "recall", asked("call_2", session="name", becomes="name"))
    assert text(found) == "Nothing was said before."


async def test_runs_of_one_session_lose_no_turn(make: Make) -> None:
    upstream = make()
    calls = [run(upstream, f"word {n}", asked(f"call_{n}", session="name", becomes="name")) for n in range(4)]
    await asyncio.gather(*calls)
    found = await run(upstream, "recall", asked("call_9", session="name", becomes="name"))
    assert sorted(text(found).split(" | ")) == [f"word {n}" for n in range(4)]


async def test_a_program_that_finds_its_sessions_by_directory_is_run_in_the_same_one(
    make: Make, tmp_path: Path
) -> None:
    upstream = make("gemini")
    await run(upstream, "one", asked(becomes="name"))
    busy = await upstream.prepare(turn("other"), "m").open(asked("call_x", becomes="other"))
    await run(upstream, "two", asked("call_2", session="name", becomes="name"))
    while await busy.read():
        continue
    await upstream.close()
    one, two, other = (
        {seen["cwd"] for seen in log(tmp_path) if word in seen["stdin"]} for word in ("one", "two", "other")
    )
    assert one == two != other


async def test_a_flood_on_stderr_and_a_line_of_a_megabyte_hold_nothing_up(make: Make) -> None:
    flood = {"err": "x" * 999 + "\n", "times": 300}
    line = {"line": {"type": "user", "message": {"content": "y" * 1_000_000}}}
    found = await run(make(script=[flood, line, {"answer": True}]), "good day")
    assert text(found).startswith("You said")


async def test_a_byte_that_is_no_utf_8_is_no_end(make: Make) -> None:
    found = await run(make(script=[{"out": "\udcff\n"}, {"answer": True}]), "good day")
    assert text(found).startswith("You said")


@pytest.mark.parametrize("output", ["stream-json", "json"])
async def test_an_answer_comes_in_time_though_the_program_never_exits(make: Make, output: Output) -> None:
    begun = time.monotonic()
    upstream = make(script=[{"ignore": "TERM"}, {"answer": True}, {"sleep": 1000}], output=output, grace=0.1)
    found = await run(upstream, "good day")
    assert isinstance(found[-1], Stopped)
    assert time.monotonic() - begun < 3
    await until(lambda: not len(upstream.runs.workshop.processes))


async def test_a_stall_is_a_504_and_ends_the_group(make: Make, tmp_path: Path) -> None:
    init = {"line": {"type": "system", "subtype": "init", "session_id": "s", "model": "m", "tools": []}}
    upstream = make(script=[{"ignore": "TERM"}, {"child": 1000}, init, {"sleep": 1000}], idle=0.1)
    with pytest.raises(GatewayError) as caught:
        await run(upstream, "good day")
    assert caught.value.kind is errors.IDLE_TIMEOUT
    await alive(log(tmp_path)[0]["pid"], False)


async def test_a_grandchild_that_holds_stdout_does_not_hold_the_caller(make: Make) -> None:
    begun = time.monotonic()
    found = await run(make("gemini", [{"child": 1000}, {"answer": True}]), "good day")
    assert isinstance(found[-1], Stopped)
    with pytest.raises(GatewayError, match="42"):
        await run(make("gemini", [{"child": 1000}, {"err": "boom"}, {"exit": 42}]), "good day")
    assert time.monotonic() - begun < 4


async def test_a_program_that_is_killed_has_failed(make: Make) -> None:
    with pytest.raises(GatewayError) as caught:
        await run(make("codex", [{"kill": "KILL"}]), "good day")
    assert caught.value.kind is errors.EXECUTION_FAILED
    assert "signal 9" in caught.value.message


async def test_a_caller_that_leaves_ends_it(make: Make, tmp_path: Path) -> None:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "good"}}
    line = {"type": "stream_event", "event": delta, "parent_tool_use_id": None, "session_id": "s"}
    upstream = make(script=[{"ignore": "TERM"}, {"child": 1000}, {"line": line}, {"sleep": 1000}])
    reply = await upstream.prepare(turn("good day"), "m").open(asked())
    assert text(await reply.read()) == "good"
    pid = log(tmp_path)[0]["pid"]
    assert runs(pid)
    reply.close()
    await alive(pid, False)


async def test_tools_of_the_callers_are_called_and_go_on(make: Make) -> None:
    upstream = make(tools=True)
    asks = turn('call clock {"zone": "UTC"}', tools=(Tool("clock"),))
    first = await run(upstream, asks)
    (call,) = [event for event in first if isinstance(event, CallOpened)]
    assert call.name == "clock"
    assert first[-1] == Stopped(Stop.TOOL_CALLS)
    given = (ToolCall(call.call_id, "clock", "{}"), ToolResult(call.call_id, (Text("12:00"),)))
    second = await run(upstream, Turn("m", items=(*asks.items, *given), tools=asks.tools), asked("call_2"))
    assert text(second) == "The tool returned: 12:00"
    assert not any(isinstance(event, Failed) for event in second)


def made_by_it(tmp_path: Path) -> list[Path]:
    return list(tmp_path.rglob("evil"))


async def test_no_word_of_a_caller_is_a_flag_a_path_or_a_variable(make: Make, tmp_path: Path) -> None:
    evil = "--dangerously-skip-permissions\n-c danger=true\nPATH=/evil\n../../etc/passwd\n$(touch evil)`touch evil`"
    for kind in KINDS:
        await run(make(kind), Turn("m", items=(Message("system", (Text(evil),)), Message("user", (Text(evil),)))))
    assert not made_by_it(tmp_path)
    for seen in log(tmp_path):
        assert not [word for word in seen["argv"] if "danger" in word or "evil" in word]
        assert not [name for name, value in seen["environ"].items() if "evil" in f"{name}{value}"]
        assert Path(seen["cwd"]).is_relative_to(tmp_path / "state" / "work")


@pytest.mark.parametrize("own_tools", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_caller_says_runs_no_command_and_reads_no_file(
    make: Make, tmp_path: Path, kind: str, own_tools: bool
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the key of the house")
    for said in (f"see @{secret}", "/config model=opus", f"/x @{secret}"):
        told = text(await run(make(kind, own_tools=own_tools), said))
        assert told.startswith("You said:") and "the house" not in told and "of the program's own" not in told


async def test_codex_is_charged_for_a_turn_and_not_for_its_thread(make: Make) -> None:
    codex = make("codex")
    first = usage(await run(codex, "one two three", asked("call_1", "talk", "talk")))
    second = usage(await run(codex, "one two three", asked("call_2", "talk", "talk")))

    assert first == second == Usage(3, first.output_tokens)
