"""Every store under test, opened and closed; what all must do alike runs over all of them."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from dragoman.ports import KeyStore
from dragoman.stores.database import Database
from dragoman.stores.keys import SqlKeyStore
from dragoman.stores.ledger import SqlLedger
from dragoman.stores.memory import MemoryKeyStore, MemoryLedger
from tests.postgres import postgres_server, postgres_url
from tests.redis_server import redis_server, redis_url

__all__ = ["postgres_server", "postgres_url", "redis_server", "redis_url"]

SQL = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
OpenDatabase = Callable[..., Database]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state/dragoman.db"


@pytest.fixture(params=SQL)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def open_database() -> Iterator[OpenDatabase]:
    """`Database.open` with a clock that ticks and names of its own; what a test leaves open is closed."""
    opened: list[Database] = []
    clock = itertools.count(1_800_000_000)
    names = itertools.count(1)

    def open_one(url: str, *, owner: bool = False, strict: bool = False, deadline: float = 10.0) -> Database:
        database = Database.open(
            url,
            now=lambda: float(next(clock)),
            owner=owner,
            strict=strict,
            deadline=deadline,
            instance_id=f"instance-{next(names)}" if owner else "",
        )
        opened.append(database)
        return database

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture(params=["memory", *SQL])
def key_store(request: pytest.FixtureRequest, open_database: OpenDatabase) -> KeyStore:
    """An empty key store, of each kind in turn."""
    if request.param == "memory":
        return MemoryKeyStore()
    return SqlKeyStore(open_database(request.getfixturevalue(f"{request.param}_url")))


@pytest.fixture(params=["memory", *SQL])
async def ledger(
    request: pytest.FixtureRequest, open_database: OpenDatabase
) -> AsyncIterator[MemoryLedger | SqlLedger]:
    """An empty ledger, of each kind in turn."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    sql_ledger = SqlLedger(open_database(request.getfixturevalue(f"{request.param}_url"), owner=True))
    yield sql_ledger
    await sql_ledger.close()


@pytest.fixture
async def open_ledger() -> AsyncIterator[Callable[..., SqlLedger]]:
    """`SqlLedger`; what a test leaves open is closed, before the databases are."""
    opened: list[SqlLedger] = []

    def open_one(database: Database, *, flush_interval: float = 0.01, queue_limit: int = 1000) -> SqlLedger:
        opened.append(SqlLedger(database, flush_interval=flush_interval, queue_limit=queue_limit))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()
