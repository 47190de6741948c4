import json
from typing import Any

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages import thinking
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Extra, Format, Thinking, ToolChoice, Turn
from tests.dialects.messages.answers import raw

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
OLDER = Profile(thinking="budget")


def parse(thought: object = None, config: object = None) -> tuple[Thinking, Format | None]:
    extras: list[Extra] = []
    given = thinking.parse(raw(thought) if thought else None, raw(config) if config else None, extras)
    assert extras == []
    return given


def render(turn: Turn, profile: Profile | None = None) -> tuple[Any, list[tuple[str, str]]]:
    losses = Losses(turn)
    profile = profile or Profile()
    body = thinking.render(turn, profile, thinking.budget(turn, profile), losses)
    return json.loads(msgspec.json.encode(body)), [(loss.param, loss.kind) for loss in losses.told()]


def asked(effort: str | None = None, **more: Any) -> Turn:
    return Turn(model="m", thinking=Thinking(effort, **more))


@pytest.mark.parametrize(
    ("thought", "config", "expected"),
    [
        (None, None, Thinking()),
        ({"type": "disabled"}, None, Thinking("none")),
        ({"type": "disabled"}, {"effort": "low"}, Thinking("none")),
        ({"type": "adaptive"}, None, Thinking()),
        ({"type": "adaptive"}, {"effort": "max"}, Thinking("max")),
        ({"type": "adaptive", "display": "summarized"}, {"effort": "low"}, Thinking("low", summary="auto")),
        ({"type": "adaptive", "display": "omitted"}, None, Thinking(hidden=True)),
        ({"type": "enabled", "budget_tokens": 4000}, None, Thinking(None, 4000)),
        ({"type": "enabled", "budget_tokens": 4000}, {"effort": None}, Thinking(None, 4000)),
        (None, {"effort": "xhigh"}, Thinking("xhigh")),
    ],
)
def test_thinking_is_read(thought: object, config: object, expected: Thinking) -> None:
    assert parse(thought, config) == (expected, None)


def test_the_form_of_the_text_is_read_and_named() -> None:
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert parse(None, config) == (Thinking(), Format("json_schema", "output", schema=raw(SCHEMA)))


def test_what_has_no_neutral_form_is_kept_by_name() -> None:
    extras: list[Extra] = []
    thinking.parse(raw({"type": "between_tools"}), raw({"task_budget": {"total": 9}}), extras)
    thinking.parse(raw({"type": "adaptive", "novelty": 1}), raw({"format": None}), extras)
    assert extras == [
        Extra("messages", "output_config.task_budget", raw({"total": 9})),
        Extra("messages", "thinking.type", raw("between_tools")),
        Extra("messages", "thinking.novelty", raw(1)),
    ]


@pytest.mark.parametrize(
    ("thought", "config", "param"),
    [
        ({}, None, "thinking.type"),
        ({"type": "enabled"}, None, "thinking.budget_tokens"),
        ({"type": "enabled", "budget_tokens": "much"}, None, "thinking.budget_tokens"),
        ({"type": "adaptive", "display": "loud"}, None, "thinking.display"),
        (None, {"effort": 3}, "output_config.effort"),
        (None, {"format": {"type": "json_object"}}, "output_config.format.type"),
        (None, {"format": {"type": "json_schema"}}, "output_config.format.schema"),
    ],
)
def test_what_is_wrong_is_named(thought: object, config: object, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        thinking.parse(None if thought is None else raw(thought), raw(config) if config else None, [])
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, param)


@pytest.mark.parametrize("effort", ["low", "medium", "high", "xhigh", "max"])
def test_an_effort_goes_by_name(effort: str) -> None:
    assert render(asked(effort)) == ({"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}, [])


def test_the_least_effort_is_low() -> None:
    body, losses = render(asked("minimal"))
    assert body["output_config"] == {"effort": "low"}
    assert losses == [("reasoning.effort", "mapped")]


def test_no_effort_is_no_thinking() -> None:
    assert render(asked("none")) == ({"thinking": {"type": "disabled"}}, [])
    assert render(asked("none"), OLDER) == ({"thinking": {"type": "disabled"}}, [])


def test_nothing_asked_is_nothing_said() -> None:
    assert render(asked()) == ({}, [])
    assert render(asked(), OLDER) == ({}, [])


@pytest.mark.parametrize("profile", [Profile(), OLDER])
def test_a_budget_goes_as_it_is(profile: Profile) -> None:
    body = {"thinking": {"type": "enabled", "budget_tokens": 4000}}
    assert render(asked(budget_tokens=4000), profile) == (body, [])


@pytest.mark.parametrize(
    ("effort", "budget"),
    [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16384), ("xhigh", 32768), ("max", 65536)],
)
def test_older_models_get_a_budget_for_an_effort(effort: str, budget: int) -> None:
    body = {"thinking": {"type": "enabled", "budget_tokens": budget}}
    assert render(asked(effort), OLDER) == (body, [("reasoning.effort", "mapped")])


def test_too_little_to_think_is_no_thinking() -> None:
    losses = Losses(asked("high"))
    assert thinking.render(asked("high"), OLDER, 1023, losses) == {"thinking": {"type": "disabled"}}
    assert [(loss.param, loss.kind) for loss in losses.told()] == [("reasoning.effort", "dropped")]


@pytest.mark.parametrize("profile", [Profile(), OLDER])
def test_an_effort_nobody_knows_is_named(profile: Profile) -> None:
    with pytest.raises(GatewayError, match="'huge'") as raised:
        render(asked("huge"), profile)
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, "reasoning.effort")


def test_a_summary_is_shown_where_there_is_thinking() -> None:
    shown = {"type": "adaptive", "display": "summarized"}
    assert render(asked("low", summary="detailed"))[0]["thinking"] == shown
    assert render(asked(summary="auto")) == ({"thinking": shown}, [])
    assert render(asked(summary="auto", budget_tokens=2000))[0]["thinking"]["display"] == "summarized"
    assert render(asked("low", summary="auto"), OLDER)[0]["thinking"]["display"] == "summarized"
    assert render(asked(summary="auto"), OLDER) == ({}, [("reasoning.summary", "dropped")])


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("named", ("a",))])
@pytest.mark.parametrize("profile", [Profile(), OLDER])
def test_a_forced_tool_wins_over_thinking(choice: ToolChoice, profile: Profile) -> None:
    turn = Turn(model="m", thinking=Thinking("high"), tool_choice=choice)
    assert render(turn, profile) == ({"thinking": {"type": "disabled"}}, [("reasoning.effort", "dropped")])
    turn = Turn(model="m", thinking=Thinking(summary="auto"), tool_choice=choice)
    assert render(turn, profile) == ({}, [("reasoning.summary", "dropped")])


def test_a_schema_is_sent_alone_and_what_is_lost_is_said() -> None:
    form = Format("json_schema", "n", "A thing.", raw(SCHEMA), None)
    config = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    assert render(Turn(model="m", format=form)) == (
        config, [("text.format.description", "dropped"), ("text.format.strict", "mapped")],
    )  # fmt: skip
    strict = Format("json_schema", "n", schema=raw(SCHEMA), strict=True)
    assert render(Turn(model="m", format=strict)) == (config, [])
    both = Turn(model="m", format=strict, thinking=Thinking("low"))
    assert render(both)[0]["output_config"].keys() == {"effort", "format"}


def test_plain_text_is_the_default() -> None:
    assert render(Turn(model="m", format=Format("text"))) == ({}, [])


@pytest.mark.parametrize(
    "form", [Format("json_object"), Format("json_schema", "n"), Format("json_schema", schema=raw(None))]
)
def test_json_without_a_schema_is_refused(form: Format) -> None:
    with pytest.raises(GatewayError, match="text.format") as raised:
        render(Turn(model="m", format=form))
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "text.format")
