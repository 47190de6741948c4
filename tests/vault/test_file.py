from pathlib import Path

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.vault.file import MAX_BYTES, FileVault


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"sk-1", "sk-1"),
        (b"sk-1\n", "sk-1"),
        (b"sk-1\r\n", "sk-1"),
        (b"sk-1\n\n", "sk-1\n"),
        (b" sk-1 \n", " sk-1 "),
        ("p\u00e4ss\n".encode(), "p\u00e4ss"),
    ],
)
def test_a_file_is_revealed_without_its_last_newline(tmp_path: Path, content: bytes, value: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    assert FileVault().reveal(f"file:{path}") == value


def test_a_rotated_secret_is_seen_at_the_next_call(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    vault = FileVault()
    assert vault.reveal(f"file:{path}") == "old"
    path.write_text("new")
    assert vault.reveal(f"file:{path}") == "new"


@pytest.mark.parametrize("content", [b"", b"\n", b"canary\xff", b"canary" * MAX_BYTES])
def test_a_file_without_a_usable_secret_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(GatewayError, match="file:") as caught:
        FileVault().reveal(f"file:{path}")
    assert caught.value.kind is errors.SECRET_NOT_FOUND
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("reference", ["file:/nowhere/at/all", "file:relative/key", "file:", "file:/", "file:/a\x00b"])
def test_a_path_that_cannot_be_read_is_not_found_and_the_reference_is_named(reference: str) -> None:
    with pytest.raises(GatewayError) as caught:
        FileVault().reveal(reference)
    assert caught.value.kind is errors.SECRET_NOT_FOUND
    assert repr(reference) in caught.value.message
