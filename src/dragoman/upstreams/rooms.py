"""Directories that are made for runs: whose they are, and how they are removed again.

Beside each stands which gateway made it, so that none is left for ever: what a gateway that was killed has left, the
next one removes. What runs there may have made it read-only, or full of links; it goes all the same, and no link is
followed.
"""

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from dragoman.upstreams.leftovers import Birth

_OWNER: Final = ".owner"
_log = structlog.get_logger("dragoman")


class Rooms:
    """All of them, under one root, which the gateways of one machine may share."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root = root

    def make(self, name: str) -> Path:
        """An empty directory of that name. Raises `OSError`."""
        directory = self._root / name
        (self._root / f"{name}{_OWNER}").write_bytes(msgspec.json.encode(Birth.of(os.getpid())))
        directory.mkdir(mode=0o700)
        return directory

    def remove(self, name: str) -> None:
        """Blocks for as long as it takes."""
        raze(self._root / name)
        (self._root / f"{name}{_OWNER}").unlink(missing_ok=True)

    def sweep(self) -> int:
        """Removes what dead gateways have left, and says how many those were. Blocks for as long as it takes."""
        removed = 0
        for owner in self._root.glob(f"*{_OWNER}"):
            with suppress(OSError, msgspec.DecodeError):
                if msgspec.json.decode(owner.read_bytes(), type=Birth).alive:
                    continue
            self.remove(owner.name.removesuffix(_OWNER))
            removed += 1
        return removed


def raze(directory: Path) -> None:
    """Removes a directory and all below it, what was made read-only included; a link is not followed."""

    def again(remove: Callable[[str], object], path: str, _: object) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
            remove(path)

    for _ in range(2):  # the second time for what could not even be listed
        if not os.path.lexists(directory):
            return
        shutil.rmtree(directory, onerror=again)
    if os.path.lexists(directory):
        _log.error("a run's directory cannot be removed", directory=str(directory))
