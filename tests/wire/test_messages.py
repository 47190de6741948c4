"""The structs against the types of the official SDK: what it knows, they know."""

import typing
from typing import Any

import msgspec
import pytest
from anthropic import types
from anthropic.types import message_create_params

from dragoman.dialects.messages import request
from dragoman.wire import messages, messages_answer

REQUEST: list[tuple[type[msgspec.Struct], Any, set[str]]] = [
    # What is left is a hint, a place only this dialect has, or refused: all kept by name where it says something.
    (messages.TextBlock, types.TextBlockParam, {"type"}),
    (messages.ImageBlock, types.ImageBlockParam, {"type", "transformations"}),
    (messages.DocumentBlock, types.DocumentBlockParam, {"type", "citations", "context"}),
    (messages.ToolUseBlock, types.ToolUseBlockParam, {"type", "cache_control", "caller", "toolset_name"}),
    (messages.ToolResultBlock, types.ToolResultBlockParam, {"type", "cache_control", "toolset_name"}),
    (messages.ThinkingBlock, types.ThinkingBlockParam, {"type"}),
    (messages.RedactedThinkingBlock, types.RedactedThinkingBlockParam, {"type"}),
    (messages.Thinking, types.ThinkingConfigEnabledParam, {"type"}),
    (messages.Thinking, types.ThinkingConfigAdaptiveParam, {"type"}),
    (messages.OutputConfig, types.OutputConfigParam, set()),
    (messages.OutputFormat, types.JSONOutputFormatParam, set()),
    (messages.Metadata, types.MetadataParam, set()),
    (messages.ToolChoice, types.ToolChoiceToolParam, set()),
    (messages.ToolChoice, types.ToolChoiceAnyParam, set()),
    (messages.Message, types.MessageParam, set()),
    (messages.Tool, types.ToolParam,
     {"type", "allowed_callers", "cache_control", "eager_input_streaming", "input_examples"}),
]  # fmt: skip


def named(kind: Any) -> set[str]:
    """The members of a TypedDict, or of all of a union of them."""
    if typing.get_args(kind):
        return set().union(*map(named, typing.get_args(kind)))
    return set(typing.get_type_hints(kind))


@pytest.mark.parametrize(("struct", "kind", "rest"), REQUEST)
def test_a_struct_knows_what_the_sdk_can_send(struct: type[msgspec.Struct], kind: Any, rest: set[str]) -> None:
    assert named(kind) - set(struct.__struct_fields__) == rest


def test_every_source_is_known() -> None:
    for kind in (types.Base64ImageSourceParam, types.URLImageSourceParam, types.FileImageSourceParam,
                 types.Base64PDFSourceParam, types.PlainTextSourceParam, types.ContentBlockSourceParam,
                 types.URLPDFSourceParam):  # fmt: skip
        assert named(kind) <= set(messages.Source.__struct_fields__)


def test_every_parameter_of_a_request_is_read_or_kept_by_name() -> None:
    given = named(message_create_params.MessageCreateParamsBase) | {"stream"}
    assert given - request._READ == {
        "cache_control", "diagnostics", "container", "inference_geo", "speed", "user_profile_id", "workspace_id",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("struct", "kind", "rest"),
    [
        (messages_answer.Message, types.Message, {"role", "container", "diagnostics"}),
        (messages_answer.Usage, types.Usage, {"cache_creation", "inference_geo", "server_tool_use", "speed"}),
        (messages_answer.Usage, types.MessageDeltaUsage, {"server_tool_use"}),
        (messages_answer.OutputDetails, types.OutputTokensDetails, set()),
        (messages_answer.StopDetails, types.RefusalStopDetails, {"type", "category"}),
        (messages_answer.Block, types.TextBlock, set()),
        (messages_answer.Block, types.ThinkingBlock, set()),
        (messages_answer.Block, types.RedactedThinkingBlock, set()),
        (messages_answer.Block, types.ToolUseBlock, {"caller", "toolset_name"}),
        (messages_answer.Delta, types.TextDelta, set()),
        (messages_answer.Delta, types.InputJSONDelta, set()),
        (messages_answer.Delta, types.ThinkingDelta, set()),
        (messages_answer.Delta, types.SignatureDelta, set()),
        (messages_answer.Delta, types.CitationsDelta, set()),
        (messages_answer.Event, types.RawMessageStartEvent, set()),
        (messages_answer.Event, types.RawMessageDeltaEvent, set()),
        (messages_answer.Event, types.RawContentBlockStartEvent, set()),
        (messages_answer.Event, types.RawContentBlockDeltaEvent, set()),
        (messages.TokenCount, types.MessageTokensCount, set()),
    ],
)  # fmt: skip
def test_a_struct_knows_what_the_sdk_can_get(struct: type[msgspec.Struct], kind: Any, rest: set[str]) -> None:
    assert set(kind.model_fields) - set(struct.__struct_fields__) == rest


def test_members_and_types_nobody_knows_are_tolerated() -> None:
    event = messages_answer.parse_event(b'{"type":"novelty","index":3,"x":{},"delta":{"type":"y","z":1}}')
    assert (event.type, event.index, event.delta) == ("novelty", 3, messages_answer.Delta("y"))
    block = b'{"content":[{"type":"web_search_tool_result","content":{"type":"error"}}]}'
    assert messages_answer.parse_message(block).content == [messages_answer.Block("web_search_tool_result")]


@pytest.mark.parametrize("value", [b'{"input_tokens":-1}', b'{"output_tokens":1e13}', b'{"output_tokens":"1"}', b"[]"])
def test_a_number_that_cannot_be_counted_is_no_usage(value: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        messages_answer.parse_usage(value)
