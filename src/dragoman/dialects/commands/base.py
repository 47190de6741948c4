"""What every command-line agent offers: how it is called for one turn, and how its output is read.

An `Adapter` is pure: it says what to run and what to give it, and who runs it is somebody else. The table from an
adapter's name to the adapter sits in `table.py`, so that this module never imports its children and no adapter
knows another.

No value of a caller's request becomes a flag, a path or an environment variable. What a caller says is in the
standard input, in a file of content, or behind `--`; a model's name has been checked against the operator's list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from dragoman.errors import GatewayError
from dragoman.turn import Event, Loss, Opened, Streaming, Turn, Usage
from dragoman.wire.jsonl import MAX_LINE

Output = Literal["stream-json", "json", "text"]

MAX_ARGUMENT: Final = 64 * 1024
"""Bytes; the kernel refuses a single argument of twice that."""
MAX_WARNINGS: Final = 20
"""Warnings of one run that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator has settled for all runs of one upstream."""

    upstream: str
    """Its name, for messages."""
    output: Output
    prompt_via: Literal["stdin", "argv"] = "stdin"
    system_prompt: Literal["append", "replace", "prompt"] = "append"
    max_turns: int | None = None
    max_budget_usd: float | None = None
    tools: bool = False
    """Whether callers' tools are offered to it."""
    show_tools: bool = False
    """Whether the use of its own tools is shown, as reasoning."""
    own_tools: bool = False
    """Whether it may use its own tools; without them it is a model and no more, and starts lean."""
    max_line: int = MAX_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run is given beside its turn."""

    session: str = ""
    """The program's own session that it goes on with; empty for a new one."""
    spent: Usage = Usage()
    """What that session had used and cost before, `Facts.spent` of its latest run."""
    keeps: bool = False
    """Whether somebody may go on with its session later; else the program need not write one."""
    tools_url: str = ""
    """Where callers' tools are offered to it, by MCP over HTTP; empty if there are none."""


@dataclass(frozen=True, slots=True)
class TempFile:
    """A file that the run finds in a private directory; as an argument or a variable it stands for its path."""

    name: str
    content: bytes
    prefix: str = ""
    """What the argument has before the path."""


Argument = str | TempFile


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a program is called for one turn."""

    argv: tuple[Argument, ...]
    """What follows the command and the operator's own arguments."""
    stdin: bytes | None = None
    """What it reads before its input ends; None for no input at all, which is then not a pipe."""
    environment: Mapping[str, Argument] = field(default_factory=dict)
    """Variables of ours; their names are constants."""
    losses: tuple[Loss, ...] = ()


@dataclass(slots=True)
class Facts:
    """What a program has said of its run beside the answer."""

    session: str = ""
    """Under which it can go on."""
    model: str = ""
    """What it calls the model that it has asked."""
    spent: Usage = Usage()
    """What its whole session has used and cost so far, as far as it counts that."""
    warnings: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(message)


class Reader(Protocol):
    """The output of one run as events, by the rules of `turn.py`; a machine that holds what is unfinished.

    `receive` takes the standard output as it comes, `eof` its end, `exited` the exit code (negative for a signal)
    and the end of the standard error; `exited` is called last, also if `eof` was not. After `Stopped` or `Failed`,
    one of which `exited` gives at the latest, `done` is true and everything is dropped: the program may then still
    run.
    """

    @property
    def done(self) -> bool: ...

    @property
    def facts(self) -> Facts: ...

    @property
    def failure(self) -> GatewayError | None:
        """What a `Failed` amounts to, for a caller who has been told nothing yet."""
        ...

    def receive(self, data: bytes) -> list[Event]: ...

    def eof(self) -> list[Event]: ...

    def exited(self, code: int, stderr: bytes) -> list[Event]: ...


class Adapter(Protocol):
    """One command-line agent."""

    name: str
    outputs: tuple[Output, ...]
    """The formats that it can be read in, the default first."""
    takes_tools: bool
    """Whether callers' tools can be offered to it."""

    def streaming(self, output: Output) -> Streaming: ...

    def prepare(self, turn: Turn, model: str, settings: Settings, run: Run) -> Invocation:
        """How it is called; with `model` empty it chooses itself.

        Raises `GatewayError` (UNSUPPORTED_PARAMETER, INVALID_REQUEST) naming what it cannot carry out.
        """
        ...

    def reader(self, turn: Turn, settings: Settings, run: Run, opened: Opened) -> Reader:
        """Its output, for whom `prepare` was called so; `opened` is the first event that the reader gives."""
        ...
