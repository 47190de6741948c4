"""The few messages of MCP that a server of tools needs: JSON-RPC 2.0 over its streamable HTTP transport.

Shapes as in the Model Context Protocol's specification, revision 2025-06-18; its earlier revisions differ in nothing
that is used here.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.errors import WireError

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Revisions that a client may ask for; the newest is offered to one that asks for another."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602

_EMPTY_OBJECT: Final = msgspec.Raw(b"{}")


class Request(msgspec.Struct, frozen=True):
    """A request, or a notification if it has no `id`. A client's answers, which have no `method`, are not expected."""

    method: str
    params: msgspec.Raw = _EMPTY_OBJECT
    id: int | str | None = None


class Hello(msgspec.Struct, frozen=True, rename="camel"):
    """What `initialize` says."""

    protocol_version: str = ""


class ToolCall(msgspec.Struct, frozen=True):
    """What `tools/call` says."""

    name: str
    arguments: msgspec.Raw = _EMPTY_OBJECT


class Tool(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One entry of `tools/list`."""

    name: str
    input_schema: msgspec.Raw
    description: str | None = None


class Content(msgspec.Struct, frozen=True):
    text: str
    type: str = "text"


class ToolResult(msgspec.Struct, frozen=True, rename="camel"):
    """What a tool gave back; an error is for the model to read, and no fault of the protocol."""

    content: tuple[Content, ...]
    is_error: bool = False


_request: Final = msgspec.json.Decoder(Request)
_hello: Final = msgspec.json.Decoder(Hello)
_call: Final = msgspec.json.Decoder(ToolCall)


def parse_request(body: bytes) -> Request:
    """Raises `WireError`."""
    try:
        return _request.decode(body)
    except msgspec.DecodeError as error:
        raise WireError(f"no request of JSON-RPC: {error}") from None


def parse_call(params: msgspec.Raw) -> ToolCall:
    """Raises `WireError`."""
    try:
        return _call.decode(params)
    except msgspec.DecodeError as error:
        raise WireError(f"no call of a tool: {error}") from None


def version(params: msgspec.Raw) -> str:
    """The revision to speak with a client that says this. Raises `WireError`."""
    try:
        asked = _hello.decode(params).protocol_version
    except msgspec.DecodeError as error:
        raise WireError(f"no greeting: {error}") from None
    return asked if asked in VERSIONS else VERSIONS[0]


def render_result(request_id: int | str | None, result: object) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "result": result})


def render_error(request_id: int | str | None, code: int, message: str) -> bytes:
    error: Mapping[str, object] = {"code": code, "message": message}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "error": error})
