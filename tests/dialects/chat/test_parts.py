import json

import pytest

from dragoman.dialects.chat.parts import breakpoint_of, render
from dragoman.dialects.mapping import Losses
from dragoman.turn import Audio, File, Image, Message, Part, Refusal, Text, ToolResult, Turn
from tests.dialects.chat.asking import INVALID, UNSUPPORTED, Json, items, raw, refused

CACHE = {"mode": "explicit", "ttl": "30m"}
PNG = "data:image/png;base64,AA=="
PDF = "data:application/pdf;base64,AA=="


def told() -> Losses:
    return Losses(Turn("m", items=(Message("user", ()),)))


def said(role: str, *content: object) -> tuple[Part, ...]:
    (item,) = items({"role": role, "content": list(content)})
    assert isinstance(item, Message)
    return item.parts


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"type": "text", "text": "Hi"}, Text("Hi")),
        ({"type": "text", "text": ""}, Text("")),
        ({"type": "image_url", "image_url": {"url": PNG}}, Image(PNG)),
        ({"type": "image_url", "image_url": {"url": PNG, "detail": "original"}}, Image(PNG, detail="original")),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, Audio("AA==", "wav")),
        ({"type": "file", "file": {"file_id": "file-1"}}, File(file_id="file-1")),
        ({"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}, File(PDF, filename="a.pdf")),
    ],
)
def test_a_user_may_say_every_part(given: Json, part: Part) -> None:
    assert said("user", given) == (part,)


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ({"file_data": "AA==", "filename": "a.PDF"}, PDF),
        ({"file_data": "AA==", "filename": "a.bin"}, "data:application/octet-stream;base64,AA=="),
        ({"file_data": "AA=="}, "data:application/octet-stream;base64,AA=="),
    ],
)
def test_bare_data_of_a_file_becomes_a_data_url(file: Json, data: str) -> None:
    (part,) = said("user", {"type": "file", "file": file})
    assert isinstance(part, File)
    assert part.data == data


def test_a_cache_breakpoint_stays_with_its_part() -> None:
    mark = {"prompt_cache_breakpoint": CACHE}
    given = said(
        "user",
        {"type": "text", "text": "a"} | mark,
        {"type": "image_url", "image_url": {"url": PNG}} | mark,
        {"type": "file", "file": {"file_id": "f"}} | mark,
        {"type": "text", "text": "b", "prompt_cache_breakpoint": None},
    )
    losses = told()
    marks = [render(part, losses).get("prompt_cache_breakpoint") for part in given]
    assert marks == [breakpoint_of(part) for part in given]
    assert [None if mark is None else json.loads(bytes(mark)) for mark in marks] == [CACHE, CACHE, CACHE, None]
    assert losses.told() == ()


def test_a_breakpoint_of_messages_is_a_hint_that_chat_has_no_word_for() -> None:
    losses = told()
    part = Text("a", cache=raw({"type": "ephemeral"}))
    assert render(part, losses) == {"type": "text", "text": "a"}
    assert [(loss.param, loss.kind) for loss in losses.told()] == [
        ("input[0].content[0].prompt_cache_breakpoint", "dropped")
    ]


def test_a_breakpoint_after_audio_is_refused() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}, "prompt_cache_breakpoint": CACHE}
    refused(lambda: said("user", audio), "messages[0].content[0].prompt_cache_breakpoint", UNSUPPORTED)


@pytest.mark.parametrize("role", ["system", "developer", "tool", "assistant"])
@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f"}},
    ],
)
def test_only_a_user_says_more_than_text(role: str, part: Json) -> None:
    message = {"role": role, "content": [{"type": "text", "text": "a"}, part], "tool_call_id": "c"}
    if role != "tool":
        del message["tool_call_id"]
    refused(lambda: items(message), "messages[0].content[1].type", INVALID)


@pytest.mark.parametrize("content", ["a", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]])
def test_the_annotations_of_a_message_are_its_first_texts(content: object) -> None:
    (item,) = items({"role": "assistant", "content": content, "annotations": [{"type": "x", "x": {"y": 1}}]})
    assert isinstance(item, Message)
    marks = [[json.loads(bytes(one)) for one in part.annotations] for part in item.parts if isinstance(part, Text)]
    assert marks[0] == [{"type": "x", "y": 1}]
    assert not any(marks[1:])


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_only_an_assistant_refuses(role: str) -> None:
    part = {"type": "refusal", "refusal": "No."}
    assert said("assistant", {"type": "text", "text": "a"}, part) == (Text("a"), Refusal("No."))
    refused(lambda: said(role, part), "messages[0].content[0].type", INVALID)


def test_the_text_of_a_tool_message_is_one_text() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    *_, result = items(
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "42"},
    )
    assert result == ToolResult("c", (Text("42"),))


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "text"}, "text"),
        ({"type": "image_url"}, "image_url"),
        ({"type": "input_audio"}, "input_audio"),
        ({"type": "file"}, "file"),
        ({"type": "text", "text": "a", "image_url": {"url": PNG}}, "image_url"),
        ({"type": "file", "file": {}}, "file"),
        ({"type": "file", "file": {"file_data": "", "file_id": ""}}, "file"),
        ({"type": "file", "file": {"file_data": PDF, "file_id": "f"}}, "file"),
        ({"type": "image_url", "image_url": {"url": PNG, "detail": "huge"}}, "image_url.detail"),
        ({"type": "image_url", "image_url": {}}, "image_url.url"),
    ],
)
def test_a_part_has_the_member_of_its_type_and_no_other(part: Json, param: str) -> None:
    refused(lambda: said("user", part), f"messages[0].content[0].{param}", INVALID)


@pytest.mark.parametrize(
    ("part", "body"),
    [
        (Text("a"), {"type": "text", "text": "a"}),
        (Refusal("No."), {"type": "text", "text": "No."}),
        (Image(PNG, detail="low"), {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}),
        (Image(PNG), {"type": "image_url", "image_url": {"url": PNG, "detail": "auto"}}),
        (Audio("AA==", "mp3"), {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}),
        (File(PDF, filename="a.pdf"), {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}),
        (File(file_id="f"), {"type": "file", "file": {"file_id": "f"}}),
    ],
)
def test_every_part_has_a_form(part: Part, body: Json) -> None:
    assert render(part, told()) == body


@pytest.mark.parametrize(("part", "param"), [(Image(file_id="f"), "file_id"), (File(url="https://x.org"), "file_url")])
def test_what_can_be_given_by_id_or_address_only_elsewhere_is_refused(part: Part, param: str) -> None:
    refused(lambda: render(part, told()), f"input[0].content[0].{param}", UNSUPPORTED)
