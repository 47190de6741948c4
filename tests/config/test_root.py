import pytest

from dragoman.config import Config


def test_a_configuration_cannot_be_changed_once_it_stands() -> None:
    with pytest.raises(AttributeError):
        Config().server.port = 1  # type: ignore[misc]
