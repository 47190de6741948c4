"""`dragoman.upstreams.process`: programs start, speak and end, and nothing of them is left."""

import asyncio
import gc
import os
import select
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.upstreams.leftovers import MARK, Leftovers
from dragoman.upstreams.process import Launch, Process, Processes, allowed, exit_descriptor, exit_seen_by_thread
from tests.support.running import alive, children, descriptors, pids_from, until

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    processes = Processes(Leftovers(tmp_path / "runs"))
    yield processes
    await processes.close()
    assert not len(processes)
    assert not list((tmp_path / "runs").iterdir())


def sh(script: str, directory: Path, stdin: bytes | None = None) -> Launch:
    return Launch(("sh", "-c", script), ENV, directory, "call_1", stdin)


def py(script: str, directory: Path, stdin: bytes | None = None) -> Launch:
    return Launch((sys.executable, "-I", "-S", "-c", script), ENV, directory, "call_1", stdin)


async def output(process: Process) -> bytes:
    parts = []
    while part := await process.read():
        parts.append(part)
    return b"".join(parts)


async def test_a_program_says_what_it_says_and_ends_as_it_ends(processes: Processes, tmp_path: Path) -> None:
    process = processes.spawn(sh("echo out; echo err >&2; pwd; exit 3", tmp_path))

    assert await output(process) == f"out\n{tmp_path}\n".encode()
    assert await process.wait() == 3
    assert process.stderr == b"err\n"


async def test_its_stdin_is_what_it_is_given_or_at_its_end(processes: Processes, tmp_path: Path) -> None:
    prompt = b"\xff\x00 - a prompt " * 20_000
    assert await output(processes.spawn(sh("cat", tmp_path, prompt))) == prompt
    assert await output(processes.spawn(sh("cat; ls -l /proc/self/fd/0 | sed 's/.* //'", tmp_path))) == b"/dev/null\n"


async def test_it_has_three_descriptors_and_a_group_of_its_own(processes: Processes, tmp_path: Path) -> None:
    look = "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1], os.getpid() == os.getpgrp() == os.getsid(0))"
    assert await output(processes.spawn(py(look, tmp_path))) == b"['0', '1', '2'] True\n"


def test_a_program_gets_the_variables_it_is_allowed_and_none_of_the_gateways() -> None:
    environ = {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "OPENAI_API_KEY": "secret", "MINE": "1", "DRAGOMAN_SECRET": "s",
    }  # fmt: skip
    assert allowed(environ, ["MINE", "DRAGOMAN_SECRET"]) == {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "MINE": "1"}


async def test_it_has_no_variable_but_those_and_its_mark(processes: Processes, tmp_path: Path) -> None:
    seen = await output(processes.spawn(Launch(("/usr/bin/env",), {"A": "1"}, tmp_path, "call_1")))
    names = {line.partition(b"=")[0] for line in seen.splitlines()}
    assert names == {b"A", MARK.encode()}
    assert f"{MARK}=call_1.".encode() in seen


async def test_a_flood_on_stderr_holds_nothing_up(processes: Processes, tmp_path: Path) -> None:
    flood = "import sys; sys.stderr.write('x' * 300_000 + 'end'); sys.stderr.flush(); print('answer')"
    process = processes.spawn(py(flood, tmp_path))

    assert await output(process) == b"answer\n"
    await process.wait()
    assert process.stderr.endswith(b"xend")


async def test_a_line_of_a_megabyte_comes_whole(processes: Processes, tmp_path: Path) -> None:
    process = processes.spawn(py("print('x' * 1_000_000)", tmp_path))
    assert await output(process) == b"x" * 1_000_000 + b"\n"


async def test_a_program_that_nobody_reads_is_held_up_and_not_in_memory(processes: Processes, tmp_path: Path) -> None:
    script = "import os\nfor n in range(200):\n os.write(1, b'x' * 65536)\n open('n', 'w').write(str(n))"
    process = processes.spawn(py(script, tmp_path))
    noted = tmp_path / "n"
    await until(lambda: noted.exists() and int(noted.read_text() or 0) > 1)
    assert process.returncode is None
    assert len(await output(process)) == 200 * 65536
    assert await process.wait() == 0


async def test_a_grandchild_that_holds_stdout_holds_nobody_up(processes: Processes, tmp_path: Path) -> None:
    begun = time.monotonic()
    process = processes.spawn(sh("sleep 1000 & echo $!; exit 0", tmp_path))
    said = await output(process)

    assert await process.wait() == 0
    assert time.monotonic() - begun < 5
    await alive(int(said), False)


async def test_one_in_a_session_of_its_own_ends_with_the_run(processes: Processes, tmp_path: Path) -> None:
    escape = "setsid sh -c 'echo $$ > pid; exec sleep 1000' & while [ ! -s pid ]; do :; done; cat pid"
    process = processes.spawn(sh(escape, tmp_path))
    said = await output(process)
    await process.wait()
    await alive(int(said), False)


async def test_termination_ends_the_whole_group_within_250_ms(processes: Processes, tmp_path: Path) -> None:
    took = []
    for _ in range(3):  # a busy machine may be late once
        # Neither of the two gives up when it is asked to.
        process = processes.spawn(sh("trap '' TERM; sh -c 'echo $$; sleep 1000' & wait; wait", tmp_path))
        said = await process.read()
        begun = time.monotonic()
        process.terminate()
        process.terminate()
        assert await process.wait() == -9
        await alive(int(said), False)
        took.append(time.monotonic() - begun)
        assert await process.read() == b""
    assert min(took) < 0.25


async def test_a_program_that_heeds_the_request_ends_in_its_own_way(processes: Processes, tmp_path: Path) -> None:
    process = processes.spawn(sh("trap 'touch tidied; exit 7' TERM; echo ready; sleep 1000 & wait", tmp_path))
    await process.read()
    process.terminate()

    assert await process.wait() == 7
    assert (tmp_path / "tidied").exists()


async def test_after_its_answer_a_program_has_a_moment_and_no_more(processes: Processes, tmp_path: Path) -> None:
    quick = processes.spawn(sh("echo answer; head -c 500000 /dev/zero; touch saved", tmp_path))
    await quick.read()
    quick.finish(30)
    assert await quick.wait() == 0
    assert (tmp_path / "saved").exists()

    stuck = processes.spawn(sh("echo answer; exec sleep 1000", tmp_path))
    await stuck.read()
    begun = time.monotonic()
    stuck.finish(0.05)
    assert await stuck.wait() == -15
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    ("argv", "kind", "says"),
    [
        (("no-such-program",), errors.LINK_UNAVAILABLE, "'no-such-program' cannot be started: is not installed"),
        (("/etc/passwd",), errors.LINK_UNAVAILABLE, "'passwd' cannot be started: Permission denied"),
        (("sh", "-c", "true", "x" * 200_000), errors.INVALID_REQUEST, "too large"),
        (("sh", "-c", "a\0b"), errors.INVALID_REQUEST, "character"),
        (("sh", "-c", "\ud800"), errors.INVALID_REQUEST, "character"),
    ],
)
async def test_what_cannot_be_started_says_why_and_leaves_nothing(
    processes: Processes, tmp_path: Path, argv: tuple[str, ...], kind: errors.ErrorKind, says: str
) -> None:
    before = descriptors()
    with pytest.raises(GatewayError, match=says) as caught:
        processes.spawn(Launch(argv, ENV, tmp_path, "call_1", b"prompt"))

    assert caught.value.kind is kind
    assert descriptors() == before


async def test_a_directory_that_is_gone_is_named(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="no directory"):
        processes.spawn(sh("true", tmp_path / "gone"))


def test_an_exit_is_seen_where_the_kernel_has_no_descriptor_for_it() -> None:
    with subprocess.Popen(["sh", "-c", "read line; exit 3"], stdin=subprocess.PIPE) as child:
        descriptors = [exit_seen_by_thread(child.pid), exit_descriptor(child.pid)]
        assert select.select(descriptors, [], [], 0) == ([], [], [])
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
        for descriptor in descriptors:
            assert select.select([descriptor], [], [], 5)[0] == [descriptor]
            os.close(descriptor)
        assert child.wait() == 3  # nobody has reaped it


async def test_closing_ends_everything_and_wakes_who_reads(processes: Processes, tmp_path: Path) -> None:
    running = [processes.spawn(sh("sleep 1000 & echo $!; wait", tmp_path)) for _ in range(3)]
    pids = [int(await process.read()) for process in running]
    reading = [asyncio.ensure_future(process.read()) for process in running]
    await asyncio.sleep(0)
    await processes.close()

    assert await asyncio.gather(*reading) == [b"", b"", b""]
    for pid in pids:
        await alive(pid, False)
    with pytest.raises(GatewayError) as caught:
        processes.spawn(sh("true", tmp_path))
    assert caught.value.kind is errors.SHUTTING_DOWN


async def test_a_hundred_runs_leave_no_zombie_and_no_descriptor(processes: Processes, tmp_path: Path) -> None:
    first = Processes(Leftovers(tmp_path / "first"))
    await first.spawn(sh("true", tmp_path, b"")).wait()
    await first.close()  # and with it what looks for strays, which holds a descriptor of /proc
    gc.collect()  # what other tests have let go of may hold one until then
    before = descriptors(), children()
    running = []
    for number in range(100):
        process = processes.spawn(sh("sleep 1000 & echo $!; cat", tmp_path, b"x"))
        running.append(process)
        if number % 3 == 0:
            process.terminate()
        if len(running) == 10:
            for process in running:
                await output(process)
                await process.wait()
            running.clear()
    await processes.close()

    assert (descriptors(), children()) == before
    assert not pids_from(tmp_path)
