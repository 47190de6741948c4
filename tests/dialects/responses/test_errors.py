import json

import pytest
from openai.types.responses.response_error import ResponseError

from dragoman.dialects.responses import errors
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.wire.common import ErrorBody


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"error": {"message": "m", "type": "invalid_request_error", "param": "input", "code": "c"}},
            ErrorBody("m", "invalid_request_error", "input", "c"),
        ),
        ({"error": {"message": "m", "code": 429}}, ErrorBody("m", "upstream_error", None, "429")),
        ({"error": {"message": None}}, ErrorBody("The upstream reported an error.", "upstream_error")),
        ({"error": "m"}, ErrorBody("m", "upstream_error")),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
            ErrorBody("m", "overloaded_error"),
        ),
        ({"detail": "m"}, None),
        ([], None),
    ],
)
def test_what_an_upstreams_error_says(body: object, expected: ErrorBody | None) -> None:
    assert RESPONSES.parse_error(json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "error", "error": {"message": "m", "type": "t", "code": "c"}}, ErrorBody("m", "t", None, "c")),
        (
            {"type": "error", "message": "m", "code": "invalid_image"},
            ErrorBody("m", "invalid_request_error", None, "invalid_image"),
        ),
        (
            {"type": "response.failed", "response": {"error": {"message": "m", "code": "server_error"}}},
            ErrorBody("m", "server_error", None, "server_error"),
        ),
        ({"type": "response.failed", "response": {}}, ErrorBody("The upstream reported an error.", "upstream_error")),
        ({"type": "error", "error": 7}, None),
    ],
)
def test_what_an_event_of_failure_says(event: object, expected: ErrorBody | None) -> None:
    assert errors.of_event(json.dumps(event).encode()) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"error":{"message":"\xff"}}',
        b'{"error":{"message":"m"},"x":"\xff"}',
        b'{"error":' + b"[" * 100_000,
    ],
)
def test_what_is_no_envelope_says_nothing(body: bytes) -> None:
    assert RESPONSES.parse_error(body) is None


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("invalid_request_error", "invalid_request_error"),
        ("server_error", "server_error"),
        ("rate_limit_error", "rate_limit_error"),
        ("api_error", "server_error"),
        ("overloaded_error", "server_error"),
        ("not_found_error", "invalid_request_error"),
    ],
)
def test_an_error_for_a_caller_has_all_four_members(kind: str, told: str) -> None:
    body = json.loads(RESPONSES.render_error(ErrorBody("m", kind, None, "c"), 400))
    assert body == {"error": {"message": "m", "type": told, "param": None, "code": "c"}}


@pytest.mark.parametrize(
    ("kind", "code", "told"),
    [
        ("server_error", "invalid_image", "invalid_image"),
        ("invalid_request_error", "context_length_exceeded", "context_length_exceeded"),
        ("insufficient_quota", "insufficient_quota", "insufficient_quota"),
        ("server_error", "stream_aborted", "server_error"),
        ("rate_limit_error", None, "rate_limit_exceeded"),
        ("invalid_request_error", "odd", "invalid_prompt"),
        ("overloaded_error", None, "server_is_overloaded"),
        ("odd", None, "server_error"),
    ],
)
def test_a_failed_response_has_a_code_of_the_list(kind: str, code: str | None, told: str) -> None:
    assert errors.of_response(ErrorBody("m", kind, None, code)).code == told


def test_the_list_holds_the_references() -> None:
    annotation = ResponseError.model_fields["code"].annotation
    assert annotation is not None
    assert len(annotation.__args__) == 21
    assert set(annotation.__args__) < errors.CODES
