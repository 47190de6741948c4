import asyncio

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.watch import Watch

SHORT = 0.02
LONG = 30.0


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("kind", [errors.BODY_TIMEOUT, errors.REQUEST_TIMEOUT, errors.IDLE_TIMEOUT])
async def test_a_phase_that_lasts_too_long_is_told_apart_by_its_kind(kind: errors.ErrorKind) -> None:
    watch = Watch()
    watch.phase(kind, SHORT)
    with pytest.raises(GatewayError) as raised:
        await watch.guard(forever())
    assert raised.value.kind is kind
    watch.stop()


async def test_the_task_is_not_left_cancelled() -> None:
    watch = Watch()
    watch.phase(errors.IDLE_TIMEOUT, SHORT)
    with pytest.raises(GatewayError):
        await watch.guard(forever())
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0
    await asyncio.sleep(0)
    watch.stop()


async def test_touch_pushes_the_deadline_back() -> None:
    watch = Watch()
    watch.phase(errors.IDLE_TIMEOUT, 0.2)
    for _ in range(8):
        await watch.guard(asyncio.sleep(0.05))
        watch.touch()
    watch.stop()


async def test_the_total_deadline_strikes_however_busy_the_stream_is() -> None:
    watch = Watch()
    watch.total(0.1)
    watch.phase(errors.IDLE_TIMEOUT, LONG)

    async def busy() -> None:
        while True:
            await watch.guard(asyncio.sleep(0.01))
            watch.touch()

    with pytest.raises(GatewayError) as raised:
        await busy()
    assert raised.value.kind is errors.REQUEST_TIMEOUT
    watch.stop()


async def test_deadlines_rest_while_something_is_sent() -> None:
    watch = Watch()
    watch.phase(errors.IDLE_TIMEOUT, SHORT)
    watch.sending(True)
    await asyncio.sleep(SHORT * 5)
    watch.sending(False)
    watch.touch()
    assert watch.take() is None
    watch.stop()


async def test_abort_ends_a_wait_with_its_error() -> None:
    watch = Watch()
    watch.phase(errors.IDLE_TIMEOUT, LONG)
    error = GatewayError(errors.SHUTTING_DOWN, "going")
    asyncio.get_running_loop().call_soon(watch.abort, error)
    with pytest.raises(GatewayError) as raised:
        await watch.guard(forever())
    assert raised.value is error
    watch.stop()


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def call() -> None:
        watch = Watch()
        watch.phase(errors.IDLE_TIMEOUT, LONG)
        try:
            await watch.guard(forever())
        finally:
            watch.stop()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()


async def test_silence_calls_for_pings_without_disturbing_the_wait() -> None:
    watch = Watch()
    pings = 0
    three = asyncio.Event()

    async def ping() -> None:
        nonlocal pings
        pings += 1
        if pings == 3:
            three.set()

    watch.phase(errors.REQUEST_TIMEOUT, LONG)
    watch.ping_every(SHORT, ping)
    await watch.guard(three.wait())
    assert pings == 3
    watch.stop()


async def test_a_stopped_watch_never_strikes() -> None:
    watch = Watch()
    watch.phase(errors.IDLE_TIMEOUT, SHORT)
    watch.total(SHORT)
    watch.stop()
    await asyncio.sleep(SHORT * 4)
    assert watch.take() is None
