"""The one place that starts programs: each in a process group of its own, which ends whole.

    spawned -> running -> (asked to end) -> its leader has exited -> the group is killed -> reaped

A leader that has exited is a zombie until it is reaped, and its pid cannot be given to anyone: so the group is killed
first and the leader reaped after it, and a signal of ours never meets a stranger. Nothing waits for pipes to be closed,
which a descendant may hold for ever; what the leader has written lies in them when it is gone.

A program gets the variables it is allowed and no descriptor but its three standard ones; its stdin is /dev/null unless
there is something to read. Deadlines of an answer are its reader's; this knows the moment and `terminate`.
"""

import asyncio
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from errno import E2BIG, ENOSYS, EPERM
from pathlib import Path
from typing import Final

import structlog

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.upstreams.leftovers import MARK, Leftovers, Record, end_marked
from dragoman.upstreams.stdio import Feed, Flow, Tail, drop

TERM_GRACE: Final = 0.15
"""Seconds between SIGTERM and SIGKILL: a caller that has left is to cost nothing after 250 ms."""
CLOSE_PATIENCE: Final = 5.0
"""Seconds in which killed programs must be gone; one in an uninterruptible wait may not be."""
INHERITED: Final = frozenset({
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER", "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
})  # fmt: skip
"""What every program gets, with every LC_*; the rest is named by the operator."""
_OURS: Final = "DRAGOMAN_"
_log = structlog.get_logger("dragoman")


def allowed(environ: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """The part of the gateway's environment that a program gets; never one of the gateway's own variables."""
    wanted = INHERITED | frozenset(names)
    return {
        name: value
        for name, value in environ.items()
        if (name in wanted or name.startswith("LC_")) and not name.startswith(_OURS)
    }


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started, and for which run."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    directory: Path
    run: str
    """For which call; what is started for it can be found by it."""
    stdin: bytes | None = None


class Process:
    """One program and its group; its owner is the `Processes` that started it."""

    def __init__(self, owner: "Processes", launch: Launch, record: Record) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._record = record
        started = _start(launch, record)
        self._popen = started.popen
        self._feed = None if started.stdin is None else Feed(started.stdin, launch.stdin or b"")
        self._out = Flow(started.stdout)
        self._err = Tail(started.stderr)
        self._kill: asyncio.TimerHandle | None = None
        self._terminated = False
        self._gone = asyncio.Event()
        self._exit = started.exit
        self._loop.add_reader(self._exit, self._exited)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Negative for a signal; None while it runs."""
        return self._popen.returncode

    @property
    def stderr(self) -> bytes:
        """The last of what it wrote there."""
        return self._err.kept

    async def read(self) -> bytes:
        """The next bytes of its stdout, `b""` at the end; may be cancelled and called again without loss."""
        return await self._out.read()

    async def ready(self) -> None:
        """Waits until there is something to `take`, or it has `ended`, or `nudge` is called; may be cancelled."""
        await self._out.ready()

    def take(self) -> bytes:
        """What of its stdout has come and was not read."""
        return self._out.take()

    def nudge(self) -> None:
        """Ends a wait for its stdout, the next one if none is under way."""
        self._out.nudge()

    @property
    def ended(self) -> bool:
        """Whether there is no more of its stdout."""
        return self._out.ended

    async def wait(self) -> int:
        """Waits until it is gone and reaped."""
        await self._gone.wait()
        assert self._popen.returncode is not None
        return self._popen.returncode

    def finish(self, grace: float) -> None:
        """It has said what it had to, and nobody reads on: it may end by itself within `grace` seconds."""
        self._out.discard()
        self.expire(grace)

    def expire(self, grace: float) -> None:
        """It must have ended in `grace` seconds; what it says until then is still read."""
        if not self._gone.is_set() and self._kill is None:
            self._kill = self._loop.call_later(grace, self.terminate)

    def terminate(self) -> None:
        """Ends the group: asks, and kills it after a moment. Nobody reads on. Idempotent."""
        self._out.discard()
        if self._gone.is_set() or self._terminated:
            return
        self._terminated = True
        if self._kill is not None:
            self._kill.cancel()
        self._signal(signal.SIGTERM)
        self._kill = self._loop.call_later(TERM_GRACE, self._signal, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Its leader has not been reaped, so that the number still stands for this group. macOS says EPERM of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)

    def _exited(self) -> None:
        self._loop.remove_reader(self._exit)
        os.close(self._exit)
        if self._kill is not None:
            self._kill.cancel()
        self._signal(signal.SIGKILL)
        self._popen.wait()
        if self._feed is not None:
            self._feed.close()
        self._err.finish()
        self._out.finish()
        self._gone.set()
        self._owner.ended(self, self._record)


class Processes:
    """All programs of a gateway, and the record of them; `close` leaves none."""

    def __init__(self, leftovers: Leftovers) -> None:
        self._leftovers = leftovers
        self._running: set[Process] = set()
        self._sweeps: set[asyncio.Future[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, launch: Launch) -> Process:
        """Starts a program; in the loop that serves it. Raises `GatewayError`.

        It blocks for about a millisecond, until the program has begun or could not be.
        """
        if self._closed:
            raise GatewayError(errors.SHUTTING_DOWN, "The gateway is shutting down.")
        try:
            record = self._leftovers.begin(launch.run)
        except OSError as error:
            message = f"No program is started, for it could not be recorded: {error.strerror}."
            raise GatewayError(errors.LINK_UNAVAILABLE, message) from None
        process = Process(self, launch, record)
        self._running.add(process)
        return process

    def ended(self, process: Process, record: Record) -> None:
        """Of `process`, when it has been reaped: what left its group for a session of its own is ended as well."""
        self._running.discard(process)
        sweep = asyncio.get_running_loop().run_in_executor(None, _settle, record)
        self._sweeps.add(sweep)
        sweep.add_done_callback(self._sweeps.discard)

    async def close(self) -> None:
        """Ends all that runs, within seconds."""
        self._closed = True
        running = list(self._running)
        for process in running:
            process.terminate()
        try:
            async with asyncio.timeout(CLOSE_PATIENCE):
                for process in running:
                    await process.wait()
        except TimeoutError:
            _log.error("programs do not end", pids=[process.pid for process in self._running])
        while self._sweeps:
            await asyncio.wait(self._sweeps)


def _settle(record: Record) -> None:
    end_marked(record.mark)
    record.drop()


@dataclass(frozen=True, slots=True)
class _Started:
    """A program, our ends of its streams, and what is readable once it has exited."""

    popen: subprocess.Popen[bytes]
    stdin: int | None
    stdout: int
    stderr: int
    exit: int


def _start(launch: Launch, record: Record) -> _Started:
    """Raises `GatewayError`; then nothing runs and nothing is open."""
    pipes: list[int] = []

    def pipe() -> tuple[int, int]:
        pair = os.pipe()
        pipes.extend(pair)
        return pair

    popen: subprocess.Popen[bytes] | None = None
    try:
        out, out_end = pipe()
        err, err_end = pipe()
        stdin, feed = (subprocess.DEVNULL, None) if launch.stdin is None else pipe()
        popen = subprocess.Popen(
            launch.argv,
            stdin=stdin,
            stdout=out_end,
            stderr=err_end,
            cwd=launch.directory,
            env={**launch.env, MARK: record.mark},
            start_new_session=True,
        )
        record.write(popen.pid)
        exit_ = exit_descriptor(popen.pid)
    except (OSError, ValueError) as error:
        drop(*pipes)
        if popen is not None:
            os.killpg(popen.pid, signal.SIGKILL)
            popen.wait()
        record.drop()
        raise _not_started(launch, error) from None
    drop(*(one for one in pipes if one not in (out, err, feed)))
    return _Started(popen, feed, out, err, exit_)


def _not_started(launch: Launch, error: OSError | ValueError) -> GatewayError:
    program = launch.argv[0].rpartition("/")[2]  # where it lies is not for callers to know
    if isinstance(error, ValueError):  # a NUL, or a surrogate that no encoding has
        return GatewayError(errors.INVALID_REQUEST, "The prompt holds a character that no argument may.")
    if error.errno == E2BIG:
        return GatewayError(errors.INVALID_REQUEST, "The prompt is too large for an argument of a program.")
    if isinstance(error, FileNotFoundError) and not launch.directory.is_dir():
        return GatewayError(errors.LINK_UNAVAILABLE, f"There is no directory for {program!r} to work in.")
    reason = "is not installed where the gateway looks" if isinstance(error, FileNotFoundError) else error.strerror
    return GatewayError(errors.LINK_UNAVAILABLE, f"The program {program!r} cannot be started: {reason}.")


def exit_descriptor(pid: int) -> int:
    """A descriptor that is readable once a child has exited, and does not reap it."""
    if sys.platform == "darwin":
        queue = select.kqueue()
        exited = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        try:
            queue.control([exited], 0)
        except ProcessLookupError:  # it has already
            end, other = os.pipe()
            os.close(other)
            return end
        return os.dup(queue.fileno())
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno not in (ENOSYS, EPERM):
            raise
        return exit_seen_by_thread(pid)


def exit_seen_by_thread(pid: int) -> int:
    """The same for kernels before 5.3 and sandboxes that have no pidfd."""
    end, other = os.pipe()

    def wait() -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.close(other)

    threading.Thread(target=wait, name=f"exit of {pid}", daemon=True).start()
    return end
