"""What runs on this machine, and on whose behalf; to show that programs have ended."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

DEADLINE: Final = 5.0


def stat(pid: int | str) -> list[str]:
    """State, parent and the other fields of proc(5) after the name; nothing of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def runs(pid: int) -> bool:
    """Whether a process of this pid does anything; a zombie does not."""
    return stat(pid)[:1] not in ([], ["Z"], ["X"])


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another process does, which tells nobody."""
    end = time.monotonic() + DEADLINE
    while True:
        if condition():
            return
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.005)


async def alive(pid: int, expected: bool) -> None:
    """Waits until a process runs or has ended."""
    await until(lambda: runs(pid) is expected)


def alive_now(pid: int, expected: bool) -> None:
    """The same where there is no event loop."""
    end = time.monotonic() + DEADLINE
    while runs(pid) is not expected:
        assert time.monotonic() < end, f"process {pid} {'is gone' if expected else 'still runs'}"
        time.sleep(0.005)


def children() -> set[int]:
    """Processes whose parent is this one, zombies included."""
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return {pid for pid in pids if stat(pid)[1:2] == [str(os.getpid())]}


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def pids_from(directory: Path) -> list[int]:
    """The processes that work in a directory or below it."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if Path(os.readlink(f"/proc/{entry}/cwd")).is_relative_to(directory):
                    found.append(int(entry))
            except OSError:  # somebody else's, or gone
                continue
    return found
