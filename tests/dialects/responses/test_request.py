import json
from typing import Any

import pytest

from dragoman import errors
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.errors import GatewayError
from dragoman.turn import Message, Place, Sampling, Text, Thinking, Turn
from tests.dialects.responses.samples import Body, losses, parse, plain, render

FULL: Body = {
    "model": "m",
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
    "instructions": "Be brief.",
    "stream": True,
    "tools": [{"type": "function", "name": "f", "description": None, "parameters": {}, "strict": False}],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "temperature": 0.0,
    "top_p": 0.5,
    "max_output_tokens": 100,
    "max_tool_calls": 3,
    "top_logprobs": 2,
    "include": ["message.output_text.logprobs"],
    "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    "reasoning": {"effort": "high", "summary": "auto"},
    "user": "u",
    "safety_identifier": "s",
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "metadata": {"a": "b"},
    "store": True,
}


def test_a_full_request_becomes_a_turn_and_a_request_again() -> None:
    turn = parse(**FULL)
    assert turn.extras == ()
    assert render(turn) == {**FULL, "model": "up"}
    assert losses(turn) == []


def test_the_members_of_a_turn() -> None:
    turn = parse(**FULL)
    assert (turn.model, turn.stream, turn.store, turn.max_tool_calls) == ("m", True, True, 3)
    assert turn.sampling == Sampling(0.0, 0.5, max_output_tokens=100, logprobs=True, top_logprobs=2)
    assert turn.thinking == Thinking("high", summary="auto")
    assert (turn.verbosity, turn.user, turn.safety_identifier) == ("low", "u", "s")
    assert (turn.service_tier, turn.prompt_cache_key, turn.metadata) == ("flex", "k", {"a": "b"})
    assert turn.parallel_tool_calls is False


def test_the_least_request() -> None:
    turn = parse()
    assert turn == Turn("m", items=(Message("user", (Text("hi"),)),), places=(Place("input", ("input",)),))
    assert render(turn) == {"model": "up", "input": [*FULL["input"]], "store": False}


def test_null_is_not_said() -> None:
    assert parse(**dict.fromkeys(FULL.keys() - {"model", "input"}), unheard_of=None, truncation=None) == parse()


def test_nothing_is_stored_unless_somebody_says_so() -> None:
    assert render(Turn("m", store=None))["store"] is False
    assert render(Turn("m", store=False))["store"] is False
    assert render(Turn("m", store=True))["store"] is True


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("obfuscation", [None, True, False])
def test_padding_may_be_asked_for_in_vain(stream: bool, obfuscation: bool | None) -> None:
    turn = parse(stream=stream, stream_options={"include_obfuscation": obfuscation})
    assert (turn.stream, turn.extras) == (stream, ())


def test_the_penalties_of_open_responses_are_read() -> None:
    turn = parse(frequency_penalty=0.5, presence_penalty=-1)
    assert (turn.sampling.frequency_penalty, turn.sampling.presence_penalty) == (0.5, -1.0)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, Sampling()),
        ({"top_logprobs": 0}, Sampling()),
        ({"top_logprobs": 2}, Sampling(logprobs=True, top_logprobs=2)),
        ({"include": ["message.output_text.logprobs"]}, Sampling(logprobs=True)),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 0}, Sampling(logprobs=True, top_logprobs=0)),
    ],
)
def test_log_probabilities_are_asked_for_in_two_places(members: Body, expected: Sampling) -> None:
    assert parse(**members).sampling == expected


def test_the_deprecated_name_of_a_summary_is_read() -> None:
    assert parse(reasoning={"generate_summary": "concise"}).thinking == Thinking(summary="concise")
    assert parse(reasoning={"generate_summary": "concise", "summary": "auto"}).thinking == Thinking(summary="auto")


SEARCH = {"tools": [{"type": "web_search"}]}


@pytest.mark.parametrize(
    ("members", "left"),
    [
        ({"include": []}, None),
        ({"include": ["message.input_image.image_url", "file_search_call.results"]}, None),
        ({"include": ["web_search_call.results", "web_search_call.action.sources"]}, None),
        ({"include": ["web_search_call.results"], **SEARCH}, ["web_search_call.results"]),
        (
            {"include": ["web_search_call.results"], "input": [{"type": "web_search_call", "id": "ws"}]},
            ["web_search_call.results"],
        ),
        (
            {"include": ["reasoning.encrypted_content", "message.output_text.logprobs"]},
            ["reasoning.encrypted_content"],
        ),
    ],
)
def test_what_is_left_to_include(members: Body, left: list[str] | None) -> None:
    extras = {extra.param: plain(extra.value) for extra in parse(**members).extras}
    assert extras.get("include") == left


def test_what_nobody_can_include_is_refused() -> None:
    with pytest.raises(GatewayError) as caught:
        parse(include=["message.odd"])
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, "include")


EXTRAS: Body = {
    "previous_response_id": "resp_1",
    "background": True,
    "truncation": "auto",
    "prompt": {"id": "pmpt_1"},
    "context_management": [{"type": "compaction"}],
    "access_programs": {"cyber": "standard"},
    "image": {"context_compression": "auto"},
    "moderation": {"model": "x"},
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning": {"mode": "pro", "context": "all_turns"},
    "stream_options": {"odd": 1},
    "unheard_of": {"x": [1]},
}
PARAMS = [name for name in EXTRAS if name not in ("reasoning", "stream_options")]
PARAMS += ["reasoning.mode", "reasoning.context", "stream_options.odd"]


def test_what_has_no_neutral_form_is_kept_under_its_name() -> None:
    turn = parse(**EXTRAS)
    assert sorted(extra.param for extra in turn.extras) == sorted(PARAMS)
    assert {extra.dialect for extra in turn.extras} == {"responses"}
    body = render(turn)
    assert {name: body[name] for name in EXTRAS} == EXTRAS


def test_what_changes_nothing_is_not_kept() -> None:
    vacuous = {
        "truncation": "disabled",
        "background": False,
        "reasoning": {"mode": "standard", "context": "auto"},
        "context_management": [],
        "previous_response_id": None,
        "n": 1,
    }
    assert parse(**vacuous).extras == ()


@pytest.mark.parametrize(
    "name",
    ["messages", "response_format", "max_tokens", "max_completion_tokens", "reasoning_effort", "verbosity"]
    + ["functions", "function_call", "logprobs", "web_search_options"],
)
def test_a_parameter_of_chat_is_refused_with_its_name_here(name: str) -> None:
    with pytest.raises(GatewayError, match="In the Responses API, use") as caught:
        parse(**{name: {"x": 1}})
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, name)
    parse(**{name: None})


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"model": ""}, "model"),
        ({"model": "m" * 257}, "model"),
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"instructions": 7}, "instructions"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 7}, "stream_options"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"frequency_penalty": 3}, "frequency_penalty"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"max_tool_calls": 0}, "max_tool_calls"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"include": "x"}, "include"),
        ({"include": [7]}, "include[0]"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": {"a" * 65: "x"}}, "metadata"),
        ({"metadata": {"a": "x" * 513}}, "metadata"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"reasoning": {"effort": 7}}, "reasoning.effort"),
        ({"text": {"verbosity": 7}}, "text.verbosity"),
        ({"background": "yes"}, "background"),
        ({"background": True, "store": False}, "background"),
        ({"previous_response_id": "resp_1", "conversation": "conv_1"}, "previous_response_id"),
    ],
)
def test_what_is_not_right_is_named(members: Body, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(**members)
    assert (caught.value.kind, caught.value.param) == (errors.INVALID_REQUEST, param)
    assert caught.value.message


@pytest.mark.parametrize("other", ["previous_response_id", "conversation", "prompt"])
def test_input_may_be_missing_where_something_stands_for_it(other: str) -> None:
    assert RESPONSES.parse(json.dumps({"model": "m", other: "x"}).encode()).items == ()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model":"\xff","input":""}', b"{" * 10_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        RESPONSES.parse(body)
    assert caught.value.kind is errors.INVALID_JSON


@pytest.mark.parametrize(
    ("sampling", "param"),
    [
        (Sampling(choices=2), "n"),
        (Sampling(stop=("x",)), "stop"),
        (Sampling(seed=0), "seed"),
        (Sampling(top_k=5), "top_k"),
        (Sampling(frequency_penalty=0.1), "frequency_penalty"),
        (Sampling(presence_penalty=0.1), "presence_penalty"),
    ],
)
def test_what_a_responses_upstream_cannot_draw_is_refused(sampling: Sampling, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        render(Turn("m", sampling=sampling))
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, param)


def test_penalties_of_nothing_are_left_out() -> None:
    assert "frequency_penalty" not in render(Turn("m", sampling=Sampling(frequency_penalty=0, presence_penalty=0)))


@pytest.mark.parametrize(
    ("thinking", "expected", "lost"),
    [
        (Thinking(), None, ""),
        (Thinking("none"), {"effort": "none"}, ""),
        (Thinking(summary="auto"), {"summary": "auto"}, ""),
        (Thinking(budget_tokens=0), None, ""),
        (Thinking(budget_tokens=2048), {"effort": "low"}, "mapped"),
        (Thinking(budget_tokens=2049), {"effort": "medium"}, "mapped"),
        (Thinking(budget_tokens=8193), {"effort": "high"}, "mapped"),
        (Thinking("low", budget_tokens=9999), {"effort": "low"}, "dropped"),
    ],
)
def test_a_budget_of_reasoning_becomes_an_effort(thinking: Thinking, expected: Any, lost: str) -> None:
    turn = Turn("m", thinking=thinking)
    assert render(turn).get("reasoning") == expected
    assert losses(turn) == ([("thinking.budget_tokens", lost)] if lost else [])


def test_values_of_a_schema_survive() -> None:
    schema = b'{"type":"object","x":1.50e+02,"big":12345678901234567890123,"s":"\\u00e4"}'
    tool = b'{"type":"function","name":"f","strict":false,"parameters":' + schema + b"}"
    turn = RESPONSES.parse(b'{"model":"m","input":"hi","tools":[' + tool + b"]}")
    assert schema in RESPONSES.render(turn, "up", _profile()).body


def _profile() -> Any:
    from dragoman.dialects.profile import Profile

    return Profile()


def test_what_a_client_says_of_itself_asks_for_nothing() -> None:
    assert parse(client_metadata={"thread_id": "t"}) == parse()


def test_a_limit_below_what_the_api_takes_is_raised_and_said() -> None:
    low = Turn("m", items=(Message("user", (Text("hi"),)),), sampling=Sampling(max_output_tokens=15))
    assert render(low)["max_output_tokens"] == 16
    assert losses(low) == [("max_output_tokens", "mapped")]
    enough = Turn("m", items=low.items, sampling=Sampling(max_output_tokens=16))
    assert render(enough)["max_output_tokens"] == 16 and losses(enough) == []
