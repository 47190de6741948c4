import json

import msgspec
import pytest

from dragoman.wire import chat_request as wire

TEXT = {"type": "text", "text": "a"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (wire.Message, {"role": "user", "content": [TEXT], "name": "ann"}),
        (wire.ContentPart, TEXT),
        (wire.ImageUrl, {"url": "u"}),
        (wire.InputAudio, {"data": "", "format": "wav"}),
        (wire.FileData, {"file_id": "f"}),
        (wire.Call, {"id": "a", "function": {"name": "f"}}),
        (wire.FunctionCall, {"name": "f"}),
        (wire.CustomCall, {"name": "f"}),
        (wire.Tool, {"type": "function", "function": {"name": "f"}}),
        (wire.FunctionTool, {"name": "f"}),
        (wire.CustomTool, {"name": "f"}),
        (wire.CustomFormat, {"type": "text"}),
        (wire.GrammarBody, {"definition": "", "syntax": "lark"}),
        (wire.ToolChoice, {"type": "function", "function": {"name": "f"}}),
        (wire.NamedTool, {"function": {"name": "f"}}),
        (wire.Named, {"name": "f"}),
        (wire.AllowedTools, {"mode": "auto", "tools": []}),
        (wire.ResponseFormat, {"type": "text"}),
        (wire.JsonSchema, {"name": "n"}),
        (wire.WebSearchOptions, {"search_context_size": "low"}),
        (wire.UserLocation, {"approximate": {}}),
        (wire.Approximate, {"city": "Bern"}),
        (wire.StreamOptions, {"include_usage": True}),
    ],
)
def test_a_member_that_nobody_named_is_refused(kind: type[msgspec.Struct], body: dict[str, object]) -> None:
    msgspec.json.decode(json.dumps(body), type=kind)
    with pytest.raises(msgspec.ValidationError, match="unknown field `foo`"):
        msgspec.json.decode(json.dumps(body | {"foo": None}), type=kind)


@pytest.mark.parametrize("detail", ["auto", "low", "high", "original", None])
def test_every_detail_of_an_image_is_known(detail: str | None) -> None:
    image = msgspec.json.decode(json.dumps({"url": "u", "detail": detail}), type=wire.ImageUrl)
    assert image.detail == detail


def test_what_is_not_looked_into_stays_as_it_is() -> None:
    tool = msgspec.json.decode(b'{"name":"f","parameters":{"x" : 1.50}}', type=wire.FunctionTool)
    assert bytes(tool.parameters) == b'{"x" : 1.50}'
    assert bytes(msgspec.json.decode(b'{"name":"f"}', type=wire.FunctionTool).parameters) == b"null"
    part = msgspec.json.decode(json.dumps(TEXT), type=wire.ContentPart)
    assert part.prompt_cache_breakpoint is msgspec.UNSET


def test_a_message_may_leave_out_all_but_its_role() -> None:
    message = msgspec.json.decode(b'{"role":"assistant"}', type=wire.Message)
    assert (message.content, message.tool_calls, bytes(message.audio)) == (None, None, b"null")
