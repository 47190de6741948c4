"""What every response store does alike, on each database."""

import asyncio
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from dragoman.errors import GatewayError
from dragoman.ports import Conversation, StoredItem, StoredResponse, Window
from dragoman.stores.conversations import MAX_BYTES, SqlConversationStore
from dragoman.stores.keys import SqlKeyStore
from dragoman.stores.responses import SqlResponseStore
from dragoman.stores.schema import responses
from tests.stores.conftest import OpenDatabase

A, B = "key-a", "key-b"


@pytest.fixture
def stores(store_url: str, open_database: OpenDatabase) -> tuple[SqlResponseStore, SqlConversationStore, SqlKeyStore]:
    database = open_database(store_url)
    lane = database.lane("responses", threads=2)
    return SqlResponseStore(database, lane), SqlConversationStore(database, lane), SqlKeyStore(database)


@pytest.fixture
def store(stores: tuple[SqlResponseStore, SqlConversationStore, SqlKeyStore]) -> SqlResponseStore:
    return stores[0]


@pytest.fixture
def conversations(stores: tuple[SqlResponseStore, SqlConversationStore, SqlKeyStore]) -> SqlConversationStore:
    return stores[1]


def response(
    name: str, *, owner: str = A, status: str = "completed", previous: str = "", conversation: str = "", seen: int = 0
) -> StoredResponse:
    body = b'{"id":"%s"}' % name.encode()
    return StoredResponse(name, owner, 1_000.0, status, body, previous, conversation, seen)


def items(*names: str) -> list[StoredItem]:
    return [StoredItem(name, b'{"n":"%s"}' % name.encode()) for name in names]


def ids(found: object) -> list[str]:
    assert isinstance(found, list)
    return [item.id for item in found]


async def test_a_response_is_read_as_it_was_written(store: SqlResponseStore) -> None:
    made = response("resp_1")
    await store.add(made, items("in_1"), items("out_1", "out_2"))
    found = await store.get("resp_1", A)
    assert found is not None
    assert found[0] == made
    assert list(found[1]) == items("out_1", "out_2")


async def test_another_keys_response_does_not_exist(store: SqlResponseStore) -> None:
    await store.add(response("resp_1"), items("in_1"))
    assert await store.get("resp_1", B) is None
    assert await store.context("resp_1", B, output=True) is None
    assert not await store.delete("resp_1", B)
    assert await store.items(["in_1"], B) == {}
    assert await store.get("resp_1", A) is not None


async def test_an_id_is_taken_once(store: SqlResponseStore) -> None:
    await store.add(response("resp_1"), [])
    with pytest.raises(ValueError, match="resp_1"):
        await store.add(response("resp_1", owner=B), [])


async def test_a_chain_is_input_then_output_of_each(store: SqlResponseStore) -> None:
    await store.add(response("r1"), items("i1"), items("o1"))
    await store.add(response("r2", previous="r1"), items("i2a", "i2b"), items("o2"))
    await store.add(response("r3", previous="r2"), items("i3"), items("o3"))
    assert ids(await store.context("r3", A, output=True)) == ["i1", "o1", "i2a", "i2b", "o2", "i3", "o3"]
    assert ids(await store.context("r3", A, output=False)) == ["i1", "o1", "i2a", "i2b", "o2", "i3"]
    assert ids(await store.context("r1", A, output=False)) == ["i1"]


async def test_a_chain_outlives_what_was_deleted_in_it(store: SqlResponseStore) -> None:
    await store.add(response("r1"), items("i1"), items("o1"))
    await store.add(response("r2", previous="r1"), items("i2"), items("o2"))
    assert await store.delete("r1", A)
    assert await store.get("r1", A) is None
    assert await store.context("r1", A, output=True) is None
    assert not await store.delete("r1", A)
    assert ids(await store.context("r2", A, output=True)) == ["i1", "o1", "i2", "o2"]


async def test_a_deleted_response_goes_with_its_last_follower(store: SqlResponseStore) -> None:
    await store.add(response("r1"), items("i1"))
    await store.add(response("r2", previous="r1"), items("i2"))
    await store.delete("r1", A)
    await store.delete("r2", A)
    assert await store.expire(0.0) == 1
    assert await store.items(["i1", "i2"], A) == {}


async def test_what_is_old_expires_but_not_under_what_is_young(store: SqlResponseStore) -> None:
    for name, at, previous in (("r1", 10.0, ""), ("r2", 20.0, "r1"), ("r3", 200.0, "r2"), ("r4", 30.0, "")):
        await store.add(StoredResponse(name, A, at, "completed", b"{}", previous), items(f"i-{name}"))
    assert await store.expire(100.0) == 1
    assert await store.get("r4", A) is None
    assert ids(await store.context("r3", A, output=True)) == ["i-r1", "i-r2", "i-r3"]
    assert await store.expire(300.0) == 3


async def test_a_long_chain_expires_in_few_statements(store_url: str, open_database: OpenDatabase) -> None:
    database = open_database(store_url)
    store = SqlResponseStore(database, database.lane("responses", threads=2))
    for number in range(100):
        previous = f"r{number - 1}" if number else ""
        await store.add(
            StoredResponse(f"r{number}", A, 10.0 + number, "completed", b"{}", previous), items(f"i{number}")
        )
    await store.add(StoredResponse("young", A, 500.0, "completed", b"{}", "r9"), [])
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    assert await store.expire(400.0) == 90
    event.remove(database.engine, "before_cursor_execute", count)
    assert len(statements) < 10
    assert len(ids(await store.context("young", A, output=True))) == 10
    assert await store.items(["i9", "i10"], A) == {"i9": items("i9")[0].value}


async def test_what_expires_goes_from_the_youngest_on(store: SqlResponseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.stores.responses.EXPIRED_AT_ONCE", 2)
    for number in range(5):
        previous = f"r{number - 1}" if number else ""
        await store.add(StoredResponse(f"r{number}", A, 10.0 + number, "completed", b"{}", previous), [])
    left: list[list[str]] = []
    run = store._lane.run

    async def watched(work: Any, *, write: bool = False) -> Any:
        removed = await run(work, write=write)
        left.append([name for name in ("r0", "r1", "r2", "r3", "r4") if await run(partial(_is_there, name))])
        return removed

    monkeypatch.setattr(store._lane, "run", watched)
    assert await store.expire(400.0) == 5
    assert left == [["r0", "r1", "r2"], ["r0"], []]


def _is_there(name: str, connection: Connection) -> bool:
    return connection.scalar(select(responses.c.id).where(responses.c.id == name)) is not None


async def test_a_response_ends_once(store: SqlResponseStore) -> None:
    await store.add(response("r1", status="queued"), items("i1"))
    assert await store.finish("r1", "in_progress", b'{"s":1}', [])
    assert await store.finish("r1", "completed", b'{"s":2}', items("o1"))
    assert not await store.finish("r1", "failed", b'{"s":3}', [])
    assert not await store.finish("r0", "failed", b"{}", [])
    found = await store.get("r1", A)
    assert found is not None
    assert (found[0].status, found[0].body, ids(list(found[1]))) == ("completed", b'{"s":2}', ["o1"])


async def test_items_are_found_by_id_in_responses_and_conversations(
    store: SqlResponseStore, conversations: SqlConversationStore
) -> None:
    await store.add(response("r1"), items("i1"), items("o1"))
    await conversations.add(Conversation("conv_1", A, 1.0, {}), items("c1"))
    await conversations.delete("conv_1", A)
    found = await store.items(["i1", "o1", "c1", "nothing"], A)
    assert dict(found) == {item.id: item.value for item in items("i1", "o1", "c1")}
    assert await store.items([], A) == {}


async def test_a_response_that_ended_well_joins_its_conversation(
    store: SqlResponseStore, conversations: SqlConversationStore
) -> None:
    await conversations.add(Conversation("conv_1", A, 1.0, {}), items("c1"))
    await store.add(response("r1", conversation="conv_1", seen=1), items("i1"), items("o1"))
    await store.add(response("r2", status="failed", conversation="conv_1", seen=3), items("i2"), items("o2"))
    await store.add(response("r3", status="queued", conversation="conv_1", seen=3), items("i3"))
    assert await _listed(conversations) == ["c1", "i1", "o1"]
    await store.finish("r3", "incomplete", b"{}", items("o3"))
    assert await _listed(conversations) == ["c1", "i1", "o1", "i3", "o3"]
    assert ids(await store.context("r3", A, output=True)) == ["c1", "i1", "o1", "i3", "o3"]
    assert ids(await store.context("r1", A, output=False)) == ["c1", "i1"]


async def test_a_response_of_a_deleted_conversation_is_kept_all_the_same(
    store: SqlResponseStore, conversations: SqlConversationStore
) -> None:
    await conversations.add(Conversation("conv_1", A, 1.0, {}), [])
    await conversations.delete("conv_1", A)
    await store.add(response("r1", conversation="conv_1"), items("i1"), items("o1"))
    assert await store.get("r1", A) is not None


async def test_fifty_writers_of_one_conversation_lose_nothing_and_do_not_mix(
    store: SqlResponseStore, conversations: SqlConversationStore
) -> None:
    await conversations.add(Conversation("conv_1", A, 1.0, {}), [])
    turns = [(f"i{number}", f"o{number}") for number in range(50)]
    await asyncio.gather(
        *(
            store.add(response(f"r{number}", conversation="conv_1"), items(given), items(output))
            for number, (given, output) in enumerate(turns)
        )
    )
    listed = await _listed(conversations)
    assert len(listed) == 100
    assert {(listed[at], listed[at + 1]) for at in range(0, 100, 2)} == set(turns)


async def test_what_a_response_was_made_from_is_listed_in_parts(
    store: SqlResponseStore, conversations: SqlConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await conversations.add(Conversation("conv_1", A, 1.0, {}), items("c1", "c2"))
    await store.add(response("r1", conversation="conv_1", seen=2), items("i1", "i2"), items("o1"))
    await store.add(response("r2", previous="r1"), items("i3"), items("o2"))
    monkeypatch.setattr("dragoman.stores.responses.MAX_BYTES", 20)  # listing is not bound by what a call could use
    walked: list[str] = []
    for newest_first in (False, True):
        walked.clear()
        more, after = True, ""
        while more:
            found = await store.given("r2", A, Window(2, newest_first=newest_first, after=after))
            assert found is not None
            walked += [item.id for item in found.items]
            more, after = found.more, walked[-1]
        assert walked == ["c1", "c2", "i1", "i2", "o1", "i3"][:: -1 if newest_first else 1]
    assert await store.given("r2", B, Window()) is None
    with pytest.raises(LookupError):
        await store.given("r2", A, Window(after="o2"))


async def test_a_conversation_takes_what_was_answered_though_it_grows_too_large(
    store: SqlResponseStore, conversations: SqlConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await conversations.add(Conversation("conv_1", A, 1.0, {}), items("c1"))
    monkeypatch.setattr("dragoman.stores.conversations.MAX_BYTES", 20)
    await store.add(response("r1", conversation="conv_1", seen=1), items("i1"), items("o1"))
    found = await conversations.part("conv_1", A, Window(newest_first=False))
    assert found is not None
    assert [item.id for item in found.items] == ["c1", "i1"]
    assert found.more


async def test_a_history_that_nobody_could_send_is_refused(
    store: SqlResponseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.stores.responses.MAX_BYTES", 20)
    await store.add(response("r1"), items("i1"))
    await store.add(response("r2", previous="r1"), items("i2"))
    assert ids(await store.context("r1", A, output=True)) == ["i1"]
    await store.add(response("r3", previous="r2"), items("i3"))
    with pytest.raises(GatewayError, match="larger than"):
        await store.context("r3", A, output=True)


async def test_a_chain_without_end_is_refused(store: SqlResponseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.stores.responses.MAX_CHAIN", 2)
    for number in range(4):
        await store.add(response(f"r{number}", previous=f"r{number - 1}" if number else ""), items(f"i{number}"))
    assert len(await store.context("r1", A, output=True) or ()) == 2
    with pytest.raises(GatewayError, match="follow on one another"):
        await store.context("r3", A, output=True)


async def _listed(conversations: SqlConversationStore) -> list[str]:
    found = await conversations.read("conv_1", A)
    assert found is not None
    return [item.id for item in found[1]]


async def test_one_that_has_not_ended_has_no_context_to_go_on_from(store: SqlResponseStore) -> None:
    await store.add(response("resp_1", status="queued"), items("in_1"))
    assert ids(await store.context("resp_1", A, output=False)) == ["in_1"]
    with pytest.raises(GatewayError, match="has not ended"):
        await store.context("resp_1", A, output=True)
    await store.finish("resp_1", "failed", b"{}", items("out_1"))
    assert ids(await store.context("resp_1", A, output=True)) == ["in_1", "out_1"]


async def test_items_larger_than_could_be_used_are_refused(store: SqlResponseStore) -> None:
    large = StoredItem("large_1", b'"%s"' % (b"x" * (MAX_BYTES // 2)))
    await store.add(response("resp_1"), [large, StoredItem("large_2", large.value)])
    assert set(await store.items(["large_1"], A)) == {"large_1"}
    with pytest.raises(GatewayError, match="larger"):
        await store.items(["large_1", "large_2"], A)
