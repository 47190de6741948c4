"""What command-line agents keep of their sessions under their own homes, and how it is removed.

Only files that bear the name of a session which a run of ours has begun are touched.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dragoman.upstreams.rooms import raze

_SESSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}")
"""What stands in a pattern must be no pattern."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a program keeps its sessions. `*` of a pattern is any name, `SESSION` the session's, `HEAD` its first 8."""

    variable: str
    """Of the environment, which moves it."""
    folder: str
    """Below the user's home otherwise."""
    patterns: tuple[str, ...]
    by_directory: bool = False
    """Whether it finds a session only in the directory in which it was begun."""


HOMES: Final[Mapping[str, Home]] = {
    "claude-cli": Home(
        "CLAUDE_CONFIG_DIR",
        ".claude",
        (
            "projects/*/SESSION.jsonl", "projects/*/SESSION", "todos/SESSION*.json", "file-history/SESSION",
            "session-env/SESSION", "tasks/SESSION", "debug/SESSION.txt",
        ),
    ),
    "codex-cli": Home(
        "CODEX_HOME",
        ".codex",
        (
            "sessions/*/*/*/rollout-*-SESSION.jsonl", "shell_snapshots/SESSION.*",
            "thread-writer-locks/SESSION.lock",
        ),
    ),
    "gemini-cli": Home("GEMINI_CLI_HOME", ".gemini", ("tmp/*/chats/session-*HEAD*.json*",), by_directory=True),
}  # fmt: skip
"""By adapter."""


def remove_traces(adapter: str, session: str, environ: Mapping[str, str]) -> int:
    """Removes what a program keeps of a session, and says how many files and folders those were. Blocks."""
    home = HOMES.get(adapter)
    if home is None or not _SESSION.fullmatch(session):
        return 0
    removed = 0
    root = _root(home, environ)
    for pattern in home.patterns:
        for path in list(root.glob(pattern.replace("SESSION", session).replace("HEAD", session[:8]))):
            raze(path)
            removed += 1
            with suppress(OSError):  # as a rule it is not the last of its folder
                path.parent.rmdir()
    return removed


def _root(home: Home, environ: Mapping[str, str]) -> Path:
    moved = environ.get(home.variable)
    return Path(moved) if moved else Path(environ.get("HOME", "/nonexistent")) / home.folder
