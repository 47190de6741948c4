"""Envelopes open for whom they were sealed, and for nobody else."""

import stat
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.vault.sealer import AesSealer, keep_secret

SECRET = "a secret of some length"


def test_what_was_sealed_opens_again() -> None:
    sealed = AesSealer(SECRET).seal(b"thoughts", b"key|upstream|model")
    assert "thoughts" not in sealed
    assert sealed.replace("-", "").replace("_", "").rstrip("=").isalnum()
    assert AesSealer(SECRET).open(sealed, b"key|upstream|model") == b"thoughts"


def test_the_same_is_never_sealed_alike() -> None:
    sealer = AesSealer(SECRET)
    assert sealer.seal(b"x", b"") != sealer.seal(b"x", b"")


def test_it_opens_for_nobody_else() -> None:
    sealed = AesSealer(SECRET).seal(b"thoughts", b"mine")
    assert AesSealer(SECRET).open(sealed, b"yours") is None
    assert AesSealer(SECRET + "!").open(sealed, b"mine") is None


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_changed_envelope_does_not_open(at: int) -> None:
    sealed = AesSealer(SECRET).seal(b"some longer thoughts", b"mine")
    changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
    assert AesSealer(SECRET).open(changed, b"mine") is None


@pytest.mark.parametrize("sealed", ["", "A", "AAAA", "not base64!", "é", "A" * 15])
def test_what_is_no_envelope_does_not_open(sealed: str) -> None:
    assert AesSealer(SECRET).open(sealed, b"") is None


def test_a_secret_must_not_be_short() -> None:
    with pytest.raises(ConfigError, match=r"store\.secret"):
        AesSealer("too short")


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    made = keep_secret(path)
    assert len(made) == 64
    assert keep_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        keep_secret(tmp_path / "no" / "secret")
    (tmp_path / "odd").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        keep_secret(tmp_path / "odd")
