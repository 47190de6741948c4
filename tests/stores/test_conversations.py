"""What every conversation store does alike, on each database."""

import asyncio

import pytest

from dragoman.errors import PAYLOAD_TOO_LARGE, GatewayError
from dragoman.ports import Conversation, Window
from dragoman.stores.conversations import SqlConversationStore
from tests.stores.conftest import OpenDatabase
from tests.stores.test_responses import A, B, items


@pytest.fixture
def store(store_url: str, open_database: OpenDatabase) -> SqlConversationStore:
    database = open_database(store_url)
    return SqlConversationStore(database, database.lane("responses", threads=2))


def conversation(name: str = "conv_1") -> Conversation:
    return Conversation(name, A, 1_000.0, {"topic": "weather"})


async def listed(store: SqlConversationStore) -> list[str]:
    found = await store.read("conv_1", A)
    assert found is not None
    return [item.id for item in found[1]]


async def test_a_conversation_is_read_as_it_was_made(store: SqlConversationStore) -> None:
    await store.add(conversation(), items("a", "b"))
    found = await store.read("conv_1", A)
    assert found is not None
    assert found[0] == Conversation("conv_1", A, 1_000.0, {"topic": "weather"}, 2)
    assert list(found[1]) == items("a", "b")
    with pytest.raises(ValueError, match="conv_1"):
        await store.add(conversation(), [])


async def test_another_keys_conversation_does_not_exist(store: SqlConversationStore) -> None:
    await store.add(conversation(), items("a"))
    assert await store.get("conv_1", B) is None
    assert await store.read("conv_1", B) is None
    assert await store.update("conv_1", B, {}) is None
    assert await store.remove("conv_1", B, "a") is None
    assert not await store.append("conv_1", B, items("b"))
    assert not await store.delete("conv_1", B)
    assert await listed(store) == ["a"]


async def test_metadata_is_replaced(store: SqlConversationStore) -> None:
    await store.add(conversation(), [])
    updated = await store.update("conv_1", A, {"topic": "sport", "nul": "a\0b"})
    assert updated is not None
    assert updated.metadata == {"topic": "sport", "nul": "a\ufffdb"}
    assert await store.get("conv_1", A) == updated


async def test_items_are_appended_and_removed(store: SqlConversationStore) -> None:
    await store.add(conversation(), items("a"))
    assert await store.append("conv_1", A, items("b", "c"))
    assert await store.remove("conv_1", A, "b") is not None
    assert await store.remove("conv_1", A, "b") is None
    assert await store.append("conv_1", A, items("d"))
    assert await listed(store) == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(), ("edcba", False)),
        (Window(newest_first=False), ("abcde", False)),
        (Window(limit=2), ("ed", True)),
        (Window(limit=2, after="d"), ("cb", True)),
        (Window(limit=2, after="c", newest_first=False), ("de", False)),
        (Window(after="a"), ("", False)),
    ],
)
async def test_a_part_of_the_items_is_what_it_asks_for(
    store: SqlConversationStore, window: Window, expected: tuple[str, bool]
) -> None:
    await store.add(conversation("other"), items("x", "a"))
    await store.add(conversation(), items(*"abcde"))
    found = await store.part("conv_1", A, window)
    assert found is not None
    assert ("".join(item.id for item in found.items), found.more) == expected


async def test_a_part_of_nothing_and_one_behind_nothing_are_told_apart(store: SqlConversationStore) -> None:
    await store.add(conversation(), items("a"))
    assert await store.part("conv_2", A, Window()) is None
    assert await store.part("conv_1", B, Window()) is None
    with pytest.raises(LookupError):
        await store.part("conv_1", A, Window(after="b"))
    assert await store.item("conv_1", A, "a") == items("a")[0]
    assert await store.item("conv_1", A, "b") is None
    assert await store.item("conv_1", B, "a") is None


async def test_a_conversation_that_no_call_could_use_can_still_be_listed_and_made_smaller(
    store: SqlConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.add(conversation(), items("a", "b"))  # 9 bytes each
    monkeypatch.setattr("dragoman.stores.conversations.MAX_BYTES", 20)
    with pytest.raises(GatewayError, match="larger than 20") as caught:
        await store.append("conv_1", A, items("c"))
    assert caught.value.kind is PAYLOAD_TOO_LARGE
    assert await listed(store) == ["a", "b"]
    monkeypatch.setattr("dragoman.stores.conversations.MAX_BYTES", 10)
    with pytest.raises(GatewayError, match="larger than 10"):
        await store.read("conv_1", A)
    for after, expected in (("", ("b", True)), ("b", ("a", False))):
        found = await store.part("conv_1", A, Window(after=after))  # no more at once than a call could use
        assert found is not None
        assert ("".join(item.id for item in found.items), found.more) == expected
    assert await store.remove("conv_1", A, "a") is not None
    assert await store.remove("conv_1", A, "b") is not None
    assert await store.append("conv_1", A, items("c"))
    assert await listed(store) == ["c"]


@pytest.mark.parametrize("repeated", [("a",), ("b", "b")])
async def test_an_item_is_appended_once(store: SqlConversationStore, repeated: tuple[str, ...]) -> None:
    await store.add(conversation(), items("a"))
    with pytest.raises(ValueError, match="item"):
        await store.append("conv_1", A, items(*repeated))
    assert await listed(store) == ["a"]


async def test_a_deleted_conversation_is_gone(store: SqlConversationStore) -> None:
    await store.add(conversation(), items("a"))
    assert await store.delete("conv_1", A)
    assert not await store.delete("conv_1", A)
    assert await store.get("conv_1", A) is None
    assert not await store.append("conv_1", A, items("b"))


async def test_writers_at_once_keep_their_items_together(store: SqlConversationStore) -> None:
    await store.add(conversation(), [])
    pairs = [(f"x{number}", f"y{number}") for number in range(20)]
    await asyncio.gather(*(store.append("conv_1", A, items(*pair)) for pair in pairs))
    order = await listed(store)
    assert {(order[at], order[at + 1]) for at in range(0, 40, 2)} == set(pairs)
