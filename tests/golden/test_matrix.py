"""Every case against its snapshots; `make golden` writes them anew, and whoever does reads what has changed."""

import os

import pytest

from tests.golden.matrix import SNAPSHOTS, Case, Target, cases

ALL = [(case, target) for case in cases() for target in case.targets]
UPDATE = bool(os.environ.get("DRAGOMAN_GOLDEN"))


@pytest.mark.parametrize(("case", "target"), ALL, ids=[f"{case.file}-{target.name}" for case, target in ALL])
def test_a_case_comes_out_as_its_snapshot_says(case: Case, target: Target) -> None:
    path = case.snapshot(target)
    result = case.run(target)
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if result is not None:
            path.write_bytes(result)
    kept = path.read_bytes() if path.exists() else None
    assert shown(result) == shown(kept), f"{path.relative_to(SNAPSHOTS)} is missing or stale: see `make golden`"


def shown(snapshot: bytes | None) -> str:
    return "" if snapshot is None else snapshot.decode("utf-8", "backslashreplace")


def test_no_snapshot_is_an_orphan() -> None:
    expected = {case.snapshot(target) for case, target in ALL}
    orphans = [path for path in SNAPSHOTS.rglob("*.*") if path not in expected]
    if UPDATE:
        for path in orphans:
            path.unlink()
        orphans = []
    assert not orphans, [str(path.relative_to(SNAPSHOTS)) for path in orphans]


def test_every_kind_is_tried_in_every_dialect() -> None:
    tried = {(case.kind, case.dialect) for case, _ in ALL}
    assert tried == {
        (kind, dialect)
        for kind in ("request", "answer", "stream", "error")
        for dialect in ("chat", "responses", "messages")
    }
