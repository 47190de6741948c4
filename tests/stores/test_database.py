"""Opening: where the file is and who may read it, who owns it, and which schema is taken."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dragoman.errors import STORE_UNAVAILABLE, ConfigError, GatewayError
from dragoman.stores.database import Database
from dragoman.stores.schema import SCHEMA_VERSION
from tests.postgres import PostgresServer
from tests.stores.conftest import OpenDatabase


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_files_are_for_their_owner_alone(sqlite_url: str, tmp_path: Path, open_database: OpenDatabase) -> None:
    before = os.umask(0)
    try:
        open_database(sqlite_url, owner=True)
    finally:
        os.umask(before)

    assert mode(tmp_path / "state") == 0o700
    files = {path.name: mode(path) for path in (tmp_path / "state").iterdir()}
    assert {"dragoman.db", "dragoman.db-wal", "dragoman.db.lock"} <= files.keys()
    assert set(files.values()) == {0o600}


async def test_a_database_says_its_version_and_that_it_lives(store_url: str, open_database: OpenDatabase) -> None:
    database = open_database(store_url)

    await database.ping()

    assert await database.schema_version() == SCHEMA_VERSION


@pytest.mark.parametrize(("strict", "synchronous"), [(False, 1), (True, 2)])
def test_sqlite_is_as_durable_as_asked(
    sqlite_url: str, strict: bool, synchronous: int, open_database: OpenDatabase
) -> None:
    database = open_database(sqlite_url, strict=strict)
    with database.engine.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", synchronous, 1]


def test_a_sqlite_file_has_one_owner_at_a_time(sqlite_url: str, open_database: OpenDatabase) -> None:
    first = open_database(sqlite_url, owner=True)

    with pytest.raises(ConfigError, match=r"store\.url: .*dragoman\.db' is in use.*PostgreSQL"):
        open_database(sqlite_url, owner=True)

    first.close()
    open_database(sqlite_url, owner=True)


def test_tools_work_beside_the_owner(sqlite_url: str, open_database: OpenDatabase) -> None:
    open_database(sqlite_url, owner=True)
    with open_database(sqlite_url).engine.begin() as connection:
        connection.exec_driver_sql("UPDATE keys SET revoked_at = 1")


def test_a_tool_does_not_migrate_under_a_running_gateway(sqlite_url: str, open_database: OpenDatabase) -> None:
    database = open_database(sqlite_url, owner=True)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version_num = '0000'")

    with pytest.raises(ConfigError, match="schema is behind and a gateway owns it"):
        open_database(sqlite_url, deadline=0.1)


@pytest.mark.postgres
def test_postgres_has_as_many_owners_as_come(postgres_url: str, open_database: OpenDatabase) -> None:
    owners = [open_database(postgres_url, owner=True).ownership for _ in range(3)]

    assert [owner.instance for owner in owners if owner is not None] == [1, 2, 3]


def test_a_newer_schema_is_refused_and_left_alone(store_url: str, open_database: OpenDatabase) -> None:
    database = open_database(store_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version_num = '9999'")

    for owner in (True, False):
        with pytest.raises(ConfigError, match=r"store\.url: .*version 9999, newer than") as caught:
            open_database(store_url, owner=owner)
        assert caught.value.key == "store.url"
        assert caught.value.hint

    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM schema_version").scalar() == "9999"


def test_a_refused_owner_keeps_no_lock(sqlite_url: str, open_database: OpenDatabase) -> None:
    database = open_database(sqlite_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer"):
        open_database(sqlite_url, owner=True)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version_num = ?", (SCHEMA_VERSION,))

    open_database(sqlite_url, owner=True)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, open_database: OpenDatabase) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and longer than its header would be\n" * 100)

    with pytest.raises(ConfigError, match="file is not a database"):
        open_database(f"sqlite:///{path}")

    assert path.read_text().startswith("not a database")


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, open_database: OpenDatabase) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="file' cannot be opened: File exists"):
        open_database(f"sqlite:///{tmp_path}/file/dragoman.db")
    with pytest.raises(ConfigError, match="cannot be opened: Is a directory"):
        open_database(f"sqlite:///{tmp_path}")


def test_a_server_that_is_not_there_is_named_without_its_password(open_database: OpenDatabase) -> None:
    with pytest.raises(ConfigError) as caught:
        open_database("postgresql://me:s3cret@127.0.0.1:1/dragoman", deadline=2.0)

    assert "127.0.0.1:1/dragoman" in str(caught.value)
    assert "refused" in str(caught.value)
    assert "s3cret" not in repr(caught.value) + str(caught.value)


def test_an_owner_has_a_name(sqlite_url: str) -> None:
    with pytest.raises(ValueError, match="instance_id"):
        Database.open(sqlite_url, now=lambda: 0.0, owner=True)


@pytest.mark.postgres
async def test_ping_tells_an_outage_and_its_end(
    postgres_url: str, postgres_server: PostgresServer, open_database: OpenDatabase
) -> None:
    database = open_database(postgres_url)
    postgres_server.stop()
    try:
        with pytest.raises(GatewayError) as caught:
            await database.ping()
        assert caught.value.kind is STORE_UNAVAILABLE
    finally:
        postgres_server.start()

    await database.ping()


def test_closing_twice_does_no_harm(store_url: str, open_database: OpenDatabase) -> None:
    database = open_database(store_url, owner=True)
    database.close()
    database.close()


def test_an_up_to_date_database_opens_without_alembic(store_url: str, open_database: OpenDatabase) -> None:
    open_database(store_url).close()
    program = """
import sys
from dragoman.stores.database import Database
from dragoman.stores.keys import SqlKeyStore
from dragoman.stores.ledger import SqlLedger
database = Database.open(sys.argv[1], now=lambda: 5.0, owner=True, instance_id="one")
SqlKeyStore(database)
database.close()
print(sorted(name for name in ("alembic", "mako", "psycopg") if name in sys.modules))
"""
    command = [sys.executable, "-c", program, store_url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == ("['psycopg']" if store_url.startswith("postgresql") else "[]")


def test_the_write_ahead_log_is_folded_in_at_the_end(
    sqlite_url: str, tmp_path: Path, open_database: OpenDatabase
) -> None:
    open_database(sqlite_url, owner=True).close()

    assert {path.name for path in (tmp_path / "state").iterdir()} == {"dragoman.db", "dragoman.db.lock"}
    with closing(sqlite3.connect(tmp_path / "state/dragoman.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_second_name_of_the_file_is_in_use_too(sqlite_url: str, tmp_path: Path, open_database: OpenDatabase) -> None:
    open_database(sqlite_url, owner=True)
    (tmp_path / "elsewhere.db").symlink_to(tmp_path / "state/dragoman.db")

    with pytest.raises(ConfigError, match="in use"):
        open_database(f"sqlite:///{tmp_path}/elsewhere.db", owner=True)
