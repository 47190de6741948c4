"""Writes that come together are committed together, and none takes another down."""

import asyncio
from collections.abc import Sequence

import pytest

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.groups import MAX_GROUP, Groups


class Slow:
    """Commits when told to; refuses groups with a negative number."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = asyncio.Event()

    async def write(self, items: Sequence[int]) -> None:
        self.groups.append(list(items))
        await self.go.wait()
        if any(item < 0 for item in items):
            raise ValueError(items)


async def test_what_comes_during_a_write_goes_in_the_next() -> None:
    slow = Slow()
    groups = Groups(slow.write)
    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(groups.put(number))
            await asyncio.sleep(0)
        slow.go.set()
    assert slow.groups == [[0], [1, 2, 3, 4]]


async def test_a_group_is_not_without_bounds() -> None:
    slow = Slow()
    groups = Groups(slow.write)
    slow.go.set()
    await asyncio.gather(*(groups.put(number) for number in range(MAX_GROUP + 1)))
    assert [len(group) for group in slow.groups] == [MAX_GROUP, 1]


async def test_one_that_cannot_be_written_fails_alone() -> None:
    slow = Slow()
    slow.go.set()
    groups = Groups(slow.write)
    results = await asyncio.gather(*(groups.put(number) for number in (1, -2, 3)), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    with pytest.raises(ValueError, match="-7"):
        await groups.put(-7)


async def test_a_store_that_does_not_answer_is_not_asked_for_each_alone() -> None:
    asked: list[int] = []

    async def write(items: Sequence[int]) -> None:
        asked.append(len(items))
        await asyncio.sleep(0)
        raise GatewayError(STORE_UNAVAILABLE, "gone")

    groups = Groups(write)
    results = await asyncio.gather(*(groups.put(number) for number in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [GatewayError] * 5
    assert asked == [5]


async def test_one_who_leaves_disturbs_nobody() -> None:
    slow = Slow()
    groups = Groups(slow.write)
    first = asyncio.get_running_loop().create_task(groups.put(1))
    second = asyncio.get_running_loop().create_task(groups.put(2))
    await asyncio.sleep(0)
    first.cancel()
    slow.go.set()
    await second
    await groups.close()
    assert first.cancelled()
    assert sorted(number for group in slow.groups for number in group) == [1, 2]


async def test_closing_waits_for_what_was_put() -> None:
    slow = Slow()
    groups = Groups(slow.write)
    await groups.close()
    put = asyncio.get_running_loop().create_task(groups.put(1))
    await asyncio.sleep(0)
    closing = asyncio.get_running_loop().create_task(groups.close())
    await asyncio.sleep(0)
    assert not closing.done()
    slow.go.set()
    await closing
    await put
