"""Asking a store again that does not answer, and when to give up."""

import asyncio

import pytest

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.jobs.patience import Patience


class Flaky:
    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked = asyncio.Event()

    async def __call__(self) -> str:
        self.asked.set()
        if self.failures:
            self.failures -= 1
            raise GatewayError(STORE_UNAVAILABLE, "down")
        return "done"


async def test_a_step_is_repeated_until_it_succeeds() -> None:
    assert await Patience().insist(Flaky(0)) == "done"
    assert await Patience().insist(Flaky(3)) == "done"


async def test_at_its_end_patience_repeats_for_a_while_only() -> None:
    patience, forever = Patience(), Flaky(10**6)
    waiting = asyncio.ensure_future(patience.insist(forever))
    await forever.asked.wait()

    patience.end(0.06)

    with pytest.raises(GatewayError, match="down"):
        await waiting
    with pytest.raises(GatewayError, match="down"):
        await patience.insist(forever)
    assert await patience.insist(Flaky(0)) == "done"


async def test_other_faults_are_not_repeated() -> None:
    async def broken() -> None:
        raise KeyError("unforeseen")

    with pytest.raises(KeyError):
        await Patience().insist(broken)
