import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.turns import MAX_KEY, MAX_PAIRS, MAX_VALUE
from dragoman.dialects.profile import PROFILES, Profile
from dragoman.errors import GatewayError
from dragoman.turn import Extra, Loss, Message, Sampling, Text, Thinking, Tool, Turn
from tests.dialects.chat import sdk
from tests.dialects.chat.asking import (
    HI,
    INVALID,
    UNSUPPORTED,
    Json,
    body,
    losses,
    parsed,
    refused,
    render,
    rendered,
)

FULL: Json = {
    "temperature": 0.5,
    "top_p": 0.25,
    "seed": 7,
    "frequency_penalty": -1.5,
    "presence_penalty": 2.0,
    "max_completion_tokens": 100,
    "stop": ["a", "b"],
    "logprobs": True,
    "top_logprobs": 3,
    "n": 2,
    "reasoning_effort": "low",
    "verbosity": "high",
    "user": "u",
    "safety_identifier": "s",
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "response_format": {"type": "json_object"},
    "stream": True,
    "stream_options": {"include_usage": True},
}
KEPT = {"model": "m", "messages": [HI]}


def test_what_both_sides_of_the_hub_say_comes_out_as_it_went_in() -> None:
    assert rendered(parsed(**FULL)) == FULL | KEPT


def test_everything_is_read_into_its_place() -> None:
    turn = parsed(**FULL)
    assert (turn.model, turn.stream, turn.items) == ("fast", True, (Message("user", (Text("Hi"),)),))
    assert turn.sampling == Sampling(
        temperature=0.5, top_p=0.25, max_output_tokens=100, stop=("a", "b"), seed=7, frequency_penalty=-1.5,
        presence_penalty=2.0, logprobs=True, top_logprobs=3, choices=2,
    )  # fmt: skip
    assert turn.thinking == Thinking("low")
    assert (turn.verbosity, turn.user, turn.safety_identifier) == ("high", "u", "s")
    assert (turn.service_tier, turn.prompt_cache_key, turn.extras) == ("flex", "k", ())


ZEROS: Json = {
    "temperature": 0,
    "top_p": 0,
    "seed": 0,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "max_completion_tokens": 0,
    "user": "",
    "stop": [""],
    "logprobs": True,
    "top_logprobs": 0,
}


def test_zero_and_nothing_are_told_apart() -> None:
    assert rendered(parsed(**ZEROS)) == ZEROS | KEPT
    assert rendered(parsed(**dict.fromkeys((*FULL, *ZEROS, "tools", "tool_choice", "store", "metadata")))) == KEPT
    assert rendered(parsed()) == KEPT
    assert rendered(parsed(stream=False, logprobs=False, n=1, stop=[], parallel_tool_calls=False)) == KEPT


def test_the_deprecated_form_of_tools_has_one_call() -> None:
    turn = parsed(functions=[{"name": "f"}], parallel_tool_calls=True)
    assert (turn.tools, turn.parallel_tool_calls) == ((Tool("f"),), False)


def test_one_stop_sequence_may_stand_alone() -> None:
    assert parsed(stop="a").sampling.stop == ("a",)
    assert parsed(stop="").sampling.stop == ("",)


@pytest.mark.parametrize("old", [None, 5])
@pytest.mark.parametrize("new", [None, 5])
def test_a_limit_goes_under_the_name_that_the_upstream_knows(old: int | None, new: int | None) -> None:
    turn = parsed(max_tokens=old, max_completion_tokens=new)
    for name in ("max_tokens", "max_completion_tokens"):
        sent = rendered(turn, Profile(max_tokens=name))
        assert sent == (KEPT if old is None and new is None else KEPT | {name: 5})


def test_two_limits_that_differ_are_refused() -> None:
    refused(lambda: parsed(max_tokens=5, max_completion_tokens=6), "max_tokens", INVALID)
    refused(lambda: parsed(max_tokens=0, max_completion_tokens=6), "max_tokens", INVALID)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"model": ""}, "model"),
        ({"model": "x" * 257}, "model"),
        ({"n": 0}, "n"),
        ({"n": -1}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"functions": [{"name": "f"}], "tools": []}, "functions"),
        ({"functions": [{"name": "f"}], "function_call": "auto", "tool_choice": "auto"}, "function_call"),
        ({"top_logprobs": 2, "logprobs": False}, "top_logprobs"),
        ({"reasoning_effort": 1}, "reasoning_effort"),
        ({"stream_options": 7}, "stream_options"),
        ({"web_search_options": 7}, "web_search_options"),
        ({"web_search_options": {"user_location": 7}}, "web_search_options.user_location"),
        ({"web_search_options": {"user_location": {}}}, "web_search_options.user_location.approximate"),
        ({"modalities": "text"}, "modalities"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"metadata": {str(number): "" for number in range(MAX_PAIRS + 1)}}, "metadata"),
        ({"metadata": {"k" * (MAX_KEY + 1): ""}}, "metadata"),
        ({"metadata": {"k": "v" * (MAX_VALUE + 1)}}, "metadata.k"),
    ],
)
def test_what_no_upstream_could_take_is_named(members: Json, param: str) -> None:
    refused(lambda: parsed(**members), param, INVALID)


def test_the_bounds_of_metadata_are_reached() -> None:
    metadata = {f"{number:064}": "v" * MAX_VALUE for number in range(MAX_PAIRS)}
    assert parsed(metadata=metadata).metadata == metadata


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b"\xff", b'{"a":' * 100_000])
def test_what_is_no_object_is_no_request(given: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        CHAT_CODEC.parse(given)
    assert caught.value.kind is errors.INVALID_JSON


def test_nothing_but_a_model_and_messages_is_required() -> None:
    for name in ("model", "messages"):
        given = {"model": "m", "messages": [HI]}
        del given[name]
        refused(lambda given=given: CHAT_CODEC.parse(json.dumps(given).encode()), name, INVALID)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logit_bias", {"50256": -100}),
        ("prediction", {"type": "content", "content": "x"}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("web_search_options", {"search_context_size": "low"}),
        ("prompt_cache_options", {"mode": "explicit"}),
        ("prompt_cache_retention", "24h"),
        ("moderation", {"model": "omni-moderation-latest"}),
        ("chat_template_kwargs", {"enable_thinking": False}),
        ("foo", None),
    ],
)
def test_what_has_no_neutral_form_is_an_extra_under_its_name(name: str, value: object) -> None:
    (extra,) = parsed(**{name: value}).extras
    assert (extra.dialect, extra.param, json.loads(bytes(extra.value))) == ("chat", name, value)


def test_the_padding_of_the_stream_is_an_extra_and_usage_is_not() -> None:
    for options, left in (({}, 0), ({"include_usage": True}, 0), ({"include_obfuscation": False}, 1)):
        extras = parsed(stream=True, stream_options=options).extras
        assert [extra.param for extra in extras] == ["stream_options"] * left


def test_a_stream_always_asks_for_usage_where_it_may() -> None:
    turn = parsed(stream=True)
    assert rendered(turn)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in rendered(turn, Profile(stream_usage=False))
    assert rendered(turn, Profile(stream_usage=False))["stream"] is True


@pytest.mark.parametrize("store", [None, False, True])
def test_store_is_the_gateways_and_never_goes_to_a_chat_upstream(store: bool | None) -> None:
    turn = parsed(store=store)
    assert turn.store is store
    for profile in (Profile(), Profile(stores=True)):
        assert rendered(turn, profile) == KEPT


def test_metadata_stays_here_unless_the_upstream_keeps_completions() -> None:
    turn = parsed(metadata={"a": "b"})
    assert turn.metadata == {"a": "b"}
    assert rendered(turn) == KEPT
    assert losses(turn) == []
    assert rendered(turn, Profile(stores=True)) == KEPT | {"metadata": {"a": "b"}}


def test_the_tier_that_only_responses_has_is_refused() -> None:
    refused(lambda: rendered(parsed(service_tier="ultrafast")), "service_tier", UNSUPPORTED)
    assert rendered(parsed(service_tier="fast"))["service_tier"] == "fast"


def test_an_identifier_of_a_user_that_is_too_long_is_hashed() -> None:
    turn = parsed(user="u" * 65)
    assert re.fullmatch(r"[0-9a-f]{64}", rendered(turn)["user"])
    assert losses(turn) == [("user", "mapped")]
    assert rendered(parsed(user="u" * 64))["user"] == "u" * 64
    assert rendered(parsed(user="v" * 65))["user"] != rendered(turn)["user"]


def test_top_k_goes_where_it_is_known() -> None:
    turn = parsed(top_k=0)
    assert turn.sampling.top_k == 0
    assert rendered(turn, Profile(top_k=True))["top_k"] == 0
    refused(lambda: rendered(turn), "top_k", UNSUPPORTED)
    assert losses(turn, Profile(allow_unknown=True)) == [("top_k", "dropped")]
    assert rendered(turn, Profile(allow_unknown=True)) == KEPT


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_effort_goes_to_those_who_know_it(effort: str) -> None:
    assert rendered(parsed(reasoning_effort=effort))["reasoning_effort"] == effort
    assert losses(parsed(reasoning_effort=effort)) == []


@pytest.mark.parametrize(
    ("effort", "sent"),
    [("none", None), ("minimal", "low"), ("low", "low"), ("high", "high"), ("xhigh", "high"), ("max", "high"),
     ("ultra", "ultra")],
)  # fmt: skip
def test_an_effort_becomes_the_next_one_that_the_upstream_takes(effort: str, sent: str | None) -> None:
    vllm = PROFILES["vllm"]
    turn = parsed(reasoning_effort=effort)
    assert rendered(turn, vllm).get("reasoning_effort") == sent
    lost = [] if sent == effort else [("reasoning_effort", "dropped" if sent is None else "mapped")]
    assert losses(turn, vllm) == lost


def test_an_upstream_that_takes_no_effort_is_asked_all_the_same() -> None:
    assert rendered(parsed(reasoning_effort="low"), Profile(efforts=()))["reasoning_effort"] == "low"


@pytest.mark.parametrize(("budget", "effort"), [(1024, "low"), (2048, "low"), (2049, "medium"), (8193, "high")])
def test_a_budget_of_tokens_becomes_an_effort(budget: int, effort: str) -> None:
    turn = Turn("fast", items=parsed().items, thinking=Thinking(budget_tokens=budget))
    assert rendered(turn)["reasoning_effort"] == effort
    assert losses(turn) == [("thinking.budget_tokens", "mapped")]
    both = Turn("fast", items=parsed().items, thinking=Thinking("max", budget))
    assert rendered(both)["reasoning_effort"] == "max"
    assert losses(both) == [("thinking.budget_tokens", "dropped")]


def test_a_summary_of_reasoning_is_not_to_be_had() -> None:
    turn = Turn("fast", items=parsed().items, thinking=Thinking(summary="auto"))
    assert rendered(turn) == KEPT
    assert losses(turn) == [("reasoning.summary", "dropped")]


def test_log_probabilities_asked_for_elsewhere_are_asked_for_here() -> None:
    turn = Turn("fast", items=parsed().items, sampling=Sampling(logprobs=True, top_logprobs=2))
    assert rendered(turn) == KEPT | {"logprobs": True, "top_logprobs": 2}


def test_losses_are_told_together() -> None:
    turn = Turn(
        "fast", items=parsed().items, thinking=Thinking(summary="auto"), extras=(Extra("responses", "x", b"1"),)  # type: ignore[arg-type]
    )  # fmt: skip
    assert render(turn, Profile(allow_unknown=True)).losses == (
        Loss("reasoning.summary", "dropped", "the upstream gives no summary of its reasoning"),
        Loss("x", "dropped", "the upstream does not know it"),
    )


@pytest.mark.parametrize("name", PROFILES)
def test_every_upstream_gets_a_request_that_the_sdk_would_send(name: str) -> None:
    sdk.check_request(rendered(parsed(**FULL), PROFILES[name]))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*FULL, *ZEROS, "messages", "model", "tools", "tool_choice", "functions", "function_call",
                         "metadata", "store", "foo"])  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_request_is_a_turn_or_an_error_that_names_what_is_wrong(members: Json) -> None:
    try:
        turn = CHAT_CODEC.parse(body(**members))
        sent = rendered(turn, Profile(allow_unknown=True))
    except GatewayError as error:
        assert error.param
        return
    assert sent["model"] == "m"
