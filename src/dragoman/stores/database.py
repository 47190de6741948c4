"""One open database, SQLite or PostgreSQL, with a schema that is ours and up to date.

Opening blocks (do it before the loop runs, or in a thread); everything after goes through lanes.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Self

from sqlalchemy import URL, Column, Connection, Engine, MetaData, Table, Text, inspect, select

from dragoman.errors import ConfigError, GatewayError
from dragoman.stores import engine as engines
from dragoman.stores.lane import Lane
from dragoman.stores.ownership import (
    FileLock,
    Ownership,
    PostgresOwnership,
    SqliteOwnership,
    lock_migrations,
)
from dragoman.stores.schema import SCHEMA_VERSION, VERSION_TABLE

DEADLINE: Final = 5.0
"""Seconds any one query may take."""

_version_table: Final = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))
_LOCK_PATIENCE: Final = 1.0  # seconds that a gateway waits for the file to be free
_LOCK_POLL: Final = 0.02
_WAITING: Final = 256  # queries that may wait for a lane's threads


class Database:
    """An open database; `ownership` is set where this process is a gateway and may book in the ledger."""

    def __init__(
        self, engine: Engine, ownership: Ownership | None, now: Callable[[], float], *, strict: bool, deadline: float
    ) -> None:
        self.engine = engine
        self.ownership = ownership
        self.now = now
        self.strict = strict
        self.deadline = deadline
        self._lanes: list[Lane] = []
        self._pings = self.lane("ping", threads=1)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        now: Callable[[], float],
        owner: bool = False,
        instance_id: str = "",
        strict: bool = False,
        deadline: float = DEADLINE,
    ) -> Self:
        """Opens the database at `url`, making or migrating it if need be.

        `owner=True` is for a gateway, with an `instance_id` that no other start has had; tools that
        only read, or edit keys, work beside it without. Raises `ConfigError`.
        """
        if owner and not instance_id:
            raise ValueError("an owner needs an instance_id")
        parsed = engines.parse_url(url)
        open_one = _open_sqlite if parsed.drivername == "sqlite" else _open_postgres
        try:
            engine, ownership = open_one(parsed, instance_id if owner else None, now, strict, deadline)
        except GatewayError as error:
            shown = parsed.render_as_string(hide_password=True)
            raise ConfigError("store.url", f"{shown} cannot be opened: {engines.reason(error)}") from error
        except OSError as error:
            raise ConfigError("store.url", f"{str(error.filename)!r} cannot be opened: {error.strerror}") from None
        return cls(engine, ownership, now, strict=strict, deadline=deadline)

    def lane(self, name: str, *, threads: int) -> Lane:
        """A lane of its own for queries of one kind; closed with the database."""
        lane = Lane(self.engine, name, threads=threads, deadline=self.deadline, waiting=_WAITING)
        self._lanes.append(lane)
        return lane

    async def ping(self) -> None:
        """Returns if the database answers, and raises STORE_UNAVAILABLE if it does not."""
        await self._pings.run(lambda connection: connection.execute(select(1)).close())

    async def schema_version(self) -> str | None:
        """The version of the schema as it now stands."""
        return await self._pings.run(read_version)

    def close(self) -> None:
        """Closes every connection and gives ownership up; close the ledger first."""
        for lane in self._lanes:
            lane.close()
        if self.ownership is not None:
            self.ownership.close()
        self.engine.dispose()


def read_version(connection: Connection) -> str | None:
    """The revision the schema stands at, `None` for an empty database; alembic is not needed to know."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_version_table.c.version_num)).scalar()


def _open_sqlite(
    url: URL, owner: str | None, now: Callable[[], float], strict: bool, deadline: float
) -> tuple[Engine, Ownership | None]:
    path = engines.prepare_file(url)
    engine = engines.open_sqlite(path, strict=strict, deadline=deadline)
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        if owner is None:
            _migrate_as_tool(engine, path, deadline)
            undo.pop_all()
            return engine, None
        # Before the schema is looked at: a second gateway must not migrate under the first.
        lock = _take_lock(path)
        undo.callback(lock.close)
        engines.use_write_ahead_log(engine)
        if _behind(engine, deadline):
            with engines.begin(engine, write=True) as connection:
                _migrate(connection)
        ownership = SqliteOwnership(engine, lock, owner, now())
        undo.pop_all()
        return engine, ownership


def _take_lock(path: Path) -> FileLock:
    """The owner's lock, even if its predecessor is still ending or a tool just migrates."""
    patience = time.monotonic() + _LOCK_PATIENCE
    while (lock := FileLock.take(_lock_path(path))) is None:
        if time.monotonic() > patience:
            raise _in_use(path, "a gateway owns it")
        time.sleep(_LOCK_POLL)
    return lock


def _migrate_as_tool(engine: Engine, path: Path, deadline: float) -> None:
    """Migrates while no gateway runs, or waits until the one that has just started has done it."""
    patience = time.monotonic() + deadline
    while _behind(engine, deadline):
        lock = FileLock.take(_lock_path(path))
        if lock is not None:
            with closing(lock):
                engines.use_write_ahead_log(engine)
                with engines.begin(engine, write=True) as connection:
                    _migrate(connection)
        elif time.monotonic() > patience:
            raise _in_use(path, "its schema is behind and a gateway owns it")
        else:
            time.sleep(_LOCK_POLL)


def _open_postgres(
    url: URL, owner: str | None, now: Callable[[], float], strict: bool, deadline: float
) -> tuple[Engine, Ownership | None]:
    engine = engines.open_postgres(url, deadline=deadline)
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        if _behind(engine, deadline):
            with engines.begin(engine, write=True) as connection:
                lock_migrations(connection)
                _migrate(connection)
        ownership = None if owner is None else PostgresOwnership(engine, owner, now())
        undo.pop_all()
        return engine, ownership


def _behind(engine: Engine, deadline: float) -> bool:
    with engines.begin(engine, write=False, deadline=deadline) as connection:
        return _known_version(connection) != SCHEMA_VERSION


def _known_version(connection: Connection) -> str | None:
    version = read_version(connection)
    if version is not None and version > SCHEMA_VERSION:
        raise ConfigError(
            "store.url",
            f"its schema is version {version}, newer than {SCHEMA_VERSION}, which is the newest known here",
            "run the release that migrated it, or a later one",
        )
    return version


def _migrate(connection: Connection) -> None:
    current = _known_version(connection)  # again, under the lock: another process may have been first
    if current != SCHEMA_VERSION:
        # Imported here alone: alembic costs a start 0.3 s and 20 MB, and hardly a start needs it.
        from dragoman.stores import migrations  # noqa: PLC0415

        migrations.upgrade(connection, current)


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _in_use(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "store.url",
        f"{str(path)!r} is in use: {why}",
        "one gateway at a time can use a SQLite file; several share a PostgreSQL database",
    )
