"""Procrastinate's tables: apart from ours, made once, and brought up to date from any earlier version."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from dragoman.errors import ConfigError
from dragoman.stores.jobs import queue_schema
from tests.postgres import PostgresServer
from tests.stores.conftest import OpenDatabase

pytestmark = pytest.mark.postgres

NAME = "public_procrastinate"
SHAPE = """
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = current_schema()
UNION ALL
SELECT 'function', proname, pg_get_function_identity_arguments(oid), regexp_replace(prosrc, '\\s', '', 'g'), '', ''
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = current_schema()
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', '' FROM pg_trigger WHERE NOT tgisinternal
"""


@pytest.fixture
def empty_url(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database()


def migrations() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def shape(url: str) -> set[tuple[object, ...]]:
    with psycopg.connect(url, options=f"-c search_path={NAME}") as connection:
        return set(connection.execute(SHAPE).fetchall())


def test_the_tables_of_the_queue_stand_apart_from_ours(empty_url: str, open_database: OpenDatabase) -> None:
    assert queue_schema.prepare(open_database(empty_url).engine) == NAME

    with psycopg.connect(empty_url) as connection:
        tables = connection.execute(
            "SELECT schemaname, count(*) FROM pg_tables WHERE tablename LIKE 'procrastinate%' GROUP BY 1"
        ).fetchall()
    assert tables == [(NAME, 4)]


def test_many_gateways_make_them_once(empty_url: str, open_database: OpenDatabase) -> None:
    engine = open_database(empty_url).engine
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(queue_schema.prepare, [engine] * 4)) == [NAME] * 4


def test_an_earlier_version_is_brought_up_to_date(postgres_server: PostgresServer, open_database: OpenDatabase) -> None:
    old, new = postgres_server.create_database(), postgres_server.create_database()
    earlier = [path for path in migrations() if path.name < "02.14.01"]
    with psycopg.connect(old) as connection:
        connection.execute(f"CREATE SCHEMA {NAME}; SET search_path TO {NAME}")
    with psycopg.connect(old, autocommit=True, options=f"-c search_path={NAME}") as connection:
        for path in earlier:
            connection.execute(path.read_bytes())
        connection.execute(f"COMMENT ON SCHEMA {NAME} IS '{earlier[-1].name}'".encode())

    for url in (old, new):
        queue_schema.prepare(open_database(url).engine)

    assert shape(old) == shape(new)


def test_a_newer_version_is_refused(empty_url: str, open_database: OpenDatabase) -> None:
    engine = open_database(empty_url).engine
    queue_schema.prepare(engine)
    with psycopg.connect(empty_url) as connection:
        connection.execute(f"COMMENT ON SCHEMA {NAME} IS '99.00.00_01_pre_unknown.sql'".encode())

    with pytest.raises(ConfigError, match="99.00.00") as caught:
        queue_schema.prepare(engine)

    assert (caught.value.key, "procrastinate" in caught.value.hint) == ("store.url", True)


def test_who_may_not_make_them_is_told_what_to_allow(
    empty_url: str, postgres_server: PostgresServer, open_database: OpenDatabase
) -> None:
    open_database(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute(
            "DROP ROLE IF EXISTS lowly; CREATE ROLE lowly LOGIN; GRANT SELECT ON schema_version TO lowly"
        )
    engine = open_database(empty_url.replace("postgres@", "lowly@")).engine

    with pytest.raises(ConfigError, match="cannot be made: permission denied") as caught:
        queue_schema.prepare(engine)

    assert NAME in caught.value.hint
