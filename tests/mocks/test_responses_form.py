"""The table of the Responses API: what OpenAI accepts, and what it refuses, each with the member it names."""

from typing import Any

import pytest

from dragoman.mocks.openai_wording import path
from dragoman.mocks.responses_form import COUNT, CREATE
from tests.mocks.client import response

TEXT = {"type": "output_text", "text": "x", "annotations": []}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


def named(body: object) -> tuple[str, str] | None:
    problem = CREATE(body, ())
    return None if problem is None else (problem.kind, path(problem.place))


@pytest.mark.parametrize(
    "body",
    [
        response(),
        response([]),
        response([{"role": "user", "content": "x"}, {"role": "assistant", "content": "x", "phase": "commentary"}]),
        response([{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [TEXT]}]),
        response([{"role": "assistant", "content": [{"type": "refusal", "refusal": "x"}]}]),
        response([{"role": "developer", "content": [{"type": "input_text", "text": "x"}]}]),
        response([{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}]),
        response([{"role": "user", "content": [{"type": "input_file", "file_data": "x", "filename": "f"}]}]),
        response([{**CALL, "id": "fc_1", "status": "completed"}]),
        response([{"type": "function_call_output", "call_id": "c", "output": "x"}]),
        response([{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]}]),
        response([{"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}]),
        response([{"type": "custom_tool_call_output", "call_id": "c", "output": "x"}]),
        response([{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "x"}]}]),
        response([{"type": "item_reference", "id": "msg_1"}]),
        response([{"type": "web_search_call", "whatever": 1}]),
        response(tools=[{"type": "function", "name": "f", "parameters": None, "strict": None, "description": None}]),
        response(tools=[{"type": "custom", "name": "f", "format": {"type": "text"}}, {"type": "web_search"}]),
        response(tools=[], tool_choice="required", parallel_tool_calls=None),
        response(tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}),
        response(text={"format": {"type": "json_schema", "name": "x", "schema": {}}, "verbosity": "low"}),
        response(reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"]),
        response(max_output_tokens=16, temperature=0, top_p=1, metadata={"a": "b"}, stream=True, store=None),
        response(client_metadata={"session_id": "x"}),
    ],
)
def test_what_openai_accepts(body: object) -> None:
    assert named(body) is None


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        ({"input": "x"}, "missing", "model"),
        ({"model": "x"}, "missing", "input"),
        (response(1), "type", "input"),
        (response(stop=["x"]), "unknown", "stop"),
        (response(n=2), "unknown", "n"),
        (response(seed=1), "unknown", "seed"),
        (response(frequency_penalty=0), "unknown", "frequency_penalty"),
        (response(max_output_tokens=15), "below", "max_output_tokens"),
        (response(temperature=2.1), "above", "temperature"),
        (response(metadata={"a": 1}), "type", "metadata.a"),
        (response(metadata={str(n): "" for n in range(17)}), "long", "metadata"),
        (response(include=["everything"]), "value", "include[0]"),
        (response(reasoning="high"), "type", "reasoning"),
        (response(reasoning={"effort": "most"}), "value", "reasoning.effort"),
        (response(stream_options={"include_usage": True}), "unknown", "stream_options.include_usage"),
        (response([{"role": "tool", "content": "x"}]), "tag", "input[0].role"),
        (response([{"content": "x"}]), "missing", "input[0].role"),
        (response([{"role": "user"}]), "missing", "input[0].content"),
        (response([{"role": "user", "content": None}]), "type", "input[0].content"),
        (response([{"role": "user", "content": "x", "name": "y"}]), "unknown", "input[0].name"),
        (response([{"role": "assistant", "content": "x", "tool_calls": []}]), "unknown", "input[0].tool_calls"),
        (response([{"role": "user", "content": [{"type": "text", "text": "x"}]}]), "tag", "input[0].content[0].type"),
        (response([{"role": "user", "content": [TEXT]}]), "tag", "input[0].content[0].type"),
        (
            response([{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]),
            "tag",
            "input[0].content[0].type",
        ),
        (
            response([{"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}]),
            "missing",
            "input[0].content[0].annotations",
        ),
        (
            response([{"role": "user", "content": [{"type": "input_image", "image_url": {"url": "x"}}]}]),
            "type",
            "input[0].content[0].image_url",
        ),
        (
            response([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
            "tag",
            "input[0].content[0].type",
        ),
        (response([{"type": "function_call", "name": "f", "arguments": "{}"}]), "missing", "input[0].call_id"),
        (response([{**CALL, "arguments": {}}]), "type", "input[0].arguments"),
        (response([{**CALL, "call_id": "c" * 65}]), "long", "input[0].call_id"),
        (response([{**CALL, "name": "a b"}]), "pattern", "input[0].name"),
        (response([{"type": "function_call_output", "call_id": "c", "output": 1}]), "type", "input[0].output"),
        (response([{"type": "function_call_output", "call_id": "c", "output": ["x"]}]), "type", "input[0].output[0]"),
        (response([{"type": "reasoning", "id": "rs_1"}]), "missing", "input[0].summary"),
        (response([{"type": "telepathy"}]), "tag", "input[0].type"),
        (response(tools=[{"type": "function", "function": {"name": "f"}}]), "missing", "tools[0].name"),
        (response(tools=[{"type": "function", "name": "f", "function": {}}]), "unknown", "tools[0].function"),
        (response(tools=[{"name": "f"}]), "missing", "tools[0].type"),
        (response(tools=[{"type": "telepathy"}]), "tag", "tools[0].type"),
        (response(tool_choice="any"), "value", "tool_choice"),
        (response(tool_choice={"type": "function", "function": {"name": "f"}}), "missing", "tool_choice.name"),
        (
            response(
                tool_choice={
                    "type": "allowed_tools",
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                }
            ),
            "missing",
            "tool_choice.tools[0].name",
        ),
        (
            response(text={"format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}),
            "missing",
            "text.format.name",
        ),
    ],
)
def test_what_openai_refuses(body: object, kind: str, param: str) -> None:
    assert named(body) == (kind, param)


def test_a_count_needs_nothing_and_knows_fewer_members() -> None:
    assert COUNT({}, ()) is None
    assert COUNT({"model": "x", "input": "x", "instructions": "x", "tools": []}, ()) is None
    problem: Any = COUNT({"max_output_tokens": 16}, ())
    assert problem.kind == "unknown"
