import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.errors import body, parse, parse_any, relay, relay_events, render, render_events
from dragoman.errors import GatewayError
from dragoman.wire.common import ErrorBody
from tests.dialects.chat.streams import DONE

UNSAID = ErrorBody("The upstream reported an error.", "upstream_error")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            b'{"error":{"message":"m","type":"t","param":"p","code":"c"}}',
            ErrorBody("m", "t", "p", "c"),
        ),
        (b'{"error":{"message":"m","type":null,"param":null,"code":null}}', ErrorBody("m", "upstream_error")),
        (b'{"error":{"message":"m"}}', ErrorBody("m", "upstream_error")),
        (b'{"error":{"message":"m","code":429}}', ErrorBody("m", "upstream_error", None, "429")),
        (b'{"error":{}}', ErrorBody("", "upstream_error")),
        (b'{"error":"m"}', ErrorBody("m", "upstream_error")),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', ErrorBody("m", "overloaded_error")),
        (b'{"error":{"message":"m","metadata":{"raw":[1]}},"user_id":"x"}', ErrorBody("m", "upstream_error")),
        (b"", None),
        (b"{}", None),
        (b"[]", None),
        (b"<html>", None),
        (b'{"error":null}', None),
        (b'{"error":7}', None),
        (b'{"error":["m"]}', None),
        (b'{"error":{"message":null}}', None),
        (b'{"error":{"message":"\xff"}}', None),
        (b'{"detail":["Not Found"]}', None),
        (b'{"error":{"message":"m"},"x":"\xff"}', None),
        (b'{"error":' + b"[" * 50_000, None),
        (b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b',"error":"m"}', None),
    ],
)
def test_what_an_upstream_says_is_read_or_not_an_envelope(said: bytes, read: ErrorBody | None) -> None:
    assert parse(said) == read
    if read is None:
        assert json.loads(relay(said, "It answered 502.")) == {
            "error": {"message": "It answered 502.", "type": "upstream_error", "param": None, "code": None}
        }
        assert relay_events(said) == render_events(UNSAID)
    else:
        assert relay(said, "It answered 502.") == said
        assert relay_events(said) == render_events(read)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (b'{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}',
         ErrorBody("m", "BadRequestError", None, "400")),
        (b'{"message":"Forbidden"}', ErrorBody("Forbidden", "upstream_error")),
        (b'{"detail":"Not Found"}', ErrorBody("Not Found", "upstream_error")),
    ],
)  # fmt: skip
def test_an_error_without_an_envelope_is_given_one(said: bytes, read: ErrorBody) -> None:
    assert CHAT_CODEC.parse_error(said) == parse_any(said) == parse(relay(said, "It answered 502.")) == read


@pytest.mark.parametrize("body", [b'{"detail":[{"msg":"m"}]}', b'{"message":""}', b"{}", b'"m"'])
def test_a_body_that_says_nothing_readable_says_nothing(body: bytes) -> None:
    assert parse_any(body) is None


def test_an_error_of_another_dialect_has_a_type_of_this_one() -> None:
    assert (
        json.loads(CHAT_CODEC.render_error(ErrorBody("m", "overloaded_error"), 529))["error"]["type"] == "server_error"
    )


def test_our_own_error_has_all_four_members() -> None:
    error = GatewayError(errors.INVALID_REQUEST, 'Say "please".', param="messages")
    assert body(error) == ErrorBody('Say "please".', "invalid_request_error", "messages", "invalid_request")
    assert json.loads(render(error)) == {
        "error": {
            "message": 'Say "please".',
            "type": "invalid_request_error",
            "param": "messages",
            "code": "invalid_request",
        }
    }
    assert json.loads(render(GatewayError(errors.INTERNAL_ERROR, "x")))["error"]["param"] is None


@settings(deadline=None)
@given(st.text(), st.text())
def test_an_error_in_a_stream_is_one_event_and_the_end_mark(message: str, kind: str) -> None:
    told, done = render_events(ErrorBody(message, kind))
    assert told.count(b"\n") == 2 and told.endswith(b"\n\n") and b"\r" not in told
    assert parse(told.removeprefix(b"data: ")) == ErrorBody(message, kind or "upstream_error")
    assert done == DONE


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_whatever_an_upstream_says_becomes_an_envelope(said: bytes) -> None:
    assert "error" in json.loads(relay(said, "otherwise"))
