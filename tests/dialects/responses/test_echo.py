from typing import Any

import pytest
from openai.types.responses import Response

from dragoman.turn import Answer, Message, Reasoning, Refusal, Stop, Text, Turn
from tests.dialects.responses.samples import Body, parse, render_answer

# Required by Open Responses' checker; those that may not be null are the second set.
REQUIRED = set(
    """id object created_at completed_at status incomplete_details model previous_response_id instructions output error
    tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs
    temperature reasoning usage max_output_tokens max_tool_calls store background service_tier metadata
    safety_identifier prompt_cache_key""".split()
)
NOT_NULL = set(
    """id created_at status model output tools tool_choice truncation parallel_tool_calls text top_p temperature
    presence_penalty frequency_penalty top_logprobs store background service_tier""".split()
)


def echo(turn: Turn | None = None, *items: Any, stop: Stop = Stop.END, tier: str | None = None) -> Body:
    answer = Answer(id="resp_1", created=1, model="up", items=items, stop=stop, service_tier=tier)
    return render_answer(answer, turn)


@pytest.mark.parametrize("stop", Stop)
def test_every_key_is_there(stop: Stop) -> None:
    body = echo(stop=stop)
    assert set(body) >= REQUIRED
    assert {name for name in body if body[name] is None}.isdisjoint(NOT_NULL)
    assert body["object"] == "response"


def test_what_nobody_said_is_told_with_its_default() -> None:
    body = echo()
    assert {
        name: body[name] for name in sorted(REQUIRED - {"id", "model", "output", "created_at", "completed_at"})
    } == {
        "background": False,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "object": "response",
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "status": "completed",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
    }


FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
GRAMMAR = {"type": "grammar", "syntax": "regex", "definition": "a+"}
SAID: Body = {
    "instructions": "Be brief.",
    "max_output_tokens": 100,
    "max_tool_calls": 3,
    "metadata": {"a": "b"},
    "parallel_tool_calls": False,
    "temperature": 0.0,
    "top_p": 0.0,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "top_logprobs": 2,
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "store": True,
    "user": "u",
    "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    "tool_choice": {"type": "function", "name": "f"},
    "tools": [FUNCTION, {"type": "custom", "name": "p", "description": "d", "format": GRAMMAR}],
    "previous_response_id": "resp_0",
    "truncation": "auto",
    "background": True,
}


def test_what_was_said_is_told_again() -> None:
    body = echo(parse(**SAID))
    assert {name: body[name] for name in SAID} == SAID
    Response.model_validate(body)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            {"tools": [{"type": "function", "name": "f", "description": None, "parameters": None, "strict": False}]},
        ),
        ({"tools": [{"type": "web_search"}, FUNCTION]}, {"tools": [{"type": "web_search"}, FUNCTION]}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"a": 1}}}},
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "n",
                        "schema": {"a": 1},
                        "description": None,
                        "strict": False,
                    }
                }
            },
        ),
        ({"tool_choice": "none"}, {"tool_choice": "none"}),
        ({"tool_choice": {"type": "mcp", "server_label": "s"}}, {"tool_choice": {"type": "mcp", "server_label": "s"}}),
        (
            {
                "tools": [FUNCTION, {"type": "custom", "name": "p"}],
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "name": "p"}],
                },
            },
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "p"}],
                }
            },
        ),
        ({"conversation": "conv_1"}, {"conversation": {"id": "conv_1"}}),
        ({"conversation": {"id": "conv_1"}}, {"conversation": {"id": "conv_1"}}),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning": {"effort": "low", "summary": None}}),
    ],
)
def test_what_took_effect_is_told(members: Body, told: Body) -> None:
    body = echo(parse(**members))
    assert {name: body[name] for name in told} == told


def test_a_summary_is_told_where_one_came() -> None:
    turn = parse(reasoning={"effort": "low", "summary": "auto"})
    assert echo(turn, Reasoning(summary=("s",)))["reasoning"] == {"effort": "low", "summary": "auto"}
    assert echo(turn, Reasoning(text=("t",)))["reasoning"] == {"effort": "low", "summary": None}


@pytest.mark.parametrize(("tier", "told"), [(None, "default"), ("standard", "default"), ("priority", "priority")])
def test_the_tier_is_the_one_that_served(tier: str | None, told: str) -> None:
    assert echo(parse(service_tier="flex"), tier=tier)["service_tier"] == told


def test_a_refusal_is_complete_in_words_only() -> None:
    assert echo(None, Message("assistant", (Refusal("no"),)), stop=Stop.REFUSAL)["status"] == "completed"
    filtered = echo(None, Message("assistant", (Text("a"),)), stop=Stop.REFUSAL)
    assert (filtered["status"], filtered["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})


def test_a_clock_behind_the_upstreams_does_not_end_before_it_began() -> None:
    late = Answer(id="", created=2_000_000_000, model="up", items=(), stop=Stop.END)
    assert render_answer(late)["completed_at"] == 2_000_000_000
