from typing import Any, get_args

import msgspec
import pytest
from msgspec import Raw
from openai.types.responses import (
    FunctionTool,
    Response,
    ResponseCustomToolCall,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseReasoningItem,
    ResponseStreamEvent,
    ResponseUsage,
)
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from dragoman.wire import responses as wire
from dragoman.wire import responses_events as events


def plain(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (wire.InputText("a"), {"type": "input_text", "text": "a"}),
        (wire.InputImage("u", detail="auto"), {"type": "input_image", "image_url": "u", "detail": "auto"}),
        (wire.InputFile(file_id="f"), {"type": "input_file", "file_id": "f"}),
        (wire.OutputText("a"), {"type": "output_text", "text": "a", "annotations": []}),
        (wire.OutputText("a", [], []), {"type": "output_text", "text": "a", "annotations": [], "logprobs": []}),
        (wire.RefusalPart("no"), {"type": "refusal", "refusal": "no"}),
        (wire.InputMessage("user", "a"), {"type": "message", "role": "user", "content": "a"}),
        (
            wire.FunctionCall("c", "f", "{}"),
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        ),
        (wire.CustomToolCall("c", "p", ""), {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": ""}),
        (wire.FunctionCallOutput("c", ""), {"type": "function_call_output", "call_id": "c", "output": ""}),
        (wire.CustomToolCallOutput("c", []), {"type": "custom_tool_call_output", "call_id": "c", "output": []}),
        (wire.ReasoningItem(), {"type": "reasoning", "summary": []}),
        (
            wire.FunctionTool("f"),
            {"type": "function", "name": "f", "description": None, "parameters": None, "strict": None},
        ),
        (wire.CustomTool("p"), {"type": "custom", "name": "p"}),
        (wire.NamedTool("function", "f"), {"type": "function", "name": "f"}),
        (wire.AllowedTools("auto", []), {"type": "allowed_tools", "mode": "auto", "tools": []}),
        (wire.TextConfig(wire.TextFormat()), {"format": {"type": "text"}}),
        (wire.JsonSchemaFormat("n", Raw(b"{}")), {"type": "json_schema", "name": "n", "schema": {}}),
    ],
)
def test_what_is_written(value: msgspec.Struct, expected: object) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("value", "model"),
    [
        (
            wire.OutputMessage(id="msg_1", status="completed", content=[wire.OutputText("a", [], [])]),
            ResponseOutputMessage,
        ),
        (wire.FunctionCall("c", "f", "{}", "fc_1", "completed"), ResponseFunctionToolCall),
        (wire.CustomToolCall("c", "p", "", "ctc_1"), ResponseCustomToolCall),
        (wire.ReasoningItem([wire.SummaryText("s")], "rs_1", [wire.ReasoningText("t")], "S"), ResponseReasoningItem),
        (wire.Usage(1, wire.InputTokensDetails(), 2, wire.OutputTokensDetails(), 3), ResponseUsage),
        (wire.FunctionTool("f", "d", Raw(b"{}"), True), FunctionTool),
    ],
)
def test_what_is_written_is_of_the_sdks_types(value: msgspec.Struct, model: Any) -> None:
    model.model_validate(plain(value))


def test_every_member_of_a_request_is_the_sdks() -> None:
    known = {*ResponseCreateParamsBase.__annotations__, "stream"}
    ours = set(wire.Request.__struct_encode_fields__)
    assert ours - known == {"frequency_penalty", "presence_penalty"}  # of Open Responses


def test_every_member_of_a_response_is_the_sdks() -> None:
    known = {field.alias or name for name, field in Response.model_fields.items()}
    ours = set(wire.Response.__struct_encode_fields__)
    assert ours - known == {"frequency_penalty", "presence_penalty", "store"}  # of Open Responses


def written() -> dict[str, type[events.StreamEvent]]:
    """The events that have a type of their own."""
    found: dict[str, type[events.StreamEvent]] = {}
    for one in vars(events).values():
        if isinstance(one, type) and issubclass(one, events.StreamEvent):
            tag = one.__struct_config__.tag
            if isinstance(tag, str) and tag[0].islower():
                found[tag] = one
    return found


def test_every_event_has_the_members_of_the_sdks() -> None:
    union: Any = ResponseStreamEvent
    members: tuple[Any, ...] = get_args(get_args(union)[0])
    known = {get_args(member.model_fields["type"].annotation)[0]: member for member in members}
    assert len(written()) == 25
    for tag, ours in written().items():
        theirs = {name for name, field in known[tag].model_fields.items() if field.is_required()} - {"type"}
        extra = {"error", "code", "param"} if tag == "error" else set()
        assert set(ours.__struct_encode_fields__) - extra == theirs | (
            {"annotation"} if tag == "response.output_text.annotation.added" else set()
        )


def test_zeros_and_empty_lists_are_written() -> None:
    assert plain(events.TextDelta("msg_1", 0, 0, "a", sequence_number=0)) == {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "a",
        "logprobs": [],
        "sequence_number": 0,
    }


def test_reading_forgives_what_is_left_out() -> None:
    delta = events.parse_delta(b'{"delta":"a","obfuscation":"x"}')
    assert (delta.output_index, delta.item_id, delta.content_index, delta.logprobs) == (None, None, 0, None)
    assert events.parse_head(b'{"odd":1}') == events.GivenHead()
    assert wire.parse_response(b'{"created_at":1.5,"output":null,"odd":{}}').created_at == 1.5
    assert wire.parse_usage(b"null") is None
    assert wire.parse_kind(b'{"type":null}').type is None


@pytest.mark.parametrize(
    "body",
    [b'{"output":{}}', b'{"created_at":"x"}', b'{"error":7}', b'{"error":{"code":[]}}', b'{"incomplete_details":7}'],
)
def test_reading_does_not_forgive_what_is_of_another_type(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        wire.parse_response(body)
