from typing import Any

import msgspec
import pytest

from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.messages.codec import MESSAGES
from dragoman.dialects.profile import PROFILES
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.dialects.responses.namespaces import Homes, bare, grouped, ungrouped, whole
from dragoman.errors import GatewayError
from dragoman.turn import Answer, CallClosed, CallOpened, Namespace, Opened, Stop, Stopped, Tool, ToolCall, ToolResult
from tests.dialects.responses.samples import (
    Body,
    call,
    datas,
    losses,
    parse,
    plain,
    raw,
    render,
    render_answer,
    response,
    write,
)  # fmt: skip

SCHEMA = {"type": "object", "properties": {}}
FIND: Body = {"type": "function", "name": "find", "description": "Finds.", "parameters": SCHEMA, "strict": False}
NOTE: Body = {"type": "custom", "name": "note"}
CRM: Body = {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [FIND, NOTE]}
SPACE = Namespace("crm", "Customers.")
HISTORY: list[Body] = [
    {"role": "user", "content": "hi"},
    {"type": "function_call", "call_id": "1", "name": "find", "arguments": "{}", "namespace": "crm"},
    {"type": "custom_tool_call", "call_id": "2", "name": "note", "input": "x", "namespace": "crm"},
    {"type": "function_call_output", "call_id": "1", "output": "a", "name": "find", "namespace": "crm"},
    {"type": "custom_tool_call_output", "call_id": "2", "output": "b", "namespace": "crm"},
]


def names(body: Body) -> list[str]:
    return [tool["function"]["name"] for tool in body["tools"]]


def test_a_namespace_is_its_tools_under_whole_names() -> None:
    turn = parse(tools=[FIND, CRM])
    assert plain(turn.tools[1:]) == plain(
        (
            Tool("crm__find", "Finds.", raw(SCHEMA), False, namespace=SPACE),
            Tool("crm__note", kind="custom", namespace=SPACE),
        )
    )
    assert turn.extras == ()


def test_another_dialect_is_offered_its_tools_one_by_one() -> None:
    turn = parse(tools=[CRM, FIND], input=HISTORY)
    chat = CHAT_CODEC.render(turn, "m", msgspec.structs.replace(PROFILES["vllm"], custom_tools="wrap"))
    body: Body = msgspec.json.decode(chat.body)
    assert names(body) == ["crm__find", "crm__note", "find"]
    assert body["tools"][0]["function"]["description"] == "Customers.\n\nFinds."
    assert names({"tools": body["messages"][1]["tool_calls"]}) == ["crm__find", "crm__note"]
    assert [loss.param for loss in chat.losses if "namespace" in loss.note] == ["tools[0]", "tools[1]"]
    wrapping = msgspec.structs.replace(PROFILES["anthropic"], custom_tools="wrap")
    messages: Body = msgspec.json.decode(MESSAGES.render(turn, "m", wrapping).body)
    assert [tool["name"] for tool in messages["tools"]] == ["crm__find", "crm__note", "find"]
    assert messages["tools"][0]["description"] == "Customers.\n\nFinds."


def test_a_responses_upstream_gets_it_back() -> None:
    turn = parse(tools=[FIND, CRM, {**FIND, "name": "last"}], input=HISTORY)
    body = render(turn)
    assert body["tools"] == [FIND, CRM, {**FIND, "name": "last"}]
    assert [(item["name"], item["namespace"]) for item in body["input"][1:3]] == [("find", "crm"), ("note", "crm")]
    assert losses(turn) == []


def test_history_is_told_by_its_whole_names() -> None:
    items = parse(tools=[CRM], input=HISTORY).items
    calls = [item for item in items if isinstance(item, ToolCall)]
    assert [(one.name, one.namespace) for one in calls] == [("crm__find", "crm"), ("crm__note", "crm")]
    assert [item.name for item in items if isinstance(item, ToolResult)] == ["crm__find", ""]


def test_a_call_is_written_with_its_namespace() -> None:
    turn = parse(tools=[CRM, FIND])
    given = (ToolCall("1", "crm__find", "{}"), ToolCall("2", "crm__note", '{"input":"x"}'), ToolCall("3", "find", "{}"))
    output = render_answer(Answer(id="a", created=1, model="m", items=given, stop=Stop.TOOL_CALLS), turn)["output"]
    expected = [("find", "crm"), ("note", "crm"), ("find", None)]
    assert [(item["name"], item.get("namespace")) for item in output] == expected
    opened = [(CallOpened(one.call_id, one.name), CallClosed(one.arguments)) for one in given]
    events = [event for pair in opened for event in pair]
    sent = datas(write([Opened("a", 1, "m"), *events, Stopped(Stop.TOOL_CALLS)], turn))
    for kind in ("response.output_item.added", "response.output_item.done"):
        items = [data["item"] for data in sent if data["type"] == kind]
        assert [(item["name"], item.get("namespace")) for item in items] == expected


def test_the_response_echoes_it() -> None:
    turn = parse(tools=[CRM, {"type": "web_search"}, FIND])
    said = render_answer(Answer(id="a", created=1, model="m", items=(), stop=Stop.END), turn)
    assert [tool["type"] for tool in said["tools"]] == ["namespace", "web_search", "function"]
    assert said["tools"][0]["tools"][0] == FIND


def test_a_call_of_an_upstream_keeps_it() -> None:
    body = response(output=[call("find", "{}", "1", namespace="crm")])
    items = RESPONSES.parse_answer(msgspec.json.encode(body)).items
    assert items == (ToolCall("1", "crm__find", "{}", id="fc_up", namespace="crm"),)


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([{**CRM, "tools": [{"type": "web_search"}]}], "tools[0].tools[0].type"),
        ([{**CRM, "tools": [{"name": "x"}]}], "tools[0].tools[0].type"),
        ([{"type": "namespace", "tools": []}], "tools[0].name"),
        ([{"type": "namespace", "name": "crm"}], "tools[0].tools"),
        ([CRM, {**FIND, "name": "crm__find"}], "tools"),
        ([CRM, CRM], "tools"),
    ],
)
def test_what_is_no_namespace_is_refused(tools: list[Any], param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(tools=tools)
    assert refused.value.param == param


def test_what_nobody_knows_in_it_is_kept_by_its_place() -> None:
    deferred = {**FIND, "defer_loading": True}
    turn = parse(tools=[{**CRM, "tools": [deferred], "odd": 1}])
    assert {extra.param for extra in turn.extras} == {"tools[0].tools[0].defer_loading", "tools[0].odd"}


def test_names_are_made_whole_and_bare_again() -> None:
    assert [whole("crm", "find"), whole("", "find"), whole(None, "find")] == ["crm__find", "find", "find"]
    assert [bare("crm__find", "crm"), bare("crm__find", "")] == ["find", "crm__find"]
    tools = (Tool("find"), Tool("crm__find", namespace=SPACE))
    assert [tool.name for tool in ungrouped(tools)] == ["find", "find"]
    assert grouped(tools[:1], ["a"]) == ["a"]
    homes = Homes(tools)
    assert [homes.of("find"), homes.of("crm__find"), homes.of("other__find")] == [
        ("find", None), ("find", "crm"), ("other__find", None),
    ]  # fmt: skip
