"""SQLAlchemy engines for the two databases, with what each needs to be durable and to answer in time.

What a caller of `begin` sees of a database in trouble is one thing: `GatewayError` STORE_UNAVAILABLE.
Only what is wrong with the rows themselves (`IntegrityError`, `DataError`) keeps its own name.
"""

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from dragoman.errors import STORE_UNAVAILABLE, ConfigError, GatewayError

POOL_SIZE: Final = 10  # every thread of ours holds one connection at most, and there are fewer threads
_BEGIN: Final = "dragoman_begin"  # the statement a SQLite transaction begins with
_PROGRESS_STEPS: Final = 20_000  # SQLite instructions between two looks at the clock: about a millisecond
_JOURNAL_BYTES: Final = 64 << 20  # the write-ahead log is cut back to this after a checkpoint


def parse_url(text: str) -> URL:
    """The store's address, checked: `sqlite:///path` or `postgresql://...`."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError("store.url", "is not a URL", "sqlite:///path or postgresql://user@host/name") from None
    match url.drivername:
        case "sqlite":
            if not url.database or url.database == ":memory:" or url.host:
                raise ConfigError("store.url", "names no file", "sqlite:///relative or sqlite:////absolute/path")
            if url.query:
                raise ConfigError("store.url", "a SQLite URL takes no parameters", "remove what follows '?'")
            return url
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return url.set(drivername="postgresql+psycopg")
    raise ConfigError("store.url", f"no store speaks {url.drivername!r}", "sqlite:///path or postgresql://...")


def prepare_file(url: URL) -> Path:
    """The SQLite file of `url`, made if need be: its directory 0700, itself 0600."""
    path = Path(url.database or "").expanduser().resolve()  # one lock, whatever name the file goes by
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its -wal and -shm files the mode of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return path


def open_sqlite(path: Path, *, strict: bool, deadline: float) -> Engine:
    """An engine on a SQLite file, which `use_write_ahead_log` has put in WAL mode for good.

    synchronous=NORMAL keeps every commit through a crash of the process; a crash of the machine may
    take those since the last checkpoint. FULL, in strict mode, keeps them through that too.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=deadline,
        hide_parameters=True,
        connect_args={"timeout": deadline, "check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        connection.execute(f"PRAGMA synchronous={'FULL' if strict else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA journal_size_limit={_JOURNAL_BYTES}")
        # SQLite has no statement timeout; this is one, and frees the thread as well as the caller.
        info = entry.info
        info["expires"] = math.inf
        connection.set_progress_handler(lambda: time.monotonic() > info["expires"], _PROGRESS_STEPS)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver's own BEGIN comes late and not before DDL; and a transaction that turns from
        # reading to writing can fail at once, whatever the busy timeout.
        statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def use_write_ahead_log(engine: Engine) -> None:
    """Puts a SQLite file in WAL mode; under a lock, for two at once fail whatever the busy timeout."""
    with translated(), engine.execution_options(**{_BEGIN: ""}).connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def open_postgres(url: URL, *, deadline: float) -> Engine:
    """An engine on PostgreSQL through psycopg 3; no connection outlives a silent network for long."""
    milliseconds = math.ceil(deadline * 1000)
    try:
        engine = create_engine(
            url,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=deadline,
            pool_pre_ping=True,
            paramstyle="format",  # positional, as SQLite's: rows are tuples in the order of the columns
            hide_parameters=True,
            connect_args=postgres_arguments(deadline),
        )
    except ModuleNotFoundError:
        raise ConfigError("store.url", "PostgreSQL needs its driver", "pip install 'dragoman[postgres]'") from None

    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {milliseconds}")
        cursor.close()
        connection.commit()

    return engine


def postgres_arguments(deadline: float) -> dict[str, int | str]:
    """What every connection to PostgreSQL is made with, so that it does not outlive a silent network for long."""
    return {
        "connect_timeout": math.ceil(deadline),
        "tcp_user_timeout": math.ceil(deadline * 1000),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "application_name": "dragoman",
    }


@contextmanager
def begin(engine: Engine, *, write: bool, deadline: float = math.inf) -> Iterator[Connection]:
    """One transaction, committed at the end; an infinite `deadline` lifts the engine's own."""
    with translated():
        source = engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}) if write else engine
        with source.begin() as connection:
            limit(connection, deadline)
            yield connection


def limit(connection: Connection, deadline: float) -> None:
    """Gives the statements of the transaction just begun `deadline` seconds."""
    if connection.dialect.name == "sqlite":
        connection.info["expires"] = time.monotonic() + deadline
    elif deadline == math.inf:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


@contextmanager
def translated() -> Iterator[None]:
    """Turns a database in trouble into STORE_UNAVAILABLE."""
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except (SQLAlchemyError, msgspec.MsgspecError) as error:
        raise GatewayError(STORE_UNAVAILABLE, "The store does not answer; try again in a moment.") from error


def reason(error: GatewayError) -> str:
    """What the driver said, in a line, for those who run the gateway; never for its callers."""
    cause = getattr(error.__cause__, "orig", None) or error.__cause__ or error
    return str(cause).strip().split("\n")[0]
