import asyncio
from pathlib import Path

import pytest

from dragoman.cli.store import with_store
from dragoman.errors import ConfigError
from dragoman.stores.database import Database
from dragoman.stores.schema import SCHEMA_VERSION


def configured(directory: Path, url: str) -> str:
    file = directory / "own.toml"
    file.write_text(f'[store]\nurl = "{url}"\n', "utf-8")
    return str(file)


def test_the_store_of_the_configuration_is_opened_and_closed_again(tmp_path: Path) -> None:
    opened: list[Database] = []

    async def work(database: Database) -> str | None:
        opened.append(database)
        assert database.ownership is None
        return await database.schema_version()

    assert with_store(configured(tmp_path, f"sqlite:///{tmp_path / 'x.db'}"), work) == SCHEMA_VERSION
    assert opened[0].engine.pool.checkedin() == 0  # type: ignore[attr-defined]


def test_what_goes_wrong_inside_closes_it_too(tmp_path: Path) -> None:
    async def work(database: Database) -> None:
        await asyncio.sleep(0)
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        with_store(configured(tmp_path, f"sqlite:///{tmp_path / 'x.db'}"), work)


def test_a_store_that_cannot_be_opened_names_its_key(tmp_path: Path) -> None:
    async def work(database: Database) -> None:
        raise AssertionError("opened")

    with pytest.raises(ConfigError, match="store.url"):
        with_store(configured(tmp_path, "mysql://h/x"), work)
