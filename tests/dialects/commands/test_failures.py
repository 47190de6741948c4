"""`dragoman.dialects.commands.failures`."""

import pytest

from dragoman.dialects.commands.failures import MAX_MESSAGE, exit_message, failed


@pytest.mark.parametrize(
    ("status", "code", "answered"),
    [
        (400, "invalid_request", 400), (401, "credential_refused", 502), (403, "credential_refused", 502),
        (404, "model_not_found", 404), (429, "rate_limit_exceeded", 429), (500, "link_unavailable", 503),
        (503, "link_unavailable", 503), (529, "link_unavailable", 503), (504, "request_timeout", 504),
        (418, "execution_failed", 503), (None, "execution_failed", 503),
    ],
)  # fmt: skip
def test_a_providers_status_says_what_the_caller_gets(status: int | None, code: str, answered: int) -> None:
    error = failed("no more", status)

    assert (error.kind.code, error.kind.status, error.message) == (code, answered, "no more")


def test_a_message_is_bounded_and_never_empty() -> None:
    assert len(failed("x" * 100_000).message) == MAX_MESSAGE
    assert failed(" \n").message == "The program failed and did not say why."


def test_an_exit_without_an_answer_is_told_by_the_end_of_the_standard_error() -> None:
    assert exit_message(42, b"noise\nboom\n") == "The program exited with code 42: noise\nboom"
    assert exit_message(-9, b"") == "The program ended by signal 9."
    assert exit_message(1, b"x" * 300_000 + b"\xff the end").endswith("\ufffd the end")
    assert len(exit_message(1, b"x" * 300_000)) <= MAX_MESSAGE
