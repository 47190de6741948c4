"""`dragoman.upstreams.workshop`: what a gateway that was killed has left is gone after the next start."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.upstreams.workshop import Workshop
from tests.support.running import alive_now

GATEWAY = """
import asyncio, os, pathlib, sys, time
from dragoman.dialects.commands.base import Settings
from dragoman.ports import Asked
from dragoman.turn import Message, Text, Turn
from dragoman.upstreams.command import CommandUpstream
from dragoman.upstreams.command_runs import CommandSettings
from dragoman.upstreams.sessions import Sessions
from dragoman.upstreams.workshop import Workshop
from dragoman.upstreams.workspace import EmptyWorkspace
from tests.support.shell import ShellAdapter

async def main(state):
    workshop = Workshop.open(state)
    env = {"PATH": os.environ["PATH"]}
    settings = CommandSettings(run=Settings(upstream="agent", output="stream-json"), command="sh", env=env)
    sessions = Sessions(state / "sessions", "text", env, age=100, now=time.time, max_waiting=1)
    space = EmptyWorkspace("agent", workshop.rooms)
    upstream = CommandUpstream(settings, ShellAdapter(), workshop, space, sessions, now=time.time)
    script = "trap '' TERM; setsid sleep 1000 & sleep 1000 & touch left; echo text $$ $! $(ls -d $4); wait; wait"
    turn = Turn("m", items=(Message("user", (Text(script),)),))
    reply = await upstream.prepare(turn, "m").open(Asked("key", "call_1", "req_1"))
    print((await reply.read())[-1].text, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


def test_its_processes_directories_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [sys.executable, "-c", GATEWAY, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as gateway:
        assert gateway.stdout is not None
        leader, child, note = gateway.stdout.readline().split()
        gateway.send_signal(signal.SIGKILL)
    alive_now(int(leader), True)
    alive_now(int(child), True)
    assert Path(note).exists()
    assert (tmp_path / "work" / "agent-0" / "left").exists()
    Workshop.open(tmp_path)

    alive_now(int(leader), False)
    alive_now(int(child), False)
    for folder in ("runs", "work", "files"):
        assert list((tmp_path / folder).iterdir()) == []
    assert "ended what a dead gateway left running" in capsys.readouterr().out
