"""Messages of Responses over a WebSocket: what is understood, what is refused, how an error looks."""

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.dialects.responses import continuation, socket
from dragoman.errors import GatewayError
from dragoman.wire.chat import render_fields


def message(**members: Any) -> bytes:
    return json.dumps({"type": "response.create", "model": "m", "input": "hello", **members}).encode()


def test_a_message_is_the_body_of_a_post_and_asks_for_a_stream() -> None:
    fields = socket.parse(message(temperature=0.5, client_metadata={"a": "b"}))
    assert json.loads(render_fields(fields)) == {
        "model": "m", "input": "hello", "temperature": 0.5, "client_metadata": {"a": "b"}, "stream": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "members",
    [
        {"stream": True},
        {"stream": None},
        {"generate": True},
        {"background": False},
        {"stream_options": None, "stream_id": None},
    ],
)
def test_what_says_nothing_new_is_let_pass(members: dict[str, Any]) -> None:
    assert socket.parse(message(**members)) == socket.parse(message())


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"stream": False}, "stream"),
        ({"generate": False}, "generate"),
        ({"background": True}, "background"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options"),
        ({"stream_id": "main"}, "stream_id"),
    ],
)
def test_what_a_websocket_cannot_do_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        socket.parse(message(**members))
    assert (refused.value.kind.code, refused.value.param) == ("unsupported_parameter", param)


@pytest.mark.parametrize("sent", [message(type="response.steer"), message(type=1), b'{"model":"m"}'])
def test_another_type_of_message_is_refused(sent: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        socket.parse(sent)
    assert (refused.value.kind.code, refused.value.param) == ("invalid_request", "type")


@pytest.mark.parametrize("sent", [b"", b"[]", b"hello", b'{"type":'])
def test_what_is_no_json_object_is_refused(sent: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        socket.parse(sent)
    assert refused.value.kind.code == "invalid_json"


def test_what_came_before_goes_into_the_input() -> None:
    fields = socket.parse(message(previous_response_id="resp_1", store=False))
    items = [Raw(b'{"role":"user","content":"one"}'), Raw(b'{"type":"reasoning","id":"rs_1","summary":[]}')]
    whole = json.loads(render_fields(socket.follow(fields, [*items, *continuation.parse(fields).items])))
    assert whole == {
        "model": "m", "store": False, "stream": True,
        "input": [
            {"role": "user", "content": "one"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(("value", "named"), [("resp_1", "resp_1"), (None, ""), (7, ""), ({}, "")])
def test_the_previous_response_is_known_however_it_is_written(value: Any, named: str) -> None:
    assert socket.previous(socket.parse(message(previous_response_id=value))) == named


def test_an_error_says_its_status_and_when_to_come_again() -> None:
    body = b'{"error":{"message":"m","type":"t","param":null,"code":"rate_limit_exceeded"}}'
    assert json.loads(socket.render_error(body, 429, b"7")) == {
        "type": "error",
        "status": 429,
        "error": {
            "message": "m", "type": "t", "param": None, "code": "rate_limit_exceeded", "headers": {"retry-after": "7"},
        },
    }  # fmt: skip


def test_a_missing_previous_response_is_a_400_here() -> None:
    body = b'{"error":{"code":"previous_response_not_found","param":"previous_response_id"}}'
    assert json.loads(socket.render_error(body, 404, None))["status"] == 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"error":{"message":"m","code":429}}', {"message": "m", "code": 429}),
        ('{"error":"no"}', {"message": "no", "type": "upstream_error", "param": None, "code": None}),
        ('{"detail":"no"}', {"message": "The upstream reported an error.", "type": "upstream_error"}),
        ("<html>", {"message": "The upstream reported an error.", "type": "upstream_error"}),
    ],
)
def test_an_error_of_any_shape_becomes_a_message(body: str, error: dict[str, Any]) -> None:
    told = json.loads(socket.render_error(body.encode(), 502, None))
    assert (told["type"], told["status"]) == ("error", 502)
    assert {name: told["error"][name] for name in error} == error
