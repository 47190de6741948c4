import ast
import importlib
from pathlib import Path

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects import fields as f
from dragoman.dialects import mapping
from dragoman.dialects.mapping import (
    DIALECTS,
    Earlier,
    Field,
    Losses,
    Row,
    Table,
    answers_between,
    is_empty,
    leaf,
    refuse,
    rows_between,
)
from dragoman.errors import GatewayError
from dragoman.turn import Dialect, Extra, Loss, Message, Place, Text, Tool, ToolResult, Turn

SAID = Message("user", (Text("a"), Text("b")))
ELSE = Row(f.UNKNOWN, "refused")


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def test_a_loss_says_what_its_row_says() -> None:
    row = Row(f.EFFORT, "mapped", "the next effort to {effort} is {near}")
    assert row.loss("x", effort="a", near="b") == Loss("x", "mapped", "the next effort to a is b")
    assert row.reported
    assert not Row(f.EFFORT, "mapped").reported
    assert Row(f.EFFORT, "dropped", "gone").reported
    assert not Row(f.EFFORT, "vacuous", "nothing").reported


def test_a_refusal_names_the_field() -> None:
    error = refuse(Row(f.SEED, "refused"), "seed")
    assert (error.kind, error.param) == (errors.UNSUPPORTED_PARAMETER, "seed")
    assert error.message == "The parameter 'seed' cannot be sent to this upstream."
    assert refuse(Row(f.SEED, "refused", "No {what} ({param})."), "seed", what="seeds").message == "No seeds (seed)."


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("stop", "stop"),
        ("text.format", "text.format"),
        ("input[]", ""),
        ("messages[].content[].file.file_id", "file.file_id"),
    ],
)
def test_the_leaf_of_a_name_is_what_stands_in_the_innermost_list(name: str, inner: str) -> None:
    assert leaf(name) == inner


@pytest.mark.parametrize(
    ("dialect", "field", "name"),
    [
        ("chat", f.EFFORT, "reasoning_effort"),
        ("responses", f.EFFORT, "reasoning.effort"),
        ("messages", f.EFFORT, "output_config.effort"),
        ("messages", f.SEED, "seed"),
        ("chat", f.NAME, "messages[1].name"),
        ("responses", f.DETAIL, "input[1].content[1].detail"),
        ("chat", f.DETAIL, "messages[1].content[1].image_url.detail"),
        ("chat", f.ANNOTATIONS, "messages[1].annotations"),
        ("responses", f.STRICT, "tools[1].strict"),
        ("chat", f.STRICT, "tools[1].function.strict"),
        ("chat", f.CUSTOM_TOOL, "tools[1].type"),
    ],
)
def test_a_field_is_named_as_the_caller_names_it(dialect: Dialect, field: Field, name: str) -> None:
    losses = Losses(Turn("m", items=(SAID, SAID), tools=(Tool("a"), Tool("b")), dialect=dialect))
    losses.item = losses.part = losses.tool = 1
    assert losses.name(field) == name


def test_a_custom_tool_and_a_deprecated_function_have_their_own_places() -> None:
    custom = Losses(Turn("m", tools=(Tool("a", kind="custom"),), dialect="chat"))
    assert custom.name(f.TOOL_NAME) == "tools[0].custom.name"
    deprecated = Extra("chat", "functions", raw(None))
    functions = Losses(Turn("m", tools=(Tool("a"),), dialect="chat", extras=(deprecated,)))
    assert functions.name(f.STRICT) == "functions[0].strict"


def test_an_old_name_is_used_to_those_who_use_it() -> None:
    assert Losses(Turn("m", dialect="chat")).name(f.LIMIT) == "max_completion_tokens"
    said = Extra("chat", "max_tokens", raw(None))
    assert Losses(Turn("m", dialect="chat", extras=(said,))).name(f.LIMIT) == "max_tokens"


def test_items_and_parts_stand_where_their_reader_found_them() -> None:
    places = (
        Place("messages[0]", ("messages[0].content[0]", "messages[0].content[2]")),
        Place("messages[0].content[1]"),
    )
    result = ToolResult("a", (Text("x"), Text("y")))
    losses = Losses(Turn("m", items=(SAID, SAID, result), dialect="messages", places=places))
    assert losses.place() == "previous_response_id"
    losses.item = losses.part = 1
    assert losses.name(f.BREAKPOINT) == "messages[0].content[2].cache_control"
    losses.item = 2
    assert losses.name(f.IS_ERROR) == "messages[0].content[1].is_error"
    assert losses.name(f.BREAKPOINT) == "messages[0].content[1].content[1].cache_control"
    output = Losses(Turn("m", items=(result,)))
    assert output.name(f.DETAIL) == "input[0].output[0].detail"


@pytest.mark.parametrize(
    ("param", "earlier", "own"),
    [
        ("input[3].name", Earlier(2), "input[1].name"),
        ("input[2]", Earlier(2), "input[0]"),
        ("input[1].content[0].file_id", Earlier(2), "previous_response_id.content[0].file_id"),
        ("input[3]", Earlier(), "input[3]"),
        ("input", Earlier(2), "input"),
        ("tools[3].name", Earlier(2), "tools[3].name"),
        ("messages[0].name", Earlier(2, at=1), "messages[0].name"),
        ("messages[2].name", Earlier(2, at=1, name="conversation_id"), "conversation_id.name"),
        ("messages[3].name", Earlier(2, at=1), "messages[1].name"),
    ],
)
def test_a_place_is_counted_from_the_callers_own_items(param: str, earlier: Earlier, own: str) -> None:
    assert earlier.own(param) == own


def test_what_was_lost_earlier_is_told_first() -> None:
    lost = Loss("previous_response_id.phase", "dropped", "x")
    own = [Loss("input[1].name", "dropped", "y"), Loss("user", "dropped", "z")]
    told = Earlier(1, losses=(lost,)).told(own)
    assert [loss.param for loss in told] == ["previous_response_id.phase", "input[0].name", "user"]


def test_losses_are_told_in_their_order() -> None:
    losses = Losses(Turn("m", dialect="chat"))
    losses.note(Row(f.LIMIT, "defaulted", "to {n}"), n=3)
    losses.note(Row(f.UNKNOWN, "dropped", "gone"), "x")
    assert losses.told() == (Loss("max_completion_tokens", "defaulted", "to 3"), Loss("x", "dropped", "gone"))


def test_what_is_lacking_is_refused_or_dropped_with_leave() -> None:
    losses = Losses(Turn("m", dialect="chat"))
    with pytest.raises(GatewayError) as caught:
        losses.lack(Row(f.SEED, "refused"))
    assert caught.value.param == "seed"
    lenient = Losses(Turn("m", dialect="chat"), allow_unknown=True)
    lenient.lack(Row(f.SEED, "refused"))
    assert [(loss.param, loss.kind) for loss in lenient.told()] == [("seed", "dropped")]


@pytest.mark.parametrize(
    ("value", "empty"),
    [(b"null", True), (b" [ ] ", True), (b"{\n}", True), (b'""', False), (b"0", False), (b"false", False)],
)
def test_what_is_empty(value: bytes, empty: bool) -> None:
    assert is_empty(msgspec.Raw(value)) is empty


AUTO = Row(f.TRUNCATION, "refused")
TABLE = Table(
    "chat",
    arriving=(Row(f.THINKING, "refused"), Row(f.SEED, "refused")),
    extras=(AUTO, Row(f.TRUNCATION, "vacuous", value='"disabled"'), Row(f.CACHE_KEY, "same", source="responses")),
    answers=(Row(f.CREATED, "mapped"), Row(f.FINGERPRINT, "dropped", "no place", source="messages")),
    leaving=(Row(f.SPEED, "vacuous", value='"standard"'), Row(f.DIAGNOSTICS, "vacuous", "asks"),
             Row(f.AUDIO_SAID, "refused")),
)  # fmt: skip


def test_an_extra_is_judged_by_its_row_and_its_value() -> None:
    assert TABLE.judge(Extra("responses", "truncation", raw("auto")), ELSE) is AUTO
    assert TABLE.judge(Extra("responses", "truncation", raw("disabled")), ELSE) is None
    assert TABLE.judge(Extra("responses", "truncation", raw([])), ELSE) is None
    assert TABLE.judge(Extra("responses", "novelty", raw(1)), ELSE) is ELSE
    assert TABLE.judge(Extra("messages", "thinking.type", raw("later")), ELSE) is ELSE
    kept = TABLE.judge(Extra("responses", "prompt_cache_key", raw("k")), ELSE)
    assert kept is not None
    assert kept.fate == "same"
    assert TABLE.judge(Extra("messages", "prompt_cache_key", raw("k")), ELSE) is ELSE


def test_what_joins_two_dialects_is_what_leaves_one_and_arrives_at_the_other() -> None:
    other = Table("responses", arriving=(), extras=(), answers=(), leaving=(Row(f.INCLUDE, "refused"),))
    found = [row.field for row in rows_between(other, TABLE)]
    assert found == [f.INCLUDE, f.TRUNCATION, f.TRUNCATION, f.CACHE_KEY]


def test_what_a_caller_gets_of_an_answer_is_told_by_its_own_dialect() -> None:
    responses = Table("responses", arriving=(), extras=(), leaving=(), answers=())
    messages = Table("messages", arriving=(), extras=(), leaving=(), answers=())
    assert [row.field for row in answers_between(responses, TABLE)] == [f.CREATED]
    assert list(answers_between(messages, TABLE)) == []


def test_what_says_nothing_is_told_by_its_last_name() -> None:
    table = Table("messages", arriving=(), extras=(), answers=(), leaving=TABLE.leaving)
    assert table.says_nothing("speed", raw("standard"))
    assert not table.says_nothing("speed", raw("fast"))
    assert table.says_nothing("diagnostics", raw({"a": 1}))
    assert table.says_nothing("novelty", raw(None))
    assert not table.says_nothing("novelty", raw(0))


def test_no_codec_words_a_loss_or_a_refusal_itself() -> None:
    folder = Path(mapping.__file__).parent
    faults = []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            makes = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Loss"
            refuses = isinstance(node, ast.Attribute) and node.attr == "UNSUPPORTED_PARAMETER"
            if (makes or refuses) and path.name != "mapping.py":
                faults.append(str(path.relative_to(folder)))
    assert not faults


@pytest.mark.parametrize("name", DIALECTS)
def test_every_row_that_a_codec_tells_is_in_its_table(name: str) -> None:
    rows = importlib.import_module(f"dragoman.dialects.{name}.rows")
    told = {key: row for key, row in vars(rows).items() if isinstance(row, Row)}
    listed = {id(row) for row in (*rows.TABLE.arriving, *rows.TABLE.leaving)}
    assert told
    assert not [key for key, row in told.items() if id(row) not in listed]
