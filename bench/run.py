"""The rounds: floor and gateway in turn, each in fresh processes, over the same mock upstream."""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec

from bench.measure import Reading, measure, read_pss_kb
from bench.phases import CALLS, CHAT, MODELS, OPEN_STREAMS, UPSTREAM_MODEL, WARM, Phase
from bench.process import (
    OUT,
    BenchError,
    Cores,
    Process,
    compile_tools,
    free_port,
    python,
    running,
    wait_for_answer,
)
from dragoman.gateway.clock import SystemClock
from dragoman.gateway.issuing import Issuer
from dragoman.stores.database import Database
from dragoman.stores.keys import SqlKeyStore

Name = Literal["floor", "gateway"]
TARGETS: Final[tuple[Name, ...]] = ("floor", "gateway")
DISTURBED: Final = 0.1
"""Time spent waiting for a core, per time on it, above which a phase is measured again."""
_SETTLE: Final = 1.0
"""Seconds after the first answer until a process counts as idle."""


class Visit(msgspec.Struct, frozen=True):
    """What one target showed in one round."""

    ready_seconds: tuple[float, ...]
    idle_kb: tuple[int, ...]
    phases: dict[str, Reading]
    before_streams_kb: int
    """Memory of the warm process just before the many streams opened."""


class Round(msgspec.Struct, frozen=True):
    floor: Visit
    gateway: Visit
    direct: dict[str, Reading]
    """The same load on the mock upstream itself."""


@dataclass(frozen=True)
class Bench:
    """Everything that stays the same over the rounds."""

    state: Path
    cores: Cores
    mock_port: int
    mock_program: Path
    load_program: Path
    key: str
    scale: float = 1.0
    """Factor of all durations."""
    tries: int = 3
    """How often a phase that others disturb is measured at most."""
    say: Callable[[str], None] = field(default=print)

    def rounds(self, count: int) -> Iterator[Round]:
        """Takes turns; every other round in reverse, so that a slow drift of the machine favours nobody."""
        for number in range(count):
            self.say(f"round {number + 1} of {count}")
            order = TARGETS if number % 2 == 0 else TARGETS[::-1]
            visits = {name: self.visit(name) for name in order}
            yield Round(visits["floor"], visits["gateway"], self._direct())

    def visit(self, name: Name) -> Visit:
        """Measures one target: memory in one process, then everything else in another."""
        with self._started(name) as (memory, port, ready_first):
            idle_first = read_pss_kb(memory.pid)
            self._measure(WARM, port, memory.pid)
            before = read_pss_kb(memory.pid)
            phases = {OPEN_STREAMS.name: self._measure(OPEN_STREAMS, port, memory.pid)}
            self.say(f"  {name:8} {OPEN_STREAMS.name}")
        with self._started(name) as (process, port, ready):
            idle = read_pss_kb(process.pid)
            self._measure(WARM, port, process.pid)
            for phase in CALLS:
                phases[phase.name] = self._measure(phase, port, process.pid)
                self.say(f"  {name:8} {phase.name}")
        return Visit((ready_first, ready), (idle_first, idle), phases, before)

    def _direct(self) -> dict[str, Reading]:
        """Over a mock upstream in the gateway's place, so that the way there crosses cores just as often."""
        with mock_upstream(self.mock_program, self.cores.measured) as (mock, port):
            return {phase.name: self._measure(phase, port, mock.pid) for phase in CALLS if phase.direct}

    def _measure(self, phase: Phase, port: int, pid: int) -> Reading:
        """One phase; while other programs take the core, again, and the least disturbed counts, or one that failed."""
        phase = phase.shortened(self.scale)
        readings: list[Reading] = []
        while not readings or (readings[-1].disturbance > DISTURBED and len(readings) < self.tries):
            readings.append(measure(self.load_program, port, phase.path, self.key, phase, pid, self.cores))
        failed = [reading for reading in readings if reading.load.errors]
        return failed[0] if failed else min(readings, key=lambda reading: reading.disturbance)

    @contextmanager
    def _started(self, name: Name) -> Iterator[tuple[Process, int, float]]:
        """A fresh process of a target: itself, its port, and how long it took to answer."""
        port = free_port()
        upstream = f"http://127.0.0.1:{self.mock_port}/v1"
        if name == "floor":
            command = python("-m", "bench.floor", str(port), upstream + "/chat/completions", self.key)
        else:
            command = python("-m", "dragoman", "serve", "-c", self._configuration(port, upstream))
        log = OUT / f"{name}.log"
        log.unlink(missing_ok=True)
        with running(command, cores=self.cores.measured, environ=self._environ(), cwd=self.state, log=log) as process:
            try:
                ready = wait_for_answer(process, port, self._first_request())
            except BenchError as error:
                raise BenchError(f"the {name} did not start: {error}; see {log}") from None
            time.sleep(_SETTLE * self.scale)
            yield process, port, ready

    def _first_request(self) -> bytes:
        body = WARM.body()
        head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n"
        framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return (head + framing + body).encode()

    def _environ(self) -> dict[str, str]:
        """Nothing of the caller's, so that nobody's settings are measured."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.state),
            "XDG_STATE_HOME": str(self.state),
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "BENCH_UPSTREAM_KEY": "upstream-key",
        }

    def _configuration(self, port: int, upstream: str) -> Path:
        path = self.state / "dragoman.toml"
        models = "\n".join(
            f'"{name}" = "mock/{target}"' if name != UPSTREAM_MODEL else f'"{name}" = "mock"'
            for name, target in MODELS.items()
        )
        path.write_text(
            f'[server]\nhost = "127.0.0.1"\nport = {port}\ndrain = 2\n'
            f'[upstreams.mock]\nbase_url = "{upstream}"\ncredential = "bearer env:BENCH_UPSTREAM_KEY"\n'
            "max_connections = 4000\n"
            f"[models]\n{models}\n"
            '[aliases.mock]\nupstream = "mock"\n'
            f'[store]\nurl = "{store_url(self.state)}"\n'
            '[log]\nformat = "json"\n'
        )
        return path


def store_url(state: Path) -> str:
    return f"sqlite:///{state / 'bench.db'}"


def create_key(state: Path) -> str:
    """A key in a fresh store, whose schema is up to date when the gateway first opens it."""
    clock = SystemClock()
    database = Database.open(store_url(state), now=clock.now)
    try:
        _, token = asyncio.run(Issuer(SqlKeyStore(database), clock).create("bench"))
    finally:
        database.close()
    return token


@contextmanager
def mock_upstream(program: Path, cores: frozenset[int] | None) -> Iterator[tuple[Process, int]]:
    """A running mock upstream and its port."""
    with running([program, "0"], cores=cores, read=True) as mock:
        assert mock.stdout is not None
        port = mock.stdout.readline().strip()
        if not port.isdigit():
            raise BenchError("the mock upstream did not start")
        yield mock, int(port)


@contextmanager
def prepared(*, scale: float, tries: int, say: Callable[[str], None]) -> Iterator[Bench]:
    """A bench ready to run; the mock upstream and the state directory go with the block."""
    mock_program, load_program = compile_tools()
    cores = Cores.divide()
    own = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as directory:
        state = Path(directory)
        key = create_key(state)
        with mock_upstream(mock_program, cores.others) as (_, port):
            if cores.others is not None:
                os.sched_setaffinity(0, cores.others)
            try:
                yield Bench(state, cores, port, mock_program, load_program, key, scale, tries, say)
            finally:
                os.sched_setaffinity(0, own)


def readings(rounds: Sequence[Round]) -> list[Reading]:
    """Everything that was measured under load."""
    parts = [part for one in rounds for part in (one.floor.phases, one.gateway.phases, one.direct)]
    return [reading for part in parts for reading in part.values()]


def errors(rounds: Sequence[Round]) -> int:
    """Answers that were not complete."""
    return sum(reading.load.errors for reading in readings(rounds))
