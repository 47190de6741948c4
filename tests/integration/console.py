"""What the runner says beside the tests: lines with a level, in colour where that is welcome."""

import os
import sys
from typing import Final, TextIO

from dragoman.cli.output import coloured, printable

_COLOURS: Final = {"INFO": 34, "SUCCESS": 32, "WARNING": 33, "ERROR": 31}


class Console:
    """Writes to stdout unless told otherwise."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._coloured = coloured(self._stream, os.environ)

    def info(self, text: str) -> None:
        self._say("INFO", text)

    def success(self, text: str) -> None:
        self._say("SUCCESS", text)

    def warning(self, text: str) -> None:
        self._say("WARNING", text)

    def error(self, text: str, *more: str) -> None:
        """An error, and lines that explain it."""
        self._say("ERROR", text)
        for line in more:
            print(f"        {printable(line)}", file=self._stream, flush=True)

    def _say(self, level: str, text: str) -> None:
        shown = f"\x1b[{_COLOURS[level]}m{level}\x1b[0m" if self._coloured else level
        print(f"{shown}{' ' * (8 - len(level))}{printable(text)}", file=self._stream, flush=True)
