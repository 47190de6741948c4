from typing import Any

import pytest

from dragoman import errors
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Dialect, Extra, Turn
from tests.dialects.responses.samples import Body, losses, parse, raw, render

PLACE = {"type": "approximate", "approximate": {"city": "Graz", "country": "AT"}}


def turn(dialect: Dialect, param: str, value: Any, **members: Any) -> Turn:
    return Turn("m", extras=(Extra(dialect, param, raw(value)),), **members)


@pytest.mark.parametrize(
    ("param", "value", "added"),
    [
        ("prompt_cache_options", {"mode": "explicit"}, {"prompt_cache_options": {"mode": "explicit"}}),
        ("prompt_cache_retention", "24h", {"prompt_cache_retention": "24h"}),
        ("moderation", {"model": "x"}, {"moderation": {"model": "x"}}),
        ("web_search_options", {}, {"tools": [{"type": "web_search"}]}),
        (
            "web_search_options",
            {"search_context_size": "low", "user_location": PLACE},
            {
                "tools": [
                    {
                        "type": "web_search",
                        "search_context_size": "low",
                        "user_location": {"type": "approximate", "city": "Graz", "country": "AT"},
                    }
                ]
            },
        ),
        ("web_search_options", {"user_location": None}, {"tools": [{"type": "web_search", "user_location": None}]}),
        ("web_search_options", None, {}),
        ("modalities", ["text"], {}),
        ("logit_bias", {}, {}),
        ("prediction", None, {}),
        ("audio", None, {}),
        ("stream_options", {"include_usage": True}, {}),
    ],
)
def test_a_parameter_of_chat(param: str, value: Any, added: Body) -> None:
    given = turn("chat", param, value)
    assert render(given) == {"model": "up", "input": [], "store": False, **added}
    assert losses(given) == []


def test_padding_is_asked_for_in_streams_only() -> None:
    options = {"include_usage": True, "include_obfuscation": False}
    assert render(turn("chat", "stream_options", options, stream=True))["stream_options"] == {
        "include_obfuscation": False
    }
    assert "stream_options" not in render(turn("chat", "stream_options", options))


def test_a_breakpoint_over_all_is_left_out() -> None:
    given = turn("messages", "cache_control", {"type": "ephemeral"})
    assert losses(given) == [("cache_control", "dropped")]
    assert "cache_control" not in render(given)


REFUSED: list[tuple[Dialect, str, Any]] = [
    ("chat", "logit_bias", {"1": 5}),
    ("chat", "prediction", {"type": "content", "content": "x"}),
    ("chat", "modalities", ["text", "audio"]),
    ("chat", "audio", {"voice": "x"}),
    ("chat", "stream_options", {"odd": 1}),
    ("chat", "unheard_of", False),
    ("messages", "container", "c_1"),
    ("responses", "input[7].namespace", "n"),
    ("responses", "model.odd", 1),
]


@pytest.mark.parametrize(("dialect", "param", "value"), REFUSED)
def test_what_cannot_go_is_refused_by_name(dialect: Dialect, param: str, value: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        render(turn(dialect, param, value))
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, param)


@pytest.mark.parametrize(("dialect", "param", "value"), REFUSED)
def test_it_is_left_out_where_the_profile_says_so(dialect: Dialect, param: str, value: Any) -> None:
    profile = Profile(allow_unknown=True)
    assert losses(turn(dialect, param, value), profile) == [(param, "dropped")]


@pytest.mark.parametrize("dialect", ["chat", "messages"])
@pytest.mark.parametrize("value", [None, [], {}])
def test_what_is_empty_asks_for_nothing(dialect: Dialect, value: Any) -> None:
    assert losses(turn(dialect, "unheard_of", value)) == []


def test_our_own_go_back_where_they_stood() -> None:
    given: Body = {
        "input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n"}],
        "tools": [
            {"type": "mcp", "server_label": "s"},
            {"type": "function", "name": "f", "description": None, "parameters": {}, "strict": True, "async": True},
            {"type": "web_search"},
        ],
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "text": {"format": {"type": "text", "odd": {"x": 1}}, "odd": 2},
        "reasoning": {"mode": "pro"},
        "odd": [1],
    }
    body = render(parse(**given))
    assert {name: body[name] for name in given} == given
