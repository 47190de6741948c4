"""`dragoman.upstreams.command`: turns as runs of a program, here of the shell."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dragoman import errors
from dragoman.dialects.commands.base import Settings
from dragoman.errors import ErrorKind, GatewayError
from dragoman.ports import Asked, Exit, Load, Timeouts, TurnReply
from dragoman.turn import (
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Message,
    Opened,
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
from dragoman.upstreams.command_runs import SUSPENDED, CommandSettings
from dragoman.upstreams.sessions import Sessions
from dragoman.upstreams.workshop import Workshop
from dragoman.upstreams.workspace import DirectoryWorkspace, EmptyWorkspace, Repository, RepositoryWorkspace, Workspace
from tests.support.running import alive, children, descriptors, runs, until
from tests.support.shell import ShellAdapter, calls

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
SETTINGS = CommandSettings(
    run=Settings(upstream="agent", output="stream-json"),
    command="sh",
    env=ENV,
    timeouts=Timeouts(0, 5, 5, 20),
    max_concurrency=4,
    grace=0.2,
)
Make = Callable[..., CommandUpstream]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes upstreams with one workshop, and sees that nothing is left of them."""
    workshop = Workshop.open(tmp_path / "state")
    made: list[CommandUpstream] = []

    def upstream(workspace: Workspace | None = None, *, age: float = 100.0, **changes: object) -> CommandUpstream:
        settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
        sessions = Sessions(tmp_path / "sessions", "text", ENV, age=age, now=lambda: 1000.0, max_waiting=10)
        space = workspace or EmptyWorkspace("agent", workshop.rooms)
        made.append(CommandUpstream(settings, ShellAdapter(), workshop, space, sessions, now=lambda: 1000.5))
        return made[-1]

    upstream.workshop = workshop  # type: ignore[attr-defined]
    yield upstream
    for one in made:
        await one.close()
    await workshop.close()
    for folder in ("runs", "work", "files"):
        assert list((tmp_path / "state" / folder).iterdir()) == []


def turn(script: str, *, stream: bool = False) -> Turn:
    return Turn("m", stream=stream, items=(Message("user", (Text(script),)),))


def asked(call: str = "call_1", key: str = "key", session: str = "", becomes: str = "") -> Asked:
    return Asked(key, call, "req_1", session=session, becomes=becomes)


async def begin(upstream: CommandUpstream, script: str, call: Asked | None = None) -> TurnReply:
    return await upstream.prepare(turn(script), "m").open(call or asked())


async def events(reply: TurnReply) -> list[Event]:
    found: list[Event] = []
    while some := await reply.read():
        found += some
    assert await reply.read() == []
    reply.close()
    return found


async def run(upstream: CommandUpstream, script: str, call: Asked | None = None) -> list[Event]:
    return await events(await begin(upstream, script, call))


def text(found: list[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta))


async def failure(upstream: CommandUpstream, script: str, call: Asked | None = None) -> GatewayError:
    reply = await begin(upstream, script, call)
    with pytest.raises(GatewayError) as caught:
        await events(reply)
    assert await reply.read() == []
    return caught.value


async def first_text(reply: TurnReply) -> str:
    said = ""
    while not said:
        some = await reply.read()
        assert some, "it has ended"
        said = text(some)
    return said


async def test_a_turn_is_a_run_and_its_output_the_answer(make: Make) -> None:
    script = "echo text one; echo text two; echo cost 0.5; echo done"
    assert await run(make(), script) == [
        Opened("call_1", 1000, "m"), TextDelta("one"), TextDelta("two"),
        Used(Usage(1, 1, cost_usd=0.5)), Stopped(Stop.END),
    ]  # fmt: skip


async def test_it_runs_in_an_empty_directory_with_the_files_it_was_promised(make: Make) -> None:
    found = await run(make(), 'echo text $(ls -A | wc -l) $(cat "$4") $(stat -c %a "${4%/*}"); echo done')
    assert text(found) == "0 noted 700"


async def test_a_prompt_may_be_large_and_begin_with_a_dash_and_be_no_text(make: Make) -> None:
    script = "-x 2>/dev/null; echo text read; echo done; exit 0\n" + "# \ufffd" * 100_000
    assert text(await run(make(), script)) == "read"


async def test_what_is_no_utf_8_is_shown_as_such(make: Make) -> None:
    assert text(await run(make(), r"printf 'text a\377b\n'; echo done")) == "a\ufffdb"


async def test_a_failure_is_raised_before_content_and_told_after_it(make: Make) -> None:
    upstream = make()
    before = await failure(upstream, "echo fail too many calls")
    assert (before.kind, before.message) == (errors.RATE_LIMIT_EXCEEDED, "too many calls")
    after = await run(upstream, "echo text some; echo fail too many calls")
    assert after[-2:] == [TextDelta("some"), Failed("too many calls")]


async def test_what_a_run_has_cost_is_told_though_it_has_failed(make: Make) -> None:
    reply = await begin(make(), "echo cost 0.5; echo fail no more")
    assert await reply.read() == [Opened("call_1", 1000, "m"), Used(Usage(1, 1, cost_usd=0.5))]
    with pytest.raises(GatewayError, match="no more"):
        await reply.read()
    assert await reply.read() == []


async def test_a_program_that_ends_without_an_answer_has_failed_in_its_own_words(make: Make) -> None:
    error = await failure(make(), "echo boom >&2; exit 42")
    assert error.kind is errors.EXECUTION_FAILED
    assert "42: boom" in error.message


async def test_a_program_that_is_not_there_is_named(make: Make) -> None:
    with pytest.raises(GatewayError, match="'no-such-agent' cannot be started") as caught:
        await begin(make(command="no-such-agent"), "echo done")
    assert caught.value.kind is errors.LINK_UNAVAILABLE


@pytest.mark.parametrize(
    ("script", "timeouts", "kind", "says"),
    [
        ("exec sleep 1000", Timeouts(0, 0.1, 5, None), errors.REQUEST_TIMEOUT, "said nothing for 0.1"),
        ("echo session s; exec sleep 1000", Timeouts(0, 5, 0.1, None), errors.IDLE_TIMEOUT, "silent for 0.1"),
        ("while :; do echo x; sleep 0.01; done", Timeouts(0, 5, 5, 0.2), errors.REQUEST_TIMEOUT, "longer than"),
    ],
)
async def test_a_run_that_stalls_or_does_not_end_is_a_504(
    make: Make, script: str, timeouts: Timeouts, kind: ErrorKind, says: str
) -> None:
    error = await failure(make(timeouts=timeouts), script)
    assert error.kind is kind
    assert error.kind.status == 504
    assert says in error.message


async def test_a_stall_after_content_is_told_in_the_stream(make: Make) -> None:
    found = await run(make(timeouts=Timeouts(0, 5, 0.1, None)), "echo text some; exec sleep 1000")
    assert text(found) == "some"
    assert isinstance(found[-1], Failed) and found[-1].code == "idle_timeout"


async def test_a_run_may_have_a_deadline_of_its_own_in_place_of_the_upstreams(make: Make) -> None:
    upstream = make(timeouts=Timeouts(0, 5, 5, 0.2))
    patient = Asked("key", "call_1", "req_1", longest=20)
    assert text(await run(upstream, "sleep 0.3; echo text late; echo done", patient)) == "late"
    hasty = Asked("key", "call_2", "req_1", longest=0.1)
    assert (await failure(make(), "exec sleep 1000", hasty)).kind is errors.REQUEST_TIMEOUT


async def test_a_run_costs_no_more_than_both_its_caller_and_the_operator_allow(make: Make) -> None:
    seen = []
    for theirs, ours in ((0.5, 2.0), (3.0, 2.0), (None, 2.0), (3.0, None), (None, None)):
        upstream = make(run=Settings(upstream="agent", output="stream-json", max_budget_usd=ours))
        call = Asked("key", "call_1", "req_1", max_budget_usd=theirs)
        seen.append(text(await run(upstream, "echo text $6; echo done", call)))
    assert seen == ["0.5", "2.0", "2.0", "3.0", "None"]


async def test_what_cannot_stream_may_be_silent_until_its_end(make: Make) -> None:
    whole = Settings(upstream="agent", output="text")
    upstream = make(run=whole, timeouts=Timeouts(0, 0.05, 0.05, 0.5))
    assert text(await run(upstream, "sleep 0.1; echo text one; sleep 0.1; echo done")) == "one"
    assert (await failure(upstream, "exec sleep 1000")).kind is errors.REQUEST_TIMEOUT


async def test_work_that_nobody_hears_of_is_no_silence(make: Make) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do echo tool; sleep 0.05; done; echo text worked; echo done"
    assert text(await run(make(timeouts=Timeouts(0, 5, 0.3, None)), script)) == "worked"


async def test_the_answer_comes_in_time_though_the_program_does_not_end(make: Make) -> None:
    upstream = make(max_concurrency=1, max_queue=0)
    found = await run(upstream, "echo text $$; echo done; trap '' TERM; sleep 1000")
    assert isinstance(found[-1], Stopped)
    assert runs(int(text(found)))
    assert text(await run(upstream, "echo text next; echo done")) == "next"  # its place is free already
    await alive(int(text(found)), False)


async def test_no_more_programs_linger_than_may_run(make: Make) -> None:
    upstream = make(max_concurrency=1, grace=1000)
    pids = [int(text(await run(upstream, "echo text $$; echo done; exec sleep 1000"))) for _ in range(3)]
    await alive(pids[0], False)
    await alive(pids[1], False)
    await alive(pids[2], True)


async def test_a_caller_that_leaves_ends_the_whole_group_within_250_ms(make: Make) -> None:
    upstream, took = make(), []
    for _ in range(3):  # a busy machine may be late once
        reply = await begin(upstream, "trap '' TERM; sleep 1000 & echo text $$ $!; wait; wait")
        pids = [int(pid) for pid in (await first_text(reply)).split()]
        begun = time.monotonic()
        reply.close()
        reply.close()
        for pid in pids:
            await alive(pid, False)
        took.append(time.monotonic() - begun)
        assert await reply.read() == []
    assert min(took) < 0.25


async def test_a_read_that_is_cancelled_loses_nothing(make: Make, tmp_path: Path) -> None:
    reply = await begin(make(), f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo text all; echo done")
    reading = asyncio.ensure_future(reply.read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    (tmp_path / "go").touch()
    assert text(await events(reply)) == "all"


async def test_calls_wait_in_order_and_beyond_that_are_refused(make: Make, tmp_path: Path) -> None:
    upstream = make(max_concurrency=1, max_queue=2)
    script = f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo text; echo $$ >> {tmp_path}/order; echo done"
    first = await begin(upstream, script)
    calls = []
    for number in (1, 2):
        calls.append(asyncio.ensure_future(run(upstream, f"echo {number} >> {tmp_path}/order; echo done")))
        await until(lambda: upstream.runs.places.waiting == len(calls))
    with pytest.raises(GatewayError) as caught:
        await begin(upstream, "echo done")
    assert caught.value.kind is errors.QUEUE_FULL
    assert caught.value.retry_after
    assert upstream.load() == Load(1, 2)
    (tmp_path / "go").touch()
    await events(first)
    await asyncio.gather(*calls)
    assert (tmp_path / "order").read_text().split()[1:] == ["1", "2"]


async def test_without_a_queue_a_busy_upstream_says_so_at_once(make: Make) -> None:
    upstream = make(max_concurrency=1, max_queue=0)
    reply = await begin(upstream, "exec sleep 1000")
    with pytest.raises(GatewayError) as caught:
        await begin(upstream, "echo done")
    assert caught.value.kind is errors.CONCURRENCY_LIMIT_EXCEEDED
    reply.close()
    assert (await run(upstream, "echo done"))[-1] == Stopped(Stop.END)


async def test_a_wait_has_an_end_and_whoever_leaves_it_leaves_room(make: Make) -> None:
    upstream = make(max_concurrency=1, max_queue=1, queue_timeout=0.05)
    reply = await begin(upstream, "exec sleep 1000")
    for _ in range(2):
        with pytest.raises(GatewayError) as caught:
            await begin(upstream, "echo done")
        assert caught.value.kind is errors.QUEUE_TIMEOUT
    assert upstream.runs.places.waiting == 0
    reply.close()


async def test_a_session_is_gone_on_with_and_billed_for_what_was_added(make: Make) -> None:
    upstream = make()
    script = 'echo session ${1:-new}; echo text "[$1 $2 $3]"; echo cost %s; echo done'
    first = await run(upstream, script % "0.5", asked(becomes="resp_1"))
    second = await run(upstream, script % "0.75", asked("call_2", session="resp_1", becomes="resp_2"))
    other = await run(upstream, script % "0.5", asked("call_3", session="resp_1", becomes="resp_3"))

    assert [text(found) for found in (first, second, other)] == ["[ 0 kept]", "[new 0.5 kept]", "[ 0 kept]"]
    assert [event.usage.cost_usd for event in second if isinstance(event, Used)] == [0.25]


async def test_runs_of_one_session_come_one_after_the_other(make: Make, tmp_path: Path) -> None:
    upstream = make()
    script = (
        f"mkdir {tmp_path}/lock || echo fail two at once; echo session s; sleep 0.02; echo text $1; echo done;"
        f" exec >/dev/null; sleep 0.02; rmdir {tmp_path}/lock"
    )
    found = await asyncio.gather(
        *(run(upstream, script, asked(f"call_{n}", session="name", becomes="name")) for n in range(4))
    )
    assert [text(one) for one in found] == ["", "s", "s", "s"]


async def test_a_session_that_the_program_has_forgotten_is_begun_anew(make: Make) -> None:
    upstream = make()
    script = 'if [ -n "$1" ]; then echo no such session >&2; exit 1; fi; echo session s; echo text new; echo done'
    call = asked(session="name", becomes="name")
    for _ in range(3):
        assert text(await run(upstream, script, call)) == "new"


async def test_a_failure_of_a_session_that_is_known_stays_one(make: Make) -> None:
    upstream = make()
    call = asked(session="name", becomes="name")
    await run(upstream, "echo session s; echo done", call)
    assert (await failure(upstream, "echo session s; echo fail limit", call)).kind is errors.RATE_LIMIT_EXCEEDED
    assert text(await run(upstream, "echo text $1; echo done", call)) == "s"


@pytest.mark.parametrize("model", ["--model", "-p", "../x", "a/b", "a b", "a\nb", "", "ünder"])
def test_what_could_be_a_flag_or_a_path_is_no_model(tmp_path: Path, make: Make, model: str) -> None:
    upstream = make(default_model="-")
    with pytest.raises(GatewayError) as caught:
        upstream.prepare(turn("echo done"), model)
    assert (caught.value.kind, caught.value.param) == (errors.MODEL_NOT_FOUND, "model")


async def test_where_models_are_listed_no_other_is_run(make: Make) -> None:
    upstream = make(models=("a/b", "c"), default_model="c")
    assert upstream.models() == ["c", "a/b"]
    with pytest.raises(GatewayError, match="it has a/b, c") as caught:
        upstream.prepare(turn("echo done"), "d")
    assert caught.value.extra == {"supported": ("a/b", "c")}
    found = await events(await upstream.prepare(turn("echo text; echo done"), "").open(asked()))
    assert found[0] == Opened("call_1", 1000, "c")


async def test_a_stream_of_what_cannot_stream_is_refused_or_comes_in_one_piece(make: Make) -> None:
    whole = Settings(upstream="agent", output="text")
    with pytest.raises(GatewayError, match="(?i)streaming not supported") as caught:
        make(run=whole).prepare(turn("echo done", stream=True), "m")
    assert (caught.value.kind.status, caught.value.param) == (400, "stream")
    make(run=whole).prepare(turn("echo done"), "m")
    make(run=whole, stream_fallback="emulate").prepare(turn("echo done", stream=True), "m")


def test_what_the_adapter_refuses_is_refused_before_anything_runs(make: Make) -> None:
    with pytest.raises(GatewayError, match="no prompt"):
        make().prepare(turn(""), "m")


async def test_runs_of_one_directory_see_each_other(make: Make, tmp_path: Path) -> None:
    upstream = make(DirectoryWorkspace(tmp_path))
    await run(upstream, "touch seen; echo done")
    assert (tmp_path / "seen").exists()


async def test_what_a_run_changes_is_told_at_the_end_of_its_answer(make: Make, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    env = {**ENV, "GIT_CONFIG_GLOBAL": "/dev/null"}
    found = {}
    for keep in ("branch", "patch", "none"):
        if not origin.exists():
            setup = f"mkdir {origin} && cd {origin} && git init -q -b main && echo one > file && git add file && "
            setup += "git -c user.name=a -c user.email=a@b commit -q -m one && echo text made && echo done"
            assert text(await run(make(), setup)) == "made"
        workshop = make.workshop  # type: ignore[attr-defined]
        repository = Repository("agent", str(origin), keep=keep)
        space = RepositoryWorkspace(repository, tmp_path / "copies", workshop.rooms, workshop.processes, env)
        answer = await run(make(space), "echo two > file; echo text changed; echo done", asked(f"call_{keep}"))
        assert isinstance(answer[-1], Stopped) and isinstance(answer[-2], Used)
        found[keep] = text(answer)

    assert found["none"] == "changed"
    assert found["branch"] == "changed\n\nBranch: dragoman/call_branch\n"
    assert found["patch"].startswith("changed\n\n```diff\ndiff --git a/file b/file\n")
    assert "-one\n+two\n```" in found["patch"]


TOOLS = (Tool("clock"), Tool("other"))
WITH_TOOLS = Settings(upstream="agent", output="stream-json", tools=True)


def answered(script: str, results: dict[str, str]) -> Turn:
    """The turn after an answer that has ended in calls of tools."""
    asked_first = turn(script)
    asked_for = tuple(ToolCall(call_id, "clock", "{}") for call_id in results)
    given = tuple(ToolResult(call_id, (Text(result),)) for call_id, result in results.items())
    return Turn("m", items=(*asked_first.items, *asked_for, *given), tools=TOOLS)


async def ask_with_tools(upstream: CommandUpstream, script: str, call: Asked | None = None) -> list[Event]:
    return await events(
        await upstream.prepare(Turn("m", items=turn(script).items, tools=TOOLS), "m").open(call or asked())
    )


def called(found: list[Event]) -> list[str]:
    return [event.call_id for event in found if isinstance(event, CallOpened)]


async def test_a_call_of_the_callers_tool_ends_the_answer_and_its_result_goes_on_with_the_run(make: Make) -> None:
    upstream = make(run=WITH_TOOLS, max_concurrency=1, max_queue=0)
    script = f"echo text before; {calls('clock')}; echo text after; echo cost 1; echo done"
    first = await ask_with_tools(upstream, script)
    (call_id,) = called(first)
    assert first == [
        Opened("call_1", 1000, "m"), TextDelta("before"),
        CallOpened(call_id, "clock"), CallDelta('{"a": 1}'), CallClosed('{"a": 1}'),
        Used(Usage()), Stopped(Stop.TOOL_CALLS),
    ]  # fmt: skip
    assert upstream.load() == Load(0, 0, 1)
    assert text(await run(upstream, "echo text meanwhile; echo done", asked("call_x"))) == "meanwhile"

    prepared = upstream.prepare(answered(script, {call_id: "12:00"}), "m")
    second = await events(await prepared.open(asked("call_2")))
    assert second == [
        Opened("call_2", 1000, "m"), TextDelta("gave 12:00"), TextDelta("after"),
        Used(Usage(1, 1, cost_usd=1.0)), Stopped(Stop.END),
    ]  # fmt: skip


async def test_calls_at_once_are_told_together_and_one_without_a_result_fails(make: Make) -> None:
    upstream = make(run=WITH_TOOLS)
    script = f"{calls('clock', 'other')}; echo done"
    ids = called(await ask_with_tools(upstream, script))
    assert len(ids) == 2
    second = await events(await upstream.prepare(answered(script, {ids[0]: "1"}), "m").open(asked("call_2")))
    assert sorted(event.text for event in second if isinstance(event, TextDelta)) == [
        "failed The caller gave no result.", "gave 1",
    ]  # fmt: skip


async def test_another_key_cannot_answer_for_a_caller(make: Make) -> None:
    upstream = make(run=WITH_TOOLS)
    script = f'if [ -n "$5" ]; then {calls("clock")}; fi; echo text end; echo done'
    (call_id,) = called(await ask_with_tools(upstream, script))
    stolen = upstream.prepare(answered("echo text anew; echo done", {call_id: "evil"}), "m")
    assert text(await events(await stolen.open(asked("call_2", key="thief")))) == "anew"
    mine = upstream.prepare(answered(script, {call_id: "good"}), "m")
    assert text(await events(await mine.open(asked("call_3")))) == "gave goodend"


async def test_a_caller_that_does_not_come_back_or_whose_run_has_gone_begins_anew(make: Make) -> None:
    upstream = make(run=WITH_TOOLS, timeouts=Timeouts(0, 5, 0.5, 20))
    script = f"echo text $$; {calls('clock')}; echo done"
    first = await ask_with_tools(upstream, script)
    await alive(int(text(first)), False)
    late = upstream.prepare(answered("echo text anew; echo done", {called(first)[0]: "late"}), "m")
    assert text(await events(await late.open(asked("call_2")))) == "anew"


async def test_so_many_runs_wait_for_their_callers_and_no_more(make: Make) -> None:
    upstream = make(run=WITH_TOOLS, max_concurrency=1)
    script = f"echo text $$; {calls('clock')}; echo done"
    pids = [int(text(await ask_with_tools(upstream, script, asked(f"call_{n}")))) for n in range(SUSPENDED + 1)]
    await alive(pids[0], False)
    await alive(pids[1], True)


async def test_a_session_is_known_by_the_answer_in_which_its_run_has_ended(make: Make) -> None:
    upstream = make(run=WITH_TOOLS)
    script = f"echo session s; {calls('clock')}; echo done"
    (call_id,) = called(await ask_with_tools(upstream, script, asked(becomes="resp_1")))
    second = upstream.prepare(answered(script, {call_id: "1"}), "m")
    await events(await second.open(asked("call_2", session="resp_1", becomes="resp_2")))
    show = "echo text $1; echo done"
    third = await run(upstream, show, asked("call_3", session="resp_2", becomes="resp_3"))
    other = await run(upstream, show, asked("call_4", session="resp_1", becomes="resp_4"))
    assert (text(third), text(other)) == ("s", "")


async def test_closing_ends_what_runs_waits_and_lingers(make: Make) -> None:
    upstream = make(max_concurrency=1, grace=1000)
    upstream.start()
    lingers = text(await run(upstream, "echo text $$; echo done; exec sleep 1000"))
    reply = await begin(upstream, "echo text $$; exec sleep 1000")
    runs = await first_text(reply)
    waits = asyncio.ensure_future(begin(upstream, "echo done"))
    await until(lambda: upstream.runs.places.waiting == 1)
    reading = asyncio.ensure_future(reply.read())
    await asyncio.sleep(0)
    await upstream.close()

    with pytest.raises(GatewayError) as caught:
        await waits
    assert caught.value.kind is errors.SHUTTING_DOWN
    assert await reading in ([], [Failed("The program ended by signal 15.")])
    for pid in (lingers, runs):
        await alive(int(pid), False)


async def test_a_hundred_runs_at_once_leave_nothing(make: Make) -> None:
    upstream = make(max_concurrency=8, max_queue=100)
    await run(upstream, "echo done")
    await until(lambda: not len(upstream.runs.workshop.processes))
    before = descriptors(), children()

    async def one(number: int) -> None:
        script = ("echo done", "sleep 1000 & echo text x; echo done", "echo fail no", "echo text x; exec sleep 1000")
        reply = await begin(upstream, script[number % 4], asked(f"call_{number}", key=f"key_{number % 3}"))
        if number % 4 == 3:
            await first_text(reply)
        else:
            try:
                await events(reply)
            except GatewayError:
                assert number % 4 == 2
        reply.close()

    await asyncio.gather(*(one(number) for number in range(100)))
    await upstream.close()
    assert (upstream.runs.places.held, upstream.runs.places.waiting) == (0, 0)
    await until(lambda: descriptors() <= before[0] and children() <= before[1])


async def test_how_its_program_has_ended_can_be_asked(make: Make) -> None:
    upstream = make(grace=0.1)
    for script, code in (
        ("echo text x; echo done; echo said >&2", 0), ("echo said >&2; exit 42", 42),
        ("echo text x; echo said >&2; kill -9 $$", -9),
    ):  # fmt: skip
        reply = await begin(upstream, script)
        with contextlib.suppress(GatewayError):
            await events(reply)
        assert await reply.ended() == Exit(code, "said\n")
    reply = await begin(upstream, "echo text x; exec sleep 1000")
    await first_text(reply)
    reply.close()
    assert await reply.ended() == Exit(-15, "")
