"""What of a turn's parameters a program can be asked, and what its caller is told of the rest.

Drawing an answer is the program's business: sampling parameters are left out with a loss. What would change the form
of the answer is refused by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from dragoman import errors
from dragoman.dialects.commands import rows
from dragoman.dialects.mapping import Losses
from dragoman.errors import GatewayError
from dragoman.turn import Format, Turn

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Able:
    """What a program has flags for."""

    schema: bool = False
    tools: bool = False
    efforts: Sequence[str] = ()
    verbosity: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What remains of the parameters."""

    schema: bytes = b""
    """A JSON Schema, one object in one line; empty for text."""
    effort: str = ""
    """One of those of the program."""
    verbosity: str = ""


def ask(turn: Turn, able: Able, losses: Losses) -> Asked:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    for extra in turn.extras:
        row = rows.EXTRAS.judge(extra, rows.UNKNOWN)
        if row is not None and row.fate == "refused":
            raise losses.refuse(row, extra.param)
        if row is not None:
            losses.note(row, extra.param)
    _sampling(turn, losses)
    _caller(turn, losses)
    _tools(turn, able, losses)
    verbosity = turn.verbosity if turn.verbosity not in (None, "medium") else ""
    if verbosity and not able.verbosity:
        losses.note(rows.NO_VERBOSITY)
        verbosity = ""
    return Asked(_schema(turn.format, able, losses), _effort(turn, able, losses), verbosity or "")


def named(model: str) -> str:
    """A model's name, which can be no flag. Raises `GatewayError` MODEL_NOT_FOUND."""
    if model.startswith("-"):
        raise GatewayError(errors.MODEL_NOT_FOUND, f"{model!r} cannot be the name of a model.", param="model")
    return model


def _sampling(turn: Turn, losses: Losses) -> None:
    said = turn.sampling
    for refused, row in (
        (said.choices > 1, rows.NO_CHOICES),
        (said.logprobs, rows.NO_LOGPROBS),
        (bool(said.top_logprobs), rows.NO_TOP_LOGPROBS),
    ):
        if refused:
            raise losses.refuse(row)
    for given, row in (
        (said.max_output_tokens is not None, rows.NO_LIMIT),
        (said.temperature is not None, rows.NO_TEMPERATURE),
        (said.top_p is not None, rows.NO_TOP_P),
        (said.top_k is not None, rows.NO_TOP_K),
        (bool(said.stop), rows.NO_STOP),
        (said.seed is not None, rows.NO_SEED),
        (bool(said.frequency_penalty), rows.NO_FREQUENCY),
        (bool(said.presence_penalty), rows.NO_PRESENCE),
    ):
        if given:
            losses.note(row)


def _caller(turn: Turn, losses: Losses) -> None:
    """Who asks, and what is kept: nothing of it reaches a provider."""
    chat = turn.dialect == "chat"
    for given, row in (
        (turn.user is not None, rows.NO_USER),
        (turn.safety_identifier is not None, rows.NO_SAFETY),
        (turn.service_tier not in (None, "auto"), rows.NO_TIER),
        (turn.prompt_cache_key is not None, rows.NO_CACHE_KEY),
        (chat and bool(turn.metadata), rows.NO_METADATA),
        (chat and bool(turn.store), rows.NO_STORE),
    ):
        if given:
            losses.note(row)


def _tools(turn: Turn, able: Able, losses: Losses) -> None:
    choice = turn.tool_choice
    if not turn.tools or (choice is not None and choice.mode == "none"):
        return
    if not able.tools:
        raise losses.refuse(rows.NO_TOOLS)
    for losses.tool, tool in enumerate(turn.tools):
        if tool.kind == "custom":
            raise losses.refuse(rows.NO_CUSTOM)
    if choice is not None and (choice.mode in ("required", "named") or choice.required):
        raise losses.refuse(rows.NO_DEMAND)
    if turn.parallel_tool_calls is False:
        losses.note(rows.NO_ONE_BY_ONE)


def _schema(asked: Format | None, able: Able, losses: Losses) -> bytes:
    if asked is None or asked.kind == "text":
        return b""
    if not able.schema:
        raise losses.refuse(rows.NO_FORMAT)
    if asked.kind == "json_object" or not isinstance(asked.schema, msgspec.Raw):
        raise losses.refuse(rows.SCHEMA_ONLY)
    if asked.description is not None:
        losses.note(rows.NO_FORMAT_DESCRIPTION)
    try:
        schema = msgspec.json.format(asked.schema, indent=-1)  # without blanks, so that it is one line
    except (msgspec.DecodeError, RecursionError):
        raise losses.refuse(rows.SCHEMA_ONLY) from None
    if not schema.startswith(b"{"):
        raise losses.refuse(rows.SCHEMA_ONLY)
    return schema


def _effort(turn: Turn, able: Able, losses: Losses) -> str:
    if turn.thinking.budget_tokens is not None:
        losses.note(rows.NO_BUDGET)
    wanted = turn.thinking.effort
    if wanted is None:
        return ""
    if not able.efforts or wanted not in _EFFORTS:
        losses.note(rows.NO_EFFORT)
        return ""
    place = _EFFORTS.index(wanted)
    effort = min(able.efforts, key=lambda name: abs(_EFFORTS.index(name) - place))
    if effort != wanted:
        losses.note(rows.EFFORT_NEXT, effort=effort)
    return effort
