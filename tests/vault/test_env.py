import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.vault.env import EnvVault


def test_a_variable_is_revealed_as_it_is() -> None:
    assert EnvVault({"KEY": " sk-1\n"}).reveal("env:KEY") == " sk-1\n"


def test_the_environment_is_read_at_each_call() -> None:
    environ: dict[str, str] = {"KEY": "old"}
    vault = EnvVault(environ)
    environ["KEY"] = "new"
    assert vault.reveal("env:KEY") == "new"


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"key": "other"}, {"OTHER": "canary"}])
def test_an_unset_or_empty_variable_is_not_found_and_the_reference_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(GatewayError, match="'env:KEY'") as caught:
        EnvVault(environ).reveal("env:KEY")
    assert caught.value.kind is errors.SECRET_NOT_FOUND
    assert "canary" not in caught.value.message
