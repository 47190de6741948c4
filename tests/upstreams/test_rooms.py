"""`dragoman.upstreams.rooms`."""

import os
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
