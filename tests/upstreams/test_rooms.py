"""`dragoman.upstreams.rooms`."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from dragoman.upstreams.leftovers import Birth
from dragoman.upstreams.rooms import Rooms, raze


def test_a_room_is_empty_private_and_made_once(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path / "rooms")
    made = rooms.make("run_1")

    assert list(made.iterdir()) == []
    assert made.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        rooms.make("run_1")
    rooms.remove("run_1")
    rooms.remove("run_1")
    assert list((tmp_path / "rooms").iterdir()) == []


def test_what_a_dead_gateway_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path)
    rooms.make("ours")
    (rooms.make("theirs") / "file").touch()
    (rooms.make("unknown") / "file").touch()
    (tmp_path / "theirs.owner").write_bytes(msgspec.json.encode(Birth(os.getpid(), "0", "another boot")))
    (tmp_path / "unknown.owner").write_bytes(b"{")

    assert rooms.sweep() == 2
    assert {path.name for path in tmp_path.iterdir()} == {"ours", "ours.owner"}


def test_what_was_made_read_only_is_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("precious")
    kept.chmod(0o500)
    room = tmp_path / "room"
    (room / "deep" / "deeper").mkdir(parents=True)
    (room / "deep" / "deeper" / "file").write_text("x")
    (room / "deep" / "link").symlink_to(kept)
    (room / "link").symlink_to(kept / "file")
    for path in (room / "deep" / "deeper", room / "deep", room):
        path.chmod(0o500)
    raze(room)

    assert not room.exists()
    assert (kept / "file").read_text() == "precious"
    assert kept.stat().st_mode & 0o777 == 0o500


def test_a_room_that_its_run_has_put_a_link_in_the_place_of_is_removed(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path / "rooms")
    (tmp_path / "kept").mkdir()
    room = rooms.make("run_1")
    room.rmdir()
    room.symlink_to(tmp_path / "kept")
    rooms.remove("run_1")

    assert list((tmp_path / "rooms").iterdir()) == []
    assert (tmp_path / "kept").is_dir()


def test_rooms_that_are_made_and_removed_at_once_are_never_mixed_up(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path)

    def use(_: int) -> None:
        for _ in range(25):
            room = rooms.make_next("room")
            (room / "file").write_text("x")
            assert [path.name for path in room.iterdir()] == ["file"]
            rooms.remove(room.name)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(use, range(4)))
    assert list(tmp_path.iterdir()) == []
