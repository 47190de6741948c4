"""What every store of counters says, whichever it is."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from dragoman.policy.limits import Ask, Rule, Verdict
from dragoman.ports import Counters
from dragoman.stores.counters.memory import MemoryCounters
from dragoman.stores.counters.redis import RedisCounters

DAY = 86_400_000
FIVE_A_DAY = Rule("token_bucket", 5, DAY, 5)
WINDOW_OF_FIVE = Rule("sliding_window", 5, DAY, 5)
QUICK = Rule("token_bucket", 50, 1_000, 1)


@pytest.fixture(params=["memory", "redis"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    store: Counters
    if request.param == "memory":
        store = MemoryCounters(time.monotonic)
    else:
        store = RedisCounters.open(request.getfixturevalue("redis_url"), deadline=10)
    yield store
    await store.close()


async def granted(counters: Counters, *asks: Ask) -> bool:
    return all(verdict.granted for verdict in await counters.take(asks))


@pytest.mark.parametrize("rule", [FIVE_A_DAY, WINDOW_OF_FIVE], ids=lambda rule: rule.algorithm)
async def test_what_is_taken_is_gone(counters: Counters, rule: Rule) -> None:
    seen = [(await counters.take([Ask("a", rule, 1)]))[0] for _ in range(6)]
    assert [verdict.remaining for verdict in seen] == [4, 3, 2, 1, 0, 0]
    assert [verdict.granted for verdict in seen] == [True] * 5 + [False]
    assert seen[5].limit == 5 and seen[5].retry_after > 0 and seen[5].reset_after >= seen[5].retry_after


async def test_each_key_has_its_own(counters: Counters) -> None:
    for key in "ab":
        assert [await granted(counters, Ask(key, FIVE_A_DAY, 5)) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("rule", [FIVE_A_DAY, WINDOW_OF_FIVE], ids=lambda rule: rule.algorithm)
async def test_a_call_takes_its_cost(counters: Counters, rule: Rule) -> None:
    assert [await granted(counters, Ask("a", rule, 2)) for _ in range(3)] == [True, True, False]
    assert await granted(counters, Ask("a", rule, 1))


@pytest.mark.parametrize("tight", [Rule("token_bucket", 1, DAY, 1), Rule("sliding_window", 1, DAY, 1)])
async def test_nothing_is_taken_where_one_of_several_refuses(counters: Counters, tight: Rule) -> None:
    both = [Ask("wide", FIVE_A_DAY, 1), Ask("tight", tight, 1)]
    assert await granted(counters, *both)
    for _ in range(3):
        first, second = await counters.take(both)
        assert (first.granted, second.granted) == (True, False)
    assert (await counters.take([Ask("wide", FIVE_A_DAY, 1)]))[0].remaining == 3


async def test_nothing_asked_is_nothing_said(counters: Counters) -> None:
    assert list(await counters.take([])) == []


async def test_who_comes_back_as_told_passes(counters: Counters) -> None:
    assert await granted(counters, Ask("a", QUICK, 1))
    verdict = Verdict(True, 1, 0, 0)
    deadline = time.monotonic() + 10
    passed = 0
    while passed < 3 and time.monotonic() < deadline:
        await asyncio.sleep(verdict.retry_after / 1000)
        (verdict,) = await counters.take([Ask("a", QUICK, 1)])
        passed += verdict.granted
    assert passed == 3


async def test_many_at_once_get_what_there_is_and_no_more(counters: Counters) -> None:
    rule = Rule("token_bucket", 1, DAY, 70)
    got = await asyncio.gather(*(granted(counters, Ask("a", rule, 1), Ask("b", FIVE_A_DAY, 0)) for _ in range(200)))
    assert sum(got) == 70


async def test_it_can_be_asked(counters: Counters) -> None:
    await counters.ping()
