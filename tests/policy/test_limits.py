from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.policy.limits import SLOTS, WINDOW_MS, Bucket, Rule, State, Verdict, Window, idle, look, merge, rule, take
from dragoman.policy.resources import Rate, RateLimit

few = settings(max_examples=40)
START = 1_700_000_000_000

buckets = st.builds(
    Rule,
    st.just("token_bucket"),
    st.integers(1, 500),
    st.sampled_from(sorted(WINDOW_MS.values())),
    st.integers(1, 60),
)
windows = st.integers(1, 40).flatmap(
    lambda rate: st.builds(
        Rule, st.just("sliding_window"), st.just(rate), st.sampled_from([1_000, 60_000]), st.just(rate)
    )
)
steps = st.lists(st.tuples(st.integers(0, 1_500), st.integers(1, 3)), min_size=1, max_size=60)
any_steps = st.lists(st.tuples(st.integers(-90_000, 1_500), st.integers(1, 3)), min_size=1, max_size=40)


def run(rule: Rule, calls: list[tuple[int, int]]) -> list[tuple[int, int, Verdict]]:
    """Each call's time, its cost and the verdict on it."""
    state: State | None = None
    seen = []
    for now, (_, cost) in zip(accumulate((step for step, _ in calls), initial=START), calls, strict=False):
        verdict, state = take(rule, state, now, cost)
        seen.append((now, cost, verdict))
    return seen


def granted(seen: list[tuple[int, int, Verdict]]) -> list[tuple[int, int]]:
    return [(now, cost) for now, cost, verdict in seen if verdict.granted]


def test_a_bucket_lets_a_burst_pass_and_then_its_rate() -> None:
    per_second = Rule("token_bucket", 2, 1_000, 5)
    seen = run(per_second, [(0, 1)] * 6 + [(500, 1)] * 3)
    assert [verdict.granted for _, _, verdict in seen] == [True] * 5 + [False, False, True, True]
    assert [verdict.remaining for _, _, verdict in seen][:6] == [4, 3, 2, 1, 0, 0]
    assert seen[5][2] == Verdict(False, 5, 0, reset_after=2_500, retry_after=500)


def test_a_window_forgets_a_call_once_it_lies_wholly_behind() -> None:
    per_second = Rule("sliding_window", 2, 1_000, 2)
    state: State | None = None
    for now in (0, 500):
        verdict, state = take(per_second, state, now, 1)
        assert verdict.granted
    refused, _ = take(per_second, state, 1_000, 1)
    assert refused == Verdict(False, 2, 0, reset_after=520, retry_after=20)
    passed, _ = take(per_second, state, 1_020, 1)
    assert (passed.granted, passed.remaining) == (True, 0)


@few
@given(buckets, steps)
def test_a_bucket_never_grants_more_than_its_burst_and_its_rate(rule: Rule, calls: list[tuple[int, int]]) -> None:
    passed = granted(run(rule, calls))
    for first in range(len(passed)):
        spent = 0
        for now, cost in passed[first:]:
            spent += cost
            assert spent * rule.window <= rule.capacity * rule.window + rule.rate * (now - passed[first][0])


@few
@given(windows, steps)
def test_a_window_never_holds_more_than_its_rate(rule: Rule, calls: list[tuple[int, int]]) -> None:
    passed = granted(run(rule, calls))
    for now, _ in passed:
        assert sum(cost for at, cost in passed if now - rule.window < at <= now) <= rule.rate


@few
@given(st.one_of(buckets, windows), any_steps)
def test_a_clock_that_goes_back_grants_no_more_than_the_time_it_went_forward(
    rule: Rule, calls: list[tuple[int, int]]
) -> None:
    seen = run(rule, calls)
    forward = sum(max(0, after[0] - before[0]) for before, after in zip(seen, seen[1:], strict=False))
    spent = sum(cost for _, cost in granted(seen))
    if rule.algorithm == "token_bucket":
        assert spent * rule.window <= rule.capacity * rule.window + rule.rate * forward
    else:
        assert spent <= rule.rate * (forward // rule.window + 1)


@few
@given(st.one_of(buckets, windows), any_steps, st.integers(1, 10**10))
def test_a_clock_that_went_back_freezes_nothing(rule: Rule, calls: list[tuple[int, int]], back: int) -> None:
    seen = run(rule, calls)
    now = seen[-1][0] - back
    state = look(rule, _state(rule, calls), now)
    wait = idle(rule, state, now)
    assert wait <= max(rule.window + rule.slot, -(-rule.capacity * rule.window // rule.rate))
    verdict, _ = take(rule, state, now + wait, 1)
    assert verdict.granted and verdict.remaining == rule.capacity - 1


def _state(rule: Rule, calls: list[tuple[int, int]]) -> State | None:
    state: State | None = None
    now = START
    for step, cost in calls:
        verdict, state = take(rule, state, now, cost)
        now += step
    return state


@few
@given(buckets, steps, st.integers(0, 10**8), st.integers(0, 10**8))
def test_a_level_only_rises_while_nothing_is_taken(
    rule: Rule, calls: list[tuple[int, int]], sooner: int, later: int
) -> None:
    state = _state(rule, calls)
    now = START + sum(step for step, _ in calls)
    first = look(rule, state, now + sooner)
    second = look(rule, first, now + sooner + later)
    assert isinstance(first, Bucket) and isinstance(second, Bucket)
    assert first.level <= second.level <= rule.capacity * rule.window
    assert look(rule, state, now + sooner + later) == second, "looking in between costs or gains nothing"


@few
@given(st.one_of(buckets, windows), steps, st.integers(1, 5))
def test_who_waits_as_told_passes_and_not_much_earlier(rule: Rule, calls: list[tuple[int, int]], cost: int) -> None:
    state = _state(rule, calls)
    now = START + sum(step for step, _ in calls)
    verdict, _ = take(rule, state, now, cost)
    if verdict.granted:
        assert verdict.retry_after == 0
        return
    assert verdict.retry_after > 0
    state = look(rule, state, now)
    if cost <= rule.capacity:
        assert take(rule, state, now + verdict.retry_after, cost)[0].granted
        assert not take(rule, state, now + verdict.retry_after - 1, cost)[0].granted


@few
@given(st.one_of(buckets, windows), steps)
def test_what_is_idle_can_be_forgotten(rule: Rule, calls: list[tuple[int, int]]) -> None:
    state = _state(rule, calls)
    assert state is not None
    now = START + sum(step for step, _ in calls)
    later = now + idle(rule, state, now)
    known, unknown = take(rule, state, later, 1)[0], take(rule, None, later, 1)[0]
    assert known == unknown


def test_a_window_keeps_few_numbers_however_many_calls() -> None:
    per_second = Rule("sliding_window", 10**9, 1_000, 10**9)
    state: State | None = None
    for now in range(0, 3_000, 3):
        _, state = take(per_second, state, now, 1)
    assert isinstance(state, Window) and len(state.slots) <= SLOTS + 1


def test_a_rule_that_has_changed_takes_what_it_finds() -> None:
    wide, narrow = Rule("token_bucket", 10, 1_000, 100), Rule("token_bucket", 10, 1_000, 3)
    _, state = take(wide, None, START, 1)
    verdict, _ = take(narrow, state, START, 1)
    assert verdict.remaining == 2
    window = Rule("sliding_window", 5, 1_000, 5)
    assert take(window, state, START, 1)[0].remaining == 4
    assert take(wide, take(window, None, START, 1)[1], START, 1)[0].remaining == 99


@pytest.mark.parametrize(("window", "length"), WINDOW_MS.items())
def test_a_rule_in_numbers(window: str, length: int) -> None:
    sustained = Rate(rate=7, window=window)  # type: ignore[arg-type]
    assert rule(RateLimit(sustained=sustained)) == Rule("token_bucket", 7, length, 7)
    assert rule(RateLimit(sustained=sustained, burst=20)) == Rule("token_bucket", 7, length, 20)
    sliding = RateLimit(sustained=sustained, algorithm="sliding_window")
    assert rule(sliding) == Rule("sliding_window", 7, length, 7)
    assert length % SLOTS == 0


def test_several_limits_grant_together_and_the_tightest_is_shown() -> None:
    wide, tight = Verdict(True, 100, 50, 1_000), Verdict(True, 10, 3, 9_000)
    assert merge([wide, tight]) == merge([tight, wide]) == tight
    slow = Verdict(True, 10, 3, 20_000)
    assert merge([tight, slow]) == slow


def test_of_limits_that_refuse_the_one_to_wait_for_is_shown() -> None:
    soon, late = Verdict(False, 10, 2, 5_000, 100), Verdict(False, 10, 0, 5_000, 4_000)
    assert merge([Verdict(True, 1, 0, 99_000), soon, late]) == late
