"""`dragoman.upstreams.leftovers`: what a gateway that was killed has left is ended, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from dragoman.upstreams.leftovers import MARK, Birth, Group, Leftovers, end_marked
from tests.support.running import DEADLINE, alive_now

GATEWAY = """
import asyncio, os, pathlib, sys
from dragoman.upstreams.leftovers import Leftovers
from dragoman.upstreams.process import Launch, Processes

async def main():
    here = pathlib.Path(sys.argv[1])
    processes = Processes(Leftovers(here / "runs"))
    launch = Launch(("sh", "-c", sys.argv[2]), {"PATH": os.environ["PATH"]}, here, "call_1")
    said = await processes.spawn(launch).read()
    print(said.decode(), end="", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


def killed_gateway(directory: Path, script: str) -> list[int]:
    """A process that ran `script` as a gateway does, and was killed; the pids that the script told."""
    argv = [sys.executable, "-c", GATEWAY, str(directory), script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        said = gateway.stdout.readline()
        gateway.send_signal(signal.SIGKILL)
    return [int(pid) for pid in said.split()]


def test_what_a_killed_gateway_left_is_ended_by_the_next(tmp_path: Path) -> None:
    pids = killed_gateway(tmp_path, "sleep 1000 & echo $$ $!; wait")
    assert len(pids) == 2
    for pid in pids:
        alive_now(pid, True)
    ended = Leftovers(tmp_path / "runs").sweep()

    assert [group.leader.pid for group in ended if group.leader] == pids[:1]
    assert ended[0].mark.startswith("call_1.")
    for pid in pids:
        alive_now(pid, False)
    assert not list((tmp_path / "runs").iterdir())
    assert Leftovers(tmp_path / "runs").sweep() == []


def test_so_is_what_outlived_the_leader_of_its_group(tmp_path: Path) -> None:
    leader, other = killed_gateway(tmp_path, "(setsid sleep 1000 & echo $$ $!); exec sleep 1000")
    os.kill(leader, signal.SIGKILL)
    alive_now(leader, False)
    alive_now(other, True)

    assert len(Leftovers(tmp_path / "runs").sweep()) == 1
    alive_now(other, False)


def test_a_group_that_was_never_noted_is_known_by_its_mark(tmp_path: Path) -> None:
    gateway = Birth(1, "0", Birth.of(os.getpid()).boot)  # type: ignore[union-attr]
    (tmp_path / "1-0-0.json").write_bytes(msgspec.json.encode(Group("call_1.1-0-0", gateway)))
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, MARK: "call_1.1-0-0"}) as left:
        wait_for_mark(left.pid)
        assert len(Leftovers(tmp_path).sweep()) == 1
    assert left.returncode == -9


def test_a_pid_that_somebody_else_has_now_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as stranger:
        born = Birth.of(stranger.pid)
        assert born is not None
        dead = Birth(1, "0", born.boot)
        earlier = Birth(stranger.pid, str(int(born.started) - 1), born.boot)
        (tmp_path / "a.json").write_bytes(msgspec.json.encode(Group("call_1.1", dead, earlier)))
        another_boot = Birth(stranger.pid, born.started, "another boot")
        record = Group("call_1.2", Birth(1, "0", "another boot"), another_boot)
        (tmp_path / "b.json").write_bytes(msgspec.json.encode(record))

        assert Leftovers(tmp_path).sweep() == []
        assert list(tmp_path.iterdir()) == []
        alive_now(stranger.pid, True)
        stranger.kill()


def test_a_gateway_that_lives_keeps_what_it_runs(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as child:
        leftovers = Leftovers(tmp_path)
        record = leftovers.begin("call_1")
        record.write(child.pid)
        assert Leftovers(tmp_path).sweep() == []
        alive_now(child.pid, True)
        assert record.path.exists()
        record.drop()
        record.drop()
        child.kill()


def test_records_of_one_gateway_have_names_of_their_own(tmp_path: Path) -> None:
    marks = {Leftovers(tmp_path).begin("call_1").mark for _ in range(3)}
    assert len(marks) == 3


def test_a_record_that_was_cut_short_is_removed(tmp_path: Path) -> None:
    (tmp_path / "1-0-0.json").write_bytes(b'{"mark":"ca')
    assert Leftovers(tmp_path).sweep() == []
    assert list(tmp_path.iterdir()) == []


def test_a_mark_is_taken_whole(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, MARK: "call_1.11"}) as other:
        wait_for_mark(other.pid)
        assert end_marked("call_1.1") == 0
        assert end_marked("call_1.11") == 1
    assert other.returncode == -9


def wait_for_mark(pid: int) -> None:
    """Waits until a child has its own environment, and not that of its parent any more."""
    end = time.monotonic() + DEADLINE
    while MARK.encode() not in Path(f"/proc/{pid}/environ").read_bytes():
        assert time.monotonic() < end
        time.sleep(0.001)
