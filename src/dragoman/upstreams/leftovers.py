"""The process groups that this gateway has started, on disk, so that the next one ends what a killed one left.

A record is a file: the group's leader and the gateway, each by pid, start time and boot, so that a pid that has been
given to somebody else is never taken for either. It is begun before the program is, and written without `fsync`: it
must outlive the gateway, not the machine, after whose next boot nothing is left to end.

What a program starts in a session of its own leaves its group. Each carries a mark in its environment, which children
inherit; where /proc shows environments, that finds them too.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, Self

import msgspec

MARK: Final = "DRAGOMAN_RUN"
"""The variable of the environment that holds a group's mark."""
_PROC: Final = Path("/proc")


class Birth(msgspec.Struct, frozen=True, gc=False):
    """A process that is or was. No two have the same, for as long as the machine lives."""

    pid: int
    started: str
    boot: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this pid now."""
        started = _started(pid)
        return None if started is None else cls(pid, started, _boot())

    @property
    def alive(self) -> bool:
        return Birth.of(self.pid) == self


class Group(msgspec.Struct, frozen=True, gc=False):
    """A process group that a gateway has started, or is about to. Its number is its leader's pid."""

    mark: str
    gateway: Birth
    leader: Birth | None = None


class Leftovers:
    """The records in one directory, which the gateways of one machine may share."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        gateway = Birth.of(os.getpid())
        assert gateway is not None
        self._gateway = gateway
        self._count = count()

    def begin(self, run: str) -> "Record":
        """Before a program is started for `run`. Raises `OSError`."""
        while True:
            name = f"{self._gateway.pid}-{self._gateway.started}-{next(self._count)}"
            record = Record(self._directory / f"{name}.json", Group(f"{run}.{name}", self._gateway))
            with suppress(FileExistsError):
                record.path.open("xb").close()
                record.write()
                return record

    def sweep(self) -> list[Group]:
        """Ends what dead gateways left running, and returns it. Blocks for a moment."""
        found = []
        for path in self._directory.glob("*.json"):
            try:
                group = msgspec.json.decode(path.read_bytes(), type=Group)
            except (OSError, msgspec.DecodeError):  # another sweeps too, or the write was cut short
                path.unlink(missing_ok=True)
                continue
            if group.gateway.alive:
                continue
            if group.gateway.boot == self._gateway.boot and _end(group):
                found.append(group)
            path.unlink(missing_ok=True)
        return found


class Record:
    """That of one group: written before it begins, again once its leader is known, and gone with it."""

    def __init__(self, path: Path, group: Group) -> None:
        self.path = path
        self._group = group

    @property
    def mark(self) -> str:
        """What the environment of its processes has as `MARK`."""
        return self._group.mark

    def write(self, leader: int | None = None) -> None:
        """`leader` is the pid of a child that has not been reaped. Raises `OSError`."""
        group = Group(self._group.mark, self._group.gateway, None if leader is None else Birth.of(leader))
        self.path.write_bytes(msgspec.json.encode(group))

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)


def end_marked(mark: str) -> int:
    """Kills every process that carries the mark, and says how many those were. Blocks for a moment."""
    return sum(_kill_marked(pid, mark) for pid in _marked(mark))


def _end(group: Group) -> bool:
    ended = 0
    if group.leader is not None and group.leader.alive:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group.leader.pid, signal.SIGKILL)
            ended += 1
    # Its leader may be gone and others of it not; the number alone would not prove that they are ours.
    return bool(ended + end_marked(group.mark))


def _marked(mark: str) -> Iterator[int]:
    if not (_PROC / "self/environ").exists():
        return
    for entry in os.listdir(_PROC):
        if entry.isdigit() and _carries(int(entry), mark):
            yield int(entry)


def _carries(pid: int, mark: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:  # somebody else's, or gone
        return False
    return f"{MARK}={mark}".encode() in environment.split(b"\0")


def _kill_marked(pid: int, mark: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not _carries(pid, mark):  # looked at again: now the descriptor holds who has the pid
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _started(pid: int) -> str | None:
    if _PROC.joinpath("self/stat").exists():
        try:
            stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
        except OSError:
            return None
        # proc(5): the name in parentheses may hold anything; field 22, the 20th after it, is the start time.
        return stat.rpartition(")")[2].split()[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5)
    return "".join(c for c in shown.stdout if c.isalnum()) or None


def _boot() -> str:
    """This boot of the machine and, in a container, this container: pids mean nothing elsewhere."""
    if sys.platform == "darwin":
        return subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, timeout=5
        ).stdout
    boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"
