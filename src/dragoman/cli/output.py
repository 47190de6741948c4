"""What the verbs write: text and tables for people, JSON for programs, errors on stderr.

Results go to stdout. What only accompanies them, and every error, goes to stderr.
"""

import importlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

import click
import msgspec

_GAP: Final = "  "


class Failure(Exception):
    """A verb could not do what was asked: why, and what to do next. Exit code 1."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def say(text: str = "", *, end: str = "\n") -> None:
    """Writes a piece of the result."""
    click.echo(text + end, nl=False)


def note(text: str = "") -> None:
    """Writes what accompanies a result."""
    click.echo(text, err=True)


def complain(message: str, hint: str = "") -> None:
    """Writes an error in one line, and what to do about it in a second."""
    note(f"error: {printable(message)}")
    if hint:
        note(f"  hint: {printable(hint)}")


def dump(value: object) -> None:
    """Writes a result as JSON."""
    say(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, aside: bool = False) -> None:
    """Writes a table: drawn on a terminal, aligned text elsewhere; `aside` if it only accompanies a result."""
    rows = [[printable(cell) for cell in row] for row in rows]
    if (sys.stderr if aside else sys.stdout).isatty():
        # Only here: drawing takes longer to import than most verbs take to run.
        importlib.import_module("dragoman.cli.table").draw(columns, rows, aside=aside)
    else:
        for line in align([columns, *rows]):
            (note if aside else say)(line)


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines with each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def coloured(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether colours are welcome on a stream (no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def local_time(seconds: float | None) -> str:
    """A time as people here write it; empty for none."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def printable(text: str, *, keep: str = "") -> str:
    """`text` without what could steer a terminal, but for `keep`; some of what is shown was chosen by callers."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def plain(value: object) -> Any:
    """A struct or dataclass as plain JSON values."""
    return msgspec.to_builtins(value)
