import json

import pytest

from dragoman import errors
from dragoman.client.problem import CONTENT_TYPE, Problem, parse
from dragoman.errors import GatewayError
from dragoman.gateway.render import render_error


@pytest.mark.parametrize("path", ["/api/oagw/v1/proxy/x/y", "/v1/chat/completions", "/v1/messages", "/admin/keys"])
@pytest.mark.parametrize("kind", errors.TABLE, ids=lambda kind: kind.code)
def test_an_error_of_the_gateway_is_read_on_every_surface(path: str, kind: errors.ErrorKind) -> None:
    error = GatewayError(kind, "What is wrong, and what to do about it.", extra={"alias": "x"})
    status, headers, body = render_error(error, path=path, request_id="req_1")
    said = parse(status, dict(headers)[b"content-type"].decode(), body)
    assert said is not None
    assert (said.status, said.detail) == (status, error.message)
    if not path.startswith("/v1/messages"):  # Anthropic's envelope has a type and no code
        assert said.code == kind.code
    if not path.startswith("/v1/"):
        assert said.retriable is kind.retriable
        assert said.retry_after_seconds == error.retry_after
        assert (said.alias, said.source, said.request_id, said.instance) == ("x", "gateway", "req_1", path)


def test_a_problem_of_another_gateway_is_read_as_far_as_it_goes() -> None:
    body = {"type": "about:blank", "title": "No route", "status": 404, "trace_id": "t", "host": "h"}
    said = parse(404, "Application/Problem+JSON; charset=utf-8", json.dumps(body).encode())
    assert said == Problem(status=404, type="about:blank", title="No route", members=body)


def test_a_member_of_the_wrong_type_counts_as_absent() -> None:
    body = {"status": "many", "title": ["x"], "detail": "d", "code": 7, "retry_after_seconds": 1.5, "retriable": "yes"}
    said = parse(429, CONTENT_TYPE, json.dumps(body).encode())
    assert said is not None
    assert (said.status, said.title, said.detail, said.code) == (429, "", "d", "")
    assert (said.retry_after_seconds, said.retriable) == (1.5, None)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b"null", b'{"message": "Not Found"}', b"\xff"])
def test_what_is_no_error_we_know_is_none(body: bytes) -> None:
    assert parse(500, "application/json", body) is None


def test_the_plain_error_of_the_seeds_is_a_detail() -> None:
    said = parse(404, "application/json", b'{"error": "Unknown alias: x"}')
    assert said is not None
    assert said.detail == "Unknown alias: x"
