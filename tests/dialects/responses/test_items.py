from typing import Any

import pytest
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from dragoman import errors
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import (
    Audio,
    File,
    Image,
    Item,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tests.dialects.responses.samples import Body, losses, parse, plain, raw, render

ITEM: TypeAdapter[Any] = TypeAdapter(ResponseInputItemParam)
BREAKPOINT = {"mode": "explicit", "ttl": "30m"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="

OPEN = Profile(reasoning_field="reasoning_content")
"""A server that reads the text of reasoning."""

# An item of the input as it comes, in neutral form, and as it goes to an upstream (None: as it came).
ITEMS: dict[str, tuple[Body, Item, Body | None]] = {
    "message": (
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        Message("user", (Text("a"),)),
        None,
    ),
    "easy message": (
        {"role": "user", "content": "a"},
        Message("user", (Text("a"),)),
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
    ),
    "empty message": (
        {"type": "message", "role": "user", "content": ""},
        Message("user", (Text(""),)),
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": ""}]},
    ),
    "system": (
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "a"}]},
        Message("system", (Text("a"),)),
        None,
    ),
    "developer": (
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "a"}]},
        Message("developer", (Text("a"),)),
        None,
    ),
    "message as an answer had it": (
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "a", "annotations": []},
                {"type": "refusal", "refusal": "no"},
            ],
            "id": "msg_1",
            "status": "completed",
            "phase": "commentary",
        },
        Message("assistant", (Text("a"), Refusal("no")), "msg_1", phase="commentary"),
        None,
    ),
    "message of an assistant without an id": (
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        Message("assistant", (Text("a"),)),
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a", "annotations": []}],
            "id": "msg_1",
            "status": "completed",
        },
    ),
    "easy message of an assistant": (
        {"role": "assistant", "content": "a", "phase": "final_answer"},
        Message("assistant", (Text("a"),), phase="final_answer"),
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a", "annotations": []}],
            "id": "msg_1",
            "status": "completed",
            "phase": "final_answer",
        },
    ),
    "parts": (
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a", "prompt_cache_breakpoint": BREAKPOINT},
                {"type": "input_image", "image_url": PIXEL, "detail": "high", "prompt_cache_breakpoint": BREAKPOINT},
                {"type": "input_image", "file_id": "file_1", "detail": "original"},
                {"type": "input_file", "file_data": "data:text/plain;base64,YQ==", "filename": "a.txt"},
                {"type": "input_file", "file_id": "file_2"},
                {"type": "input_file", "file_url": "http://x/a", "prompt_cache_breakpoint": BREAKPOINT},
            ],
        },
        Message(
            "user",
            (
                Text("a", cache=raw(BREAKPOINT)),
                Image(PIXEL, detail="high", cache=raw(BREAKPOINT)),
                Image(file_id="file_1", detail="original"),
                File("data:text/plain;base64,YQ==", filename="a.txt"),
                File(file_id="file_2"),
                File(url="http://x/a", cache=raw(BREAKPOINT)),
            ),
        ),
        None,
    ),
    "image without detail": (
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": PIXEL}]},
        Message("user", (Image(PIXEL),)),
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_image", "image_url": PIXEL, "detail": "auto"}],
        },
    ),
    "function call": (
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}', "id": "fc_1"},
        ToolCall("call_1", "f", '{"a":1}', id="fc_1"),
        None,
    ),
    "function call without arguments": (
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "", "status": "completed"},
        ToolCall("call_1", "f", ""),
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
    ),
    "custom call": (
        {"type": "custom_tool_call", "call_id": "call_1", "name": "p", "input": "raw", "id": "ctc_1"},
        ToolCall("call_1", "p", "raw", "custom", "ctc_1"),
        None,
    ),
    "output": (
        {"type": "function_call_output", "call_id": "call_1", "output": "20"},
        ToolResult("call_1", (Text("20"),)),
        None,
    ),
    "empty output": (
        {"type": "function_call_output", "call_id": "call_1", "output": ""},
        ToolResult("call_1", (Text(""),)),
        None,
    ),
    "no output": (
        {"type": "function_call_output", "call_id": "call_1", "output": []},
        ToolResult("call_1", ()),
        {"type": "function_call_output", "call_id": "call_1", "output": ""},
    ),
    "output in parts": (
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
            ],
        },
        ToolResult("call_1", (Text("see"), Image(PIXEL))),
        None,
    ),
    "output of a custom tool": (
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"},
        ToolResult("call_1", (Text("done"),), "custom"),
        None,
    ),
    "reasoning": (
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "t"}],
            "encrypted_content": "S",
        },
        Reasoning(("t",), ("s",), "S", "responses", "rs_1"),
        None,
    ),
    "sealed reasoning without an id": (
        {"type": "reasoning", "summary": [], "encrypted_content": "S", "content": None, "id": None},
        Reasoning((), (), "S", "responses"),
        {"type": "reasoning", "summary": [], "encrypted_content": "S"},
    ),
    "reasoning in the clear": (
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}]},
        Reasoning(("t",)),
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}], "id": "rs_1"},
    ),
    "reference": (
        {"type": "item_reference", "id": "msg_1"},
        Native("responses", "item_reference", "input[0].id", raw({"type": "item_reference", "id": "msg_1"})),
        None,
    ),
    "reference without a type": (
        {"id": "msg_1", "type": None},
        Native("responses", "item_reference", "input[0].id", raw({"id": "msg_1", "type": None})),
        None,
    ),
    "a part that nobody else has": (
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_video"}]},
        Native(
            "responses",
            "message",
            "input[0].content[1].type",
            raw(
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "a"}, {"type": "input_video"}],
                }
            ),
        ),
        None,
    ),
    "an output that nobody else has": (
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "computer_screenshot"}]},
        Native(
            "responses",
            "function_call_output",
            "input[0].output[0].type",
            raw({"type": "function_call_output", "call_id": "c", "output": [{"type": "computer_screenshot"}]}),
        ),
        None,
    ),
}
HOSTED = """
additional_tools apply_patch_call apply_patch_call_output code_interpreter_call compaction compaction_trigger
computer_call computer_call_output file_search_call image_generation_call local_shell_call local_shell_call_output
mcp_approval_request mcp_approval_response mcp_call mcp_list_tools program program_output shell_call
shell_call_output tool_search_call tool_search_output web_search_call configuration_update
""".split()


@pytest.mark.parametrize("case", ITEMS)
def test_an_item_in_neutral_form(case: str) -> None:
    given, expected, _ = ITEMS[case]
    turn = parse(input=[given])
    assert plain(turn.items) == plain((expected,))
    assert type(turn.items[0]) is type(expected)
    assert turn.extras == ()


@pytest.mark.parametrize("case", ITEMS)
def test_an_item_on_its_way_to_an_upstream(case: str) -> None:
    given, _, expected = ITEMS[case]
    turn = parse(input=[given])
    assert render(turn, OPEN)["input"] == [expected or given]
    assert losses(turn, OPEN) == []


@pytest.mark.parametrize("case", [case for case in ITEMS if "nobody" not in case])
def test_what_goes_to_an_upstream_is_of_the_sdks_types(case: str) -> None:
    given, _, expected = ITEMS[case]
    if "sealed" not in case and "without a type" not in case:  # Codex sends those two forms, types aside
        ITEM.validate_python(expected or given)


@pytest.mark.parametrize("kind", HOSTED)
def test_a_hosted_tools_item_is_kept_whole(kind: str) -> None:
    item = {"type": kind, "id": "x_1", "odd": [1]}
    turn = parse(input=[item])
    (native,) = turn.items
    assert isinstance(native, Native)
    assert (native.dialect, native.kind, native.param, plain(native.value)) == ("responses", kind, "input[0]", item)
    assert render(turn)["input"] == [item]


def test_a_string_is_a_message_of_the_user() -> None:
    assert parse(input="hello").items == (Message("user", (Text("hello"),)),)


def test_instructions_lead_and_can_be_told_apart() -> None:
    turn = parse(instructions="Be brief.", input=[{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])
    assert turn.items[0] == Message("system", (Text("Be brief."),), id="instructions")
    body = render(turn)
    assert body["instructions"] == "Be brief."
    assert [item["role"] for item in body["input"]] == ["system", "user"]


@pytest.mark.parametrize("instructions", [None, ""])
def test_no_instructions_are_no_message(instructions: str | None) -> None:
    turn = parse(instructions=instructions)
    assert len(turn.items) == 1
    assert "instructions" not in render(turn)


def test_instructions_of_several_texts_are_joined_and_lose_their_breakpoints() -> None:
    said = (Text("a"), Text(""), Text("b", cache=raw({"type": "ephemeral"})))
    turn = Turn("m", items=(Message("system", said, id="instructions"),))
    assert render(turn) == {"model": "up", "instructions": "a\n\nb", "input": [], "store": False}
    assert losses(turn) == [("input[0].content[2].prompt_cache_breakpoint", "dropped")]
    assert "instructions" not in render(Turn("m", items=(Message("system", (Text(""),), id="instructions"),)))


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (7, "input[0]"),
        ({}, "input[0].type"),
        ({"type": 7}, "input[0].type"),
        ({"role": "user"}, "input[0].content"),
        ({"content": "a"}, "input[0].type"),
        ({"role": "tool", "content": "a"}, "input[0].role"),
        ({"role": "user", "content": 7}, "input[0].content"),
        ({"role": "user", "content": [7]}, "input[0].content[0]"),
        ({"role": "user", "content": [{}]}, "input[0].content[0].type"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url"),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "u", "file_id": "f"}]},
            "input[0].content[0].image_url",
        ),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": {"url": "u"}}]},
            "input[0].content[0].image_url",
        ),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "u", "detail": "huge"}]},
            "input[0].content[0].detail",
        ),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0].file_data"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "input[0].content[0].input_audio"),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, "input[0].call_id"),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}, "input[0].arguments"),
        ({"type": "function_call_output", "call_id": None, "output": ""}, "input[0].call_id"),
        ({"type": "function_call_output", "call_id": "c"}, "input[0].output"),
        ({"type": "reasoning", "summary": [{"type": "other", "text": ""}]}, "input[0].summary[0].type"),
    ],
)
def test_an_item_that_is_not_right_is_named(item: Any, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(input=[item])
    assert (caught.value.kind, caught.value.param) == (errors.INVALID_REQUEST, param)


def test_unknown_members_are_kept_under_their_place() -> None:
    given = [
        {"role": "user", "content": [{"type": "input_file", "file_id": "f", "detail": "high", "odd": None}]},
        {
            "type": "function_call",
            "call_id": "c",
            "name": "f",
            "arguments": "",
            "async": True,
            "caller": {"type": "direct"},
        },
    ]
    turn = parse(input=given)
    assert [(extra.param, plain(extra.value)) for extra in turn.extras] == [
        ("input[0].content[0].detail", "high"),
        ("input[1].async", True),
    ]
    body = render(turn)
    assert body["input"][0]["content"][0]["detail"] == "high"
    assert body["input"][1]["async"] is True


def test_ids_that_no_responses_server_gave_stay_behind() -> None:
    turn = Turn(
        "m",
        items=(
            Message("assistant", (Text("a"),), "chatcmpl-1"),
            ToolCall("toolu_1", "f", "{}", id="toolu_1"),
            ToolCall("toolu_2", "p", "x", "custom", "toolu_2"),
        ),
    )
    assert [item.get("id") for item in render(turn)["input"]] == ["msg_1", None, None]


def test_a_message_without_an_id_gets_one_where_nobody_would_look_it_up() -> None:
    said = (Message("assistant", (Text("a"),)), Message("assistant", (Text("b"),), "msg_x"))
    sent = [*said, said[0]]
    assert [item["id"] for item in render(Turn("m", items=tuple(sent)))["input"]] == ["msg_1", "msg_x", "msg_2"]
    stored = render(Turn("m", items=tuple(sent), store=True))["input"]
    assert [(item.get("id"), item.get("status")) for item in stored] == [
        (None, None), ("msg_x", "completed"), (None, None),
    ]  # fmt: skip


def test_reasoning_without_a_seal_goes_only_where_it_is_read() -> None:
    """OpenAI looks it up by its id, and refuses what it has not stored."""
    turn = Turn("m", items=(Reasoning(("t",)), Reasoning((), seal="S", sealed_by="responses", id="rs_9")))
    assert [item["id"] for item in render(turn)["input"]] == ["rs_9"]
    assert losses(turn) == [("input[0]", "dropped")]
    assert [item["id"] for item in render(turn, OPEN)["input"]] == ["rs_1", "rs_9"]


def test_a_failed_tools_output_says_so_in_front() -> None:
    image = ToolResult("c", (Image(PIXEL),), is_error=True)
    turn = Turn("m", items=(ToolResult("b", (Text("boom"),), is_error=True), image, ToolResult("d", (), is_error=True)))
    outputs = [item["output"] for item in render(turn)["input"]]
    assert outputs[0] == "Error: boom"
    assert [part["type"] for part in outputs[1]] == ["input_text", "input_image"]
    assert outputs[2] == "Error: "
    assert losses(turn) == [(f"input[{number}].is_error", "mapped") for number in range(3)]


def test_a_cached_output_stays_a_list() -> None:
    turn = Turn("m", items=(ToolResult("c", (Text("a", cache=raw(BREAKPOINT)),)),))
    assert render(turn)["input"][0]["output"] == [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": BREAKPOINT}
    ]


def test_a_breakpoint_of_another_family_is_left_out() -> None:
    turn = Turn("m", items=(Message("user", (Text("a", cache=raw({"type": "ephemeral"})),)),))
    assert render(turn)["input"][0]["content"] == [{"type": "input_text", "text": "a"}]
    assert losses(turn) == [("input[0].content[0].prompt_cache_breakpoint", "dropped")]


def test_reasoning_sealed_by_another_keeps_its_text_only() -> None:
    texts = Turn("m", items=(Reasoning(("t",), seal="S", sealed_by="messages"),))
    sent = [{"type": "reasoning", "summary": [], "id": "rs_1", "content": [{"type": "reasoning_text", "text": "t"}]}]
    assert render(texts, OPEN)["input"] == sent
    assert losses(texts, OPEN) == [("input[0].encrypted_content", "dropped")]
    hidden = Turn("m", items=(*texts.items, Reasoning(seal="R", sealed_by="messages")))
    with pytest.raises(GatewayError) as raised:
        render(hidden)
    assert raised.value.param == "input[1].encrypted_content"
    lenient = Profile(allow_unknown=True, reasoning_field="reasoning_content")
    assert render(hidden, lenient)["input"] == sent
    assert losses(hidden, lenient) == [(f"input[{number}].encrypted_content", "dropped") for number in range(2)]


@pytest.mark.parametrize(("names", "text"), [("keep", "Ann: a"), ("prefix", "Ann: a")])
def test_a_participants_name_stands_before_the_text(names: Any, text: str) -> None:
    turn = Turn("m", items=(Message("user", (Image(PIXEL), Text("a"), Text("b")), name="Ann"),))
    profile = Profile(names=names)
    assert [part.get("text") for part in render(turn, profile)["input"][0]["content"]] == [None, text, "b"]
    assert losses(turn, profile) == [("input[0].name", "mapped")]


def test_a_name_without_a_text_is_left_out() -> None:
    turn = Turn("m", items=(Message("user", (Image(PIXEL),), name="Ann"),))
    assert losses(turn) == [("input[0].name", "dropped")]


MANY = (
    Message("system", (Text("a"),), id="instructions"),
    Message("user", (Text("b"),)),
    Message("developer", (Text("c"), Text("d"))),
)


def test_system_messages_are_merged_for_strict_templates() -> None:
    profile = Profile(merge_system=True)
    body = render(Turn("m", items=MANY), profile)
    assert body["instructions"] == "a\n\nc\n\nd"
    assert [item["role"] for item in body["input"]] == ["user"]
    assert losses(Turn("m", items=MANY), profile) == [("input", "mapped")]


@pytest.mark.parametrize("items", [MANY[:2], MANY[1:2]])
def test_one_leading_system_message_needs_no_merging(items: tuple[Item, ...]) -> None:
    assert losses(Turn("m", items=items), Profile(merge_system=True)) == []


def test_a_developer_is_a_system_where_the_upstream_knows_only_that() -> None:
    body = render(Turn("m", items=MANY), Profile(developer="system"))
    assert [item["role"] for item in body["input"]] == ["user", "system"]


def test_custom_calls_are_wrapped_for_upstreams_without_custom_tools() -> None:
    turn = Turn("m", items=(ToolCall("c", "p", 'a"b', "custom"), ToolResult("c", (Text("ok"),), "custom")))
    assert render(turn, Profile(custom_tools="wrap"))["input"] == [
        {"type": "function_call", "call_id": "c", "name": "p", "arguments": '{"input":"a\\"b"}'},
        {"type": "function_call_output", "call_id": "c", "output": "ok"},
    ]


_IMAGE: tuple[Part, ...] = (Image(PIXEL),)


@pytest.mark.parametrize(
    ("item", "profile", "param"),
    [
        (Message("user", (Audio("x", "mp3"),)), Profile(), "input[0].content[0].input_audio"),
        (ToolResult("c", (Audio("x", "mp3"),)), Profile(), "input[0].output[0].input_audio"),
        (Message("assistant", _IMAGE), Profile(), "input[0]"),
        (Message("user", (Text("a"),), name="Ann"), Profile(names="reject"), "input[0].name"),
        (ToolCall("c", "p", "x", "custom"), Profile(custom_tools="reject"), "input[0].type"),
        (ToolResult("c", (Text("a"),), "custom"), Profile(custom_tools="reject"), "input[0].type"),
        (Native("messages", "server_tool_use", "messages[0].content[1]", raw({})), Profile(), "messages[0].content[1]"),
    ],
)
def test_what_the_upstream_cannot_have_is_refused(item: Item, profile: Profile, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        render(Turn("m", items=(item,)), profile)
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, param)


def test_a_system_message_with_an_image_cannot_be_merged() -> None:
    items = (*MANY, Message("system", _IMAGE))
    with pytest.raises(GatewayError) as caught:
        render(Turn("m", items=items), Profile(merge_system=True))
    assert caught.value.param == f"input[{len(MANY)}]"
