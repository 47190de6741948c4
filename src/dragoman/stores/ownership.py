"""Which gateway books under which instance, and how another can tell that it is dead.

An owner holds a lock that its death frees, whatever the death: on SQLite an exclusive `flock` beside
the file, so that there is one owner at a time and every earlier one is dead; on PostgreSQL an advisory
lock of the very session it books on, so that it can book nothing without holding it, and nothing it
sent is still under way once the lock is free. A pooler that hands sessions about (PgBouncer in
transaction mode) breaks that; connect owners directly.
"""

import fcntl
import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

from sqlalchemy import Connection, Engine, func, insert, select, update

from dragoman.stores import engine as engines
from dragoman.stores.schema import instances

LOCK_CLASS: Final = 0x6472_676D  # "drgm": the first half of our advisory locks, an instance's number the second
MIGRATION_LOCK: Final = 0  # instances count from 1


class Ownership(Protocol):
    """The right to book under `instance`."""

    instance: int

    def begin(self, deadline: float) -> AbstractContextManager[Connection]:
        """A transaction that commits only while the right is held."""
        ...

    def dead(self, connection: Connection, instance: int) -> bool:
        """Whether another instance, never our own, is gone; if so it stays so until the transaction ends."""
        ...

    def close(self) -> None: ...


class FileLock:
    """An exclusive lock on a file, held until closed or until the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The lock on `path`, or `None` if another has it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class SqliteOwnership:
    """Ownership of a SQLite file, by a lock that was taken before the schema was looked at."""

    def __init__(self, engine: Engine, lock: FileLock, name: str, now: float) -> None:
        self._engine = engine
        self._lock = lock
        with engines.begin(engine, write=True) as connection:
            self.instance = _register(connection, name, now)

    def begin(self, deadline: float) -> AbstractContextManager[Connection]:
        return engines.begin(self._engine, write=True, deadline=deadline)

    def dead(self, connection: Connection, instance: int) -> bool:
        return True

    def close(self) -> None:
        self._lock.close()


class PostgresOwnership:
    """Ownership of one instance number in PostgreSQL, by an advisory lock of a session of our own.

    A broken session is replaced at the next `begin`, which takes the lock anew. Should another
    gateway have taken us for dead in between, the calls it marked lost are mended by their settlements.
    """

    def __init__(self, engine: Engine, name: str, now: float) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        with engines.translated(), self._fresh() as connection, connection.begin():
            self.instance = _register(connection, name, now)
            # Before the row can be seen by anyone, or a gateway that starts now would take us for dead.
            connection.execute(select(func.pg_advisory_lock(LOCK_CLASS, self.instance)))

    @contextmanager
    def begin(self, deadline: float) -> Iterator[Connection]:
        with engines.translated():
            connection = self._connection or self._reconnect()
            try:
                with connection.begin():
                    engines.limit(connection, deadline)
                    yield connection
            finally:
                if connection.invalidated:
                    self._connection = None
                    connection.close()

    def dead(self, connection: Connection, instance: int) -> bool:
        return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(LOCK_CLASS, instance))))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _reconnect(self) -> Connection:
        with self._fresh() as connection, connection.begin():
            connection.execute(select(func.pg_advisory_lock(LOCK_CLASS, self.instance)))
            connection.execute(update(instances).where(instances.c.seq == self.instance).values(ended_at=None))
        return connection

    @contextmanager
    def _fresh(self) -> Iterator[Connection]:
        """A new session, ours once the body is done and closed if the body fails."""
        connection = self._engine.connect()
        # Outside the pool: closing must end the session, or the pool would keep its lock.
        connection.detach()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._connection = connection


def _register(connection: Connection, name: str, now: float) -> int:
    row = insert(instances).values(id=name, started_at=now, open_since=now).returning(instances.c.seq)
    seq: int = connection.execute(row).scalar_one()
    return seq


def lock_migrations(connection: Connection) -> None:
    """Keeps every other process from migrating a PostgreSQL database until the transaction ends."""
    engines.limit(connection, math.inf)
    connection.execute(select(func.pg_advisory_xact_lock(LOCK_CLASS, MIGRATION_LOCK)))
