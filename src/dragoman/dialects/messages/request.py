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

What other dialects say beside: `_HINTS` are about cost and leave a loss, `_VACUOUS` say what is done anyway.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.dialects.base import Rendered
from dragoman.dialects.messages import blocks, deferred, thinking, tools, turns
from dragoman.dialects.messages.members import Body, absent, decode, invalid, read, refuse, vacuous
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Extra, Loss, Sampling, Turn
from dragoman.wire import messages as wire
from dragoman.wire.chat import Fields, parse_fields

_READ: Final = frozenset(
    ("model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences",
     "tools", "tool_choice", "thinking", "output_config", "metadata", "service_tier", "context_management")
)  # fmt: skip
_TIERS: Final = {"standard_only": "default"}
_TIERS_BACK: Final = {"auto": "auto", "default": "standard_only"}
_VACUOUS: Final[dict[str, Any]] = {
    "n": 1,
    "store": False,
    "modalities": ["text"],
    "include": ["reasoning.encrypted_content"],  # whatever is sealed here
    "truncation": "disabled",
    "background": False,
    "reasoning.mode": "standard",
    "reasoning.context": "auto",
}
_NOTHING: Final = (b"null", b"[]", b"{}")
_HINTS: Final = frozenset(("prompt_cache_options", "prompt_cache_retention"))
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
    system = fields.convert("system", blocks.parse_system, ())
    choice, parallel = fields.convert("tool_choice", tools.parse_choice, (None, None))
    thought, form = thinking.parse(fields.raw("thinking"), fields.raw("output_config"), fields.extras)
    tier = fields.read("service_tier", str)
    items = (*system, *blocks.parse_messages(messages, fields.extras))
    found = deferred.found(messages)
    given = fields.convert("tools", lambda value, extras: tools.parse_tools(value, extras, found), ())
    metadata = fields.convert("metadata", lambda value, extras: read(value, wire.Metadata, "metadata", extras), None)
    return Turn(
        model=model,
        stream=fields.read("stream", bool) or False,
        items=items,
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
    )


def _extras(fields: _Fields) -> tuple[Extra, ...]:
    extras = fields.extras
    for name, value in fields.all.items():
        if name not in _READ and not vacuous(name, value):
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
    losses: list[Loss] = []
    sampling = turn.sampling
    _check_sampling(sampling, turn.verbosity, profile, losses)
    body: Body = {"model": model, "max_tokens": 0} | _render_extras(turn.extras, profile, losses)
    budget = thinking.budget(turn, profile)
    limit = sampling.max_output_tokens
    if limit is None:
        limit = profile.default_max_tokens + budget
        losses.append(Loss("max_output_tokens", "defaulted", f"the upstream demands a limit: {limit}"))
    else:
        budget = min(budget, limit // 2)  # what is thought counts, and something must be left to say
    renderer = turns.Renderer(profile)
    body |= {"max_tokens": limit} | renderer.render(turn.items)
    losses += renderer.losses
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
    body |= _render_caller(turn, profile, losses)
    return Rendered(msgspec.json.encode(body), tuple(losses))


def _check_sampling(sampling: Sampling, verbosity: str | None, profile: Profile, losses: list[Loss]) -> None:
    """What Messages has no word for: refused by name unless it says what is done anyway."""
    lacking = {
        "n": sampling.choices != 1,
        "seed": sampling.seed is not None,
        "frequency_penalty": bool(sampling.frequency_penalty),
        "presence_penalty": bool(sampling.presence_penalty),
        "logprobs": sampling.logprobs,
        "top_logprobs": bool(sampling.top_logprobs),
        "verbosity": verbosity not in (None, "medium"),
    }
    for name, asked in lacking.items():
        if asked:
            _leave_out(name, profile, losses)
    if sampling.temperature is not None and sampling.temperature > 1:
        raise refuse("temperature", "This upstream takes a temperature from 0 to 1.")


def _render_caller(turn: Turn, profile: Profile, losses: list[Loss]) -> Body:
    """Who asks, and for which service. `metadata` and `store` are the gateway's own affair."""
    body: Body = {}
    user = turn.safety_identifier or turn.user
    if user is not None:
        body["metadata"] = {"user_id": user}
        if turn.user not in (None, user):
            losses.append(Loss("user", "dropped", "the upstream takes one identifier: 'safety_identifier'"))
    if turn.service_tier is not None:
        if turn.service_tier in _TIERS_BACK:
            body["service_tier"] = _TIERS_BACK[turn.service_tier]
        else:
            _leave_out("service_tier", profile, losses)
    if turn.prompt_cache_key is not None:
        losses.append(Loss("prompt_cache_key", "dropped", "the upstream finds its cache by the prompt itself"))
    return body


def _leave_out(name: str, profile: Profile, losses: list[Loss]) -> None:
    if not profile.allow_unknown:
        raise refuse(name, f"The parameter {name!r} cannot be sent to this upstream.")
    losses.append(Loss(name, "dropped", "the upstream does not know it"))


def _render_extras(extras: tuple[Extra, ...], profile: Profile, losses: list[Loss]) -> Body:
    """What goes on as it came; what cannot go is refused before anything that follows from it."""
    body: Body = {}
    for extra in extras:
        if extra.dialect == "messages" and extra.param.isidentifier():
            body[extra.param] = extra.value
        elif extra.param.rpartition(".")[2] == "cache_control":
            losses.append(Loss(extra.param, "dropped", "calls, results and tools lose their cache breakpoints"))
        elif extra.param in _HINTS:
            losses.append(Loss(extra.param, "dropped", "the upstream has its own rules for its cache"))
        elif not _says_nothing(extra):
            _leave_out(extra.param, profile, losses)
    return body


def _says_nothing(extra: Extra) -> bool:
    if b"".join(bytes(extra.value).split()) in _NOTHING:
        return True
    if extra.param == "stream_options":
        options = msgspec.json.decode(extra.value)
        return isinstance(options, dict) and options.keys() <= _STREAM_OPTIONS
    return extra.param in _VACUOUS and bool(msgspec.json.decode(extra.value) == _VACUOUS[extra.param])
