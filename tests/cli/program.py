"""The real program as a process: started, listened to, stopped by signal."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "dragoman")
DEADLINE = 30.0
READY = re.compile(r'listens on (http\S+)|"event":"listening","url":"([^"]+)"|Mock upstreams on (http\S+)')


@dataclass(frozen=True)
class Home:
    """A machine's worth of directories of its own, so that no test meets the user's or another's."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "state" / "dragoman"

    def environ(self, changes: Mapping[str, str] | None = None) -> dict[str, str]:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "XDG_STATE_HOME": str(self.path / "state"),
            "XDG_CONFIG_HOME": str(self.path / "config"),
            "TMPDIR": str(self.path / "tmp"),
            "TERM": "xterm",
            # What is left open shows on stderr.
            "PYTHONWARNINGS": "default::ResourceWarning",
        }
        return {**environ, **(changes or {})}

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Runs the program to its end."""
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=self.path, env=self.environ(environ), input=stdin, capture_output=True,
            text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr and "ResourceWarning" not in done.stderr, done.stderr
        return done


class Program:
    """A running program; `text` is all it has written so far, stdout and stderr as they came."""

    def __init__(self, process: subprocess.Popen[bytes], outputs: Mapping[str, int]) -> None:
        self.process = process
        self._written = {name: b"" for name in outputs}
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._read, args=item) for item in outputs.items()]
        for thread in self._threads:
            thread.start()

    def _read(self, name: str, descriptor: int) -> None:
        while data := _read_some(descriptor):
            with self._changed:
                self._written[name] += data
                self._changed.notify_all()
        os.close(descriptor)

    def written(self, name: str) -> str:
        return self._written[name].decode().replace("\r\n", "\n")

    @property
    def text(self) -> str:
        return "".join(map(self.written, self._written))

    def wait_for(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        """The first match in what the program writes, now or later."""
        end = time.monotonic() + DEADLINE
        with self._changed:
            while (match := re.search(pattern, self.text)) is None:
                assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.text}"
                assert time.monotonic() < end, f"did not write {pattern!r} but: {self.text}"
                self._changed.wait(0.1)
        return match

    @property
    def url(self) -> str:
        """Where it says that it listens."""
        return str(next(filter(None, self.wait_for(READY).groups())))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended by itself."""
        code = self.process.wait(DEADLINE)
        for thread in self._threads:
            thread.join(DEADLINE)
        return code


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # a terminal whose other side is closed
        return b""


@contextmanager
def started(home: Home, *arguments: str, wrapper: Sequence[str] = (), **environ: str) -> Iterator[Program]:
    """The program with its outputs in pipes; killed if it outlives the block. `wrapper` is a command that runs it."""
    process = subprocess.Popen(
        [*wrapper, *COMMAND, *arguments], cwd=home.path, env=home.environ(environ), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    outputs = {"stdout": os.dup(process.stdout.fileno()), "stderr": os.dup(process.stderr.fileno())}
    process.stdout.close()
    process.stderr.close()
    with _ended(Program(process, outputs)) as program:
        yield program


class Terminal(Program):
    """A program on a terminal of its own, which can also be typed into."""

    def __init__(self, process: subprocess.Popen[bytes], controller: int) -> None:
        super().__init__(process, {"terminal": os.dup(controller)})
        self._controller = controller

    def type(self, text: str) -> None:
        os.write(self._controller, text.encode())

    def end_by(self, key: str) -> int:
        """Its exit code after a key at its prompt: one that comes while the prompt is being drawn may be lost."""
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < end:
            self.type(key)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1.0)
        return self.wait()

    def wait(self) -> int:
        code = super().wait()
        if self._controller >= 0:
            os.close(self._controller)
            self._controller = -1
        return code


@contextmanager
def on_terminal(home: Home, *arguments: str, **environ: str) -> Iterator[Terminal]:
    """The program on a terminal; what is typed into it comes with the terminal's signals, ^C as \\x03."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        # A session of its own, whose controlling terminal is its stdin: only then does ^C interrupt it.
        [sys.executable, "-c", _ON_TERMINAL, *COMMAND, *arguments], cwd=home.path, env=home.environ(environ),
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    program = Terminal(process, controller)
    with _ended(program):
        yield program


_ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@contextmanager
def _ended(program: Program) -> Iterator[Program]:
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
        program.wait()
    assert "Traceback" not in program.text and "ResourceWarning" not in program.text, program.text


def bash(line: str, home: Home) -> str:
    """What a line prints when it is pasted into a shell."""
    done = subprocess.run(
        ["bash", "-c", line], cwd=home.path, env=home.environ(), capture_output=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()
