"""A whole Chat request as a turn, and back: the table of its parameters.

here                                      neutral
----------------------------------------  ----------------------------------------------------------------
messages                                  items; see messages.py, and conversation.py for the way back
tools, functions, tool_choice,            tools.py
function_call, response_format
max_completion_tokens, max_tokens         max_output_tokens; the profile says under which name it goes
temperature, top_p, top_k, seed, stop,    the same
the penalties, logprobs, top_logprobs
n                                         choices
reasoning_effort                          thinking.effort; a budget of tokens becomes an effort
`_PLAIN`                                  the same
store, metadata                           the gateway's own affair: `store` never goes to a Chat upstream,
                                          `metadata` where the profile says that it keeps completions
stream_options.include_usage              nothing: usage is always asked for, and told if the caller asked
anything else                             an extra; see extras.py
"""

from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman.dialects import head, identifier
from dragoman.dialects.base import Rendered
from dragoman.dialects.chat import extras, messages, rows, tools
from dragoman.dialects.chat.conversation import Conversation
from dragoman.dialects.chat.members import Body, Members, invalid
from dragoman.dialects.mapping import Losses
from dragoman.dialects.profile import Profile
from dragoman.turn import Extra, Sampling, Thinking, Tool, ToolChoice, Turn
from dragoman.wire import chat_request as wire
from dragoman.wire.chat import Fields

# Read into `Sampling`: the member there, and the type here. null means "not said".
_SAMPLING: Final[dict[str, tuple[str, Any]]] = {
    "temperature": ("temperature", float | None),
    "top_p": ("top_p", float | None),
    "top_k": ("top_k", int | None),
    "seed": ("seed", int | None),
    "frequency_penalty": ("frequency_penalty", float | None),
    "presence_penalty": ("presence_penalty", float | None),
    "top_logprobs": ("top_logprobs", int | None),
}
# Read into `Turn` under the same name.
_PLAIN: Final[dict[str, Any]] = {
    "parallel_tool_calls": bool | None,
    "verbosity": str | None,
    "user": str | None,
    "safety_identifier": str | None,
    "service_tier": str | None,
    "prompt_cache_key": str | None,
    "metadata": dict[str, str] | None,
    "store": bool | None,
}
_SENT: Final = ("verbosity", "safety_identifier", "service_tier", "prompt_cache_key")
"""What of `_PLAIN` goes to an upstream as it is; `user` does where it is short enough."""
# Read one by one below.
_READ: Final = frozenset(
    ("model", "messages", "stream", "stream_options", "n", "stop", "logprobs", "max_tokens", "max_completion_tokens",
     "reasoning_effort", "response_format", "tools", "functions", "tool_choice", "function_call")
)  # fmt: skip
# Extras that another dialect looks into: what is wrong with them is said here.
_LOOKED_AT: Final[dict[str, Any]] = {"web_search_options": wire.WebSearchOptions, "modalities": list[str]}
_OLD_LIMIT: Final = Extra("chat", "max_tokens", Raw(b"null"))
MAX_PAIRS: Final = 16
MAX_KEY: Final = 64
MAX_VALUE: Final = 512
"""Bounds of `metadata`: pairs, and characters of a key and of a value; OpenAI's own."""
_EFFORTS: Final = ("minimal", "low", "medium", "high", "xhigh", "max")
# Upper bounds of a budget of reasoning tokens, and the effort that comes closest.
_BUDGETS: Final = ((2048, "low"), (8192, "medium"), (float("inf"), "high"))


def parse(body: bytes) -> Turn:
    """Raises `GatewayError` INVALID_JSON, INVALID_REQUEST or UNSUPPORTED_PARAMETER, naming the parameter."""
    fields = head.parse(body)
    model = head.model(fields)
    members = Members(fields)
    plain = {name: members.read(name, kind) for name, kind in _PLAIN.items()}
    _check_metadata(plain["metadata"])
    given, choice, deprecated = _tools(members)
    if deprecated:
        plain["parallel_tool_calls"] = False  # that form has one call
    items, places = members.required("messages", messages.parse)
    return Turn(
        model=model,
        stream=members.read("stream", bool) or False,
        items=items,
        tools=given,
        tool_choice=choice,
        sampling=_sampling(members),
        thinking=Thinking(effort=members.read("reasoning_effort", str)),
        format=members.convert("response_format", tools.parse_format, None),
        extras=(*_extras(fields, members), *deprecated, *_old_limit(members)),
        dialect="chat",
        places=places,
        **plain,
    )


def _check_metadata(metadata: dict[str, str] | None) -> None:
    if metadata is None:
        return
    if len(metadata) > MAX_PAIRS:
        raise invalid("metadata", f"'metadata' must not have more than {MAX_PAIRS} pairs.")
    for key, value in metadata.items():
        if len(key) > MAX_KEY:
            raise invalid("metadata", f"A key of 'metadata' must not be longer than {MAX_KEY} characters.")
        if len(value) > MAX_VALUE:
            message = f"A value of 'metadata' must not be longer than {MAX_VALUE} characters."
            raise invalid(f"metadata.{key}", message)


def _tools(members: Members) -> tuple[tuple[Tool, ...], ToolChoice | None, tuple[Extra, ...]]:
    """Tools, the choice among them, and whether they came in the deprecated form."""
    functions = members.convert("functions", tools.parse_functions, None)
    function_choice = members.convert("function_call", tools.parse_function_choice, None)
    given = members.convert("tools", tools.parse_tools, None)
    choice = members.convert("tool_choice", tools.parse_choice, None)
    if functions is not None and given is not None:
        raise invalid("functions", "'functions' is the deprecated form of 'tools'; they cannot stand together.")
    if function_choice is not None and choice is not None:
        message = "'function_call' is the deprecated form of 'tool_choice'; they cannot stand together."
        raise invalid("function_call", message)
    deprecated = () if functions is None else (tools.FUNCTIONS,)
    return given or functions or (), choice or function_choice, deprecated


def _sampling(members: Members) -> Sampling:
    plain = {to: members.read(name, kind) for name, (to, kind) in _SAMPLING.items()}
    logprobs = members.read("logprobs", bool) or False
    if plain["top_logprobs"] and not logprobs:
        raise invalid("top_logprobs", "'top_logprobs' needs 'logprobs' to be true.")
    if not logprobs:
        plain["top_logprobs"] = None  # none of nothing
    choices = members.read("n", int)
    if choices is not None and choices < 1:
        raise invalid("n", "'n' must be at least 1.")
    stop = members.read("stop", str | list[str])
    return Sampling(
        max_output_tokens=_limit(members),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        logprobs=logprobs,
        choices=1 if choices is None else choices,
        **plain,
    )


def _limit(members: Members) -> int | None:
    old: int | None = members.read("max_tokens", int)
    new: int | None = members.read("max_completion_tokens", int)
    for name, value in (("max_tokens", old), ("max_completion_tokens", new)):
        if value is not None and value < 0:
            raise invalid(name, f"'{name}' must not be negative.")
    if old is not None and new is not None and old != new:
        raise invalid("max_tokens", "'max_tokens' and 'max_completion_tokens' say different things.")
    return old if new is None else new


def _old_limit(members: Members) -> tuple[Extra, ...]:
    """Says nothing to an upstream: what the caller calls the limit."""
    said = members.read("max_tokens", int) is not None and members.read("max_completion_tokens", int) is None
    return (_OLD_LIMIT,) if said else ()


def _extras(fields: Fields, members: Members) -> tuple[Extra, ...]:
    known = _READ | _SAMPLING.keys() | _PLAIN.keys()
    for name, kind in _LOOKED_AT.items():
        members.read(name, kind)
    extras = [Extra("chat", name, value) for name, value in fields.items() if name not in known]
    options = members.read("stream_options", wire.StreamOptions)
    if options is not None and options.include_obfuscation is not None:
        extras.append(Extra("chat", "stream_options", fields["stream_options"]))
    return (*extras, *members.extras)


def render(turn: Turn, model: str, profile: Profile) -> Rendered:
    """The request for a Chat upstream. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    losses = Losses(turn, allow_unknown=profile.allow_unknown)
    body: Body = {"model": model, "messages": Conversation(profile, losses).render(turn.items)}
    if turn.stream:
        body["stream"] = True
        if profile.stream_usage:
            body["stream_options"] = {"include_usage": True}
    body |= tools.render(turn, profile, losses)
    if turn.format is not None and turn.format.kind != "text":
        body["response_format"] = tools.render_format(turn.format, profile, losses)
    body |= _render_sampling(turn.sampling, profile, losses)
    body |= _render_plain(turn, profile, losses)
    body |= _render_thinking(turn.thinking, profile, losses)
    extras.add(turn, body, profile, losses)
    return Rendered(msgspec.json.encode(body), losses.told())


def _render_sampling(sampling: Sampling, profile: Profile, losses: Losses) -> Body:
    body = {name: getattr(sampling, to) for name, (to, _) in _SAMPLING.items()}
    if sampling.top_k is not None and not profile.top_k:
        losses.lack(rows.NO_TOP_K)
        del body["top_k"]
    body[profile.max_tokens] = sampling.max_output_tokens
    body["stop"] = list(sampling.stop) or None
    body["logprobs"] = sampling.logprobs or None
    body["n"] = sampling.choices if sampling.choices != 1 else None
    return {name: value for name, value in body.items() if value is not None}


def _render_plain(turn: Turn, profile: Profile, losses: Losses) -> Body:
    if turn.service_tier == "ultrafast":
        raise losses.refuse(rows.NO_ULTRAFAST)
    user = identifier.fit(turn.user)
    if user != turn.user:
        losses.note(rows.USER_HASHED, most=identifier.MAX_USER)
    said = {"user": user} | {name: getattr(turn, name) for name in _SENT}
    body: Body = {name: value for name, value in said.items() if value is not None}
    if turn.metadata and profile.stores:
        body["metadata"] = turn.metadata
    return body


def _render_thinking(thinking: Thinking, profile: Profile, losses: Losses) -> Body:
    effort = thinking.effort
    if thinking.summary is not None:
        losses.note(rows.NO_SUMMARY)
    budget = thinking.budget_tokens
    if budget is not None and effort is not None:
        losses.note(rows.BUDGET_BESIDE_EFFORT)
    elif budget is not None:
        effort = next(name for limit, name in _BUDGETS if budget <= limit)
        losses.note(rows.BUDGET_AS_EFFORT, effort=effort)
    if effort is None:
        return {}
    near = _near(effort, profile)
    if near is None:
        losses.note(rows.EFFORT_NONE)
        return {}
    if near != effort:
        losses.note(rows.EFFORT_NEXT, effort=effort, near=near)
    return {"reasoning_effort": near}


def _near(effort: str, profile: Profile) -> str | None:
    """The effort that the upstream takes for `effort`; None for "none" where it cannot be said."""
    if effort in profile.efforts:
        return effort
    if effort not in _EFFORTS:
        return None if effort == "none" else effort  # of a later day: the upstream may know it
    above = [name for name in _EFFORTS[_EFFORTS.index(effort) :] if name in profile.efforts]
    below = [name for name in _EFFORTS[: _EFFORTS.index(effort)] if name in profile.efforts]
    return (above[:1] or below[-1:] or [effort])[0]
