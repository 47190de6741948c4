"""Tool calling of seed 000's suite in a harder form: over upstreams of every dialect, and what those were sent."""

import json
from typing import Any

import httpx2
import openai
import pytest

from tests.support.live import Live

CHAT, RESPONSES, MESSAGES = "mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"
URL = "/v1/chat/completions"
NUMBERS: dict[str, Any] = {
    "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"],
    "additionalProperties": False,
}  # fmt: skip
PLACE: dict[str, Any] = {
    "type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"],
    "additionalProperties": False,
}  # fmt: skip
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "multiply", "description": "Multiplies.", "parameters": NUMBERS}},
    {"type": "function", "function": {"name": "get_weather", "description": "Looks.", "parameters": PLACE}},
]
MULTIPLY = 'call multiply {"a": 123, "b": 456}'
WEATHER = 'call get_weather {"location": "Tokyo"}'

over_every_dialect = pytest.mark.parametrize("model", [CHAT, RESPONSES, MESSAGES])


def asked(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def sent(live: Live) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(live.entries()[-1].body)
    return body


def calls(answer: Any) -> list[tuple[str, Any]]:
    """The names and arguments of the calls of an answer."""
    found = answer.choices[0].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in found]


# single, specific_params, selection, multiple


@over_every_dialect
def test_the_tool_that_is_called_gets_its_arguments(live: Live, sdk: openai.OpenAI, model: str) -> None:
    for text, name, arguments in (
        (MULTIPLY, "multiply", {"a": 123, "b": 456}),
        (WEATHER, "get_weather", {"location": "Tokyo"}),
    ):
        answer = sdk.chat.completions.create(model=model, messages=asked(text), tools=TOOLS)
        assert calls(answer) == [(name, arguments)]
        assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == ("tool_calls", None)
    offered = [tool.get("function", tool) for tool in sent(live)["tools"]]
    assert [(tool["name"], tool["description"]) for tool in offered] == [
        ("multiply", "Multiplies."), ("get_weather", "Looks."),
    ]  # fmt: skip
    assert [tool.get("parameters") or tool["input_schema"] for tool in offered] == [NUMBERS, PLACE]


# forced: none, required, named, allowed


@over_every_dialect
def test_a_choice_is_honoured_everywhere(live: Live, sdk: openai.OpenAI, model: str) -> None:
    named: Any = {"type": "function", "function": {"name": "get_weather"}}
    choices: dict[str, tuple[Any, Any]] = {
        "none": ("none", {CHAT: "none", RESPONSES: "none", MESSAGES: {"type": "none"}}),
        "required": ("required", {CHAT: "required", RESPONSES: "required", MESSAGES: {"type": "any"}}),
        "named": (
            named,
            {
                CHAT: named,
                RESPONSES: {"type": "function", "name": "get_weather"},
                MESSAGES: {"type": "tool", "name": "get_weather"},
            },
        ),
    }
    for name, (choice, expected) in choices.items():
        answer = sdk.chat.completions.create(model=model, messages=asked("hi"), tools=TOOLS, tool_choice=choice)
        made = [call for call, _ in calls(answer)]
        assert made == {"none": [], "required": ["multiply"], "named": ["get_weather"]}[name]
        assert sent(live)["tool_choice"] == expected[model]


@over_every_dialect
def test_only_allowed_tools_are_called(live: Live, http: httpx2.Client, model: str) -> None:
    """Where an upstream cannot be told, the others are not offered to it."""
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "get_weather"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    body = {"model": model, "messages": asked("hi"), "tools": TOOLS, "tool_choice": choice}
    response = http.post(URL, json=body)
    assert response.status_code == 200, response.text
    (call,) = response.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    offered = len(sent(live)["tools"])
    assert offered == (1 if model == MESSAGES else 2)


# streaming, mixed


@over_every_dialect
def test_parallel_calls_of_a_stream_have_places_of_their_own(sdk: openai.OpenAI, model: str) -> None:
    chunks = list(
        sdk.chat.completions.create(model=model, messages=asked(f"{MULTIPLY}\n{WEATHER}"), tools=TOOLS, stream=True)
    )
    assert len({chunk.id for chunk in chunks}) == 1
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["tool_calls"]
    deltas = [delta for choice in choices for delta in choice.delta.tool_calls or []]
    for index, (name, arguments) in enumerate(
        (("multiply", {"a": 123, "b": 456}), ("get_weather", {"location": "Tokyo"}))
    ):
        mine = [delta for delta in deltas if delta.index == index]
        assert [delta.id for delta in mine if delta.id] == [mine[0].id]
        assert [delta.function.name for delta in mine if delta.function and delta.function.name] == [name]
        said = "".join(delta.function.arguments or "" for delta in mine if delta.function)
        assert json.loads(said) == arguments
    assert {delta.index for delta in deltas} == {0, 1}


# execution_and_response, sequential


@over_every_dialect
def test_a_loop_of_calls_comes_to_its_answer(live: Live, sdk: openai.OpenAI, model: str) -> None:
    """Two calls at once, then one, then the answer: ids and order hold all the way."""
    history = asked(f"{MULTIPLY}\n{WEATHER}")
    results = {"multiply": "56088", "get_weather": "sunny"}
    first = sdk.chat.completions.create(model=model, messages=history, tools=TOOLS).choices[0].message
    assert len(first.tool_calls or []) == 2
    history.append(first.model_dump(exclude_none=True))
    # Results may come in any order; each belongs to the call whose id it names.
    for call in reversed(first.tool_calls or []):
        assert call.type == "function"
        history.append({"role": "tool", "tool_call_id": call.id, "content": results[call.function.name]})
    answer = sdk.chat.completions.create(model=model, messages=history, tools=TOOLS).choices[0]
    assert answer.finish_reason == "stop" and "56088" in str(answer.message.content)
    ids = [call.id for call in first.tool_calls or []]
    assert pairs(sent(live), ids) == [(ids[1], "sunny"), (ids[0], "56088")]
    history += [{"role": "assistant", "content": answer.message.content}, *asked(WEATHER)]
    again = sdk.chat.completions.create(model=model, messages=history, tools=TOOLS)
    assert calls(again) == [("get_weather", {"location": "Tokyo"})]
    assert (again.choices[0].message.tool_calls or [])[0].id not in ids


def pairs(body: dict[str, Any], ids: list[str]) -> list[tuple[str, str]]:
    """The results that an upstream was sent, by the ids of their calls, which come before them."""
    found = []
    told: set[str] = set()
    items: list[dict[str, Any]] = body.get("messages") or body["input"]
    for item in items:
        blocks = item["content"] if isinstance(item.get("content"), list) else []
        told |= {call["id"] for call in item.get("tool_calls", ())}
        told |= {block["id"] for block in blocks if block["type"] == "tool_use"}
        if item.get("type") == "function_call":
            told.add(item["call_id"])
        results = [block for block in blocks if block["type"] == "tool_result"]
        if item.get("role") == "tool" or item.get("type") == "function_call_output":
            results.append(item)
        for result in results:
            call_id = result.get("tool_call_id") or result.get("call_id") or result["tool_use_id"]
            assert call_id in told
            found.append((call_id, result.get("output") or result["content"]))
    assert told == set(ids)
    return found


@pytest.mark.parametrize("stream", [False, True])
@over_every_dialect
def test_a_result_without_its_call_is_refused(sdk: openai.OpenAI, model: str, stream: bool) -> None:
    orphan: Any = [*asked("hi"), {"role": "tool", "tool_call_id": "call_none", "content": "56088"}]
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(model=model, messages=orphan, tools=TOOLS, stream=stream)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param and "call" in caught.value.message


# no_call_needed, parallel


@over_every_dialect
def test_an_answer_needs_no_call(sdk: openai.OpenAI, model: str) -> None:
    answer = sdk.chat.completions.create(model=model, messages=asked("hello"), tools=TOOLS, tool_choice="none")
    assert answer.choices[0].message.content and answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("parallel", [None, True, False])
@over_every_dialect
def test_whether_calls_may_be_parallel_is_passed_on(
    live: Live, http: httpx2.Client, model: str, parallel: bool | None
) -> None:
    body: dict[str, Any] = {"model": model, "messages": asked("the weather, in parallel"), "tools": TOOLS}
    if parallel is not None:
        body["parallel_tool_calls"] = parallel
    response = http.post(URL, json=body)
    assert response.status_code == 200
    assert len(response.json()["choices"][0]["message"]["tool_calls"]) == (1 if parallel is False else 2)
    if model == MESSAGES:
        disabled = sent(live).get("tool_choice", {}).get("disable_parallel_tool_use", False)
        assert disabled is (parallel is False)
    else:
        assert sent(live).get("parallel_tool_calls") == parallel
