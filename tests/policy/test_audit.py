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
    ("error", "told", "logged"),
    [
        ("query_not_allowed", "The parameter 'card=4711' is not allowed.", "The parameter '...' is not allowed."),
        ("invalid_target_host", 'The host is "it\'s", which is none.', "The host is '...', which is none."),
        ("downstream_error", "Upstream 'github' cannot be reached.", "Upstream 'github' cannot be reached."),
        ("downstream_error", "x" * 300, "x" * 256),
        ("upstream_404", "whatever", ""),
        ("", "", ""),
    ],
)
def test_what_a_caller_wrote_is_no_part_of_a_message(error: str, told: str, logged: str) -> None:
    assert audit.message(error, told) == logged
