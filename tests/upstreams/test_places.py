"""`dragoman.upstreams.places`."""

import asyncio

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.upstreams.places import Places, Ticket
from tests.support.running import until


async def waiting(places: Places, key: str, count: int) -> "asyncio.Task[Ticket]":
    """A call that waits, the `count`th that does."""
    task = asyncio.get_running_loop().create_task(places.enter(key))
    await until(lambda: places.waiting == count)
    return task


async def test_whoever_comes_too_late_is_told_so_and_when_to_come_back() -> None:
    places = Places("agent", 2, 1)
    held = [await places.enter("a"), await places.enter("a")]
    third = await waiting(places, "a", 1)
    with pytest.raises(GatewayError, match="'agent'") as caught:
        await places.enter("a")

    assert caught.value.kind is errors.QUEUE_FULL
    assert caught.value.retry_after == 1
    places.leave(held[0])
    places.leave(await third)
    places.leave(held[1])
    assert (places.held, places.waiting) == (0, 0)


async def test_where_nobody_may_wait_the_refusal_comes_at_once() -> None:
    places = Places("agent", 1, 0)
    held = await places.enter("a")
    with pytest.raises(GatewayError, match="busy") as caught:
        await places.enter("b")
    assert caught.value.kind is errors.CONCURRENCY_LIMIT_EXCEEDED
    assert caught.value.kind.status == 503
    places.leave(held)
    places.leave(await places.enter("b"))


async def test_calls_come_in_in_their_order() -> None:
    places = Places("agent", 1, 10)
    held = await places.enter("a")
    order: list[int] = []

    async def call(number: int) -> None:
        ticket = await places.enter("a")
        order.append(number)
        places.leave(ticket)

    calls = []
    for number in range(10):
        calls.append(asyncio.get_running_loop().create_task(call(number)))
        await asyncio.sleep(0)
    places.leave(held)
    places.leave(held)
    await asyncio.gather(*calls)
    assert order == list(range(10))


async def test_one_that_makes_room_for_another_key_is_refused() -> None:
    places = Places("agent", 1, 2)
    held = await places.enter("a")
    first, second = await waiting(places, "a", 1), await waiting(places, "a", 2)
    third = asyncio.get_running_loop().create_task(places.enter("b"))
    with pytest.raises(GatewayError) as caught:
        await second
    assert caught.value.kind is errors.QUEUE_FULL
    places.leave(held)
    places.leave(await first)
    places.leave(await third)
    assert (places.held, places.waiting) == (0, 0)


async def test_a_caller_that_leaves_leaves_no_gap() -> None:
    places = Places("agent", 1, 5)
    held = await places.enter("a")
    gone, called, last = [await waiting(places, "a", count) for count in (1, 2, 3)]
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert places.waiting == 2
    places.leave(held)
    called.cancel()  # in the moment in which it is called
    ticket = await last
    assert (places.held, places.waiting) == (1, 0)
    places.leave(ticket)


async def test_the_longer_the_line_the_later_one_is_to_come_back() -> None:
    places = Places("agent", 1, 200)
    held = await places.enter("a")
    calls = [await waiting(places, "a", count) for count in range(1, 101)]
    assert places.retry_after() == 60
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert places.retry_after() == 1
    places.leave(held)
