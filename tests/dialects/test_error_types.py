import pytest

from dragoman.dialects.error_types import openai
from dragoman.dialects.messages.errors import STATUS
from dragoman.wire.common import ErrorBody


@pytest.mark.parametrize(
    ("given", "told"),
    [("overloaded_error", "server_error"), ("not_found_error", "invalid_request_error"), ("odd", "odd")],
)
def test_a_type_has_the_name_a_caller_knows(given: str, told: str) -> None:
    assert openai(ErrorBody("m", given, "p", "c")) == ErrorBody("m", told, "p", "c")


def test_every_type_of_messages_is_one_that_openai_has() -> None:
    told = {openai(ErrorBody("m", kind)).type for kind in STATUS}
    assert told == {
        "invalid_request_error", "authentication_error", "permission_error", "rate_limit_error", "server_error",
        "billing_error", "conflict_error",
    }  # fmt: skip
