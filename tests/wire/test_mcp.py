"""`dragoman.wire.mcp`."""

import json

import msgspec
import pytest

from dragoman.errors import WireError
from dragoman.wire import mcp


def test_a_request_is_told_from_a_notification_by_its_id() -> None:
    request = mcp.parse_request(b'{"jsonrpc":"2.0","id":7,"method":"ping"}')
    notification = mcp.parse_request(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    assert (request.id, request.method, bytes(request.params)) == (7, "ping", b"{}")
    assert notification.id is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id":1}', b'{"method":5}', b'{"method":"a","id":[]}'])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        mcp.parse_request(body)


@pytest.mark.parametrize(
    ("asked", "spoken"), [("2025-06-18", "2025-06-18"), ("2024-11-05", "2024-11-05"), ("1999-01-01", "2025-11-25")]
)
def test_a_known_revision_is_spoken_and_the_newest_offered_otherwise(asked: str, spoken: str) -> None:
    assert mcp.version(msgspec.Raw(json.dumps({"protocolVersion": asked}).encode())) == spoken


def test_a_call_has_a_name_and_arguments() -> None:
    call = mcp.parse_call(msgspec.Raw(b'{"name":"clock","arguments":{"zone":"UTC"}}'))

    assert (call.name, bytes(call.arguments)) == ("clock", b'{"zone":"UTC"}')
    with pytest.raises(WireError):
        mcp.parse_call(msgspec.Raw(b'{"arguments":{}}'))
    with pytest.raises(WireError):
        mcp.version(msgspec.Raw(b"[]"))


def test_answers_are_json_rpc() -> None:
    result = mcp.ToolResult((mcp.Content("12:00"),))

    assert json.loads(mcp.render_result("a", result)) == {
        "jsonrpc": "2.0", "id": "a", "result": {"content": [{"text": "12:00", "type": "text"}], "isError": False},
    }  # fmt: skip
    assert json.loads(mcp.render_error(None, mcp.PARSE_ERROR, "no")) == {
        "jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "no"},
    }  # fmt: skip
