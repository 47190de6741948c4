"""Runs a command-line agent with a deadline, in a process group and a home of its own, out of reach of any network."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.clients.node import HERE, Node

DEADLINE: Final = 90.0
NOWHERE: Final = "http://127.0.0.1:9"
"""A proxy that nobody runs: whatever goes elsewhere than to the gateway ends here, at once."""


@dataclass(frozen=True)
class Finished:
    """What is left of a command."""

    status: int
    output: str
    complaints: str


@dataclass(frozen=True)
class Agent:
    """A command-line agent from `package.json`, and the directory it works in."""

    node: Node
    script: str
    home: Path

    @property
    def work(self) -> Path:
        return self.home / "work"

    def run(self, arguments: Sequence[str], **environ: str) -> Finished:
        """Runs to the end, with nothing of ours in its environment but `environ`."""
        self.work.mkdir(exist_ok=True)
        env = {
            "PATH": os.pathsep.join([str(self.node.program.parent), os.environ["PATH"]]),
            "HOME": str(self.home),
            "HTTP_PROXY": NOWHERE,
            "HTTPS_PROXY": NOWHERE,
            "NO_PROXY": "127.0.0.1",
            **environ,
        }
        command = [str(self.node.program), str(HERE / "node_modules" / self.script), *arguments]
        with subprocess.Popen(
            command, cwd=self.work, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                output, complaints = process.communicate(timeout=DEADLINE)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return Finished(process.returncode, output, complaints)
