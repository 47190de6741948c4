import msgspec
import pytest

from dragoman.dialects.profile import Profile
from dragoman.turn import Dialect, Extra, Turn
from tests.dialects.chat.asking import INVALID, UNSUPPORTED, Json, losses, raw, refused, rendered
from tests.dialects.chat.test_conversation import USER

SEARCHES = Profile(web_search=True)


def turn(*extras: Extra, **more: object) -> Turn:
    return Turn("fast", items=(USER,), extras=extras, **more)  # type: ignore[arg-type]


def extra(param: str, value: object, dialect: Dialect = "responses") -> Extra:
    return Extra(dialect, param, raw(value))


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("prompt_cache_options", {"mode": "explicit"}),
        ("prompt_cache_retention", "24h"),
        ("moderation", {"model": "omni-moderation-latest"}),
    ],
)
def test_what_both_dialects_of_openai_have_goes_on(param: str, value: object) -> None:
    assert rendered(turn(extra(param, value)))[param] == value


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("prompt", None),
        ("include", []),
        ("include", ["reasoning.encrypted_content"]),
        ("context_management", {}),
    ],
)
def test_what_is_done_anyway_is_not_said(param: str, value: object) -> None:
    given = turn(extra(param, value))
    assert rendered(given) == rendered(turn())
    assert losses(given) == []


@pytest.mark.parametrize(
    ("param", "value", "dialect"),
    [
        ("previous_response_id", "resp_1", "responses"),
        ("conversation", "conv_1", "responses"),
        ("background", True, "responses"),
        ("truncation", "auto", "responses"),
        ("include", ["file_search_call.results"], "responses"),
        ("prompt", {"id": "pmpt_1"}, "responses"),
        ("context_management", [{"type": "compaction"}], "responses"),
        ("access_programs", ["x"], "responses"),
        ("image.context_compression", True, "responses"),
        ("reasoning.mode", "pro", "responses"),
        ("reasoning.context", "all", "responses"),
        ("tools[1].type", {"type": "file_search", "vector_store_ids": []}, "responses"),
        ("tools[0].type", {"type": "web_search"}, "responses"),
        ("tools[0].defer_loading", True, "responses"),
        ("tool_choice", {"type": "file_search"}, "responses"),
        ("input[0].foo", 1, "responses"),
        ("foo", 1, "responses"),
        ("thinking.type", "later", "messages"),
        ("mcp_servers", [{"name": "x"}], "messages"),
        ("prompt_cache_options", {"mode": "explicit"}, "messages"),
    ],
)
def test_what_chat_cannot_say_is_refused_by_name_or_lost_with_leave(
    param: str, value: object, dialect: Dialect
) -> None:
    given = turn(extra(param, value, dialect))
    assert repr(param) in refused(lambda: rendered(given), param, UNSUPPORTED)
    lenient = Profile(allow_unknown=True)
    assert rendered(given, lenient) == rendered(turn(), lenient)
    assert losses(given, lenient) == [(param, "dropped")]


@pytest.mark.parametrize(
    ("param", "value", "dialect"),
    [
        ("cache_control", {"type": "ephemeral"}, "messages"),
        ("tools[1].cache_control", {"type": "ephemeral"}, "messages"),
    ],
)
def test_what_no_answer_depends_on_is_a_loss(param: str, value: object, dialect: Dialect) -> None:
    given = turn(extra(param, value, dialect))
    assert rendered(given) == rendered(turn())
    assert losses(given) == [(param, "dropped")]


def test_what_came_from_chat_goes_back_where_it_stood() -> None:
    given = {"logit_bias": {"1": -100}, "prediction": {"type": "content", "content": "x"}, "modalities": ["text"]}
    extras = [extra(name, value, "chat") for name, value in given.items()]
    assert rendered(turn(*extras, extra("audio", None, "chat"))) == rendered(turn()) | given


def test_options_of_the_stream_go_back_beside_our_own() -> None:
    options = extra("stream_options", {"include_obfuscation": False, "include_usage": False}, "chat")
    assert rendered(turn(options, stream=True))["stream_options"] == {
        "include_obfuscation": False, "include_usage": True,
    }  # fmt: skip
    assert "stream_options" not in rendered(turn(options))


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
@pytest.mark.parametrize(
    ("members", "options"),
    [
        ({}, {}),
        ({"search_context_size": "low", "user_location": None}, {"search_context_size": "low"}),
        (
            {"user_location": {"type": "approximate", "city": "Bern", "country": "CH", "region": None}},
            {"user_location": {"type": "approximate", "approximate": {"city": "Bern", "country": "CH"}}},
        ),
    ],
)
def test_a_search_of_the_web_is_options_where_the_upstream_has_them(kind: str, members: Json, options: Json) -> None:
    given = turn(extra("tools[0].type", {"type": kind} | members))
    assert rendered(given, SEARCHES)["web_search_options"] == options
    assert losses(given, SEARCHES) == [("tools[0].type", "mapped")]


def test_a_search_that_options_cannot_say_is_refused() -> None:
    filtered = turn(extra("tools[0].type", {"type": "web_search", "filters": {"allowed_domains": ["x.org"]}}))
    refused(lambda: rendered(filtered, SEARCHES), "tools[0].type", UNSUPPORTED)
    other = turn(extra("tools[0].type", {"type": "mcp"}))
    refused(lambda: rendered(other, SEARCHES), "tools[0].type", UNSUPPORTED)
    bounded = turn(extra("tools[0].type", {"type": "web_search"}), max_tool_calls=3)
    refused(lambda: rendered(bounded, SEARCHES), "max_tool_calls", UNSUPPORTED)
    foreign = turn(extra("tools[0].type", {"type": "web_search"}, "messages"))
    refused(lambda: rendered(foreign, SEARCHES), "tools[0].type", UNSUPPORTED)


def test_what_is_inside_of_a_value_breaks_nothing() -> None:
    for param in ("truncation", "foo", "tools[0].type"):
        odd = Extra("responses", param, msgspec.Raw(b'{"type":"web_search","x":1e999}'))
        refused(lambda odd=odd: rendered(turn(odd), SEARCHES), param, UNSUPPORTED)  # type: ignore[misc]
    placed = turn(extra("tools[0].type", {"type": "web_search", "user_location": 7}))
    refused(lambda: rendered(placed, SEARCHES), "tools[0].user_location", INVALID)


def test_without_hosted_tools_a_bound_on_their_calls_says_nothing() -> None:
    assert rendered(turn(max_tool_calls=3)) == rendered(turn())
