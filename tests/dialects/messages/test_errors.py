import json

import anthropic
import pytest

from dragoman.dialects.messages import errors
from dragoman.wire.common import ErrorBody
from tests.dialects.messages.sdk import buffered, client


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"type":"error","error":{"type":"not_found_error","message":"model: x"},"request_id":"r"}',
         ErrorBody("model: x", "not_found_error")),
        (b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}',
         ErrorBody("slow", "rate_limit_error", None, "rate_limit_exceeded")),
        (b'{"error":{"type":"rate_limit_error","message":"slow","details":{"error_code":"ramp_limit_exceeded"}}}',
         ErrorBody("slow", "rate_limit_error", None, "ramp_limit_exceeded")),
        (b'{"error":{"message":"no","type":"invalid_request_error","code":"x"}}',
         ErrorBody("no", "invalid_request_error", None, "x")),
        (b'{"error":{"message":"no","code":400}}', ErrorBody("no", "api_error", None, "400")),
        (b'{"error":{"details":{}}}', ErrorBody("", "api_error")),
        (b'{"error":"no"}', ErrorBody("no", "api_error")),
        (b'{"type":"error"}', None),
        (b'{"detail":"no"}', None),
        (b"<html>", None),
        (b"\xff", None),
        (b'{"error":{"message":"m"},"x":"\xff"}', None),
        (b"[" * 100_000, None),
    ],
)  # fmt: skip
def test_what_upstreams_say_is_read(body: bytes, expected: ErrorBody | None) -> None:
    assert errors.parse(body) == expected


@pytest.mark.parametrize(("kind", "status"), errors.STATUS.items())
def test_each_type_has_its_status_and_each_status_its_type(kind: str, status: int) -> None:
    assert errors.type_of(status) == kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(418, "invalid_request_error"), (422, "invalid_request_error"), (408, "timeout_error"), (502, "api_error"),
     (503, "overloaded_error"), (508, "api_error")],
)  # fmt: skip
def test_other_statuses_have_the_nearest_type(status: int, kind: str) -> None:
    assert errors.type_of(status) == kind


@pytest.mark.parametrize(
    ("given", "status", "kind"),
    [
        ("invalid_request_error", 400, "invalid_request_error"),
        ("invalid_request_error", 401, "authentication_error"),  # as OpenAI calls a wrong key
        ("server_error", 503, "overloaded_error"),
        ("server_error", 500, "api_error"),
        ("insufficient_quota", 429, "rate_limit_error"),
        ("not_found_error", 410, "not_found_error"),
        ("upstream_error", 410, "invalid_request_error"),
    ],
)
def test_a_status_says_more_than_the_type_of_another_dialect(given: str, status: int, kind: str) -> None:
    body = json.loads(errors.render(ErrorBody("no", given, "model"), status))
    assert body == {"type": "error", "error": {"type": kind, "message": "no"}}


def test_the_sdk_raises_the_class_of_the_status_and_finds_the_code() -> None:
    body = errors.render(ErrorBody("No key.", "authentication_error", None, "missing_api_key"), 401)
    with client(body, status=401) as sdk, pytest.raises(anthropic.AuthenticationError, match="No key") as raised:
        sdk.messages.create(model="fast", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
    assert raised.value.type == "authentication_error"
    assert raised.value.error_code == "missing_api_key"
    assert raised.value.api_message == "No key."


def test_an_error_is_one_event_with_its_name() -> None:
    event = errors.render_event(ErrorBody("no", "overloaded_error"))
    assert event == (b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n')


def test_an_error_read_and_rendered_again_says_the_same() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    said = errors.parse(body)
    assert said is not None
    assert errors.render(said, 529) == body


def test_an_error_is_no_message_to_the_judge_of_these_tests() -> None:
    with pytest.raises(ValueError, match="validation errors"):
        buffered(errors.render(ErrorBody("no", "api_error"), 500))
