"""Starting gateways in processes of their own, from a test that goes on meanwhile."""

import asyncio
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Gateways:
    """Processes that fork off one, which has the imports done."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.stores.jobs.gateway"]
        pipe = subprocess.PIPE
        self._parent = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, start_new_session=True)

    async def start(self, url: str, name: str, heartbeat: float) -> int:
        """The process id of a new gateway."""
        assert self._parent.stdin is not None
        self._parent.stdin.write(f"{url} {name} {heartbeat}\n")
        self._parent.stdin.flush()
        return int(await self.line())

    async def line(self) -> str:
        """The next line that any of them prints."""
        assert self._parent.stdout is not None
        return (await asyncio.wait_for(asyncio.to_thread(self._parent.stdout.readline), 20)).strip()

    def close(self) -> None:
        assert self._parent.stdin is not None and self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.stdout.close()
        self._parent.wait(10)
