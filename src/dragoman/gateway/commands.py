"""The command upstreams of a configuration, and what they share: their programs' process groups and directories.

They are opened by a gateway that serves and by nothing else: with the first, what a dead gateway has left is ended.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dragoman.config import CommandConfig, Config
from dragoman.dialects.commands.base import Adapter
from dragoman.dialects.commands.base import Settings as RunSettings
from dragoman.dialects.commands.table import ADAPTERS
from dragoman.errors import ConfigError
from dragoman.upstreams.command import CommandUpstream
from dragoman.upstreams.command_runs import CommandSettings
from dragoman.upstreams.process import allowed
from dragoman.upstreams.sessions import Sessions
from dragoman.upstreams.workshop import Workshop
from dragoman.upstreams.workspace import (
    DirectoryWorkspace,
    EmptyWorkspace,
    Repository,
    RepositoryWorkspace,
    Workspace,
)


class Commands:
    """Makes them; one whose settings a reload has left as they were goes on with its line and its sessions."""

    def __init__(self, environ: Mapping[str, str], state: Path, now: Callable[[], float]) -> None:
        """`state` is the directory for what they leave on disk; `now` is Unix time."""
        self._environ = environ
        self._state = state
        self._now = now
        self._workshop: Workshop | None = None
        self._made: dict[str, tuple[CommandConfig, CommandUpstream]] = {}

    def open(self, config: Config) -> dict[str, CommandUpstream]:
        """Those of a configuration, by their names. Raises `ConfigError`."""
        self._made = {name: (item, self._upstream(name, item)) for name, item in config.commands.items()}
        return {name: upstream for name, (_, upstream) in self._made.items()}

    async def close(self) -> None:
        """Ends whatever still runs; the upstreams have been closed."""
        if self._workshop is not None:
            await self._workshop.close()

    def _upstream(self, name: str, item: CommandConfig) -> CommandUpstream:
        known = self._made.get(name)
        if known is not None and known[0] == item:
            return known[1]
        if self._workshop is None:
            self._workshop = _open(self._state)
        adapter = ADAPTERS[item.speaks]
        env = allowed(self._environ, item.env)
        settings = settled(name, item, adapter, env)
        sessions = Sessions(
            self._state / "sessions" / name, adapter.name, env, age=item.session_age, now=self._now,
            max_waiting=item.max_queue,
        )  # fmt: skip
        workspace = self._workspace(name, item, self._workshop, env)
        return CommandUpstream(settings, adapter, self._workshop, workspace, sessions, now=self._now)

    def _workspace(self, name: str, item: CommandConfig, workshop: Workshop, env: dict[str, str]) -> Workspace:
        where = item.workspace
        if where.directory is not None:
            return DirectoryWorkspace(Path(where.directory))
        if where.repository is None:
            return EmptyWorkspace(name, workshop.rooms)
        repository = Repository(name, where.repository, where.branch, where.git_sync, where.keep)
        return RepositoryWorkspace(repository, self._state / "copies", workshop.rooms, workshop.processes, env)


def settled(name: str, item: CommandConfig, adapter: Adapter, env: Mapping[str, str]) -> CommandSettings:
    """An entry of the configuration in the runner's words."""
    run = RunSettings(
        upstream=name,
        output=item.written,
        prompt_via=item.prompt_via,
        system_prompt=item.system_prompt,
        max_turns=item.max_turns,
        max_budget_usd=item.max_budget_usd,
        tools=item.tools,
        show_tools=item.show_tools,
        own_tools=item.uses_tools,
    )
    return CommandSettings(
        run=run,
        command=item.command,
        args=item.args,
        env=env,
        models=item.models,
        default_model=item.default_model or next(iter(item.models), ""),
        timeouts=item.timeouts.parts(),
        max_concurrency=item.max_concurrency or os.cpu_count() or 1,
        max_queue=item.max_queue,
        queue_timeout=item.queue_timeout,
        grace=item.grace,
        stream_fallback=item.stream_fallback,
    )


def _open(state: Path) -> Workshop:
    try:
        return Workshop.open(state)
    except OSError as error:
        message = f"the state directory {str(state)!r} cannot be used: {error.strerror}"
        raise ConfigError("upstreams", message, "set XDG_STATE_HOME to a directory of the gateway's own") from None
