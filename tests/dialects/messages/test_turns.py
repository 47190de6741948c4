import json
from typing import Any

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.calls import alias
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages.turns import Renderer, arguments
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import (
    Audio,
    File,
    Image,
    Item,
    Message,
    Native,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tests.dialects.messages.answers import LINK, raw

CACHE = {"type": "ephemeral"}
HI = Message("user", (Text("Hi"),))
KEEP = Profile(late_system="keep")


def render(*items: Item, profile: Profile | None = None) -> tuple[Any, list[tuple[str, str]]]:
    profile = profile or Profile()
    losses = Losses(Turn("m", items=items), allow_unknown=profile.allow_unknown)
    body = json.loads(msgspec.json.encode(Renderer(profile, losses).render(items)))
    return body, [(loss.param, loss.kind) for loss in losses.told()]


def told(*items: Item, profile: Profile | None = None) -> list[Any]:
    """The messages, where nothing is lost."""
    body, losses = render(*items, profile=profile)
    assert losses == []
    messages: list[Any] = body["messages"]
    return messages


def system(text: str) -> Message:
    return Message("system", (Text(text),))


def used(call_id: str, name: str = "look", given: object = None) -> dict[str, object]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given or {}}


def result(call_id: str, content: object, **more: object) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def test_one_plain_text_is_a_string() -> None:
    assert told(HI) == [{"role": "user", "content": "Hi"}]


def test_all_results_of_a_turn_are_in_one_message_and_come_first() -> None:
    items: list[Item] = [
        HI,
        Message("assistant", (Text("I look."),)),
        ToolCall("a", "look", '{"at": "x"}'),
        ToolCall("b", "go", ""),
        ToolResult("a", (Text("sunny"),)),
        ToolResult("b", (Text("no"), Text("way")), is_error=True),
        Message("user", (Text("Well?"),)),
    ]
    assert told(*items) == [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "I look."}, used("a", given={"at": "x"}), used("b", "go")],
        },
        {
            "role": "user",
            "content": [
                result("a", "sunny"),
                result("b", [{"type": "text", "text": "no"}, {"type": "text", "text": "way"}], is_error=True),
                {"type": "text", "text": "Well?"},
            ],
        },
    ]


def test_a_result_moves_before_what_the_user_said() -> None:
    body, losses = render(ToolCall("a", "look", "{}"), HI, ToolResult("a", (Text("sunny"),)))
    assert body["messages"][1]["content"] == [result("a", "sunny"), {"type": "text", "text": "Hi"}]
    assert losses == [("input[2]", "mapped")]


def test_calls_in_steps_stay_in_steps() -> None:
    items: list[Item] = [
        ToolCall("a", "look", "{}"),
        ToolResult("a", ()),
        ToolCall("b", "look", "{}"),
        ToolResult("b", ()),
    ]
    assert told(HI, *items) == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [used("a")]},
        {"role": "user", "content": [result("a", [])]},
        {"role": "assistant", "content": [used("b")]},
        {"role": "user", "content": [result("b", [])]},
    ]


def test_neighbours_of_one_side_make_one_message() -> None:
    twice = [Message("assistant", (Text("a"),)), Message("assistant", (Text("b"),))]
    assert told(HI, HI, *twice) == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}] * 2},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]


def test_leading_system_messages_are_the_system_prompt() -> None:
    body, losses = render(system("Be brief."), HI)
    assert (body, losses) == ({"system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}]}, [])
    body, losses = render(system("a"), Message("developer", (Text("b"), Text("c", cache=raw(CACHE)))), HI)
    assert body["system"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "text", "text": "c", "cache_control": CACHE},
    ]
    assert losses == []


def test_a_later_system_message_moves_to_the_beginning() -> None:
    body, losses = render(system("a"), HI, system("b"), HI)
    assert body["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi"}] * 2}]
    assert losses == [("input[2]", "mapped")]


def test_a_later_system_message_stays_where_the_api_allows_one() -> None:
    said = Message("assistant", (Text("Ho"),))
    place = {"role": "system", "content": "b"}
    assert told(HI, system("b"), said, profile=KEEP)[1] == place
    assert told(HI, system("b"), profile=KEEP)[1] == place
    assert told(HI, system("b"), ToolCall("a", "n", "{}"), profile=KEEP)[1] == place
    both = told(HI, system("b"), Message("developer", (Text("c"),)), profile=KEEP)[1]
    assert both == {"role": "system", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]}


@pytest.mark.parametrize(
    "items",
    [
        [HI, system("b"), HI],
        [HI, Message("assistant", (Text("Ho"),)), system("b"), HI],
        [HI, ToolCall("a", "look", "{}"), system("b"), ToolResult("a", ())],
        [ToolCall("a", "look", "{}"), HI, system("b"), ToolResult("a", ())],
    ],
)
def test_a_later_system_message_moves_where_the_api_allows_none(items: list[Item]) -> None:
    body, losses = render(*items, profile=KEEP)
    assert body["system"] == "b"
    assert {message["role"] for message in body["messages"]} <= {"user", "assistant"}
    assert (f"input[{items.index(system('b'))}]", "mapped") in losses


def test_texts_that_say_nothing_are_left_out() -> None:
    items: list[Item] = [
        system(""),
        HI,
        Message("user", (Text(""), Text(" \n"))),
        system(" "),
        Message("assistant", (Text("\n"),)),
        ToolCall("a", "n", " "),
    ]
    body, losses = render(*items)
    assert body == {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [used("a", "n")]}]}
    assert losses == []


@pytest.mark.parametrize("items", [(), (system("a"),), (Message("user", (Text(""),)),)])
def test_at_least_one_message_must_be_there(items: tuple[Item, ...]) -> None:
    with pytest.raises(GatewayError) as raised:
        render(*items)
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "input")


def test_images_and_files_are_blocks_also_in_results() -> None:
    image, file = Image(url="data:image/png;base64,AA=="), File(url="https://x.org/a.pdf", cache=raw(CACHE))
    blocks = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "document", "source": {"type": "url", "url": "https://x.org/a.pdf"}, "cache_control": CACHE},
    ]
    assert told(Message("user", (image, file)))[0]["content"] == blocks
    assert told(HI, ToolCall("a", "n", "{}"), ToolResult("a", (image, file)))[2]["content"] == [result("a", blocks)]


def test_a_cache_breakpoint_of_another_dialect_becomes_one_of_this() -> None:
    breakpoint = raw({"mode": "explicit", "ttl": "30m"})
    body, losses = render(Message("user", (Text("a", cache=breakpoint), Text("b", cache=raw(None)))))
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "a", "cache_control": CACHE}, {"type": "text", "text": "b"},
    ]  # fmt: skip
    assert losses == [("input[0].content[0].prompt_cache_breakpoint", "mapped")]


def test_a_name_stands_before_the_text() -> None:
    named = [
        Message("user", (Text("Hi"), Text("ho")), name="ann"),
        Message("user", (Image(url="https://x.org"),), name="b"),
    ]
    body, losses = render(*named)
    assert [block.get("text") for block in body["messages"][0]["content"]] == ["ann: Hi", "ho", "b:", None]
    assert losses == [("input[0].name", "mapped"), ("input[1].name", "mapped")]
    with pytest.raises(GatewayError) as raised:
        render(named[0], profile=Profile(names="reject"))
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "input[0].name")


def test_signed_thoughts_go_back_and_unsigned_ones_are_a_loss() -> None:
    assert told(
        HI,
        Reasoning(("hm",), seal="sig", sealed_by="messages"),
        Reasoning(seal="sig2", sealed_by="messages"),
        Reasoning(seal="redacted:zz", sealed_by="messages"),
        ToolCall("a", "n", "{}"),
    )[1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "thinking", "thinking": "", "signature": "sig2"},
        {"type": "redacted_thinking", "data": "zz"},
        used("a", "n"),
    ]
    body, losses = render(HI, Reasoning(("hm",)), Reasoning(("so",), seal="redacted:zz", sealed_by="messages"))
    assert body["messages"][1]["content"] == [{"type": "redacted_thinking", "data": "zz"}]
    assert losses == [("input[1]", "dropped"), ("input[2]", "dropped")]


def test_thoughts_that_others_sealed_are_refused_unless_they_can_be_read() -> None:
    foreign = Reasoning(seal="gAAA", sealed_by="responses")
    with pytest.raises(GatewayError) as raised:
        render(HI, foreign)
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "input[1].encrypted_content")
    body, losses = render(HI, foreign, profile=Profile(allow_unknown=True))
    assert body == {"messages": [{"role": "user", "content": "Hi"}]}
    assert losses == [("input[1].encrypted_content", "dropped")]
    read = Reasoning(("hm",), seal="gAAA", sealed_by="responses")
    assert render(HI, read) == (body, losses)


def test_what_was_refused_before_is_said_again() -> None:
    body, losses = render(HI, Message("assistant", (Text("Well"), Refusal("No."))))
    assert [block["text"] for block in body["messages"][1]["content"]] == ["Well", "No."]
    assert losses == [("input[1].refusal", "mapped")]


def test_annotations_of_earlier_answers_are_a_loss() -> None:
    body, losses = render(HI, Message("assistant", (Text("a", (LINK,)),)))
    assert body["messages"][1] == {"role": "assistant", "content": "a"}
    assert losses == [("input[1].content[0].annotations", "dropped")]


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (Message("user", (Audio("AA==", "wav"),)), "input[1].content[0].input_audio"),
        (Native("responses", "computer_call", "input[3]", raw({})), "input[3]"),
        (ToolCall("a", "patch", "x", "custom"), "input[1].type"),
        (Message("user", (Image(url="data:image/png,abc"),)), "input[1].content[0].image_url"),
    ],
)
def test_what_messages_cannot_say_is_refused_by_name(item: Item, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        render(HI, item)
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, param)


def test_a_result_without_its_call_is_refused_by_name() -> None:
    with pytest.raises(GatewayError, match="No call with the id 'a'") as raised:
        render(HI, ToolResult("a", (Text("1"),)))
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, "input[1].call_id")


def test_a_call_has_the_name_its_tool_has() -> None:
    call = ToolCall("a", "look at that!", "{}")
    assert told(HI, call)[1]["content"] == [used("a", alias("look at that!"))]
    assert told(HI, call, profile=Profile(tool_names="keep"))[1]["content"] == [used("a", "look at that!")]


def test_custom_calls_are_wrapped_where_the_profile_says_so() -> None:
    items: list[Item] = [HI, ToolCall("a", "patch", '*** "x"', "custom"), ToolResult("a", (Text("ok"),), "custom")]
    messages = told(*items, profile=Profile(custom_tools="wrap"))
    assert messages[1]["content"] == [used("a", "patch", {"input": '*** "x"'})]
    assert messages[2]["content"] == [result("a", "ok")]


@pytest.mark.parametrize("given", ["{", "[]", "1", '"{}"', "null", "{} {}", '{"a": nope}'])
def test_arguments_that_are_no_object_are_named(given: str) -> None:
    with pytest.raises(GatewayError, match="'look'") as raised:
        render(HI, ToolCall("a", "look", given))
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, "input[1].arguments")


def test_arguments_go_as_they_were_written() -> None:
    assert arguments("") == arguments(" \n") == raw({})
    assert arguments(' {"n": 1.50, "n": 2}') == msgspec.Raw(b' {"n": 1.50, "n": 2}')
    assert arguments('{"a":' * 100_000 + "1" + "}" * 100_000) is None


def test_ids_of_calls_keep_only_what_the_api_takes_and_stay_apart() -> None:
    items: list[Item] = [
        HI,
        ToolCall("functions.look:0", "look", "{}"),
        ToolCall("functions_look_0", "look", "{}"),
        ToolCall("functions.look.0", "look", "{}"),
        ToolCall("", "look", "{}"),
        ToolResult("functions_look_0", (Text("2"),)),
        ToolResult("functions.look:0", (Text("1"),)),
    ]
    body, losses = render(*items)
    assert [block["id"] for block in body["messages"][1]["content"]] == [
        "functions_look_0", "functions_look_0_2", "functions_look_0_3", "call",
    ]  # fmt: skip
    assert [(block["tool_use_id"], block["content"]) for block in body["messages"][2]["content"]] == [
        ("functions_look_0_2", "2"), ("functions_look_0", "1"),
    ]  # fmt: skip
    assert [kind for _, kind in losses] == ["mapped"] * 4
