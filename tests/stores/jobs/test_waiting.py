"""Waiting for an event or a while, and for the end of tasks that do not want to."""

import asyncio

from dragoman.stores.jobs.waiting import end, heard


async def test_waiting_ends_with_the_event_or_with_the_time() -> None:
    event = asyncio.Event()
    assert not await heard(event, 0.001)
    asyncio.get_running_loop().call_soon(event.set)
    assert await heard(event, 60)
    assert await heard(event, 0)


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    lost: list[int] = []

    async def stubborn() -> None:
        for number in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost.append(number)
        await asyncio.Event().wait()

    async def meek() -> None:
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(stubborn()), loop.create_task(meek())]
    await asyncio.sleep(0)

    await end(*tasks)

    assert lost == [0, 1]
    assert all(task.cancelled() for task in tasks)
