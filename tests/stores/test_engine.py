"""The store's address: what is taken, what is refused, and what the refusal says."""

import sys

import pytest

from dragoman.errors import ConfigError
from dragoman.stores.engine import open_postgres, parse_url


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:///relative.db", "sqlite"),
        ("sqlite:////absolute/file.db", "sqlite"),
        ("postgresql://me@host:5432/name", "postgresql+psycopg"),
        ("postgres://me@host/name", "postgresql+psycopg"),
        ("postgresql+psycopg://me@/name?host=/run/postgresql", "postgresql+psycopg"),
    ],
)
def test_both_databases_are_addressed_by_url(text: str, driver: str) -> None:
    assert parse_url(text).drivername == driver


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a URL"),
        ("dragoman.db", "is not a URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://host/file.db", "names no file"),
        ("sqlite:///file.db?mode=ro", "takes no parameters"),
        ("mysql://me:s3cret@host/name", "no store speaks 'mysql'"),
        ("postgresql+asyncpg://me:s3cret@host/name", "no store speaks 'postgresql\\+asyncpg'"),
    ],
)
def test_every_other_address_is_refused_with_a_way_out(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_url(text)

    assert caught.value.key == "store.url"
    assert caught.value.hint
    assert "s3cret" not in str(caught.value)


def test_a_missing_driver_is_named_with_the_extra_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(ConfigError, match=r"pip install 'dragoman\[postgres\]'"):
        open_postgres(parse_url("postgresql://me@host/name"), deadline=5.0)
