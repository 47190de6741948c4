"""What a model is asked to summarise, and what becomes of the summary."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dragoman.dialects.responses import compaction
from dragoman.errors import GatewayError
from dragoman.wire.chat import render_fields


def value(**members: Any) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


RULE = value(role="developer", content="Be brief.")
HISTORY = [
    RULE,
    value(type="message", role="user", content=[
        {"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "input_file", "file_id": "file-1", "filename": "a.pdf"},
    ]),
    value(type="reasoning", id="rs_1", summary=[], encrypted_content="x"),
    value(type="function_call", call_id="c1", name="f", arguments='{"a":1}'),
    value(type="function_call_output", call_id="c1", output="blue"),
    value(type="message", role="assistant", content=[{"type": "output_text", "text": "done"}]),
]  # fmt: skip


def test_everything_but_the_rules_is_put_to_the_model() -> None:
    asked, losses = compaction.ask([(f"input[{at}]", item) for at, item in enumerate(HISTORY)], "Mind the colours.")
    record = asked.split("-" * 8)[1]
    assert record.strip().split("\n\n") == [
        "user: look [an image] [a file a.pdf]",
        'assistant calls f (c1): {"a":1}',
        "result of c1: blue",
        "assistant: done",
    ]
    assert "Mind the colours." in asked
    assert "Be brief." not in asked
    assert [(loss.param, loss.kind) for loss in losses] == [
        ("input[1].content[1]", "dropped"),
        ("input[1].content[2]", "dropped"),
        ("input[2]", "dropped"),
    ]


def test_an_item_that_is_none_is_named() -> None:
    with pytest.raises(GatewayError) as caught:
        compaction.ask([("input[3]", value(type="function_call", name="f"))], None)
    assert caught.value.param is not None
    assert caught.value.param.startswith("input[3]")


@pytest.mark.parametrize(
    ("item", "rule"),
    [
        (RULE, True),
        (value(type="message", role="system", content="x"), True),
        (value(type="message", role="user", content="x"), False),
        (value(type="function_call", role="system"), False),
    ],
)
def test_rules_are_messages_that_stand_above(item: bytes, rule: bool) -> None:
    assert compaction.is_rule(item) is rule


def test_a_compaction_of_ours_becomes_what_it_stands_for() -> None:
    held = msgspec.json.encode(compaction.Short("We met.", (Raw(RULE),)))
    item = bytes(compaction.render("cmp_1", "drg1.abc"))
    assert json.loads(item) == {"type": "compaction", "id": "cmp_1", "encrypted_content": "drg1.abc"}
    opened = compaction.opened(item, lambda sealed: held if sealed == "drg1.abc" else None)
    assert opened is not None
    rule, said = opened
    message = json.loads(said)
    assert rule == RULE
    assert (message["role"], message["content"][0]["text"].endswith("We met.")) == ("user", True)
    assert compaction.opened(item, lambda sealed: None) is None


@pytest.mark.parametrize(
    "item",
    [RULE, value(type="compaction", id="c", encrypted_content="gAAAA"), value(role="user", content='"compaction"')],
)
def test_what_is_none_of_ours_stays(item: bytes) -> None:
    assert compaction.opened(item, lambda sealed: None) == (item,)


def test_the_result_has_the_form_of_the_reference() -> None:
    result = compaction.result("resp_1", 7, compaction.render("cmp_1", "e"), Raw(b"null"))
    shown = json.loads(render_fields(result))
    assert shown.keys() == {"id", "object", "created_at", "output", "usage"}
    assert (shown["object"], shown["created_at"], shown["output"][0]["type"]) == (
        "response.compaction",
        7,
        "compaction",
    )
