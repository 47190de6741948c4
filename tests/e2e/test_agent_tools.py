"""What coding agents send as tools beyond plain functions, over upstreams that know nothing of the kind."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
from openai.types.responses import ResponseCustomToolCall, ResponseFunctionToolCall

from tests.e2e.callers import PLENTY, Callers
from tests.support.live import Live, running

PATCH: Final = "*** Begin Patch\n*** Add File: a.txt\n+one\n*** End Patch\n"
GRAMMAR: Final = {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" /(.|\\n)+/'}
SCHEMA: Final = {
    "type": "object", "properties": {"target": {"type": "string"}}, "required": ["target"],
    "additionalProperties": False,
}  # fmt: skip
MODELS: Final = ("native/gpt-4", "wrapped/gpt-4", "mock-responses/gpt-4", "claude/claude-sonnet-4-5")


def upstreams(values: dict[str, Any], mock_url: str) -> None:
    """Chat with custom tools and without them, and Messages, which have none."""
    wrap = {"custom_tools": "wrap"}
    values["upstreams"] |= {
        "native": {"base_url": f"{mock_url}/only/chat/v1", "direct": True},
        "wrapped": {"base_url": f"{mock_url}/only/chat/v1", "profile": "vllm", "quirks": wrap, "direct": True},
        "claude": {
            "base_url": f"{mock_url}/only/messages/v1", "dialects": ["messages"], "profile": "anthropic",
            "quirks": wrap, "direct": True,
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("agent-tools"), upstreams, timing="instant") as live:
        yield live


@pytest.fixture(scope="module")
def callers(live: Live) -> Iterator[Callers]:
    with closing(Callers(live.url, live.key)) as callers:
        yield callers


def respond(callers: Callers, *, streams: bool, **asked: Any) -> Any:
    if not streams:
        return callers.openai.responses.create(**asked, store=False)
    with callers.openai.responses.stream(**asked, store=False) as stream:
        return stream.get_final_response()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("streams", [False, True], ids=["buffered", "streamed"])
def test_a_custom_tool_is_called_with_raw_text(callers: Callers, model: str, streams: bool) -> None:
    tools: Any = [{"type": "custom", "name": "apply_patch", "description": "Patches.", "format": GRAMMAR}]
    wrapped = model.startswith(("wrapped", "claude"))
    said = json.dumps({"input": PATCH}) if wrapped else json.dumps(PATCH)
    history: list[Any] = [{"role": "user", "content": f"call apply_patch {said}"}]
    first = respond(callers, streams=streams, model=model, input=history, tools=tools)
    (call,) = first.output
    assert isinstance(call, ResponseCustomToolCall) and (call.name, call.input) == ("apply_patch", PATCH)
    history.append(call)
    history += [{"type": "custom_tool_call_output", "call_id": call.call_id, "output": "Success"}]
    second = respond(callers, streams=streams, model=model, input=history, tools=tools)
    assert second.output_text.strip() == "The tool returned: Success"


@pytest.mark.parametrize("model", [model for model in MODELS if not model.startswith("mock-responses")])
@pytest.mark.parametrize("streams", [False, True], ids=["buffered", "streamed"])
def test_a_tool_of_a_namespace_is_called_by_its_own_name(callers: Callers, model: str, streams: bool) -> None:
    close = {"type": "function", "name": "close", "parameters": SCHEMA, "strict": True}
    tools: Any = [{"type": "namespace", "name": "agents", "description": "Further agents.", "tools": [close]}, close]
    history: list[Any] = [{"role": "user", "content": 'call agents__close {"target": "a"}\ncall close {"target": "b"}'}]
    first = respond(callers, streams=streams, model=model, input=history, tools=tools)
    calls = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
    assert [(call.namespace, call.name) for call in calls] == [("agents", "close"), (None, "close")]
    assert [json.loads(call.arguments)["target"] for call in calls] == ["a", "b"]
    history += calls
    history += [{"type": "function_call_output", "call_id": call.call_id, "output": "done"} for call in calls]
    second = respond(callers, streams=streams, model=model, input=history, tools=tools)
    assert second.output_text.strip() == "The tool returned: done | done"


@pytest.mark.parametrize("model", ["native/gpt-4", "wrapped/gpt-4", "mock-responses/gpt-4"])
def test_a_deferred_tool_is_called_once_it_was_found(live: Live, callers: Callers, model: str) -> None:
    schema = {"type": "object", "properties": {}}
    tools: Any = [{"name": "search", "input_schema": schema}, {"name": "fetch", "input_schema": schema}]
    tools[1]["defer_loading"] = True
    history: list[Any] = [{"role": "user", "content": "call search {}"}]
    asked: Any = {"model": model, "max_tokens": PLENTY, "tools": tools}
    before = live.received
    first = callers.anthropic.messages.create(messages=history, **asked)
    (call,) = first.content
    assert call.type == "tool_use" and call.name == "search"
    found = {"type": "tool_result", "tool_use_id": call.id, "content": [
        {"type": "tool_reference", "tool_name": "fetch"},
    ]}  # fmt: skip
    history += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [found]}]
    history += [{"role": "assistant", "content": "Found."}, {"role": "user", "content": "call fetch {}"}]
    second = callers.anthropic.messages.create(messages=history, **asked)
    assert [block.name for block in second.content if block.type == "tool_use"] == ["fetch"]
    bodies = [json.loads(entry.body) for entry in live.entries(before)]
    names = [[tool.get("function", tool)["name"] for tool in body["tools"]] for body in bodies]
    assert names == [["search"], ["search", "fetch"]]
