import copy
import json
import pickle
import re

import pytest

from dragoman import errors
from dragoman.errors import TABLE, ConfigError, DragomanError, ErrorKind, GatewayError, WireError
from dragoman.gateway.render import Headers, render_error, status_of

MODELS, OUTBOUND = "/v1/chat/completions", "/api/oagw/v1/proxy/github/user"

# The documented table of the outbound surface: variable part of the `type`, and status.
DOCUMENTED = {
    "validation.error": 400, "routing.missing_target_host": 400, "routing.invalid_target_host": 400,
    "routing.unknown_target_host": 400, "auth.failed": 401, "cors.origin_not_allowed": 403,
    "cors.method_not_allowed": 403, "route.not_found": 404, "plugin.in_use": 409, "payload.too_large": 413,
    "rate_limit.exceeded": 429, "secret.not_found": 500, "protocol.error": 502, "downstream.error": 502,
    "stream.aborted": 502, "link.unavailable": 503, "circuit_breaker.open": 503, "concurrency_limit.exceeded": 503,
    "queue.timeout": 503, "queue.full": 503, "queue.memory_limit": 503, "plugin.not_found": 503,
    "timeout.connection": 504, "timeout.request": 504, "timeout.idle": 504,
}  # fmt: skip
# Faults of HTTP itself share the slug of a faulty request and keep the status HTTP has for them.
OF_HTTP = {errors.METHOD_NOT_ALLOWED: 405, errors.HEAD_TOO_LARGE: 431}

each_row = pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.code)


def rendered(error: GatewayError, path: str) -> tuple[int, dict[bytes, bytes], dict[str, object]]:
    status, headers, body = render_error(error, path=path, request_id="req_1")
    assert len(dict(headers)) == len(headers), "a header is there twice"
    return status, dict(headers), json.loads(body)


def test_the_table_holds_every_row_once() -> None:
    rows = [value for value in vars(errors).values() if isinstance(value, ErrorKind)]
    assert list(TABLE) == rows
    assert len(TABLE) > 25
    assert len({kind.code for kind in TABLE}) == len({kind.title for kind in TABLE}) == len(TABLE)


@each_row
def test_a_row_is_whole(kind: ErrorKind) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    assert getattr(errors, kind.code.upper()) is kind
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", kind.slug)
    assert kind.title[0].isupper() and not kind.title.endswith(".")
    assert 400 <= kind.status <= 599
    assert kind.type == {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        kind.status, "invalid_request_error" if kind.status < 500 else "server_error"
    )


@each_row
def test_a_row_says_when_to_come_back_just_if_that_can_help(kind: ErrorKind) -> None:
    assert kind.retriable is (kind.retry_after is not None)
    assert kind.retry_after is None or kind.retry_after >= 1
    assert not kind.retriable or kind.status in (408, 429) or kind.status >= 500


@each_row
def test_a_row_has_the_documented_status(kind: ErrorKind) -> None:
    if kind.slug in DOCUMENTED:
        assert kind.status == OF_HTTP.get(kind, DOCUMENTED[kind.slug])


@each_row
def test_a_row_as_the_model_surface_shows_it(kind: ErrorKind) -> None:
    status, headers, body = rendered(GatewayError(kind, "Say what to do.", param="model"), MODELS)
    assert status == kind.status
    assert headers[b"content-type"] == b"application/json"
    assert body == {"error": {"message": "Say what to do.", "type": kind.type, "param": "model", "code": kind.code}}
    check_headers(kind, status, headers)


@each_row
def test_a_row_as_the_outbound_surface_shows_it(kind: ErrorKind) -> None:
    status, headers, body = rendered(GatewayError(kind, "Say what to do."), OUTBOUND)
    assert status == (403 if kind is errors.INVALID_API_KEY else kind.status)
    assert headers[b"content-type"] == b"application/problem+json"
    expected = {
        "type": f"gts.cf.core.errors.err.v1~cf.oagw.{kind.slug}.v1",
        "title": kind.title,
        "status": status,
        "detail": "Say what to do.",
        "error": "Say what to do.",
        "code": kind.code,
        "retriable": kind.retriable,
        "source": "gateway",
        "instance": OUTBOUND,
        "request_id": "req_1",
    }
    if kind.retriable:
        expected["retry_after_seconds"] = kind.retry_after
    assert body == expected
    check_headers(kind, status, headers)


def check_headers(kind: ErrorKind, status: int, headers: dict[bytes, bytes]) -> None:
    assert headers[b"x-request-id"] == b"req_1"
    assert headers[b"x-oagw-error-source"] == b"gateway"
    assert int(headers[b"content-length"]) > 0
    assert headers.get(b"retry-after") == (b"%d" % kind.retry_after if kind.retry_after else None)
    # RFC 9110, 15.5.2: a 401 must say how to authenticate.
    assert headers.get(b"www-authenticate") == (b"Bearer" if status == 401 else None)


@pytest.mark.parametrize(
    ("path", "missing", "wrong"),
    [
        ("/v1/chat/completions", 401, 401),
        ("/admin/keys", 401, 401),
        ("/metrics", 401, 401),
        ("/api/oagw/v1/status", 401, 403),
        ("/api/oagw/v1/proxy/github/user", 401, 403),
    ],
)
def test_a_missing_key_is_a_401_and_a_wrong_one_a_403_on_the_outbound_surface_only(
    path: str, missing: int, wrong: int
) -> None:
    assert status_of(GatewayError(errors.MISSING_API_KEY, ""), path) == missing
    assert status_of(GatewayError(errors.INVALID_API_KEY, ""), path) == wrong


@pytest.mark.parametrize("path", ["/", "", "/health", "/admin/keys", "/v1", "/v2/x", "/nothing"])
def test_any_other_surface_shows_problem_details(path: str) -> None:
    assert rendered(GatewayError(errors.NOT_FOUND, "x"), path)[1][b"content-type"] == b"application/problem+json"


def test_an_error_brings_its_own_headers_delay_and_members() -> None:
    error = GatewayError(
        errors.METHOD_NOT_ALLOWED,
        "x",
        retry_after=7,
        headers={"Allow": "GET"},
        extra={"alias": "github", "upstream": "u"},
    )
    _, headers, body = rendered(error, OUTBOUND)
    assert (headers[b"allow"], headers[b"retry-after"]) == (b"GET", b"7")
    assert (body["alias"], body["upstream"], body["retry_after_seconds"]) == ("github", "u", 7)


def test_what_a_message_quotes_cannot_break_out_of_its_form() -> None:
    message = 'The model "\r\nX-Evil: 1\0 🐉" does not exist.'
    error = GatewayError(errors.MODEL_NOT_FOUND, message)
    assert rendered(error, MODELS)[2] == {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": "model_not_found"}
    }
    problem = rendered(error, OUTBOUND)[2]
    assert problem["detail"] == problem["error"] == message


def test_a_message_is_kept_as_it_is_and_its_code_shown_beside_it() -> None:
    error = GatewayError(errors.INVALID_JSON, "The request body is not valid JSON.")
    assert (str(error), error.message, error.param) == (error.message, "The request body is not valid JSON.", None)
    assert repr(error) == "GatewayError(invalid_json, 'The request body is not valid JSON.')"
    assert (error.extra, error.headers) == ({}, {})


def test_what_an_error_is_given_is_its_own() -> None:
    extra, headers = {"alias": "a"}, {"Allow": "GET"}
    error = GatewayError(errors.NOT_FOUND, "x", extra=extra, headers=headers)
    extra["alias"] = headers["Allow"] = "changed"
    assert (error.extra, error.headers) == ({"alias": "a"}, {"Allow": "GET"})


def test_an_error_of_a_setting_names_its_key_and_the_way_out() -> None:
    error = ConfigError("server.prot", "unknown key", "did you mean 'port'?")
    assert str(error) == "server.prot: unknown key (did you mean 'port'?)"
    assert (error.key, error.message, error.hint) == ("server.prot", "unknown key", "did you mean 'port'?")
    assert str(ConfigError("a", "b")) == "a: b"


def test_all_errors_are_of_one_tree() -> None:
    for kind in (GatewayError, WireError, ConfigError):
        assert issubclass(kind, DragomanError)
    assert not issubclass(WireError, GatewayError)


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        errors.NOT_FOUND.status = 200  # type: ignore[misc]
    assert copy.deepcopy(errors.NOT_FOUND) == pickle.loads(pickle.dumps(errors.NOT_FOUND)) == errors.NOT_FOUND


def test_headers_are_lower_case_bytes_without_line_ends() -> None:
    for kind in TABLE:
        headers: Headers = render_error(GatewayError(kind, "x\r\ny"), path=MODELS, request_id="r")[1]
        for name, value in headers:
            assert name == name.lower()
            assert not {10, 13} & {*name, *value}
