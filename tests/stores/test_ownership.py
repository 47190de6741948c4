"""Ownership is held by a living process, and by nobody else at the same time."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from dragoman.stores.ownership import LOCK_CLASS, FileLock
from tests.postgres import PostgresServer
from tests.stores.conftest import OpenDatabase


def test_a_file_lock_has_one_holder(tmp_path: Path) -> None:
    first = FileLock.take(tmp_path / "lock")
    assert first is not None
    assert FileLock.take(tmp_path / "lock") is None

    first.close()
    second = FileLock.take(tmp_path / "lock")
    assert second is not None
    second.close()


def test_a_file_lock_ends_with_its_process(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from dragoman.stores.ownership import FileLock
lock = FileLock.take(Path(sys.argv[1]))
print("taken" if lock else "busy", flush=True)
sys.stdin.read()
"""
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "taken\n"
    assert FileLock.take(path) is None

    holder.kill()
    holder.communicate(timeout=30)

    lock = FileLock.take(path)
    assert lock is not None
    lock.close()


def test_a_file_lock_is_not_inherited(tmp_path: Path) -> None:
    lock = FileLock.take(tmp_path / "lock")
    assert lock is not None
    program = "print('up', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    lock.close()

    again = FileLock.take(tmp_path / "lock")
    child.communicate(b"\n", timeout=30)
    assert again is not None
    again.close()


def held(connection: Connection, instance: int) -> bool:
    """Whether some session holds the lock of that instance."""
    taken = connection.execute(select(func.pg_try_advisory_xact_lock(LOCK_CLASS, instance))).scalar_one()
    connection.rollback()
    return not taken


def wait_until_free(connection: Connection, instance: int) -> None:
    """Returns once no session holds the lock: the server ends one a moment after it was closed. Raises after 10 s."""
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    connection.execute(select(func.pg_advisory_xact_lock(LOCK_CLASS, instance)))
    connection.rollback()


@pytest.mark.postgres
def test_an_owner_on_postgres_holds_its_lock_until_it_closes(postgres_url: str, open_database: OpenDatabase) -> None:
    with open_database(postgres_url).engine.connect() as looking:
        owner = open_database(postgres_url, owner=True)
        assert held(looking, 1)
        assert not held(looking, 2)

        owner.close()
        wait_until_free(looking, 1)


@pytest.mark.postgres
def test_an_owner_takes_its_lock_again_after_an_outage(
    postgres_url: str, postgres_server: PostgresServer, open_database: OpenDatabase
) -> None:
    database = open_database(postgres_url, owner=True)
    assert database.ownership is not None
    postgres_server.stop()
    try:
        for _ in range(2):
            with pytest.raises(Exception, match="does not answer"), database.ownership.begin(5.0) as connection:
                connection.execute(select(1))
    finally:
        postgres_server.start()

    with open_database(postgres_url).engine.connect() as looking:
        assert not held(looking, 1)
        with database.ownership.begin(5.0) as connection:
            assert connection.execute(select(1)).scalar() == 1
        assert held(looking, 1)


@pytest.mark.postgres
def test_a_transaction_that_fails_keeps_the_session_and_its_lock(
    postgres_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(postgres_url, owner=True)
    assert database.ownership is not None

    with pytest.raises(ZeroDivisionError), database.ownership.begin(5.0):
        raise ZeroDivisionError
    with pytest.raises(Exception, match="does not answer"), database.ownership.begin(5.0) as connection:
        connection.exec_driver_sql("SELECT 1 / 0 FROM nowhere")

    with open_database(postgres_url).engine.connect() as looking:
        assert held(looking, 1)
