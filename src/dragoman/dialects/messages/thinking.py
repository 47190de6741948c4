"""How much a model may think, and what form its text must have: `thinking` and `output_config`, and back.

here                                      neutral                        back
----------------------------------------  -----------------------------  ---------------------------------
thinking disabled                         effort none                    disabled
thinking adaptive                         (nothing: it is the default)   with any effort but none
thinking enabled, budget_tokens           budget_tokens                  the same; with the profile's
                                                                         `thinking = "budget"` an effort too
display summarized                        summary auto                   any summary
display omitted                           hidden: our answers leave      -
                                          the text out
output_config.effort                      effort                         low, medium, high, xhigh, max;
                                                                         minimal becomes low
output_config.format                      format json_schema             the same, always enforced

Thinking and a forced tool exclude one another here; the forced tool wins.
"""

from typing import Final

import msgspec

from dragoman.dialects.fields import EFFORT
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages import rows
from dragoman.dialects.messages.members import Body, absent, decode, invalid, members, read
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Dialect, Extra, Format, Thinking, Turn
from dragoman.wire import messages as wire

FORMAT_NAME: Final = "output"
"""The name of a schema, which other dialects want and this one lacks."""
MIN_BUDGET: Final = 1024  # the reference's least `budget_tokens`
_BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_FORCED: Final = ("required", "named")


def parse(
    thinking: msgspec.Raw | None, config: msgspec.Raw | None, extras: list[Extra]
) -> tuple[Thinking, Format | None]:
    """Both members of a request at once. Raises `GatewayError` INVALID_REQUEST."""
    effort, form = _parse_config(config, extras)
    if thinking is None or absent(thinking):
        return Thinking(effort), form
    kind = _kind(thinking)
    if kind not in ("enabled", "adaptive", "disabled"):
        extras.append(Extra("messages", "thinking.type", members(thinking, "thinking")["type"]))
        return Thinking(effort), form
    given = read(thinking, wire.Thinking, "thinking", extras)
    if kind == "disabled":
        return Thinking("none"), form
    if kind == "enabled" and given.budget_tokens is None:
        raise invalid("thinking.budget_tokens", "Missing required parameter: 'thinking.budget_tokens'.")
    return (
        Thinking(
            effort,
            given.budget_tokens if kind == "enabled" else None,
            "auto" if given.display == "summarized" else None,
            hidden=given.display == "omitted",
        ),
        form,
    )


def _kind(thinking: msgspec.Raw) -> str:
    return decode(thinking, wire.Kind, "thinking").type


def _parse_config(value: msgspec.Raw | None, extras: list[Extra]) -> tuple[str | None, Format | None]:
    if value is None or absent(value):
        return None, None
    config = read(value, wire.OutputConfig, "output_config", extras)
    if absent(config.format):
        return config.effort, None
    form = read(config.format, wire.OutputFormat, "output_config.format", extras)
    # Whether the schema is enforced is not said here; strict modes elsewhere refuse schemas that are right here.
    return config.effort, Format("json_schema", FORMAT_NAME, schema=form.schema)


def budget(turn: Turn, profile: Profile) -> int:
    """The tokens that an effort is worth, where the upstream wants it said in tokens; else 0."""
    effort = turn.thinking.effort
    if profile.thinking != "budget" or effort in (None, "none") or turn.thinking.budget_tokens or _forced(turn):
        return 0
    if effort not in _BUDGETS:
        raise _no_effort(effort, turn.dialect)
    return _BUDGETS[effort]


def render(turn: Turn, profile: Profile, budget: int, losses: Losses) -> Body:
    """The members `thinking` and `output_config`; `budget` is what an effort is worth here.

    Raises `GatewayError` INVALID_REQUEST or UNSUPPORTED_PARAMETER.
    """
    body = _render_thinking(turn, profile, budget, losses)
    config: Body = body.pop("output_config", {})
    if turn.format is not None and turn.format.kind != "text":
        config["format"] = _render_format(turn.format, losses)
    if config:
        body["output_config"] = config
    return body


def _render_thinking(turn: Turn, profile: Profile, budget: int, losses: Losses) -> Body:
    asked = turn.thinking
    if asked.effort is None and asked.budget_tokens is None:
        return _summarised(turn, profile, losses)
    if asked.effort == "none":
        return {"thinking": {"type": "disabled"}}
    if _forced(turn):
        losses.note(rows.EFFORT_FORCED)
        return {"thinking": {"type": "disabled"}}
    if asked.budget_tokens is not None:
        return _budgeted(asked, asked.budget_tokens)
    if profile.thinking == "budget":
        return _from_budget(asked, budget, losses)
    return {"thinking": _adaptive(asked), "output_config": {"effort": _effort(asked.effort, losses)}}


def _summarised(turn: Turn, profile: Profile, losses: Losses) -> Body:
    """A summary was asked for, if anything, and no effort: best effort, where the model may decide itself."""
    if turn.thinking.summary is None:
        return {}
    if profile.thinking == "adaptive" and not _forced(turn):
        return {"thinking": _adaptive(turn.thinking)}
    losses.note(rows.NO_SUMMARY)
    return {}


def _forced(turn: Turn) -> bool:
    return turn.tool_choice is not None and turn.tool_choice.mode in _FORCED


def _adaptive(asked: Thinking) -> Body:
    return {"type": "adaptive", "display": "summarized"} if asked.summary is not None else {"type": "adaptive"}


def _budgeted(asked: Thinking, budget: int) -> Body:
    thinking: Body = {"type": "enabled", "budget_tokens": budget}
    if asked.summary is not None:
        thinking["display"] = "summarized"
    return {"thinking": thinking}


def _from_budget(asked: Thinking, budget: int, losses: Losses) -> Body:
    if budget < MIN_BUDGET:
        losses.note(rows.EFFORT_SQUEEZED)
        return {"thinking": {"type": "disabled"}}
    losses.note(rows.EFFORT_AS_BUDGET)
    return _budgeted(asked, budget)


def _effort(effort: str | None, losses: Losses) -> str:
    if effort == "minimal":
        losses.note(rows.EFFORT_LEAST)
        return "low"
    if effort not in _EFFORTS:
        raise _no_effort(effort, losses.source)
    return effort


def _no_effort(effort: str | None, source: Dialect) -> GatewayError:
    return invalid(EFFORT.name(source), f"{effort!r} is no reasoning effort.")


def _render_format(form: Format, losses: Losses) -> Body:
    if form.kind == "json_object" or form.schema is msgspec.UNSET or absent(form.schema):
        raise losses.refuse(rows.SCHEMA_ONLY)
    if form.description is not None:
        losses.note(rows.NO_FORMAT_DESCRIPTION)
    if not form.strict:
        losses.note(rows.FORMAT_ENFORCED)
    return {"type": "json_schema", "schema": form.schema}
