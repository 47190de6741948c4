"""What `dragoman doctor` looks at of command-line agents: whether each program is there and runs."""

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from dragoman.config import CommandConfig, Config
from dragoman.ports import Checkup

DEADLINE: Final = 10.0
"""Seconds for a program to tell its version; those of Node take one to begin with."""
_MAX_DETAIL: Final = 100


def look_at_programs(config: Config, environ: Mapping[str, str]) -> list[Checkup]:
    """Every upstream that is a command, asked for its version; nothing is asked of a model."""
    return [_look(name, item, environ.get("PATH")) for name, item in config.commands.items()]


def _look(name: str, item: CommandConfig, path: str | None) -> Checkup:
    title = f"{name}: program"
    program = shutil.which(item.command, path=path)
    if program is None:
        fix = f"install it, or give its path in upstreams.{name}.command"
        return Checkup(title, False, f"{item.command!r} is not on PATH", fix)
    try:
        done = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE, check=False
        )
    except OSError as error:
        return Checkup(title, False, f"{program} cannot be started: {error.strerror}", "see that it can be executed")
    except subprocess.TimeoutExpired:
        return Checkup(title, False, f"{program} --version took more than {DEADLINE:g} s", "run it by hand")
    said = (done.stdout or done.stderr).decode("utf-8", "replace").strip().partition("\n")[0][:_MAX_DETAIL]
    if done.returncode != 0:
        return Checkup(title, False, f"{program} --version exited with {done.returncode}: {said}", "run it by hand")
    return Checkup(title, True, f"{program}: {said}" if said else program)
