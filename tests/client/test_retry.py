import pytest

from dragoman.client.errors import (
    BuildError,
    CallTimeout,
    ConnectError,
    ConnectionClosed,
    ProtocolError,
    StreamInterrupted,
    TLSError,
    TransportError,
)
from dragoman.client.headers import Headers
from dragoman.client.response import Head
from dragoman.client.retry import Attempts, RetryBudget, RetryPolicy


def attempts(policy: RetryPolicy | None, method: str = "GET", *, repeatable: bool = True) -> Attempts:
    return Attempts(policy, method, repeatable=repeatable, budget=RetryBudget())


def head(status: int, source: str = "upstream", **headers: str) -> Head:
    items = {"x-oagw-error-source": source, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Head(status, Headers(items.items()))


def test_without_a_policy_every_outcome_stands() -> None:
    assert attempts(None).after(head(503), 0.5) is None
    assert attempts(None).after(ConnectError("x"), 0.5) is None


def test_waits_are_drawn_from_a_span_that_doubles_up_to_its_ceiling() -> None:
    tried = attempts(RetryPolicy(attempts=6, initial=1.0, ceiling=5.0))
    assert [tried.after(head(503), 0.5) for _ in range(6)] == [0.5, 1.0, 2.0, 2.5, 2.5, None]
    assert attempts(RetryPolicy()).after(head(503), 0.0) == 0.0


def test_retry_after_is_kept_and_the_repeats_of_many_clients_are_spread_beyond_it() -> None:
    tried = attempts(RetryPolicy(initial=1.0))
    assert tried.after(head(429, retry_after="7"), 0.25) == 7.25


def test_an_answer_that_asks_for_more_patience_than_there_is_stands() -> None:
    assert attempts(RetryPolicy(patience=5)).after(head(429, retry_after="6"), 0.5) is None
    assert attempts(RetryPolicy(patience=5)).after(head(429, retry_after="5"), 0.0) == 5.0


@pytest.mark.parametrize(
    ("method", "again"),
    [
        ("GET", True),
        ("HEAD", True),
        ("PUT", True),
        ("DELETE", True),
        ("OPTIONS", True),
        ("POST", False),
        ("PATCH", False),
    ],
)
def test_only_methods_that_may_be_repeated_are(method: str, again: bool) -> None:
    assert (attempts(RetryPolicy(), method).after(head(503), 0.5) is not None) is again
    assert (attempts(RetryPolicy(), method).after(ConnectError("x"), 0.5) is not None) is again
    told = RetryPolicy(methods=frozenset({method}))
    assert attempts(told, method).after(head(503), 0.5) is not None


def test_a_body_that_is_gone_is_not_sent_again() -> None:
    assert attempts(RetryPolicy(), "PUT", repeatable=False).after(head(503), 0.5) is None


@pytest.mark.parametrize(
    ("status", "again"),
    [(200, False), (400, False), (404, False), (429, True), (500, False), (502, True), (503, True), (504, True)],
)
def test_an_upstreams_statuses_that_pass(status: int, again: bool) -> None:
    assert (attempts(RetryPolicy()).after(head(status), 0.5) is not None) is again


def test_the_gateway_says_itself_what_can_pass() -> None:
    assert attempts(RetryPolicy()).after(head(502, "gateway"), 0.5) is None
    assert attempts(RetryPolicy()).after(head(502, "gateway", retry_after="1"), 0.0) == 1.0
    assert attempts(RetryPolicy()).after(head(404, "gateway", retry_after="1"), 0.0) is None


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectError("x"), True),
        (ConnectionClosed("x"), True),
        (CallTimeout("connect"), True),
        (CallTimeout("first_byte"), True),
        (CallTimeout("total"), False),
        (TLSError("x"), False),
        (ProtocolError("x"), False),
        (StreamInterrupted("x"), False),
    ],
)
def test_a_failure_that_can_pass(error: TransportError, again: bool) -> None:
    assert (attempts(RetryPolicy()).after(error, 0.5) is not None) is again


def test_a_budget_keeps_repeats_to_a_tenth_of_the_calls() -> None:
    budget, policy, repeats = RetryBudget(), RetryPolicy(attempts=2), 0
    for _ in range(500):
        tried = Attempts(policy, "GET", repeatable=True, budget=budget)
        repeats += tried.after(head(503), 0.5) is not None
    assert 50 <= repeats <= 50 + 10


def test_calls_that_may_not_be_repeated_earn_nothing() -> None:
    budget = RetryBudget()
    while budget.spend():
        pass
    for _ in range(100):
        Attempts(None, "GET", repeatable=True, budget=budget)
        Attempts(RetryPolicy(), "POST", repeatable=True, budget=budget)
    assert not budget.spend()


def test_a_policy_that_cannot_be_is_refused() -> None:
    for wrong in ({"attempts": 0}, {"initial": -1.0}, {"budget": -0.1}):
        with pytest.raises(BuildError, match="retry policy"):
            RetryPolicy(**wrong)
