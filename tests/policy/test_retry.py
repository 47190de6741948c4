from collections.abc import AsyncIterator

import pytest

from dragoman import errors
from dragoman.errors import ErrorKind
from dragoman.policy.headers import Headers
from dragoman.policy.resources import Retry
from dragoman.policy.retry import after_answer, after_error, repeatable

RULE = Retry(attempts=3, statuses=(503,), max_wait=5.0)
NOW = 1_700_000_000.0


def after(status: int, retry_after: bytes | None = None, attempt: int = 1, rule: Retry = RULE) -> float | None:
    headers: Headers = [] if retry_after is None else [(b"retry-after", retry_after)]
    return after_answer(rule, attempt, status, headers, jitter=1.0, now=NOW)


async def pieces() -> AsyncIterator[bytes]:
    yield b""


@pytest.mark.parametrize(
    ("method", "headers", "body", "may"),
    [
        ("GET", [], None, True),
        ("PUT", [], b"x", True),
        ("DELETE", [], None, True),
        ("PUT", [], pieces(), False),
        ("POST", [], b"x", False),
        ("PATCH", [], b"x", False),
        ("POST", [(b"idempotency-key", b"1")], b"x", True),
        ("POST", [(b"idempotency-key", b"1")], pieces(), False),
    ],
)
def test_what_means_the_same_twice_may_be_repeated(method: str, headers: Headers, body: object, may: bool) -> None:
    assert repeatable(method, headers, body) is may


def test_by_default_nothing_is_repeated() -> None:
    assert after(503, rule=Retry()) is None
    assert after_error(Retry(), 1, errors.DOWNSTREAM_ERROR, jitter=1.0) is None


def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    rule = Retry(attempts=5, max_wait=0.3)
    assert [after(503, attempt=attempt, rule=rule) for attempt in range(1, 6)] == [0.1, 0.2, 0.3, 0.3, None]
    assert after_answer(rule, 1, 503, [], jitter=0.5, now=NOW) == 0.05


def test_only_the_named_statuses_are_repeated() -> None:
    assert {status for status in range(200, 600) if after(status) is not None} == {503}


@pytest.mark.parametrize(
    ("value", "wait"),
    [(b"0", 0.0), (b"5", 5.0), (b"6", None), (b"9" * 400, None), (b"soon", None), (b"-1", None), (b"1.5", None),
     (b"Tue, 14 Nov 2023 22:13:23 GMT", 3.0), (b"Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
     (b"Tue, 14 Nov 2023 23:13:20 GMT", None)],
)  # fmt: skip
def test_retry_after_is_honoured_or_the_answer_stands(value: bytes, wait: float | None) -> None:
    assert after(503, value) == wait


@pytest.mark.parametrize(
    ("kind", "again"),
    [(errors.DOWNSTREAM_ERROR, True), (errors.CONNECTION_TIMEOUT, True), (errors.INVALID_REQUEST, False),
     (errors.CIRCUIT_BREAKER_OPEN, False), (errors.EGRESS_DENIED, False), (errors.PAYLOAD_TOO_LARGE, False)],
)  # fmt: skip
def test_an_error_is_repeated_if_the_endpoint_is_to_blame(kind: ErrorKind, again: bool) -> None:
    assert (after_error(RULE, 1, kind, jitter=1.0) is not None) is again
    assert after_error(RULE, 3, kind, jitter=1.0) is None
