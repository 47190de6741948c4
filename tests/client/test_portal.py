import asyncio
import threading

import pytest

from dragoman.client.portal import Portal


async def where() -> str:
    return threading.current_thread().name


async def fails() -> None:
    raise LookupError("nothing")


def test_a_thread_begins_with_the_first_work_and_ends_with_the_portal() -> None:
    portal = Portal("portal-test")
    assert [portal.run(where()) for _ in range(2)] == ["portal-test"] * 2
    assert portal.running
    with pytest.raises(LookupError, match="nothing"):
        portal.run(fails())
    portal.close()
    portal.close()
    assert not portal.running


def test_a_portal_that_was_never_used_has_no_thread_to_end() -> None:
    Portal("unused").close()


def test_closing_cancels_what_still_runs() -> None:
    portal, ended = Portal("portal-test"), threading.Event()

    async def begin() -> None:
        async def linger() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        tasks.append(asyncio.get_running_loop().create_task(linger()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Task[None]] = []
    portal.run(begin())
    portal.close()
    assert ended.is_set()
    assert tasks[0].cancelled()
