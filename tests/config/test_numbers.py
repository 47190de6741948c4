"""`dragoman.config.numbers`."""

import pytest

from tests.config.texts import fault


@pytest.mark.parametrize("value", ["0", "-1", "nan"])
def test_what_must_be_more_than_0_is(value: str) -> None:
    error = fault(f"[jobs]\nheartbeat = {value}")

    assert (error.key, error.message) == ("jobs.heartbeat", "must be more than 0")


@pytest.mark.parametrize("value", ["-0.1", "nan"])
def test_what_must_not_be_negative_is_not(value: str) -> None:
    error = fault(f"[server]\ndrain = {value}")

    assert (error.key, error.message) == ("server.drain", "must not be negative")


def test_a_limit_that_cannot_be_is_named_by_its_key() -> None:
    error = fault('[upstreams.a]\nbase_url = "https://a.com"\nrate_limit.sustained = { rate = 0, window = "second" }')

    assert error.key == "upstreams.a.rate_limit.sustained.rate"
