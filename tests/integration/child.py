"""A server of ours in a process group of its own: started, waited for, and ended with all it has started.

Nobody else is ever signalled: a group is addressed only while its leader, our child, has not been reaped, so
that its number can belong to nobody else.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

GRACE: Final = 5.0
"""Seconds a server may take to stop when it is asked to."""
_PAUSE: Final = 0.05
_SHOWN: Final = 12


class SetupError(Exception):
    """There is nothing to run the tests against: why, and what the server said last."""

    def __init__(self, message: str, *more: str) -> None:
        super().__init__(message)
        self.message = message
        self.more = more


class Child:
    """A running command; what it writes goes to a log in its folder."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid

    def wait_for(self, pattern: re.Pattern[str], deadline: float) -> str:
        """The first group of the pattern, once it stands in the log. Raises `SetupError`."""
        while (match := pattern.search(self._written())) is None:
            self.check()
            if time.monotonic() > deadline:
                raise SetupError(f"the {self.name} did not start in time", *self._last())
            time.sleep(_PAUSE)
        return match[1]

    def check(self) -> None:
        """Raises `SetupError` if it has ended."""
        if _ended(self.pid):
            raise SetupError(f"the {self.name} ended instead of starting", *self._last())

    def stop(self, grace: float = GRACE) -> None:
        """Ends the group: it is asked to, and after `grace` seconds it is not asked."""
        if self._process.returncode is not None:
            return
        os.killpg(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while not _ended(self.pid) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _written(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def _last(self) -> list[str]:
        return self._written().splitlines()[-_SHOWN:]


def _ended(pid: int) -> bool:
    """Whether a child has ended; it stays to be reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def await_status(url: str, deadline: float, child: Child | None = None) -> None:
    """Returns once `GET /status` is answered, by 200 if it is our child's. Raises `SetupError`."""
    # Not with httpx2: pytest wants to be the first to import what has plugins for it.
    opener = build_opener(ProxyHandler({}))
    said = "nothing"
    while (left := deadline - time.monotonic()) > 0:
        try:
            with opener.open(f"{url}/status", timeout=min(left, 2.0)):
                return
        except HTTPError as error:
            error.close()
            if child is None and error.code < 500:
                return
            said = f"status {error.code}"
        except (OSError, HTTPException) as error:
            said = str(getattr(error, "reason", error))
        if child is not None:
            child.check()
        time.sleep(_PAUSE)
    raise SetupError(f"{url}/status did not answer in time: {said}")
