"""A whole Messages request as a turn, and back: the table of its parameters.

here                                      neutral
----------------------------------------  -------------------------------------------------------------
system, messages                          items; see blocks.py and turns.py
tools, tool_choice                        tools.py
thinking, output_config                   thinking.py
max_tokens (required)                     max_output_tokens; the profile's default where nobody says
temperature, top_p, top_k                 the same; the temperature ends at 1 here
stop_sequences                            stop
metadata.user_id                          user
service_tier auto, standard_only          auto, default; other tiers are refused
context_management that keeps all         nothing: what is done anyway
anything else                             an extra

What becomes of what other dialects say beside is told by `rows.py`.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.dialects.base import Rendered
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages import blocks, deferred, rows, thinking, tools, turns
from dragoman.dialects.messages.members import Body, absent, decode, invalid, read
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Extra, Sampling, Turn
from dragoman.wire import messages as wire
from dragoman.wire.chat import Fields, parse_fields

_READ: Final = frozenset(
    ("model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences",
     "tools", "tool_choice", "thinking", "output_config", "metadata", "service_tier", "context_management")
)  # fmt: skip
_TIERS: Final = {"standard_only": "default"}
_TIERS_BACK: Final = {"auto": "auto", "default": "standard_only"}
_SEALED: Final = "reasoning.encrypted_content"
_STREAM_OPTIONS: Final = frozenset(("include_usage", "include_obfuscation"))
"""What these ask for is done, or left out, by whoever writes the stream for the caller."""


def parse(body: bytes) -> Turn:
    """Raises `GatewayError` INVALID_JSON, INVALID_REQUEST or UNSUPPORTED_PARAMETER, naming the parameter."""
    return _parse(body, counts=False)


def parse_count(body: bytes) -> Turn:
    """A request to `count_tokens`: the same, without a limit of the answer."""
    return _parse(body, counts=True)


def _parse(body: bytes, *, counts: bool) -> Turn:
    try:
        fields = _Fields(body)
        return _turn(fields, counts=counts)
    except RecursionError:
        raise GatewayError(errors.INVALID_JSON, "The request body is nested too deeply.") from None


class _Fields:
    """The members of a request, read by name; null is "not said"."""

    def __init__(self, body: bytes) -> None:
        try:
            self.all: Fields = parse_fields(body)
        except WireError as error:
            raise GatewayError(errors.INVALID_JSON, f"The request body is {error}.") from None
        self.extras: list[Extra] = []

    def raw(self, name: str) -> msgspec.Raw | None:
        value = self.all.get(name)
        return None if absent(value) else value

    def read(self, name: str, kind: Any) -> Any:
        value = self.raw(name)
        return None if value is None else decode(value, kind, name)

    def required(self, name: str, kind: Any) -> Any:
        if name not in self.all:
            raise invalid(name, f"Missing required parameter: {name!r}.")
        return decode(self.all[name], kind, name)

    def convert(self, name: str, parse: Callable[[msgspec.Raw, list[Extra]], Any], default: Any) -> Any:
        value = self.raw(name)
        return default if value is None else parse(value, self.extras)


def _turn(fields: _Fields, *, counts: bool) -> Turn:
    model = fields.required("model", str)
    limit = fields.read("max_tokens", int) if counts else fields.required("max_tokens", int)
    if limit is not None and limit < 0:
        raise invalid("max_tokens", "'max_tokens' must not be negative.")
    messages = fields.required("messages", msgspec.Raw)
    history = blocks.History(fields.extras)
    system = fields.raw("system")
    if system is not None:
        blocks.parse_system(system, history)
    choice, parallel = fields.convert("tool_choice", tools.parse_choice, (None, None))
    thought, form = thinking.parse(fields.raw("thinking"), fields.raw("output_config"), fields.extras)
    tier = fields.read("service_tier", str)
    blocks.parse_messages(messages, history)
    found = deferred.found(messages)
    given = fields.convert("tools", lambda value, extras: tools.parse_tools(value, extras, found), ())
    metadata = fields.convert("metadata", lambda value, extras: read(value, wire.Metadata, "metadata", extras), None)
    return Turn(
        model=model,
        stream=fields.read("stream", bool) or False,
        items=tuple(history.items),
        tools=given,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        sampling=Sampling(
            temperature=fields.read("temperature", float),
            top_p=fields.read("top_p", float),
            top_k=fields.read("top_k", int),
            max_output_tokens=limit,
            stop=tuple(fields.read("stop_sequences", list[str]) or ()),
        ),
        thinking=thought,
        format=form,
        user=None if metadata is None else metadata.user_id,
        service_tier=_TIERS.get(tier, tier),
        extras=_extras(fields),
        dialect="messages",
        places=tuple(history.places),
    )


def _extras(fields: _Fields) -> tuple[Extra, ...]:
    extras = fields.extras
    for name, value in fields.all.items():
        if name not in _READ and not rows.TABLE.says_nothing(name, value):
            extras.append(Extra("messages", name, value))
    context = fields.raw("context_management")
    if context is not None and not _keeps_all(context, extras):
        extras.append(Extra("messages", "context_management", context))
    return tuple(extras)


def _keeps_all(value: msgspec.Raw, extras: list[Extra]) -> bool:
    """Whether every edit of the context is one that removes nothing, as agents send it with each request."""
    context = read(value, wire.ContextManagement, "context_management", extras)
    return all(edit.type.startswith("clear_thinking_") and bytes(edit.keep) == b'"all"' for edit in context.edits)


def render(turn: Turn, model: str, profile: Profile) -> Rendered:
    """The request for a Messages upstream. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    losses = Losses(turn, allow_unknown=profile.allow_unknown)
    sampling = turn.sampling
    _check_sampling(sampling, turn.verbosity, losses)
    body: Body = {"model": model, "max_tokens": 0} | _render_extras(turn.extras, losses)
    budget = thinking.budget(turn, profile)
    limit = sampling.max_output_tokens
    if limit is None:
        limit = profile.default_max_tokens + budget
        losses.note(rows.LIMIT_DEFAULTED, limit=limit)
    else:
        budget = min(budget, limit // 2)  # what is thought counts, and something must be left to say
    body |= {"max_tokens": limit} | turns.Renderer(profile, losses).render(turn.items)
    body |= tools.render(turn, profile, losses)
    body |= thinking.render(turn, profile, budget, losses)
    plain: Body = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop_sequences": list(sampling.stop) or None,
        "stream": turn.stream or None,
    }
    body |= {name: value for name, value in plain.items() if value is not None}
    body |= _render_caller(turn, losses)
    return Rendered(msgspec.json.encode(body), losses.told())


def _check_sampling(sampling: Sampling, verbosity: str | None, losses: Losses) -> None:
    """What Messages has no word for: refused by name unless it says what is done anyway."""
    lacking = (
        (rows.NO_CHOICES, sampling.choices != 1),
        (rows.NO_SEED, sampling.seed is not None),
        (rows.NO_FREQUENCY, bool(sampling.frequency_penalty)),
        (rows.NO_PRESENCE, bool(sampling.presence_penalty)),
        (rows.NO_TOP_LOGPROBS, bool(sampling.top_logprobs)),
        (rows.NO_LOGPROBS, sampling.logprobs),
        (rows.NO_VERBOSITY, verbosity not in (None, "medium")),
    )
    for row, asked in lacking:
        if asked:
            losses.lack(row)
    if sampling.temperature is not None and sampling.temperature > 1:
        raise losses.refuse(rows.TOO_HOT)


def _render_caller(turn: Turn, losses: Losses) -> Body:
    """Who asks, and for which service. `metadata` and `store` of a response are the gateway's own affair."""
    body: Body = {}
    user = turn.safety_identifier or turn.user
    if user is not None:
        body["metadata"] = {"user_id": user}
        if turn.user not in (None, user):
            losses.note(rows.ONE_IDENTIFIER)
    if turn.service_tier is not None:
        if turn.service_tier in _TIERS_BACK:
            body["service_tier"] = _TIERS_BACK[turn.service_tier]
        else:
            losses.lack(rows.NO_TIER)
    if turn.prompt_cache_key is not None:
        losses.note(rows.NO_CACHE_KEY)
    if turn.dialect == "chat":
        if turn.metadata:
            losses.note(rows.NO_METADATA)
        if turn.store:
            losses.note(rows.NO_STORE)
    return body


def _render_extras(extras: tuple[Extra, ...], losses: Losses) -> Body:
    """What goes on as it came; what cannot go is refused before anything that follows from it."""
    body: Body = {}
    for extra in extras:
        if extra.dialect == "messages" and extra.param.isidentifier():
            body[extra.param] = extra.value
        elif extra.dialect == "responses" and extra.param == "include":
            _include(extra, losses)
        elif not _of_streams(extra):
            _judge(extra, losses)
    return body


def _include(extra: Extra, losses: Losses) -> None:
    included = msgspec.json.decode(extra.value, type=list[str])
    if any(value != _SEALED for value in included):
        losses.lack(rows.NO_HOSTED_OUTPUT)


def _judge(extra: Extra, losses: Losses) -> None:
    row = rows.TABLE.judge(extra, rows.UNKNOWN)
    if row is None:
        return
    if row.fate == "dropped":
        losses.note(row, extra.param)
    else:
        losses.lack(row, extra.param)


def _of_streams(extra: Extra) -> bool:
    """Whether it asks for what is done, or left out, by whoever writes the stream for the caller."""
    if extra.param != "stream_options" or extra.dialect != "chat":
        return False
    options = msgspec.json.decode(extra.value)
    return isinstance(options, dict) and options.keys() <= _STREAM_OPTIONS
