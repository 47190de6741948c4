import pytest

from dragoman.client.errors import BuildError
from dragoman.client.timeouts import Limits, Timeouts, left


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def limits(**seconds: float | None) -> tuple[Limits, Clock]:
    clock = Clock()
    none: dict[str, float | None] = dict.fromkeys(("connect", "send", "first_byte", "idle", "total"))
    return Limits(Timeouts(**{**none, **seconds}), clock), clock


def test_by_default_no_call_has_a_total() -> None:
    assert Timeouts().total is None
    assert Limits(Timeouts(), Clock()).remaining() is None


def test_a_stream_may_live_for_as_long_as_it_is_not_idle() -> None:
    limit, clock = limits(idle=0.5)
    read = limit.attempt()["read"]
    limit.answered()
    for _ in range(1000):
        assert left(read) == 0.5
        clock.now += 60.0
    assert limit.phase == "idle"


def test_without_limits_nothing_is_limited() -> None:
    limit, _ = limits()
    waits = limit.attempt()
    assert [left(wait) for wait in waits.values()] == [None] * 4
    limit.answered()
    assert left(waits["read"]) is None
    assert all(wait is None or 0 < wait < 24 * 86400 for wait in waits.values())


def test_connecting_is_one_phase_however_many_steps_it_has() -> None:
    limit, clock = limits(connect=5)
    connect = limit.attempt()["connect"]
    assert left(connect) == 5
    clock.now += 3
    assert (left(connect), limit.phase) == (2, "connect")
    clock.now += 3
    assert left(connect) == 0.0


def test_the_answer_must_begin_in_time_however_slowly_its_head_dribbles() -> None:
    limit, clock = limits(first_byte=10, idle=1)
    waits = limit.attempt()
    clock.now += 50  # the request may take its time
    assert (left(waits["read"]), limit.phase) == (10, "first_byte")
    clock.now += 9
    assert left(waits["read"]) == 1
    limit.answered()
    assert (left(waits["read"]), limit.phase) == (1, "idle")


def test_each_write_has_its_own_time() -> None:
    limit, clock = limits(send=4)
    write = limit.attempt()["write"]
    clock.now += 100
    assert (left(write), limit.phase) == (4, "send")


def test_the_total_shortens_every_wait_and_spans_the_attempts() -> None:
    limit, clock = limits(connect=5, first_byte=20, idle=20, total=30)
    assert left(limit.attempt()["connect"]) == 5
    clock.now += 15
    waits = limit.attempt()
    assert (left(waits["read"]), limit.phase) == (15, "total")
    clock.now += 12
    assert (left(waits["connect"]), limit.phase) == (0.0, "connect")
    limit.answered()
    assert (left(waits["read"]), limit.phase) == (3, "total")
    assert limit.remaining() == 3
    clock.now += 4
    assert left(waits["read"]) == 0.0


def test_an_attempt_begins_its_phases_anew() -> None:
    limit, clock = limits(connect=5, first_byte=5)
    read = limit.attempt()["read"]
    assert left(read) == 5
    clock.now += 60
    waits = limit.attempt()
    assert (left(waits["connect"]), left(waits["read"])) == (5, 5)


def test_a_plain_number_is_what_it_is() -> None:
    assert (left(3.0), left(None)) == (3.0, None)


def test_timeouts_are_changed_one_by_one() -> None:
    assert Timeouts().but((("idle", None), ("total", 9.0))) == Timeouts(idle=None, total=9.0)
    assert Timeouts().but(()) == Timeouts()


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_positive_number_or_none(seconds: float) -> None:
    with pytest.raises(BuildError, match=r"timeouts\.idle"):
        Timeouts(idle=seconds)
