from typing import Any

import pytest

from dragoman import errors
from dragoman.policy.admission import PATIENCE, Bounds, Caller, ask, bounds, exceeded, headers, refusal, seconds
from dragoman.policy.limits import Ask, Verdict
from dragoman.policy.resources import Concurrency, Rate, RateLimit

CALLER = Caller("acme", "key_1", "203.0.113.9", "route_1")


def bound(**members: Any) -> Bounds:
    limit = RateLimit(sustained=Rate(rate=5, window="minute"), **members)
    return bounds("alias", "github", limit, None)[0]


def test_a_resource_without_limits_has_no_bounds() -> None:
    assert bounds("alias", "github", None, None) == ()
    assert len(bounds("alias", "github", None, Concurrency(max=1))) == 1


@pytest.mark.parametrize(
    ("scope", "whose"),
    [("global", ""), ("tenant", "acme"), ("user", "key_1"), ("ip", "203.0.113.9"), ("route", "route_1")],
)
def test_a_bucket_belongs_to_whom_the_scope_says(scope: str, whose: str) -> None:
    limited = bound(scope=scope, cost=2)
    assert limited.rule is not None
    key = f"alias|github|{scope}|{whose}|token_bucket|minute"
    assert ask(limited, CALLER) == Ask(key, limited.rule, 2)


def test_a_resource_of_another_kind_has_other_buckets() -> None:
    limit = RateLimit(sustained=Rate(rate=5))
    keys = {ask(bounds(kind, "x", limit, None)[0], CALLER).key for kind in ("alias", "route", "upstream", "model")}
    assert len(keys) == 4


def test_the_tightest_limit_is_shown_with_the_time_of_its_reset() -> None:
    wide, tight = Verdict(True, 100, 50, 1_000), Verdict(True, 10, 3, 90_001)
    assert headers([wide, tight], 1_700_000_000.9) == {
        b"x-ratelimit-limit": b"10",
        b"x-ratelimit-remaining": b"3",
        b"x-ratelimit-reset": b"1700000091",
    }


@pytest.mark.parametrize(("milliseconds", "told"), [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)])
def test_a_wait_is_told_in_whole_seconds_and_never_too_short(milliseconds: int, told: int) -> None:
    assert seconds(milliseconds) == told


def test_a_refused_call_hears_of_the_limit_it_has_to_wait_for() -> None:
    upstream = bounds("upstream", "openai", RateLimit(sustained=Rate(rate=9, window="day")), None)[0]
    error = exceeded([upstream, bound()], [Verdict(False, 9, 0, 9, 50_000), Verdict(False, 5, 0, 9, 100)])
    assert (error.kind, error.retry_after) == (errors.RATE_LIMIT_EXCEEDED, 50)
    assert error.extra == {"upstream": "openai"}
    assert error.message == "Rate limit of upstream 'openai': 9 a day. Retry in 50 s."


def test_a_refusal_names_the_resource_as_far_as_callers_know_it() -> None:
    assert refusal(errors.QUEUE_FULL, bound(), "x").extra == {"alias": "github"}
    assert refusal(errors.QUEUE_FULL, bounds("model", "gpt-4", None, Concurrency(max=1))[0], "x").extra == {}


def test_how_long_a_line_may_be_is_what_concurrency_says_if_it_says_so() -> None:
    said = Concurrency(max=1, max_queue=7, queue_timeout=3)
    limit = RateLimit(sustained=Rate(rate=1))
    assert bounds("alias", "x", limit, said)[0].patience is said
    assert bounds("alias", "x", limit, Concurrency(max=1))[0].patience is PATIENCE
    assert bounds("alias", "x", limit, None)[0].patience is PATIENCE
