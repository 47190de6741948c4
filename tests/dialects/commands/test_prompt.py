"""`dragoman.dialects.commands.prompt`."""

import msgspec
import pytest

from dragoman.dialects.commands.prompt import Picture, Prompt, compose, no_command
from dragoman.dialects.mapping import Losses
from dragoman.errors import GatewayError
from dragoman.turn import (
    Audio,
    File,
    Image,
    Item,
    Loss,
    Message,
    Native,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)  # fmt: skip
from tests.dialects.commands.asked import IMAGE, PIXEL, assistant, system, turn, user

GO_ON = "Above is a conversation. Go on with it: write the assistant's next message, and nothing else."


def composed(asked: Turn, *, goes_on: bool = False, images: bool = True) -> tuple[Prompt, tuple[Loss, ...]]:
    losses = Losses(asked)
    return compose(asked, losses, goes_on=goes_on, images=images), losses.told()


def text(*items: Item, goes_on: bool = False) -> str:
    return composed(turn(*items), goes_on=goes_on)[0].text  # type: ignore[arg-type]


def test_a_single_message_is_the_prompt_as_it_stands() -> None:
    assert composed(turn(user("-v\n  two lines "))) == (Prompt("", "-v\n  two lines "), ())


def test_system_text_stands_apart_and_messages_of_one_side_together() -> None:
    asked = turn(system("be brief"), Message("developer", (Text("be kind"),)), user("one"), user("two", "three"))

    prompt, losses = composed(asked)

    assert (prompt, losses) == (Prompt("be brief\n\nbe kind", "one\n\ntwo\n\nthree"), ())
    assert prompt.whole() == ("System instructions:\nbe brief\n\nbe kind\n\nRequest:\none\n\ntwo\n\nthree")
    assert Prompt("", "one").whole() == "one"


def test_a_conversation_is_put_into_one_prompt() -> None:
    asked = turn(system("be brief"), user("one"), assistant("1"), system("be kind"), user("two"))

    prompt, losses = composed(asked)

    assert prompt.system == "be brief"
    assert prompt.text == (
        "<user>\none\n</user>\n\n<assistant>\n1\n</assistant>\n\n<system>\nbe kind\n</system>\n\n"
        f"<user>\ntwo\n</user>\n\n{GO_ON}"
    )
    assert losses == (Loss("messages", "mapped", "the conversation is put into one prompt"),)


def test_calls_and_their_results_are_part_of_it() -> None:
    items = (
        user("weather?"), ToolCall("c1", "weather", '{"city":"Rome"}'), ToolResult("c1", (Text("sunny"),)),
        ToolCall("c2", "news", "{}"), ToolResult("c2", (Text("none"),), is_error=True),
    )  # fmt: skip

    assert text(*items) == (
        '<user>\nweather?\n</user>\n\n<tool_call id="c1" name="weather">\n{"city":"Rome"}\n</tool_call>\n\n'
        '<tool_result id="c1">\nsunny\n</tool_result>\n\n<tool_call id="c2" name="news">\n{}\n</tool_call>\n\n'
        f'<tool_result id="c2">\nError: none\n</tool_result>\n\n{GO_ON}'
    )


def test_a_session_that_goes_on_gets_what_came_after_the_last_answer() -> None:
    assert text(user("one"), assistant("1"), user("two"), user("three"), goes_on=True) == "two\n\nthree"
    assert text(user("one"), goes_on=True) == "one"
    results = text(user("one"), ToolCall("c", "f", "{}"), ToolResult("c", (Text("1"),)), goes_on=True)
    assert results == f'<tool_result id="c">\n1\n</tool_result>\n\n{GO_ON}'


def test_names_and_refusals_are_text_and_reasoning_is_left_out() -> None:
    asked = Turn("m", items=(
        Message("user", (Text("hi"),), name="Ann"), Reasoning(("hm",)), assistant(Refusal("no")), user("why?"),
    ), dialect="chat")  # fmt: skip

    prompt, losses = composed(asked)

    assert prompt.text.startswith("<user>\nAnn: hi\n</user>\n\n<assistant>\nno\n</assistant>")
    assert [(loss.param, loss.kind) for loss in losses] == [
        ("messages[1].reasoning_content", "dropped"), ("messages", "mapped"),
    ]  # fmt: skip


def test_pictures_are_taken_out_and_referred_to() -> None:
    prompt, losses = composed(turn(user("this", IMAGE, "or that", msgspec.structs.replace(IMAGE, detail="high"))))

    assert prompt.text == "this\n\n[Image 1]\n\nor that\n\n[Image 2]"
    assert prompt.pictures == (Picture("image/png", PIXEL),) * 2
    assert prompt.pictures[0].suffix == "png" and Picture("image/svg+xml", "").suffix == "svg"
    assert [loss.param for loss in losses] == ["messages[0].content[3].image_url.detail"]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ((), "messages"),
        ((system("be brief"),), "messages"),
        ((assistant("and so"),), "messages"),
        ((user("a", Audio("AAAA", "wav")),), "messages[0].content[1].input_audio"),
        ((user("a", File(data="data:text/plain;base64,QQ==")),), "messages[0].content[1].file.file_data"),
        ((user("a", Image(url="https://a.com/x.png")),), "messages[0].content[1].image_url.url"),
        ((user("a", Image(url="data:image/../etc;base64,AA")),), "messages[0].content[1].image_url.url"),
        ((user("a"), Native("responses", "web_search_call", "input[1]", msgspec.Raw(b"{}"))), "input[1]"),
    ],
)
def test_what_has_no_place_in_a_prompt_is_refused_by_name(items: tuple[Item, ...], param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        composed(Turn("m", items=items, dialect="chat"))
    assert (raised.value.kind.code, raised.value.param) == ("unsupported_parameter", param)


def test_a_picture_is_refused_where_there_is_no_place_for_it() -> None:
    with pytest.raises(GatewayError, match="An image"):
        composed(turn(user(IMAGE)), images=False)


def test_a_session_is_not_gone_on_with_by_nothing() -> None:
    with pytest.raises(GatewayError, match="nothing new"):
        composed(turn(user("one"), assistant("1")), goes_on=True)


def test_no_prompt_begins_with_a_slash() -> None:
    assert no_command("/clear") == "\n/clear"
    assert no_command("clear /all") == "clear /all"
