import pytest

from dragoman import errors
from dragoman.policy import audit


@pytest.mark.parametrize(
    ("error", "level"),
    [
        ("", "info"),
        ("rate_limit_exceeded", "warning"),
        ("overloaded", "warning"),
        ("circuit_breaker_open", "warning"),
        ("invalid_request", "warning"),
        ("route_not_found", "warning"),
        ("upstream_404", "warning"),
        ("caller_left", "warning"),
        ("upstream_503", "error"),
        ("downstream_error", "error"),
        ("stream_aborted", "error"),
        ("missing_api_key", "error"),
        ("permission_denied", "error"),
        ("auth_failed", "error"),
        ("secret_not_found", "error"),
        ("request_timeout", "error"),
        ("egress_denied", "error"),
        ("internal_error", "error"),
    ],
)
def test_faults_are_louder_than_limits(error: str, level: str) -> None:
    assert audit.level(error) == level


def test_an_error_of_ours_goes_by_its_type_and_others_by_their_code() -> None:
    assert audit.error_type("rate_limit_exceeded") == "rate_limit.exceeded"
    assert audit.error_type("upstream_404") == "upstream_404"
    assert audit.error_type("") == ""
    assert all(audit.is_ours(kind.code) for kind in errors.TABLE)
    assert not audit.is_ours("upstream_404")


@pytest.mark.parametrize(("status", "group"), [(200, "2xx"), (101, "1xx"), (499, "4xx"), (504, "5xx"), (0, "5xx")])
def test_statuses_go_in_groups(status: int, group: str) -> None:
    assert audit.status_class(status) == group


def test_methods_that_callers_make_up_are_one() -> None:
    assert [audit.method(name) for name in ("GET", "PROPFIND", "x" * 1000)] == ["GET", "OTHER", "OTHER"]


@pytest.mark.parametrize(
    ("traceparent", "trace"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        (b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "4bf92f3577b34da6a3ce929d0e0e4736"),
        (b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ""),
        (b"00-00000000000000000000000000000000-00f067aa0ba902b7-01", ""),
        (b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", ""),
        (b"canary", ""),
        (None, ""),
    ],
)
def test_a_trace_is_read_off_a_valid_header_alone(traceparent: bytes | None, trace: str) -> None:
    assert audit.trace_id(traceparent) == trace
