import json

import pytest

from dragoman.turn import Message, Reasoning, Refusal, Text, ToolCall, ToolResult
from tests.dialects.chat.asking import HI, INVALID, UNSUPPORTED, Json, items, parsed, raw, refused


def function(identity: str = "call_1", name: str = "f", arguments: str = "{}") -> Json:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def custom(identity: str = "call_1", name: str = "patch", text: str = "*** Begin") -> Json:
    return {"id": identity, "type": "custom", "custom": {"name": name, "input": text}}


def assistant(**members: object) -> Json:
    return {"role": "assistant", "content": None} | members


def tool(identity: str, content: object = "42", **members: object) -> Json:
    return {"role": "tool", "tool_call_id": identity, "content": content} | members


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_a_message_keeps_its_role_and_its_place(role: str) -> None:
    assert items(HI, {"role": role, "content": "a"}) == (Message("user", (Text("Hi"),)), Message(role, (Text("a"),)))  # type: ignore[arg-type]


def test_an_empty_text_of_a_user_is_a_text() -> None:
    assert items({"role": "user", "content": ""}) == (Message("user", (Text(""),)),)
    assert items({"role": "user", "content": []}) == (Message("user", ()),)


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_the_name_of_a_participant_is_kept(role: str) -> None:
    (item,) = items({"role": role, "content": "a", "name": "ann"})
    assert isinstance(item, Message)
    assert item.name == "ann"


def test_the_name_of_one_who_only_calls_is_kept_with_an_empty_text() -> None:
    assert items(assistant(name="ann", tool_calls=[function()])) == (
        Message("assistant", (Text(""),), name="ann"),
        ToolCall("call_1", "f", "{}"),
    )


def test_text_and_calls_of_one_message_are_both_kept() -> None:
    assert items(assistant(content="t", tool_calls=[function("a"), function("b", "g", '{"x":1}')])) == (
        Message("assistant", (Text("t"),)),
        ToolCall("a", "f", "{}"),
        ToolCall("b", "g", '{"x":1}'),
    )


def test_a_text_beside_a_call_comes_once() -> None:
    given = items(HI, assistant(content="t", tool_calls=[function("a")]), tool("a"), HI)
    said = [part.text for item in given if isinstance(item, Message) for part in item.parts if isinstance(part, Text)]
    assert said == ["Hi", "t", "Hi"]


def test_an_assistants_text_in_the_history_is_text_with_its_annotations() -> None:
    citation = {"url": "https://x.org", "title": "T", "start_index": 0, "end_index": 1}
    (item,) = items(assistant(content="a", annotations=[{"type": "url_citation", "url_citation": citation}]))
    assert isinstance(item, Message)
    (text,) = item.parts
    assert isinstance(text, Text)
    assert [json.loads(bytes(one)) for one in text.annotations] == [citation | {"type": "url_citation"}]
    (item,) = items(assistant(content=[{"type": "text", "text": "a"}], annotations=[7]))
    assert item == Message("assistant", (Text("a", (raw(7),)),))


def test_the_reasoning_of_other_servers_precedes_what_was_said() -> None:
    for field in ("reasoning_content", "reasoning"):
        assert items(assistant(content="a", **{field: "hm"})) == (
            Reasoning(("hm",)),
            Message("assistant", (Text("a"),)),
        )
    assert items(assistant(content="a", reasoning="", reasoning_content=None)) == (Message("assistant", (Text("a"),)),)


def test_a_refusal_stands_behind_the_text() -> None:
    assert items(assistant(refusal="No.")) == (Message("assistant", (Refusal("No."),)),)
    assert items(assistant(content="a", refusal="No.")) == (Message("assistant", (Text("a"), Refusal("No."))),)


@pytest.mark.parametrize("members", [{}, {"content": ""}, {"content": None}, {"tool_calls": []}])
def test_an_assistant_that_said_nothing_keeps_its_place(members: Json) -> None:
    message = {"role": "assistant"} | members
    assert items(HI, message, HI)[1] == Message("assistant", (Text(""),))


def test_calls_without_text_leave_no_message() -> None:
    for content in (None, ""):
        assert items(assistant(content=content, tool_calls=[function()])) == (ToolCall("call_1", "f", "{}"),)


def test_what_clients_send_back_of_an_answer_is_understood() -> None:
    call = function() | {"index": 0}
    call["function"]["parsed_arguments"] = {"x": 1}
    sent = assistant(
        refusal=None, annotations=[], audio=None, function_call=None, parsed=None, tool_calls=[call], name=None,
        reasoning_content=None, tool_call_id=None,
    )  # fmt: skip
    assert items(sent) == (ToolCall("call_1", "f", "{}"),)


def test_custom_calls_and_their_results_are_of_a_kind() -> None:
    assert items(assistant(tool_calls=[custom("a"), function("b")]), tool("a", "done"), tool("b")) == (
        ToolCall("a", "patch", "*** Begin", "custom"),
        ToolCall("b", "f", "{}"),
        ToolResult("a", (Text("done"),), "custom"),
        ToolResult("b", (Text("42"),)),
    )


def test_a_tool_message_may_have_parts_and_a_name() -> None:
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert items(tool("x", texts, name="f")) == (ToolResult("x", (Text("a"), Text("b")), name="f"),)
    assert items(tool("x", "")) == (ToolResult("x", (Text(""),)),)
    assert items(tool("x", None)) == (ToolResult("x", ()),)


def test_arguments_that_nobody_gave_are_empty() -> None:
    call = {"id": "a", "function": {"name": "f"}}
    assert items(assistant(tool_calls=[call])) == (ToolCall("a", "f", ""),)


def test_deprecated_calls_are_joined_to_their_results_by_name_and_order() -> None:
    def called(name: str) -> Json:
        return assistant(function_call={"name": name, "arguments": '{"x":1}'})

    def result(name: str) -> Json:
        return {"role": "function", "name": name, "content": "42"}

    given = items(HI, called("f"), result("f"), called("g"), called("f"), result("f"), result("g"))
    assert given[1:] == (
        ToolCall("call_function_1", "f", '{"x":1}'),
        ToolResult("call_function_1", (Text("42"),), name="f"),
        ToolCall("call_function_3", "g", '{"x":1}'),
        ToolCall("call_function_4", "f", '{"x":1}'),
        ToolResult("call_function_4", (Text("42"),), name="f"),
        ToolResult("call_function_3", (Text("42"),), name="g"),
    )


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user"}, "content"),
        ({"role": "user", "content": None}, "content"),
        ({"role": "system"}, "content"),
        ({"role": "tool", "content": "a"}, "tool_call_id"),
        ({"role": "tool", "content": "a", "tool_call_id": ""}, "tool_call_id"),
        ({"role": "function", "content": "a"}, "name"),
        ({"role": "function", "content": "a", "name": "nobody"}, "name"),
        ({"role": "assistant", "tool_calls": [{"id": "a", "type": "custom"}]}, "tool_calls[0].custom"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [custom() | function()]}, "tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [function() | custom()]}, "tool_calls[0].custom"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, "tool_calls[0].id"),
        ({"role": "assistant", "function_call": {"arguments": "{}"}}, "function_call.name"),
    ],
)
def test_a_message_that_lacks_something_is_named(message: Json, param: str) -> None:
    refused(lambda: items(HI, message), f"messages[1].{param}", INVALID)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": "a", "tool_calls": [function()]}, "tool_calls"),
        ({"role": "user", "content": "a", "tool_call_id": "a"}, "tool_call_id"),
        ({"role": "system", "content": "a", "refusal": "No."}, "refusal"),
        ({"role": "tool", "content": "a", "tool_call_id": "a", "annotations": [{}]}, "annotations"),
        ({"role": "user", "content": "a", "function_call": {"name": "f"}}, "function_call"),
        ({"role": "user", "content": "a", "reasoning_content": "hm"}, "reasoning_content"),
        ({"role": "developer", "content": "a", "reasoning": "hm"}, "reasoning"),
    ],
)
def test_what_may_not_stand_in_a_message_is_refused_not_dropped(message: Json, param: str) -> None:
    refused(lambda: items(HI, message), f"messages[1].{param}", INVALID)
    audio = {"role": "assistant", "audio": {"id": "audio_1"}}
    refused(lambda: items(HI, audio), "messages[1].audio", UNSUPPORTED)


def test_there_must_be_messages() -> None:
    refused(lambda: parsed(messages=[]), "messages", INVALID)
    refused(lambda: parsed(messages=None), "messages", INVALID)
    refused(lambda: parsed(messages="Hi"), "messages", INVALID)
