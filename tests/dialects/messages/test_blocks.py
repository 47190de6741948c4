import json

import pytest

from dragoman import errors
from dragoman.dialects.messages.blocks import History, parse_messages, parse_system
from dragoman.errors import GatewayError
from dragoman.turn import (
    INSTRUCTIONS,
    Extra,
    File,
    Image,
    Item,
    Message,
    Native,
    Place,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from tests.dialects.messages.answers import raw
from tests.dialects.messages.streams import CITED

CACHE = {"type": "ephemeral", "ttl": "1h"}


def parse(*messages: object, beside: tuple[str, ...] = ()) -> tuple[Item, ...]:
    """The items; `beside` are the places of what is no item's."""
    history = History([])
    parse_messages(raw(messages), history)
    assert tuple(extra.param for extra in history.extras) == beside
    assert len(history.places) == len(history.items)
    return tuple(history.items)


def parse_prompt(value: object) -> tuple[Item, ...]:
    history = History([])
    parse_system(raw(value), history)
    return tuple(history.items)


def user(*blocks: object) -> dict[str, object]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: object) -> dict[str, object]:
    return {"role": "assistant", "content": list(blocks)}


def text(said: str, **more: object) -> dict[str, object]:
    return {"type": "text", "text": said, **more}


def test_strings_are_one_text() -> None:
    given = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}, {"role": "user", "content": ""}]
    assert parse(*given) == (
        Message("user", (Text("Hi"),)), Message("assistant", (Text("Ho"),)), Message("user", (Text(""),)),
    )  # fmt: skip


def test_an_assistant_that_said_nothing_is_no_item() -> None:
    assert parse({"role": "assistant", "content": ""}, assistant(), assistant(text(""))) == ()


def test_a_system_message_in_the_middle_stays_there() -> None:
    items = parse({"role": "user", "content": "a"}, {"role": "system", "content": [text("b")]})
    assert items == (Message("user", (Text("a"),)), Message("system", (Text("b"),)))


def test_a_users_parts_keep_their_order_and_cache_breakpoints() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x.org/a.png"}}
    document = {"type": "document", "source": {"type": "file", "file_id": "f"}}
    (item,) = parse(user(text("a"), image, document, text("b", cache_control=CACHE)))
    assert item == Message(
        "user", (Text("a"), Image(url="https://x.org/a.png"), File(file_id="f"), Text("b", cache=raw(CACHE)))
    )


def test_tool_results_come_first_in_their_order_and_then_what_the_user_says() -> None:
    results = [
        {"type": "tool_result", "tool_use_id": "b", "content": "sunny"},
        {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": [
            text("no"), {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        ]},
        {"type": "tool_result", "tool_use_id": "c", "cache_control": CACHE, "is_error": None},
    ]  # fmt: skip
    assert parse(user(text("Look:"), *results, text("Well?")), beside=("messages[0].content[3].cache_control",)) == (
        ToolResult("b", (Text("sunny"),)),
        ToolResult("a", (Text("no"), Image(url="data:image/png;base64,AA==")), is_error=True),
        ToolResult("c", ()),
        Message("user", (Text("Look:"), Text("Well?"))),
    )


def test_an_assistants_blocks_are_items_in_their_order() -> None:
    items = parse(
        assistant(
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "zz"},
            text("I "),
            text("look."),
            {"type": "tool_use", "id": "a", "name": "look", "input": {"at": "ö", "n": 1.50}, "cache_control": CACHE},
            {"type": "tool_use", "id": "b", "name": "go", "input": {}, "caller": {"type": "direct"}},
            text("Done."),
        ),
        beside=("messages[0].content[4].cache_control",),
    )
    assert items == (
        Reasoning(("hm",), seal="sig", sealed_by="messages"),
        Reasoning(seal="redacted:zz", sealed_by="messages"),
        Message("assistant", (Text("I "), Text("look."))),
        ToolCall("a", "look", '{"at":"ö","n":1.5}'),
        ToolCall("b", "go", "{}"),
        Message("assistant", (Text("Done."),)),
    )


def test_thoughts_may_be_unsigned_or_hidden() -> None:
    assert parse(
        assistant(
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "thinking", "thinking": "", "signature": "sig"},
            {"type": "thinking", "thinking": "so"},
        )
    ) == (Reasoning(("hm",)), Reasoning(seal="sig", sealed_by="messages"), Reasoning(("so",)))


def test_citations_of_earlier_answers_are_annotations() -> None:
    (item,) = parse(assistant(text("Hello", citations=[CITED]), text("!", citations=None)))
    assert isinstance(item, Message)
    first, second = item.parts
    assert isinstance(first, Text)
    assert second == Text("!")
    assert json.loads(bytes(first.annotations[0]))["end_index"] == 5


@pytest.mark.parametrize("kind", ["server_tool_use", "web_search_tool_result", "container_upload", "novelty"])
def test_blocks_of_this_dialect_alone_are_kept_whole(kind: str) -> None:
    block = {"type": kind, "id": "x"}
    assert parse(assistant(text("a"), block)) == (
        Message("assistant", (Text("a"),)), Native("messages", kind, "messages[0].content[1]", raw(block)),
    )  # fmt: skip
    assert parse(user(block, text("a")))[-1] == Native("messages", kind, "messages[0].content[0]", raw(block))


def test_members_without_a_neutral_form_are_kept_by_name() -> None:
    extras: list[Extra] = []
    call = {"type": "tool_use", "id": "a", "name": "n", "input": {}, "caller": {"type": "code_execution"}}
    result = {"type": "tool_result", "tool_use_id": "a", "toolset_name": "browser"}
    parse_messages(raw([{**assistant(call), "novelty": 1}, user(result)]), History(extras))
    assert [one.param for one in extras] == [
        "messages[0].novelty", "messages[0].content[0].caller", "messages[1].content[0].toolset_name",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "tool", "content": "a"}, "messages[0].role"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "user", "content": None}, "messages[0].content"),
        ({"role": "user", "content": ["a"]}, "messages[0].content[0]"),
        (user({"text": "a"}), "messages[0].content[0].type"),
        (user({"type": "text"}), "messages[0].content[0].text"),
        (user({"type": "tool_result", "content": "a"}), "messages[0].content[0].tool_use_id"),
        (assistant({"type": "tool_use", "id": "a", "name": "n", "input": "{}"}), "messages[0].content[0].input"),
        (assistant(text("a", citations=[{}])), "messages[0].content[0].citations"),
        ({"role": "system", "content": [{"type": "image"}]}, "messages[0].content[0].type"),
        ("Hi", "messages[0]"),
    ],
)
def test_what_is_wrong_is_named(message: object, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        parse_messages(raw([message]), History([]))
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, param)


def test_what_a_tool_cannot_give_elsewhere_is_refused() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [text("a"), {"type": "search_result"}]}
    with pytest.raises(GatewayError) as raised:
        parse_messages(raw([user(result)]), History([]))
    assert (raised.value.kind, raised.value.param) == (
        errors.UNSUPPORTED_PARAMETER, "messages[0].content[0].content[1].type",
    )  # fmt: skip


def test_each_item_and_part_has_its_place() -> None:
    history = History([])
    parse_system(raw([text("s")]), history)
    result = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    call = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    said = [
        assistant(text("a"), text(""), text("b"), call),
        user(text("c"), result, text("d")),
        {"role": "user", "content": "e"},
    ]
    parse_messages(raw(said), history)
    assert history.places == [
        Place("system", ("system[0]",)),
        Place("messages[0]", ("messages[0].content[0]", "messages[0].content[2]")),
        Place("messages[0].content[3]"),
        Place("messages[1].content[1]"),
        Place("messages[1]", ("messages[1].content[0]", "messages[1].content[2]")),
        Place("messages[2]", ("messages[2].content",)),
    ]


def test_a_system_prompt_is_one_leading_message() -> None:
    assert parse_prompt("Be brief.") == (Message("system", (Text("Be brief."),), id=INSTRUCTIONS),)
    blocks = [text("a"), text("b", cache_control=CACHE)]
    assert parse_prompt(blocks) == (Message("system", (Text("a"), Text("b", cache=raw(CACHE))), id=INSTRUCTIONS),)
    assert parse_prompt("") == ()
    assert parse_prompt([]) == ()


@pytest.mark.parametrize(
    ("value", "param"), [(7, "system"), ([7], "system[0]"), ([{"type": "image"}], "system[0].type")]
)
def test_a_system_prompt_that_is_no_text_is_named(value: object, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        parse_prompt(value)
    assert raised.value.param == param
