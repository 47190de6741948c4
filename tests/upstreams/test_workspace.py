"""`dragoman.upstreams.workspace`, with real git."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.upstreams.leftovers import Leftovers
from dragoman.upstreams.process import Processes
from dragoman.upstreams.rooms import Rooms
from dragoman.upstreams.workspace import (
    DirectoryWorkspace,
    EmptyWorkspace,
    Keep,
    Made,
    Repository,
    RepositoryWorkspace,
)

ENV = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}  # fmt: skip


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    processes = Processes(Leftovers(tmp_path / "runs"))
    yield processes
    await processes.close()


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms(tmp_path / "rooms")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with one commit."""
    path = tmp_path / "origin"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch", "main")
    commit(path, "file", "one")
    return path


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=directory, env=ENV, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(directory: Path, name: str, text: str) -> None:
    (directory / name).write_text(text)
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", text)


def workspace(
    tmp_path: Path, rooms: Rooms, processes: Processes, source: str | Path, *,
    branch: str | None = None, sync: bool = True, keep: Keep = "none",
) -> RepositoryWorkspace:  # fmt: skip
    repository = Repository("agent", str(source), branch, sync, keep)
    return RepositoryWorkspace(repository, tmp_path / "copies", rooms, processes, dict(ENV))


def left(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "rooms").iterdir())


async def test_an_empty_directory_is_there_for_one_run(tmp_path: Path, rooms: Rooms) -> None:
    workspace = EmptyWorkspace("agent", rooms)
    place = await workspace.open("call_1", "place")
    (place.directory / "file").touch()
    assert place.directory == tmp_path / "rooms" / "agent-place"
    assert await place.harvest() == Made()
    with pytest.raises(GatewayError, match="taken"):
        await workspace.open("call_2", "place")
    await place.close()
    await place.close()
    assert left(tmp_path) == []


async def test_paths_are_used_again(tmp_path: Path, rooms: Rooms) -> None:
    workspace = EmptyWorkspace("agent", rooms)
    first, second = await workspace.open("call_1"), await workspace.open("call_2")
    await first.close()
    third = await workspace.open("call_3")
    names = [place.directory.name for place in (first, second, third)]
    await second.close()
    await third.close()

    assert names == ["agent-0", "agent-1", "agent-0"]
    assert left(tmp_path) == []


async def test_a_directory_stays_as_it_is(tmp_path: Path) -> None:
    place = await DirectoryWorkspace(tmp_path).open("call_1", "place")
    (place.directory / "file").touch()
    await place.close()
    assert (tmp_path / "file").exists()


async def test_each_run_has_a_clone_that_the_others_do_not_see(
    tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path
) -> None:
    space = workspace(tmp_path, rooms, processes, origin)
    one, two = await asyncio.gather(space.open("call_1", "one"), space.open("call_2", "two"))
    (one.directory / "file").write_text("changed")

    assert (two.directory / "file").read_text() == "one"
    assert git(one.directory, "remote", "get-url", "origin") == str(origin)
    assert git(one.directory, "rev-parse", "--abbrev-ref", "HEAD") == "main"
    await one.close()
    await two.close()
    assert left(tmp_path) == []
    assert (origin / "file").read_text() == "one"


async def test_a_clone_is_of_what_the_repository_is_now_unless_told_otherwise(
    tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path
) -> None:
    synced = workspace(tmp_path, rooms, processes, origin)
    frozen = workspace(tmp_path, rooms, processes, f"file://{origin}", sync=False)
    for space in (synced, frozen):
        await (await space.open("call_1", "place")).close()
    commit(origin, "file", "two")
    git(origin, "branch", "other")
    first = await synced.open("call_2", "first")
    second = await frozen.open("call_3", "second")
    other = await workspace(tmp_path, rooms, processes, origin, branch="other").open("call_4", "other")

    assert (first.directory / "file").read_text() == "two"
    assert (second.directory / "file").read_text() == "one"
    assert git(other.directory, "rev-parse", "--abbrev-ref", "HEAD") == "other"
    for place in (first, second, other):
        await place.close()


async def test_whatever_is_changed_is_kept_as_a_branch(
    tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path
) -> None:
    space = workspace(tmp_path, rooms, processes, origin, keep="branch")
    place = await space.open("call_1", "place")
    commit(place.directory, "file", "committed")
    (place.directory / "new").write_text("not committed")
    made = await place.harvest()
    await place.close()

    assert made == Made(branch="dragoman/call_1")
    assert git(origin, "show", "dragoman/call_1:new") == "not committed"
    assert git(origin, "show", "dragoman/call_1:file") == "committed"
    assert git(origin, "rev-parse", "--abbrev-ref", "HEAD") == "main"
    idle = await space.open("call_2", "place")
    assert await idle.harvest() == Made()
    await idle.close()


async def test_the_branch_of_a_run_on_a_repository_elsewhere_stays_in_the_copy(
    tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path
) -> None:
    space = workspace(tmp_path, rooms, processes, f"file://{origin}", keep="branch")
    place = await space.open("call_1", "place")
    (place.directory / "file").write_text("changed")
    made = await place.harvest()
    await place.close()
    await (await space.open("call_2", "place")).close()  # which prunes what the repository has not

    (copy,) = (tmp_path / "copies").iterdir()
    assert git(copy, "show", f"{made.branch}:file") == "changed"
    assert "dragoman" not in git(origin, "branch", "--list", "--all")


async def test_or_as_a_patch(tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path) -> None:
    place = await workspace(tmp_path, rooms, processes, origin, keep="patch").open("call_1", "place")
    commit(place.directory, "file", "changed")
    (place.directory / "binary").write_bytes(bytes(range(256)))
    made = await place.harvest()
    await place.close()

    (tmp_path / "patch").write_text(made.patch + "\n")
    git(origin, "apply", "../patch")
    assert (origin / "file").read_text() == "changed"
    assert (origin / "binary").read_bytes() == bytes(range(256))


async def test_a_repository_that_cannot_be_used_says_why_and_leaves_nothing(
    tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for space in (
        workspace(tmp_path, rooms, processes, "/nonexistent/repository"),
        workspace(tmp_path, rooms, processes, origin, branch="nonexistent"),
    ):
        with pytest.raises(GatewayError, match="`git clone` failed") as caught:
            await space.open("call_1", "place")
        assert caught.value.kind is errors.LINK_UNAVAILABLE
        assert "nonexistent" not in caught.value.message
        assert "nonexistent" in capsys.readouterr().out
    assert left(tmp_path) == []


async def test_a_hook_of_the_clone_is_not_run(tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path) -> None:
    place = await workspace(tmp_path, rooms, processes, origin, keep="branch").open("call_1", "place")
    hook = place.directory / ".git" / "hooks" / "post-commit"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (place.directory / "file").write_text("changed")
    assert (await place.harvest()).branch
    await place.close()
    assert not (tmp_path / "ran").exists()


async def test_an_open_that_is_given_up_leaves_nothing(
    tmp_path: Path, rooms: Rooms, processes: Processes, origin: Path
) -> None:
    space = workspace(tmp_path, rooms, processes, origin)
    await (await space.open("call_1", "place")).close()
    for turns in range(0, 40, 4):
        opening = asyncio.ensure_future(space.open("call_2", "place"))
        for _ in range(turns):
            await asyncio.sleep(0.001)
        opening.cancel()
        (result,) = await asyncio.gather(opening, return_exceptions=True)
        if not isinstance(result, BaseException):
            await result.close()
        assert left(tmp_path) == []
    await processes.close()
