"""Directories that are made for runs: whose they are, and how they are removed again.

Beside each stands which gateway made it, so that none is left for ever: what a gateway that was killed has left, the
next one removes. What runs there may have made it read-only, or full of links; it goes all the same, and no link is
followed.
"""

import os
import shutil
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
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
        """An empty directory of that name; it is taken until it has been removed whole. Raises `OSError`."""
        directory = self._root / name
        new = self._root / f"{name}.{os.getpid()}-{threading.get_ident()}.new"
        new.write_bytes(msgspec.json.encode(Birth.of(os.getpid())))
        try:
            os.link(new, self._root / f"{name}{_OWNER}")  # there with all it says, or not at all
        finally:
            new.unlink()
        directory.mkdir(mode=0o700)
        return directory

    def make_next(self, prefix: str) -> Path:
        """One under the lowest number that is free, so that paths are used again. Raises `OSError`."""
        for number in count():
            if not (self._root / f"{prefix}-{number}{_OWNER}").exists():
                with suppress(FileExistsError):
                    return self.make(f"{prefix}-{number}")
        raise AssertionError("there is always another number")

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
    """Removes a directory and all below it, what was made read-only included, or a file or link of that name."""

    def again(remove: Callable[[str], object], path: str, _: object) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
            remove(path)

    if directory.is_symlink() or not directory.is_dir():
        with suppress(OSError):
            directory.unlink(missing_ok=True)
        return
    for _ in range(2):  # the second time for what could not even be listed
        shutil.rmtree(directory, onerror=again)
        if not os.path.lexists(directory):
            return
    _log.error("a directory cannot be removed", directory=str(directory))
