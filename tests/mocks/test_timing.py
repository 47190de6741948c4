import math

import pytest

from dragoman.mocks.timing import MAX_WAIT, PROFILES, Timing


def test_a_timing_is_filled_from_a_broader_one() -> None:
    assert Timing(tps=10).over(Timing(ttft_ms=5, tps=20, seed=3)) == Timing(ttft_ms=5, tps=10, seed=3)
    assert Timing(ttft_ms=0).over(Timing(ttft_ms=5)) == Timing(ttft_ms=0)


def test_without_a_timing_the_service_sets_the_pace_of_streams_alone() -> None:
    schedule = Timing().schedule(pace=0.05)
    assert (schedule.first(), schedule.gap(), schedule.whole(1000)) == (0.0, 0.05, 0.0)


def test_tokens_per_second_set_the_gap_and_the_length_of_a_buffered_answer() -> None:
    schedule = Timing(ttft_ms=500, tps=10).schedule(pace=0.05)
    assert schedule.first() == 0.5
    assert schedule.gap() == pytest.approx(0.1)
    assert schedule.whole(20) == pytest.approx(2.5)


def test_the_instant_profile_never_waits() -> None:
    schedule = PROFILES["instant"].schedule(pace=0.05)
    assert (schedule.first(), schedule.gap(), schedule.whole(1000)) == (0.0, 0.0, 0.0)
    assert PROFILES["instant"].tps == math.inf


def test_jitter_varies_a_wait_within_its_share_and_the_same_way_for_a_seed() -> None:
    timing = Timing(tps=10, jitter=0.2, seed=7)
    gaps = [timing.schedule(ordinal=ordinal).gap() for ordinal in range(50)]
    assert all(0.08 <= gap <= 0.12 for gap in gaps)
    assert len(set(gaps)) > 40
    assert gaps == [timing.schedule(ordinal=ordinal).gap() for ordinal in range(50)]
    assert gaps != [Timing(tps=10, jitter=0.2, seed=8).schedule(ordinal=ordinal).gap() for ordinal in range(50)]


def test_no_wait_is_longer_than_the_bound() -> None:
    schedule = Timing(ttft_ms=1e12, tps=1e-300, jitter=1).schedule()
    assert schedule.first() <= MAX_WAIT
    assert schedule.whole(10**9) == MAX_WAIT
