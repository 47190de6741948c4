"""The table of the Messages API: what Anthropic accepts, and what it refuses, each with the member it names."""

from typing import Any

import pytest

from dragoman.mocks.anthropic_wording import path
from dragoman.mocks.messages_form import COUNT, COUNT_BETA, CREATE, CREATE_BETA
from tests.mocks.client import message

TOOL = {"name": "f", "input_schema": {"type": "object"}}
CACHED = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1"}


def named(body: object) -> tuple[str, str] | None:
    problem = CREATE(body, ())
    return None if problem is None else (problem.kind, path(problem.place))


def block(value: object) -> dict[str, Any]:
    return message([value])


@pytest.mark.parametrize(
    "body",
    [
        message(),
        message(max_tokens=0, stream=True, stop_sequences=["x"], temperature=1, top_k=5, metadata={"user_id": None}),
        message(system="x", top_p=0.5, service_tier="auto"),
        message(system=[{"type": "text", "text": "x", **CACHED}], cache_control=None),
        message(tools=[TOOL, {**TOOL, "name": "g", "type": "custom", "strict": True, **CACHED}]),
        message(tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]),
        message(tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        message(thinking={"type": "enabled", "budget_tokens": 1024}),
        message(thinking={"type": "adaptive", "display": "omitted"}, output_config={"effort": "low"}),
        message(output_config={"format": {"type": "json_schema", "schema": {}}}),
        block({"type": "text", "text": "x", **CACHED}),
        block(IMAGE),
        block({"type": "image", "source": {"type": "url", "url": "http://x/"}}),
        block({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": None}),
        block(USE),
        block(RESULT),
        block({**RESULT, "content": [{"type": "text", "text": "x"}, IMAGE], "is_error": True}),
        block({"type": "thinking", "thinking": "x", "signature": "y"}),
        block({"type": "redacted_thinking", "data": "x"}),
        block({"type": "server_tool_use", "whatever": 1}),
    ],
)
def test_what_anthropic_accepts(body: object) -> None:
    assert named(body) is None


@pytest.mark.parametrize(
    ("body", "kind", "place"),
    [
        ({"model": "x", "messages": [{"role": "user", "content": "x"}]}, "missing", "max_tokens"),
        ({"model": "x", "max_tokens": 1}, "missing", "messages"),
        (message(messages=[]), "short", "messages"),
        (message(max_tokens=-1), "below", "max_tokens"),
        (message(max_tokens=None), "type", "max_tokens"),
        (message(temperature=1.5), "above", "temperature"),
        (message(stop=["x"]), "unknown", "stop"),
        (message(n=1), "unknown", "n"),
        (message(system=None), "type", "system"),
        (message(system=[{"type": "input_text", "text": "x"}]), "tag", "system.0.type"),
        (message(context_management={}), "unknown", "context_management"),
        (message(messages=[{"role": "tool", "content": "x"}]), "value", "messages.0.role"),
        (message(messages=[{"role": "user", "content": "x", "name": "y"}]), "unknown", "messages.0.name"),
        (message(messages=[{"role": "user", "content": None}]), "type", "messages.0.content"),
        (block({"type": "input_text", "text": "x"}), "tag", "messages.0.content.0.type"),
        (block({"type": "text"}), "missing", "messages.0.content.0.text.text"),
        (block({**USE, "input": "{}"}), "type", "messages.0.content.0.tool_use.input"),
        (block({**USE, "id": "call:1"}), "pattern", "messages.0.content.0.tool_use.id"),
        (block({**USE, "index": 0}), "unknown", "messages.0.content.0.tool_use.index"),
        (block({"type": "thinking", "thinking": "x"}), "missing", "messages.0.content.0.thinking.signature"),
        (
            block({"type": "image", "source": {**IMAGE["source"], "media_type": "image/bmp"}}),  # type: ignore[dict-item]
            "value",
            "messages.0.content.0.image.source.base64.media_type",
        ),
        (block({"type": "image_url", "image_url": {"url": "x"}}), "tag", "messages.0.content.0.type"),
        (message(tools=[{"name": "f"}]), "missing", "tools.0.custom.input_schema"),
        (message(tools=[{**TOOL, "input_schema": {}}]), "missing", "tools.0.custom.input_schema.type"),
        (message(tools=[{**TOOL, "input_schema": {"type": "string"}}]), "value", "tools.0.custom.input_schema.type"),
        (message(tools=[{**TOOL, "input_schema": None}]), "type", "tools.0.custom.input_schema"),
        (message(tools=[{**TOOL, "parameters": {}}]), "unknown", "tools.0.custom.parameters"),
        (message(tools=[{"type": "function", "function": {}}]), "tag", "tools.0.type"),
        (message(tools=[{**TOOL, "name": "a.b"}]), "pattern", "tools.0.custom.name"),
        (message(tool_choice="auto"), "type", "tool_choice"),
        (message(tool_choice={"type": "required"}), "tag", "tool_choice.type"),
        (message(tool_choice={"type": "tool"}), "missing", "tool_choice.tool.name"),
        (message(thinking={"type": "enabled"}), "missing", "thinking.enabled.budget_tokens"),
        (message(thinking={"type": "enabled", "budget_tokens": 1}), "below", "thinking.enabled.budget_tokens"),
        (message(output_config={"effort": "none"}), "value", "output_config.effort"),
        (message(metadata={"a": "b"}), "unknown", "metadata.a"),
        (message(cache_control={"type": "ephemeral", "ttl": "1d"}), "value", "cache_control.ttl"),
    ],
)
def test_what_anthropic_refuses(body: object, kind: str, place: str) -> None:
    assert named(body) == (kind, place)


def test_a_beta_knows_more_and_a_count_less() -> None:
    assert CREATE_BETA(message(context_management={}, mcp_servers=[]), ()) is None
    counted: Any = message()
    problem = COUNT(counted, ())
    assert problem is not None and path(problem.place) == "max_tokens"
    del counted["max_tokens"]
    assert COUNT({**counted, "system": "x", "tools": [TOOL]}, ()) is None
    assert COUNT_BETA({**counted, "context_management": {}}, ()) is None
