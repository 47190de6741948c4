"""`dragoman.dialects.commands.asking`."""

from typing import Any

import msgspec
import pytest

from dragoman.dialects.commands.asking import Able, Asked, ask, named
from dragoman.dialects.mapping import Losses
from dragoman.errors import GatewayError
from dragoman.turn import Extra, Format, Sampling, Thinking, Tool, ToolChoice, Turn
from tests.dialects.commands.asked import NAME, turn

ALL = Able(schema=True, tools=True, efforts=("low", "medium", "high"), verbosity=True)
F = (Tool("f"),)


def extra(param: str, value: bytes) -> Extra:
    return Extra("chat", param, msgspec.Raw(value))


def asked(given: Turn, able: Able = ALL) -> tuple[Asked, list[tuple[str, str]]]:
    losses = Losses(given)
    return ask(given, able, losses), [(loss.param, loss.kind) for loss in losses.told()]


def test_sampling_and_bookkeeping_are_dropped_with_a_loss_each() -> None:
    sampling = Sampling(0.5, 0.9, 40, 100, ("x",), 7, 0.1, 0.2)
    given = turn(
        sampling=sampling, user="u", safety_identifier="s", service_tier="flex", prompt_cache_key="k",
        metadata={"a": "b"}, store=True, thinking=Thinking(budget_tokens=1000),
    )  # fmt: skip

    _, losses = asked(given)

    assert {kind for _, kind in losses} == {"dropped"}
    assert [param for param, _ in losses] == [
        "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "seed", "frequency_penalty",
        "presence_penalty", "user", "safety_identifier", "service_tier", "prompt_cache_key", "metadata", "store",
        "thinking.budget_tokens",
    ]  # fmt: skip


def test_what_says_nothing_costs_nothing() -> None:
    given = turn(
        sampling=Sampling(frequency_penalty=0, presence_penalty=0, top_logprobs=0), service_tier="auto", store=False,
        verbosity="medium", format=Format("text"), tools=F, tool_choice=ToolChoice("none"), max_tool_calls=3,
        extras=(extra("modalities", b'["text"]'), extra("logit_bias", b"{}")),
    )  # fmt: skip

    assert asked(given, Able()) == (Asked(), [])


@pytest.mark.parametrize(
    ("given", "able", "param"),
    [
        ({"sampling": Sampling(choices=2)}, ALL, "n"),
        ({"sampling": Sampling(logprobs=True)}, ALL, "logprobs"),
        ({"sampling": Sampling(top_logprobs=3)}, ALL, "top_logprobs"),
        ({"format": NAME}, Able(), "response_format"),
        ({"format": Format("json_object")}, ALL, "response_format"),
        ({"format": Format("json_schema", schema=msgspec.Raw(b"true"))}, ALL, "response_format"),
        ({"format": Format("json_schema", schema=msgspec.Raw(b"[" * 3000 + b"]" * 3000))}, ALL, "response_format"),
        ({"tools": F}, Able(), "tools"),
        ({"tools": (Tool("f"), Tool("g", kind="custom"))}, ALL, "tools[1].type"),
        ({"tools": F, "tool_choice": ToolChoice("required")}, ALL, "tool_choice"),
        ({"tools": F, "tool_choice": ToolChoice("named", ("f",))}, ALL, "tool_choice"),
        ({"tools": F, "tool_choice": ToolChoice("allowed", ("f",), required=True)}, ALL, "tool_choice"),
        ({"extras": (extra("logit_bias", b'{"5": 1}'),)}, ALL, "logit_bias"),
        ({"extras": (extra("modalities", b'["audio"]'),)}, ALL, "modalities"),
        ({"extras": (extra("x_flag", b'"--yolo"'),)}, ALL, "x_flag"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(given: dict[str, Any], able: Able, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        asked(turn(**given), able)
    assert (raised.value.kind.code, raised.value.param) == ("unsupported_parameter", param)


def test_what_the_program_has_a_flag_for_is_asked() -> None:
    given = turn(format=NAME, thinking=Thinking(effort="low"), verbosity="high", tools=F)

    assert asked(given) == (Asked(b'{"type":"object","properties":{"name":{"type":"string"}}}', "low", "high"), [])


@pytest.mark.parametrize(("effort", "nearest"), [("none", "low"), ("minimal", "low"), ("max", "high")])
def test_another_effort_becomes_the_nearest(effort: str, nearest: str) -> None:
    told, losses = asked(turn(thinking=Thinking(effort=effort)))

    assert (told.effort, losses) == (nearest, [("reasoning_effort", "mapped")])


def test_knobs_that_are_not_there_are_told() -> None:
    given = turn(thinking=Thinking(effort="low"), verbosity="low")

    assert asked(given, Able()) == (Asked(), [("verbosity", "dropped"), ("reasoning_effort", "dropped")])


def test_a_models_name_is_no_flag() -> None:
    assert named("opus") == "opus"
    with pytest.raises(GatewayError):
        named("--yolo")
