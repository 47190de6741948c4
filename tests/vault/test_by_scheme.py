from pathlib import Path

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import Vault
from dragoman.vault.by_scheme import SchemeVault
from dragoman.vault.env import EnvVault
from dragoman.vault.file import FileVault


def vault() -> Vault:
    return SchemeVault({"env": EnvVault({"KEY": "sk-1"}), "file": FileVault()})


def test_each_scheme_goes_to_its_own_vault(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-2\n")
    assert vault().reveal("env:KEY") == "sk-1"
    assert vault().reveal(f"file:{path}") == "sk-2"


def test_what_a_vault_does_not_have_is_not_found() -> None:
    with pytest.raises(GatewayError, match="'env:OTHER'") as caught:
        vault().reveal("env:OTHER")
    assert caught.value.kind is errors.SECRET_NOT_FOUND


@pytest.mark.parametrize("reference", ["", "KEY", "env", "value:canary", "canary:x", "ENV:KEY", "sk-canary"])
def test_a_reference_without_a_known_scheme_is_refused_and_not_quoted(reference: str) -> None:
    with pytest.raises(GatewayError, match="env:, file:") as caught:
        vault().reveal(reference)
    assert caught.value.kind is errors.SECRET_NOT_FOUND
    assert "canary" not in caught.value.message
