"""Procrastinate's tables: in a PostgreSQL schema of their own, brought up to date under our migration lock.

The schema is named after the one our own tables are in. Its comment tells the last migration applied.
"""

from pathlib import Path
from typing import Final

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql
from sqlalchemy import Connection, Engine, text

from dragoman.errors import ConfigError, GatewayError
from dragoman.stores import engine as engines
from dragoman.stores.ownership import lock_migrations

_NAME: Final = text("SELECT current_schema() || '_procrastinate'")
_COMMENT: Final = text("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :name")
_THERE: Final = text("SELECT count(*) FROM pg_namespace WHERE nspname = :name")


def prepare(engine: Engine) -> str:
    """The schema's name, once it is up to date. Raises `ConfigError`."""
    migrations = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    try:
        with engines.begin(engine, write=False) as connection:
            name: str = connection.execute(_NAME).scalar_one()
            applied = _applied(connection, name)
        if applied != migrations[-1].name:
            with engines.begin(engine, write=True) as connection:
                lock_migrations(connection)
                _upgrade(connection, name, migrations)
    except GatewayError as error:
        raise ConfigError("store.url", f"the job queue cannot be opened: {engines.reason(error)}") from error
    return name


def session_of(connection: Connection) -> psycopg.Connection:
    """The driver's own connection, in the transaction that `connection` has begun."""
    session = connection.connection.driver_connection
    assert isinstance(session, psycopg.Connection)
    return session


def _applied(connection: Connection, name: str) -> str:
    """The last migration that was applied, or nothing."""
    return connection.execute(_COMMENT, {"name": name}).scalar() or ""


def _upgrade(connection: Connection, name: str, migrations: list[Path]) -> None:
    applied = _applied(connection, name)  # again, under the lock: another process may have been first
    if applied > migrations[-1].name:
        raise ConfigError(
            "store.url",
            f"its queue was last migrated by {applied}, and the newest known here is {migrations[-1].name}",
            "install the version of procrastinate that migrated it, or a later one",
        )
    session, schema = session_of(connection), sql.Identifier(name)
    try:
        if not connection.execute(_THERE, {"name": name}).scalar_one():
            session.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        session.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
        scripts = [path.read_bytes() for path in migrations if path.name > applied]
        for script in scripts if applied else [SchemaManager.get_schema().encode()]:
            session.execute(script)
        session.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(schema, sql.Literal(migrations[-1].name)))
    except psycopg.Error as error:
        reason = str(error).strip().split("\n")[0]
        raise ConfigError(
            "store.url", f"the tables of the job queue cannot be made: {reason}", f"let it create the schema {name!r}"
        ) from error
