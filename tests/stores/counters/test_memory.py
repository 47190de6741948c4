import pytest

from dragoman.policy.limits import Ask, Rule
from dragoman.stores.counters.memory import MemoryCounters

PER_SECOND = Rule("token_bucket", 1, 1_000, 10)
WINDOW = Rule("sliding_window", 10, 1_000, 10)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("rule", [PER_SECOND, WINDOW], ids=lambda rule: rule.algorithm)
async def test_a_bucket_is_forgotten_once_it_says_nothing(rule: Rule) -> None:
    clock = Clock()
    counters = MemoryCounters(clock)
    for number in range(1_000):
        await counters.take([Ask(f"ip:{number}", rule, 1)])
        clock.now += 0.1
        assert len(counters) <= 15
    clock.now += 60
    for _ in range(15):
        await counters.take([Ask("other", rule, 1)])
    assert len(counters) == 1


async def test_a_bucket_in_use_is_not_forgotten() -> None:
    clock = Clock()
    counters = MemoryCounters(clock)
    for number in range(100):
        (verdict,) = await counters.take([Ask("busy", PER_SECOND, 1)])
        assert verdict.granted is (number < 11)
        await counters.take([Ask(f"other:{number}", PER_SECOND, 1)])
        clock.now += 0.1 if number < 10 else 0.01


async def test_a_refused_call_makes_no_bucket_of_the_others() -> None:
    counters = MemoryCounters(Clock())
    await counters.take([Ask("tight", PER_SECOND, 10)])
    await counters.take([Ask("tight", PER_SECOND, 1), Ask("new", PER_SECOND, 1)])
    assert len(counters) == 1


async def test_beyond_the_bound_the_fullest_bucket_goes_first() -> None:
    clock = Clock()
    counters = MemoryCounters(clock, most=3)
    await counters.take([Ask("drained", PER_SECOND, 9)])
    for number in range(50):
        await counters.take([Ask(f"fresh:{number}", PER_SECOND, 1)])
        assert len(counters) <= 3
    (verdict,) = await counters.take([Ask("drained", PER_SECOND, 1)])
    assert verdict.remaining == 0, "the one whose loss would give most away is kept"


async def test_a_bucket_taken_from_again_stays_longer() -> None:
    clock = Clock()
    counters = MemoryCounters(clock, most=2)
    await counters.take([Ask("first", PER_SECOND, 1)])
    await counters.take([Ask("second", PER_SECOND, 2)])
    await counters.take([Ask("first", PER_SECOND, 5)])
    await counters.take([Ask("third", PER_SECOND, 1)])
    assert (await counters.take([Ask("first", PER_SECOND, 1)]))[0].remaining == 3
