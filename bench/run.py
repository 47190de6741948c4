"""The rounds: floor and gateway in turn over the same mock upstream, in fresh processes each round.

Within a round both run side by side on the measured core, and one is idle while the other is measured: what
the machine does to one it then does to the other, and their ratio holds where neither figure would.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec

from bench.measure import Reading, measure, read_pss_kb
from bench.phases import ANSWERED_IN, CALLS, CHAT, MODELS, OPEN_STREAMS, UPSTREAM_MODEL, WARM, Phase
from bench.process import (
    OUT,
    BenchError,
    Cores,
    Process,
    compile_tools,
    free_port,
    python,
    run_time,
    running,
    wait_for_answer,
)
from dragoman.gateway.clock import SystemClock
from dragoman.gateway.issuing import Issuer
from dragoman.stores.database import Database
from dragoman.stores.keys import SqlKeyStore

Name = Literal["floor", "gateway"]
ROOT: Final = Path(__file__).parents[1]
TARGETS: Final[tuple[Name, ...]] = ("floor", "gateway")
DISTURBED: Final = 0.3
"""Time spent waiting for a core, per time on it, above which a phase is measured again. In quiet the gateway's
own writer thread, pinned to the same core, makes up about half of that."""
_SETTLE: Final = 1.0
"""Seconds after the first answer until a process counts as idle."""


class Footprint(msgspec.Struct, frozen=True):
    """What one target needs to start and to hold streams open."""

    help_seconds: float
    """For the floor that of a Python which does nothing."""
    ready_seconds: float
    idle_kb: int
    before_streams_kb: int
    """Memory of the warm process just before the streams opened."""
    streams: Reading


class Visit(msgspec.Struct, frozen=True):
    """What one target showed in one round."""

    footprint: Footprint | None
    phases: dict[str, Reading]


class Round(msgspec.Struct, frozen=True):
    floor: Visit
    gateway: Visit
    direct: dict[str, Reading]
    """The same load on the mock upstream itself."""


@dataclass(frozen=True)
class Under:
    """A process under load."""

    pid: int
    port: int


@dataclass(frozen=True)
class Bench:
    """Everything that stays the same over the rounds."""

    state: Path
    cores: Cores
    mock_port: int
    mock_program: Path
    load_program: Path
    key: str
    only: Sequence[str]
    """Names of the phases to measure."""
    scale: float = 1.0
    """Factor of all durations."""
    tries: int = 3
    """How often a phase that others disturb is measured at most."""
    say: Callable[[str], None] = field(default=print)

    def rounds(self, count: int) -> Iterator[Round]:
        """Takes turns at every phase; every other round in reverse, so that going first favours nobody."""
        for number in range(count):
            self.say(f"round {number + 1} of {count}")
            yield self._round(TARGETS if number % 2 == 0 else TARGETS[::-1])

    def _round(self, order: Sequence[Name]) -> Round:
        wanted = OPEN_STREAMS.name in self.only
        footprints = {name: self._footprint(name) if wanted else None for name in order}
        phases: dict[str, dict[str, Reading]] = {name: {} for name in (*order, "direct")}
        with ExitStack() as stack:
            # A mock upstream in the gateway's place, so that the way there crosses cores just as often.
            direct, direct_port = stack.enter_context(mock_upstream(self.mock_program, self.cores.measured))
            under: dict[str, Under] = {"direct": Under(direct.pid, direct_port)}
            for name in order:
                process, port, _ = stack.enter_context(self._started(name))
                under[name] = Under(process.pid, port)
                self._measure(WARM, under[name])
            for phase in (phase for phase in CALLS if phase.name in self.only):
                among = {name: where for name, where in under.items() if name != "direct" or phase.direct}
                for target, reading in self._in_turn(phase, among).items():
                    phases[target][phase.name] = reading
                self.say(f"  {phase.name}")
        floor, gateway = (Visit(footprints[name], phases[name]) for name in TARGETS)
        return Round(floor, gateway, phases["direct"])

    def _footprint(self, name: Name) -> Footprint:
        """Memory and start, in a process of its own, whose heap nothing else has stretched."""
        with self._started(name) as (process, port, ready):
            under = Under(process.pid, port)
            idle = read_pss_kb(process.pid)
            self._measure(WARM, under)
            before = read_pss_kb(process.pid)
            streams = self._measure(OPEN_STREAMS, under)
            self.say(f"  {OPEN_STREAMS.name}, {name}")
        return Footprint(self._help(name), ready, idle, before, streams)

    def _help(self, name: Name) -> float:
        command = python("-c", "pass") if name == "floor" else python("-m", "dragoman", "--help")
        return min(run_time(command, cores=self.cores.measured, environ=self._environ()) for _ in range(3))

    def _in_turn(self, phase: Phase, among: Mapping[str, Under]) -> dict[str, Reading]:
        """One phase on each; again while other programs take the core, and the least disturbed time counts."""
        tried: list[dict[str, Reading]] = []
        for _ in range(self.tries):
            tried.append(
                {
                    name: self._measure(phase.for_floor() if name == "floor" else phase, under)
                    for name, under in among.items()
                }
            )
            if _worst(tried[-1]) <= DISTURBED or any(reading.load.errors for reading in tried[-1].values()):
                return tried[-1]
        return min(tried, key=_worst)

    def _measure(self, phase: Phase, under: Under) -> Reading:
        phase = phase.shortened(self.scale)
        return measure(self.load_program, under.port, phase.path, self.key, phase, under.pid, self.cores)

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
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),
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
            + "".join(
                f'[upstreams.{name}]\nbase_url = "{upstream}"\ndialects = ["{name}"]\n'
                'credential = "bearer env:BENCH_UPSTREAM_KEY"\nmax_connections = 4000\n'
                for name in ANSWERED_IN
            )
            + f"[models]\n{models}\n"
            + "".join(f'"{name}-model" = "{name}/{UPSTREAM_MODEL}"\n' for name in ANSWERED_IN)
            + '[aliases.mock]\nupstream = "mock"\n'
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
def prepared(*, only: Sequence[str], scale: float, tries: int, say: Callable[[str], None]) -> Iterator[Bench]:
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
                yield Bench(state, cores, port, mock_program, load_program, key, only, scale, tries, say)
            finally:
                os.sched_setaffinity(0, own)


def _worst(readings: Mapping[str, Reading]) -> float:
    return max(reading.disturbance for reading in readings.values())


def readings(rounds: Sequence[Round]) -> list[Reading]:
    """Everything that was measured under load."""
    found = []
    for one in rounds:
        found += [visit.footprint.streams for visit in (one.floor, one.gateway) if visit.footprint is not None]
        found += [*one.direct.values(), *one.floor.phases.values(), *one.gateway.phases.values()]
    return found


def errors(rounds: Sequence[Round]) -> int:
    """Answers that were not complete."""
    return sum(reading.load.errors for reading in readings(rounds))
