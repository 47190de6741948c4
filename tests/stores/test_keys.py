"""What every key store does: in memory, on SQLite, on PostgreSQL."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.policy.keys import Key
from dragoman.ports import KeyStore
from dragoman.stores.keys import SqlKeyStore
from tests.postgres import PostgresServer
from tests.stores.conftest import OpenDatabase

FULL = Key(
    id="key_1",
    tenant="shop",
    name="ci Ünïcode ☕",
    hint="wxyz",
    created_at=1.5,
    expires_at=99.25,
    models=("gpt-*", "fast"),
    aliases=(),
    admin=True,
)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def test_a_key_comes_back_as_it_was_added(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))

    assert await key_store.find(digest("one")) == FULL


async def test_an_unknown_digest_is_not_found(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))

    assert await key_store.find(digest("two")) is None
    assert await key_store.find(digest("one")[:-1]) is None
    assert await key_store.find(b"") is None


@pytest.mark.parametrize(("key_id", "token"), [("key_1", "two"), ("key_2", "one")])
async def test_an_id_or_a_token_is_stored_once(key_store: KeyStore, key_id: str, token: str) -> None:
    await key_store.add(FULL, digest("one"))

    with pytest.raises(ValueError, match="exists"):
        await key_store.add(Key(id=key_id, name="other"), digest(token))

    assert await key_store.list() == [FULL]


async def test_keys_are_listed_oldest_first(key_store: KeyStore) -> None:
    keys = [Key(id=f"key_{name}", name=name, created_at=at) for name, at in [("c", 2.0), ("b", 1.0), ("a", 2.0)]]
    for key in keys:
        await key_store.add(key, digest(key.name))

    assert [key.name for key in await key_store.list()] == ["b", "a", "c"]


async def test_a_revoked_key_is_found_and_not_usable(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))

    assert await key_store.revoke("key_1", 50.0)

    found = await key_store.find(digest("one"))
    assert found is not None
    assert found.revoked_at == 50.0
    assert not found.usable(51.0)


async def test_revoking_again_keeps_the_first_time(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))

    assert await key_store.revoke("key_1", 50.0)
    assert await key_store.revoke("key_1", 60.0)

    assert (await key_store.list())[0].revoked_at == 50.0


async def test_revoking_an_unknown_key_says_so(key_store: KeyStore) -> None:
    assert not await key_store.revoke("key_1", 50.0)


async def test_replacing_revokes_the_old_key_and_adds_the_new(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))
    new = Key(id="key_2", name="ci", created_at=50.0)

    assert await key_store.replace("key_1", new, digest("two"), 50.0)

    old = await key_store.find(digest("one"))
    assert old is not None
    assert old.revoked_at == 50.0
    assert await key_store.find(digest("two")) == new


async def test_the_heir_of_a_key_is_the_last_of_its_line(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))
    assert await key_store.heir("key_1") == FULL
    assert await key_store.heir("key_2") is None
    for number, token in ((2, "two"), (3, "three")):
        heir = Key(id=f"key_{number}", owner="key_1", name="ci", created_at=1.5)
        assert await key_store.replace(f"key_{number - 1}", heir, digest(token), 50.0 + number)
        assert [await key_store.heir(f"key_{earlier}") for earlier in (1, number)] == [heir, heir]
    await key_store.add(Key(id="key_4", name="other", created_at=60.0), digest("four"))
    await key_store.revoke("key_3", 70.0)
    last = await key_store.heir("key_1")
    assert last is not None
    assert not last.usable(71.0)


async def test_an_unknown_or_revoked_key_is_not_replaced(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))
    await key_store.revoke("key_1", 40.0)

    for old_id in ("key_1", "key_0"):
        assert not await key_store.replace(old_id, Key(id="key_2", name="ci"), digest("two"), 50.0)

    assert await key_store.find(digest("two")) is None


async def test_a_replacement_that_fails_leaves_the_old_key(key_store: KeyStore) -> None:
    await key_store.add(FULL, digest("one"))

    with pytest.raises(ValueError, match="exists"):
        await key_store.replace("key_1", Key(id="key_2", name="ci"), digest("one"), 50.0)

    assert await key_store.list() == [FULL]


async def test_text_that_no_database_holds_is_made_storable(key_store: KeyStore) -> None:
    await key_store.add(Key(id="key_1", name="nul \0 and \ud800"), digest("one"))

    assert await key_store.find(digest("one")) is not None
    assert not await key_store.revoke("key\0 \ud800", 50.0)


async def test_sqlite_that_is_locked_is_unavailable_to_writers_alone_and_recovers(
    sqlite_url: str, open_database: OpenDatabase
) -> None:
    key_store = SqlKeyStore(open_database(sqlite_url, deadline=0.2))
    await key_store.add(FULL, digest("one"))
    new = Key(id="key_2", name="ci")

    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for attempt in (key_store.add(new, digest("two")), key_store.revoke("key_1", 1.0)):
            with pytest.raises(GatewayError) as caught:
                await attempt
            assert caught.value.kind is STORE_UNAVAILABLE
        assert await key_store.find(digest("one")) == FULL

    await key_store.add(new, digest("two"))
    assert await key_store.find(digest("two")) == new


async def test_a_broken_table_is_unavailable_and_not_an_unknown_key(
    store_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(store_url)
    key_store = SqlKeyStore(database)
    await key_store.add(FULL, digest("one"))

    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE keys SET models = 'no JSON'")
    with pytest.raises(GatewayError) as damaged:
        await key_store.find(digest("one"))
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE keys")
    with pytest.raises(GatewayError) as dropped:
        await key_store.find(digest("one"))

    assert damaged.value.kind is dropped.value.kind is STORE_UNAVAILABLE


@pytest.mark.postgres
async def test_postgres_that_is_down_is_unavailable_and_recovers(
    postgres_url: str, postgres_server: PostgresServer, open_database: OpenDatabase
) -> None:
    key_store = SqlKeyStore(open_database(postgres_url))
    await key_store.add(FULL, digest("one"))

    postgres_server.stop()
    try:
        for _ in range(3):
            with pytest.raises(GatewayError) as caught:
                await key_store.find(digest("one"))
            assert caught.value.kind is STORE_UNAVAILABLE
            assert "postgres" not in caught.value.message
    finally:
        postgres_server.start()

    assert await key_store.find(digest("one")) == FULL
