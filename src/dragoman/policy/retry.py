"""Whether a call may be sent again, and after how long: nothing is, unless its alias says so.

What is repeated is a request that means the same twice, by its method (RFC 9110, 9.2.2) or by an Idempotency-Key, and
whose body is here whole. An upstream's Retry-After is honoured if it is no longer than the alias is willing to wait.
"""

from email.utils import parsedate_to_datetime
from typing import Final

from dragoman.errors import ErrorKind
from dragoman.policy import breaker
from dragoman.policy.headers import Headers, value_of
from dragoman.policy.resources import Retry

IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))
FIRST: Final = 0.1
"""Seconds of the first pause at most; each further one may be twice as long."""


def repeatable(method: str, headers: Headers, body: object) -> bool:
    """Whether sending the request twice is the same as once, and possible."""
    if body is not None and not isinstance(body, bytes):
        return False
    return method in IDEMPOTENT or value_of(headers, b"idempotency-key") is not None


def after_answer(
    rule: Retry, attempt: int, status: int, headers: Headers, *, jitter: float, now: float
) -> float | None:
    """Seconds until the next attempt after an answer to number `attempt`, from 1; None to let that be the answer.

    `jitter` is a random number from 0 to 1, `now` Unix time.
    """
    if attempt >= rule.attempts or status not in rule.statuses:
        return None
    asked = value_of(headers, b"retry-after")
    if asked is None:
        return _pause(rule, attempt, jitter)
    seconds = _seconds(asked, now)
    return seconds if seconds is not None and seconds <= rule.max_wait else None


def after_error(rule: Retry, attempt: int, kind: ErrorKind, *, jitter: float) -> float | None:
    """The same after no answer at all."""
    if attempt >= rule.attempts or kind not in breaker.KINDS:
        return None
    return _pause(rule, attempt, jitter)


def _pause(rule: Retry, attempt: int, jitter: float) -> float:
    return float(min(rule.max_wait, FIRST * 2 ** (attempt - 1)) * jitter)


def _seconds(value: bytes, now: float) -> float | None:
    """What a Retry-After says (RFC 9110, 10.2.3); None for what is neither a number nor a date."""
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return None
