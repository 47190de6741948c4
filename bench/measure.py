"""One phase of load, and what the process under it spent meanwhile.

CPU time is the scheduler's own count for every thread of the process (`schedstat`), divided by the calls
completed or contents delivered in the very window it was taken over. It hardly moves when the machine is shared,
unlike anything that a clock on the wall tells.
"""

import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from bench.phases import Phase
from bench.process import BenchError, Cores, Process, running

_GRACE: Final = 30.0
"""Seconds the load generator may take beyond its own time."""
_MEMORY_AT: Final = 0.8
"""The part of the window after which memory is read: all streams are open then, and none has ended."""


class Percentiles(msgspec.Struct, frozen=True):
    """Of one duration, in microseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


class Load(msgspec.Struct, frozen=True):
    """What the load generator saw; `load.c` says what each means."""

    seconds: float
    completed: int
    contents: int
    errors: int
    latency: Percentiles
    first: Percentiles
    delay: Percentiles


class Reading(msgspec.Struct, frozen=True):
    """One phase as it was measured once."""

    load: Load
    cpu_seconds: float
    waited_seconds: float
    wall_seconds: float
    pss_kb: int
    """Memory late in the window: what is the process's own, and its part of what it shares; 0 if not read."""

    @property
    def units(self) -> int:
        """Contents delivered, or calls where there are none."""
        return self.load.contents or self.load.completed

    @property
    def cpu_us(self) -> float:
        """CPU time per unit, in microseconds."""
        return self.cpu_seconds / self.units * 1e6

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.load.seconds

    @property
    def disturbance(self) -> float:
        """Time spent waiting for a core, per time on it: other programs were there, or threads of its own."""
        return self.waited_seconds / self.cpu_seconds if self.cpu_seconds else 0.0

    @property
    def core(self) -> float:
        """How much of one core the process had."""
        return self.cpu_seconds / self.wall_seconds


def read_cpu(pid: int) -> tuple[float, float]:
    """Seconds that all living threads of a process have run, and have waited for a core to run on."""
    ran = waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            fields = (task / "schedstat").read_text().split()
        except FileNotFoundError:  # the thread has just ended
            continue
        ran += int(fields[0])
        waited += int(fields[1])
    return ran / 1e9, waited / 1e9


def read_pss_kb(pid: int) -> int:
    """Proportional set size in KB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise BenchError("/proc shows no proportional set size")


def load_command(program: Path, port: int, path: str, key: str, phase: Phase) -> list[str | Path]:
    """The load generator's arguments."""
    command: list[str | Path] = [program, "-p", str(port), "-P", path, "-k", key, "-b", phase.body()]
    command += ["-c", str(phase.conns), "-w", str(phase.warm_up), "-t", str(phase.seconds)]
    if phase.chunks:
        command += ["-s", "-n", str(phase.chunks)]
    if phase.memory:
        command += ["-d", "0"]
    if phase.rate:
        command += ["-r", str(phase.rate)]
    return command


def measure(program: Path, port: int, path: str, key: str, phase: Phase, pid: int, cores: Cores) -> Reading:
    """Runs one phase against a port and reads what the process `pid` spends."""
    command = load_command(program, port, path, key, phase)
    with running(command, cores=cores.others, read=True) as generator:
        timer = threading.Timer(phase.warm_up + phase.seconds + _GRACE, generator.kill)
        timer.start()
        try:
            _expect(generator, "begin")
            (ran, waited), wall = read_cpu(pid), time.perf_counter()
            pss_kb = 0
            if phase.memory:
                time.sleep(phase.seconds * _MEMORY_AT)
                pss_kb = read_pss_kb(pid)
            _expect(generator, "end")
            ran_until, waited_until = read_cpu(pid)
            wall = time.perf_counter() - wall
            load = msgspec.json.decode(_line(generator), type=Load)
        finally:
            timer.cancel()
            timer.join()
    if not load.completed and not load.contents:
        raise BenchError(f"nothing was answered in the phase {phase.name!r}")
    return Reading(load, ran_until - ran, waited_until - waited, wall, pss_kb)


def _line(generator: Process) -> str:
    assert generator.stdout is not None
    return generator.stdout.readline().strip()


def _expect(generator: Process, word: str) -> None:
    line = _line(generator)
    if line != word:
        raise BenchError(f"the load generator said {line!r} instead of {word!r}")
