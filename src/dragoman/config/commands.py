"""`[upstreams.NAME]` with a `command`: a command-line agent that answers as a model."""

from typing import Literal

from dragoman.config.numbers import check_numbers
from dragoman.config.presets import Name
from dragoman.config.sections import Limited, Section
from dragoman.dialects.commands.base import Output
from dragoman.dialects.commands.table import ADAPTERS
from dragoman.errors import ConfigError
from dragoman.policy.routing import Timeouts

PROGRAMS = {"claude": "claude-cli", "codex": "codex-cli", "gemini": "gemini-cli"}
"""By the name of the program; any other speaks plain text."""


class CommandTimeouts(Section, frozen=True, kw_only=True):
    """Deadlines of one run, in seconds."""

    first_byte: float = 120.0
    """From the start of the program to the first thing it says. An output that cannot stream has `total` alone."""
    idle: float = 300.0
    """The longest silence after that; a tool of the agent's own may take its time."""
    total: float | None = 900.0
    """Over the whole run."""

    def parts(self) -> Timeouts:
        return Timeouts(0.0, self.first_byte, self.idle, self.total)


class WorkspaceConfig(Section, frozen=True, kw_only=True):
    """Where runs work. A repository gives each run a clone of its own, which is removed after it."""

    directory: str | None = None
    """One directory for all runs. Default: an empty one of its own for each."""
    repository: str | None = None
    """Or a git repository, by path or URL."""
    branch: str | None = None
    """The branch to work on; default the repository's own."""
    git_sync: bool = True
    """Whether the repository is fetched before each run."""
    keep: Literal["none", "branch", "patch"] = "none"
    """What is left of a run's changes: nothing, a branch `dragoman/RUN` or a patch in its answer. The branch is in the
    repository if that is on this machine, else in the gateway's copy of it."""


class CommandConfig(Limited, frozen=True, kw_only=True):
    """A command-line agent that answers as a model."""

    command: str
    """The program, by path or by name on PATH."""
    profile: Name | None = None
    """Settings for a purpose, below those of the file: `claude-json` is Claude Code as one careful endpoint."""
    args: tuple[str, ...] = ()
    """Arguments of the operator's own, before those that Dragoman adds."""
    adapter: Literal["claude-cli", "codex-cli", "gemini-cli", "text"] | None = None
    """What it speaks; default by the program's name, `text` for an unknown one."""
    output: Output | None = None
    """Its output format: `stream-json` or `json` of Claude and Gemini, `json` of Codex, `text` of any other. Default
    the one that streams."""
    models: tuple[str, ...] = ()
    """The names of its models that callers may ask for; empty for any plain name."""
    default_model: str | None = None
    """The one for a call that names none; default the first, or what the program chooses."""
    prompt_via: Literal["stdin", "argv"] = "stdin"
    """How it gets the prompt. `argv` can be seen by every user of the machine, and is for small prompts only."""
    system_prompt: Literal["append", "replace", "prompt"] = "append"
    """Whether a caller's system text comes after the program's own, instead of it, or at the head of the prompt. A
    program without a place for it finds it there anyway."""
    direct: bool = True
    """Whether callers may name `NAME/model`."""
    max_concurrency: int | None = None
    """Runs at once; default the number of CPUs."""
    max_queue: int = 100
    """Calls that may wait for a run to end; 0 refuses at once what cannot run at once."""
    queue_timeout: float = 60.0
    """Seconds that a call waits at most."""
    timeouts: CommandTimeouts = CommandTimeouts()
    """Deadlines of its runs."""
    grace: float = 5.0
    """Seconds that the program has to end by itself after its answer, before its process group is ended."""
    max_turns: int | None = None
    """Model calls in one run, where the program can count them."""
    max_budget_usd: float | None = None
    """What one run may cost, where the program can tell."""
    env: tuple[str, ...] = ()
    """Variables of the gateway's environment that it gets beside PATH, HOME and their like."""
    workspace: WorkspaceConfig = WorkspaceConfig()
    """Where it works."""
    session_age: float = 7 * 86_400.0
    """Seconds after which a session that nobody went on with is forgotten and its files removed; 0 keeps none."""
    stream_fallback: Literal["reject", "emulate"] = "reject"
    """What a streamed call gets of an output format that cannot stream: a 400, or the answer in one piece."""
    tools: bool = False
    """Whether callers' function tools are offered to it, over a loopback MCP server."""
    own_tools: bool | None = None
    """Whether it may use its own tools, shell and files included; default only where it has a workspace."""
    show_tools: bool = False
    """Whether the use of its own tools is shown, as reasoning."""

    def check(self, at: str) -> None:
        """Raises `ConfigError`; `at` is the key of its table."""
        if not self.command.strip():
            raise ConfigError(f"{at}.command", "names no program", 'command = "claude"')
        check_numbers(
            at,
            self,
            more_than_0=("max_concurrency", "queue_timeout", "max_turns", "max_budget_usd"),
            not_negative=("max_queue", "grace", "session_age"),
        )
        check_numbers(f"{at}.timeouts", self.timeouts, more_than_0=("first_byte", "idle", "total"))
        if self.workspace.directory is not None and self.workspace.repository is not None:
            raise ConfigError(f"{at}.workspace", "is either a directory or a repository")
        if self.workspace.repository is None and self.workspace.keep != "none":
            raise ConfigError(f"{at}.workspace.keep", "changes can be kept of a repository only")
        if self.default_model is not None and self.models and self.default_model not in self.models:
            raise ConfigError(f"{at}.default_model", f"{self.default_model!r} is not among its models")
        adapter = ADAPTERS[self.speaks]
        if self.output not in (None, *adapter.outputs):
            known = " or ".join(adapter.outputs)
            raise ConfigError(f"{at}.output", f"{adapter.name} is read as {known}, not as {self.output}")
        if self.tools and not adapter.takes_tools:
            raise ConfigError(f"{at}.tools", f"callers' tools cannot be offered by {adapter.name}")

    @property
    def speaks(self) -> str:
        """The name of its adapter."""
        return self.adapter or PROGRAMS.get(self.command.rpartition("/")[2], "text")

    @property
    def written(self) -> Output:
        """The format that its output is read in."""
        return self.output or ADAPTERS[self.speaks].outputs[0]

    @property
    def uses_tools(self) -> bool:
        """Whether it may use its own tools."""
        if self.own_tools is None:
            return self.workspace.directory is not None or self.workspace.repository is not None
        return self.own_tools
