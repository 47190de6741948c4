"""The programs of a measurement: compiled, started, pinned, and ended on every way out."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
OUT: Final = HERE / "out"
_PR_SET_PDEATHSIG: Final = 1
_END_WAIT: Final = 8.0

Process = subprocess.Popen[str]


class BenchError(Exception):
    """The measurement cannot go on; the message says why."""


@dataclass(frozen=True)
class Cores:
    """Where what is measured runs, and where all else does; None where there is no choice."""

    measured: frozenset[int] | None
    others: frozenset[int] | None

    @classmethod
    def divide(cls) -> "Cores":
        """One core, the last, for what is measured."""
        allowed = os.sched_getaffinity(0)
        if len(allowed) < 2:
            return cls(None, None)
        last = max(allowed)
        return cls(frozenset({last}), frozenset(allowed - {last}))


def compile_tools() -> tuple[Path, Path]:
    """The mock upstream and the load generator, compiled anew if their source has changed."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    OUT.mkdir(exist_ok=True)
    return _compile("mock", compiler), _compile("load", compiler)


def _compile(name: str, compiler: str | None) -> Path:
    source, program = HERE / f"{name}.c", OUT / name
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    if compiler is None:
        raise BenchError("no C compiler (gcc or cc) to build the mock upstream and the load generator with")
    command = [compiler, "-O2", "-Wall", "-o", str(program), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise BenchError(f"{source.name} does not compile:\n{built.stderr}")
    return program


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    cores: frozenset[int] | None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    read: bool = False,
    log: Path | None = None,
) -> Iterator[Process]:
    """A process for as long as the block lasts; `read` pipes its stdout here, else it goes to /dev/null."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # should this process be killed, its children end too
        if cores is not None:
            os.sched_setaffinity(0, cores)

    with (log or Path(os.devnull)).open("a") as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if read else subprocess.DEVNULL,
            stderr=errors if log is not None else None,
            env=None if environ is None else dict(environ),
            cwd=cwd,
            text=True,
            preexec_fn=prepare,
        )
    try:
        yield process
    finally:
        end(process)


def run_time(command: Sequence[str | Path], *, cores: frozenset[int] | None, environ: Mapping[str, str]) -> float:
    """Seconds that a command takes from its start to its end."""
    began = time.perf_counter()
    with running(command, cores=cores, environ=environ) as process:
        code = process.wait(_END_WAIT)
    if code:
        raise BenchError(f"{command[-1]} ended with exit code {code}")
    return time.perf_counter() - began


def end(process: Process) -> None:
    """Ends a process, in order if it will."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def free_port() -> int:
    """A port of the loopback address on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def python(*args: str | Path) -> list[str | Path]:
    return [sys.executable, *args]


def wait_for_answer(process: Process, port: int, request: bytes, timeout: float = 30.0) -> float:
    """Seconds until a call is answered with 200, to within a few milliseconds."""
    began = time.perf_counter()
    answer = b""
    while time.perf_counter() - began < timeout:
        if process.poll() is not None:
            raise BenchError(f"it ended by itself, with exit code {process.returncode}")
        try:
            answer = _exchange(port, request)
        except OSError:
            time.sleep(0.005)
            continue
        if answer.startswith(b"HTTP/1.1 200"):
            return time.perf_counter() - began
        time.sleep(0.005)
    raise BenchError(f"no answer with 200 within {timeout:g} s; the last began {answer[:300]!r}")


def _exchange(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        return connection.recv(65536)
