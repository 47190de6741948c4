"""The migrations make exactly the tables that the queries are written against."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text

from dragoman.stores import engine as engines
from dragoman.stores import migrations
from dragoman.stores.database import read_version
from dragoman.stores.schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from tests.postgres import PostgresServer
from tests.stores.conftest import OpenDatabase

POSTGRES_SHAPE = """
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
"""
# A table that a migration made anew has its name in quotes; `sqlite_sequence` is SQLite's own.
SQLITE_SHAPE = "SELECT type, tbl_name, name, replace(sql, '\"', '') FROM sqlite_master WHERE name <> 'sqlite_sequence'"


def shape(connection: Connection) -> set[tuple[object, ...]]:
    """Everything the database knows of our tables, but the version table."""
    query = SQLITE_SHAPE if connection.dialect.name == "sqlite" else POSTGRES_SHAPE
    rows = {tuple(_squeezed(value) for value in row) for row in connection.execute(text(query))}
    return {row for row in rows if row[1] != VERSION_TABLE}


def _squeezed(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


@pytest.fixture
def second_url(request: pytest.FixtureRequest, store_url: str) -> str:
    """Another empty database of the same kind."""
    if store_url.startswith("sqlite"):
        return store_url.replace("dragoman.db", "second.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database()


@pytest.fixture
def bare(store_url: str, open_database: OpenDatabase) -> Iterator[Engine]:
    """An engine on a database without a table."""
    url = engines.parse_url(store_url)
    if url.drivername == "sqlite":
        engine = engines.open_sqlite(engines.prepare_file(url), strict=False, deadline=5.0)
    else:
        engine = engines.open_postgres(url, deadline=5.0)
    yield engine
    engine.dispose()


def test_migrations_and_metadata_agree(bare: Engine, second_url: str, open_database: OpenDatabase) -> None:
    with engines.begin(bare, write=True) as connection:
        metadata.create_all(connection)
        declared = shape(connection)
    with open_database(second_url).engine.connect() as connection:
        migrated = shape(connection)

    assert migrated == declared
    assert {row[1] for row in declared} == set(metadata.tables)


def test_the_newest_migration_is_the_version_we_know() -> None:
    scripts = migrations.directory()
    revisions = [script.revision for script in scripts.walk_revisions()]

    assert scripts.get_current_head() == SCHEMA_VERSION
    assert revisions == sorted(revisions, reverse=True)
    assert all(len(revision) == 4 and revision.isdigit() for revision in revisions)


def migrate_to(connection: Connection, revision: str) -> None:
    """Makes the database what it once was."""
    scripts = migrations.directory()
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    with Operations.context(context):
        for script in reversed(list(scripts.iterate_revisions(revision, "base"))):
            script.module.upgrade()
            context.stamp(scripts, script.revision)


def test_a_key_that_is_there_owns_what_it_has_stored(bare: Engine) -> None:
    with engines.begin(bare, write=True) as connection:
        migrate_to(connection, "0004")
        connection.execute(
            text("INSERT INTO keys VALUES ('key_1', :digest, 'n', 'h', 1, NULL, NULL, '[]', '[]', :no)"),
            {"digest": b"one", "no": False},
        )
        connection.execute(text("INSERT INTO conversations VALUES ('conv_1', 'key_1', 1, '{}', 0, NULL)"))
    with engines.begin(bare, write=True) as connection:
        migrations.upgrade(connection, "0004")
        assert connection.execute(text("SELECT id, owner, name FROM keys")).one() == ("key_1", "key_1", "n")
        assert connection.execute(text("SELECT id, owner FROM conversations")).one() == ("conv_1", "key_1")


def test_items_of_one_id_in_a_conversation_are_told_apart(bare: Engine) -> None:
    with engines.begin(bare, write=True) as connection:
        migrate_to(connection, "0005")
        for name in ("a", "b"):
            made = text("INSERT INTO conversations VALUES (:name, 'key_1', 1, '{}', 3, NULL)")
            connection.execute(made, {"name": name})
            said = text("INSERT INTO conversation_items VALUES (:name, :number, :item, '7')")
            items = [{"name": name, "number": number, "item": item} for number, item in enumerate("xxy")]
            connection.execute(said, items)
    with engines.begin(bare, write=True) as connection:
        migrations.upgrade(connection, "0005")
        rows = connection.execute(text("SELECT item_id FROM conversation_items ORDER BY conversation_id, number"))
        assert [row.item_id for row in rows] == ["x", "x_1", "y"] * 2


def test_a_migration_that_fails_leaves_nothing(bare: Engine) -> None:
    with engines.begin(bare, write=True) as connection:
        connection.execute(text("CREATE TABLE settlements (in_the_way INTEGER)"))

    with pytest.raises(Exception, match="does not answer"), engines.begin(bare, write=True) as connection:
        migrations.upgrade(connection, None)

    with bare.connect() as connection:
        assert inspect(connection).get_table_names() == ["settlements"]


def test_many_openers_of_an_empty_database_migrate_it_once(store_url: str, open_database: OpenDatabase) -> None:
    together = threading.Barrier(4)

    def open_one(_: int) -> str | None:
        together.wait(20)
        with open_database(store_url).engine.connect() as connection:
            return read_version(connection)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(open_one, range(4))) == [SCHEMA_VERSION] * 4
