"""Where runs work: a directory of each one's own, one for all, or a clone of a repository.

    nothing      an empty directory, made for the run
    directory    the operator's, as it is
    repository   a clone for the run, of a bare copy that is kept under the state directory and fetched before

What is made for a run is removed after it, whatever became of it; what a gateway that was killed has left is removed at
the next start. Paths are used again and again, for programs remember every one they were ever run in; some find their
sessions by it, and then a run that goes on with an earlier one has the same.

A clone and not a worktree, whose runs would share one index of branches; made of hard links, it costs its files alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import structlog

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.upstreams.process import Launch, Processes
from dragoman.upstreams.rooms import Rooms, raze

Keep = Literal["none", "branch", "patch"]
BRANCH: Final = "dragoman/"
"""Before the name of a run: where its changes are kept."""
GIT_DEADLINE: Final = 120.0
"""Seconds that one command of git may take."""
MAX_PATCH: Final = 4 * 1024 * 1024
"""Bytes of a patch."""
MAX_REASON: Final = 1000
"""Characters of what git says that are logged."""
_log = structlog.get_logger("dragoman")
_NO_HOOKS: Final = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
)
_AUTHOR: Final = ("-c", "user.name=Dragoman", "-c", "user.email=dragoman@localhost")


@dataclass(frozen=True, slots=True)
class Made:
    """What a run has changed: a branch by its name, or a patch."""

    branch: str = ""
    patch: str = ""


class Workplace:
    """Where one run works, until `close`."""

    def __init__(self, directory: Path, discard: Callable[[], Awaitable[None]] | None = None) -> None:
        self.directory = directory
        self._discard = discard

    @property
    def keeps(self) -> bool:
        """Whether what a run has changed is to be looked at."""
        return False

    async def harvest(self) -> Made:
        """What the run has changed, once it has ended. Raises `GatewayError`."""
        return Made()

    async def close(self) -> None:
        """Removes what was made for the run."""
        discard, self._discard = self._discard, None
        if discard is not None:
            await discard()


class EmptyWorkspace:
    """An empty directory for each run."""

    def __init__(self, upstream: str, rooms: Rooms) -> None:
        self._upstream = upstream
        self._rooms = rooms

    async def open(self, run: str, place: str = "") -> Workplace:
        """`run` is whose it is; `place` names the directory where it must have the same path again.

        Raises `GatewayError`.
        """
        directory = _made(self._rooms, self._upstream, place)
        return Workplace(directory, lambda: asyncio.to_thread(self._rooms.remove, directory.name))


class DirectoryWorkspace:
    """One directory for all runs, which may disturb each other in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def open(self, run: str, place: str = "") -> Workplace:
        """Raises `GatewayError`."""
        return Workplace(self._directory)


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository of one upstream."""

    upstream: str
    source: str
    """A path or a URL."""
    branch: str | None = None
    sync: bool = True
    keep: Keep = "none"


class RepositoryWorkspace:
    """A clone for each run."""

    def __init__(
        self, repository: Repository, copies: Path, rooms: Rooms, processes: Processes, env: dict[str, str]
    ) -> None:
        self._repository = repository
        here = Path(repository.source)
        self._local = here.resolve() if here.is_dir() else None
        self._source = str(self._local or repository.source)
        # One for each source: another repository under the same name must not find this one's copy.
        self._copy = copies / f"{sha256(self._source.encode()).hexdigest()[:16]}.git"
        self._rooms = rooms
        self._processes = processes
        self._env = {**env, "GIT_TERMINAL_PROMPT": "0"}
        self._fetching = asyncio.Lock()
        self._asked = 0
        self._fetched = 0

    async def open(self, run: str, place: str = "") -> Workplace:
        """Raises `GatewayError`."""
        await self._refresh(run)
        directory = _made(self._rooms, self._repository.upstream, place)

        async def discard() -> None:
            await asyncio.to_thread(self._rooms.remove, directory.name)

        try:
            branch = () if self._repository.branch is None else ("--branch", self._repository.branch)
            clone = ("clone", "--quiet", "--local", *branch, "--", str(self._copy), ".")
            await self.git(run, directory, *clone)
            # Not the copy, where a push would change what other runs get.
            await self.git(run, directory, "remote", "set-url", "origin", self._source)
            start = (await self.git(run, directory, "rev-parse", "HEAD")).decode().strip()
        except BaseException:  # a caller that leaves, too: a clone that was begun is no run's
            await asyncio.shield(discard())
            raise
        return _Clone(self, self._repository.keep, run, directory, start, discard)

    async def publish(self, run: str, directory: Path) -> str:
        """Takes the head of a clone over as a branch, and says its name. Raises `GatewayError`."""
        branch = f"{BRANCH}{run}"
        await self.git(
            run, self._local or self._copy, "fetch", "--quiet", "--no-tags", str(directory), f"HEAD:refs/heads/{branch}"
        )
        return branch

    async def git(self, run: str, directory: Path, *arguments: str, limit: int = MAX_PATCH) -> bytes:
        """What a command of git says, up to `limit` bytes. Raises `GatewayError`."""
        launch = Launch(("git", *_NO_HOOKS, *arguments), self._env, directory, run)
        process = self._processes.spawn(launch)
        said = b""
        try:
            async with asyncio.timeout(GIT_DEADLINE):
                while len(said) <= limit and (part := await process.read()):
                    said += part
                if len(said) > limit:
                    raise self._unusable(arguments, f"it says more than {limit} bytes")
                code = await process.wait()
        except TimeoutError:
            raise self._unusable(arguments, f"it took longer than {GIT_DEADLINE:.0f} s") from None
        finally:
            process.terminate()
            await asyncio.shield(process.wait())
        if code:
            raise self._unusable(
                arguments, process.stderr.decode("utf-8", "replace").strip() or f"it exited with {code}"
            )
        return said

    async def _refresh(self, run: str) -> None:
        """Brings the copy up to date; whoever waits while another fetches shares the next fetch."""
        self._asked += 1
        mine = self._asked
        async with self._fetching:
            if not await asyncio.to_thread(self._copy.exists):
                await self._copied(run)
            elif self._repository.sync and self._fetched < mine:
                self._fetched = self._asked
                await self.git(
                    run, self._copy, "fetch", "--quiet", "--prune", "origin",
                    "+refs/heads/*:refs/heads/*", f"^refs/heads/{BRANCH}*",
                )  # fmt: skip

    async def _copied(self, run: str) -> None:
        new = self._copy.with_suffix(".new")
        await asyncio.to_thread(raze, new)
        await asyncio.to_thread(new.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
        await self.git(run, new.parent, "clone", "--quiet", "--bare", "--", self._source, str(new))
        await asyncio.to_thread(new.rename, self._copy)  # whole, or not there

    def _unusable(self, arguments: tuple[str, ...], reason: str) -> GatewayError:
        """What git says names paths and addresses, which are for the log alone."""
        name = self._repository.upstream
        command = next(word for word in arguments if word.isalpha())
        _log.error("git has failed", upstream=name, command=command, reason=reason[-MAX_REASON:])
        message = f"The repository of upstream {name!r} cannot be used: `git {command}` failed, and the log says why."
        return GatewayError(errors.LINK_UNAVAILABLE, message)


class _Clone(Workplace):
    def __init__(
        self,
        workspace: RepositoryWorkspace,
        keep: Keep,
        run: str,
        directory: Path,
        start: str,
        discard: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(directory, discard)
        self._workspace = workspace
        self._keep = keep
        self._run = run
        self._start = start

    @property
    def keeps(self) -> bool:
        return self._keep != "none"

    async def harvest(self) -> Made:
        if not self.keeps:
            return Made()
        await self._git("add", "--all")
        if self._keep == "patch":
            patch = await self._git("diff", "--cached", "--binary", "--no-ext-diff", "--no-textconv", self._start)
            return Made(patch=patch.decode("utf-8", "replace"))
        if await self._git("status", "--porcelain"):
            await self._git("commit", "--quiet", "--no-verify", "--message", f"Changes of {self._run}", before=_AUTHOR)
        if (await self._git("rev-parse", "HEAD")).decode().strip() == self._start:
            return Made()
        return Made(branch=await self._workspace.publish(self._run, self.directory))

    async def _git(self, *arguments: str, before: tuple[str, ...] = ()) -> bytes:
        return await self._workspace.git(self._run, self.directory, *before, *arguments)


Workspace = EmptyWorkspace | DirectoryWorkspace | RepositoryWorkspace


def _made(rooms: Rooms, upstream: str, place: str) -> Path:
    try:
        return rooms.make(f"{upstream}-{place}") if place else rooms.make_next(upstream)
    except FileExistsError:
        message = "The place of this run is taken: another works with the same session."
        raise GatewayError(errors.LINK_UNAVAILABLE, message) from None
    except OSError as error:
        message = f"No directory could be made for the run: {error.strerror}."
        raise GatewayError(errors.LINK_UNAVAILABLE, message) from None
