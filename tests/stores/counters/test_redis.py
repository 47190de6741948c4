import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import accumulate, count

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.policy.limits import WINDOW_MS, Ask, Rule, State, take
from dragoman.stores.counters.redis import DECIDE, PREFIX, RedisCounters
from tests.redis_server import RedisServer
from tests.stores.counters import taker

DAY = 86_400_000
FIVE_A_DAY = Rule("token_bucket", 5, DAY, 5)
ON_OUR_CLOCK = "local now = tonumber(ARGV[#ARGV])\n" + DECIDE.replace(", 'PX', text(idle)", "")
"""The script on a clock that it is told; nothing expires by the server's own."""


@pytest.fixture
async def counters(redis_url: str) -> AsyncIterator[RedisCounters]:
    store = RedisCounters.open(redis_url, deadline=10)
    yield store
    await store.close()


@pytest.fixture(scope="module")
def own_clock(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """Asked at once and by time of the test's own."""
    redis_server.start()
    with redis.Redis.from_url(redis_server.url()) as client:
        yield client


rules = st.one_of(
    st.builds(
        Rule,
        st.just("token_bucket"),
        st.integers(1, 10**9),
        st.sampled_from(sorted(WINDOW_MS.values())),
        st.integers(1, 10**8),
    ),
    st.builds(
        lambda rate, window: Rule("sliding_window", rate, window, rate),
        st.integers(1, 20),
        st.sampled_from(sorted(WINDOW_MS.values())),
    ),
)
costs = st.one_of(st.integers(1, 5), st.integers(1, 10**6))
steps = st.lists(st.tuples(st.integers(-5_000, 100_000), costs), min_size=1, max_size=12)
names = count()


@settings(max_examples=60)
@given(rule=rules, calls=steps)
def test_the_script_says_what_the_policy_says(own_clock: redis.Redis, rule: Rule, calls: list[tuple[int, int]]) -> None:
    script = own_clock.register_script(ON_OUR_CLOCK)
    key = f"example:{next(names)}"
    state: State | None = None
    for since, (_, cost) in zip(accumulate(step for step, _ in calls), calls, strict=True):
        now = 1_700_000_000_000 + since
        verdict, state = take(rule, state, now, cost)
        said = script(keys=[key], args=[rule.algorithm, rule.rate, rule.window, rule.capacity, cost, now])
        assert said == [[verdict.granted, verdict.remaining, verdict.reset_after, verdict.retry_after]]


def test_several_processes_get_what_there_is_and_no_more(redis_url: str) -> None:
    command = [sys.executable, "-m", "tests.stores.counters.taker", redis_url]
    takers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(3)
    ]
    for process in takers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in takers:
        assert process.stdin is not None
        process.stdin.write("go\n")
    passed = [int(process.communicate(timeout=60)[0]) for process in takers]
    assert 3 * taker.CALLS > sum(passed) == taker.TIGHT.capacity


async def test_a_key_ends_with_what_it_says(counters: RedisCounters, redis_url: str) -> None:
    await counters.take([Ask("a", FIVE_A_DAY, 1), Ask("b", Rule("sliding_window", 5, 1_000, 5), 1)])
    with redis.Redis.from_url(redis_url) as client:
        assert sorted(client.keys()) == [f"{PREFIX}a".encode(), f"{PREFIX}b".encode()]
        assert 0 < client.pttl(f"{PREFIX}a") <= DAY // 5
        assert 0 < client.pttl(f"{PREFIX}b") <= 1_020


async def test_a_call_that_is_given_up_takes_nobody_elses_answer(counters: RedisCounters) -> None:
    ask = Ask("a", Rule("token_bucket", 1, DAY, 10_000), 1)
    wrong = 0
    for round_ in range(20):
        doomed = [asyncio.create_task(counters.take([ask, Ask("b", ask.rule, 1)])) for _ in range(10)]
        for _ in range(round_ % 5):
            await asyncio.sleep(0)
        for task in doomed:
            task.cancel()
        kept = await asyncio.gather(*(counters.take([ask]) for _ in range(5)))
        wrong += sum(len(verdicts) != 1 for verdicts in kept)
        await asyncio.gather(*doomed, return_exceptions=True)
    assert wrong == 0


async def test_a_store_that_is_gone_is_told_and_found_again(redis_url: str, redis_server: RedisServer) -> None:
    counters = RedisCounters.open(redis_url)
    await counters.take([Ask("a", FIVE_A_DAY, 1)])
    await asyncio.to_thread(redis_server.stop)
    for ask in (counters.take([Ask("a", FIVE_A_DAY, 1)]), counters.ping()):
        with pytest.raises(GatewayError, match="store of limits") as caught:
            await ask
        assert caught.value.kind is STORE_UNAVAILABLE and caught.value.retry_after
    await asyncio.to_thread(redis_server.start)
    assert (await counters.take([Ask("a", FIVE_A_DAY, 1)]))[0].granted
    await counters.close()


async def test_a_store_that_does_not_answer_holds_nobody_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        counters = RedisCounters.open(f"redis://:hunter2@127.0.0.1:{port}", deadline=0.05)
        async with asyncio.timeout(10):
            with pytest.raises(GatewayError) as caught:
                await counters.take([Ask("a", FIVE_A_DAY, 1)])
        assert caught.value.kind is STORE_UNAVAILABLE
        assert "hunter2" not in caught.value.message
        await counters.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis://127.0.0.1:x", "redis://127.0.0.1/0?socket_timeout=x"])
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|invalid|Invalid|Port"):
        RedisCounters.open(url)
