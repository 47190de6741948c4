"""A Responses request as a turn, and back: the members of its top level.

What the gateway executes or another dialect cannot say (`previous_response_id`, `background`, a hosted tool)
becomes an `Extra` under its path, for the renderer to judge. `stream_options.include_obfuscation` asks for
padding against observers of the network; it is optional for a server, and ignored here.
"""

from typing import Final

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.dialects import identifier
from dragoman.dialects.base import Rendered
from dragoman.dialects.mapping import Losses, refuse
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses import extras as others
from dragoman.dialects.responses import items, rows, tools
from dragoman.dialects.responses.extras import Body
from dragoman.dialects.responses.members import absent, invalid, read
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Extra, Format, Native, Sampling, Thinking, Turn
from dragoman.wire import responses as wire
from dragoman.wire.chat import Fields, parse_fields

MAX_MODEL: Final = 256
"""Characters of a model's name; it is logged, stored and quoted in errors."""

LEAST_OUTPUT: Final = 16
"""The smallest `max_output_tokens` that the API takes; Chat and Messages know no such bound."""

LOGPROBS: Final = "message.output_text.logprobs"
SEALED_REASONING: Final = "reasoning.encrypted_content"

# Chat's names of what has another name here, all refused with a word on where it went.
_MOVED: Final = {
    "messages": "input",
    "response_format": "text.format",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "functions": "tools",
    "function_call": "tool_choice",
    "logprobs": "include",
    "web_search_options": "tools",
}
# Each hosted output that may be included, and the tools without which there is none.
_HOSTED_OUTPUT: Final = {
    "file_search_call.results": ("file_search",),
    "web_search_call.results": ("web_search",),
    "web_search_call.action.sources": ("web_search",),
    "code_interpreter_call.outputs": ("code_interpreter",),
    "computer_call_output.output.image_url": ("computer",),
    "message.input_image.image_url": (),  # of items listed later, never of an answer
}
INCLUDABLE: Final = (*_HOSTED_OUTPUT, SEALED_REASONING, LOGPROBS)
"""All that a call may ask to be included, in what it makes or in what is kept."""


# Upper bounds of a budget of reasoning tokens, and the effort that comes closest.
_BUDGETS: Final = ((2048, "low"), (8192, "medium"), (float("inf"), "high"))


class _StreamOptions(msgspec.Struct, frozen=True):
    include_obfuscation: bool | None = None


def parse(body: bytes) -> Turn:
    """Raises `GatewayError` INVALID_JSON, INVALID_REQUEST or UNSUPPORTED_PARAMETER, naming the parameter."""
    try:
        fields = parse_fields(body)
    except WireError as error:
        raise GatewayError(errors.INVALID_JSON, f"The request body is {error}.") from None
    _refuse_moved(fields)
    extras: list[Extra] = []
    given = read(Raw(body), wire.Request, "", extras)
    _check(given, extras)
    form, verbosity = _text(given.text, extras)
    if not absent(given.stream_options):
        read(given.stream_options, _StreamOptions, "stream_options", extras)
    instructions = items.parse_instructions(given.instructions)
    turn = Turn(
        model=given.model,
        stream=given.stream or False,
        items=instructions + items.parse(given.input or [], extras),
        dialect="responses",
        places=items.places(instructions, given.input or []),
        tools=tools.parse_tools(given.tools, extras),
        tool_choice=tools.parse_choice(given.tool_choice, extras),
        parallel_tool_calls=given.parallel_tool_calls,
        sampling=_sampling(given),
        thinking=_thinking(given.reasoning, extras),
        format=form,
        verbosity=verbosity,
        user=given.user,
        safety_identifier=given.safety_identifier,
        service_tier=given.service_tier,
        prompt_cache_key=given.prompt_cache_key,
        metadata=given.metadata,
        store=given.store,
        max_tool_calls=given.max_tool_calls,
    )
    _include(given.include or [], turn, extras)
    return msgspec.structs.replace(turn, extras=tuple(extras))


def _refuse_moved(fields: Fields) -> None:
    for name, home in _MOVED.items():
        if name in fields and not absent(fields[name]):
            raise refuse(rows.CHATS_OWN, name, home=home)


def _check(given: wire.Request, extras: list[Extra]) -> None:
    if not given.model:
        raise invalid("model", "'model' must not be empty.")
    if len(given.model) > MAX_MODEL:
        raise invalid("model", f"'model' must not be longer than {MAX_MODEL} characters.")
    others = {extra.param: extra.value for extra in extras}
    if given.input is None and not others.keys() & {"previous_response_id", "conversation", "prompt"}:
        raise invalid("input", "Missing required parameter: 'input'.")
    if "previous_response_id" in others and "conversation" in others:
        message = "'previous_response_id' and 'conversation' cannot stand together."
        raise invalid("previous_response_id", message)
    if "background" in others:
        if bytes(others["background"]) != b"true":
            raise invalid("background", "'background' must be true or false.")
        if given.store is False:
            raise invalid("background", "A background response must be stored: 'store' cannot be false.")


def _text(value: Raw, extras: list[Extra]) -> tuple[Format | None, str | None]:
    if absent(value):
        return None, None
    text = read(value, _Text, "text", extras)
    return tools.parse_format(text.format, "text.format", extras), text.verbosity


class _Text(msgspec.Struct, frozen=True):
    format: Raw = wire.NULL
    verbosity: str | None = None


def _thinking(value: Raw, extras: list[Extra]) -> Thinking:
    if absent(value):
        return Thinking()
    reasoning = read(value, wire.ReasoningConfig, "reasoning", extras)
    return Thinking(effort=reasoning.effort, summary=reasoning.summary or reasoning.generate_summary)


def _sampling(given: wire.Request) -> Sampling:
    # Whoever wants the alternatives wants log probabilities; 0 alternatives is what is answered anyway.
    logprobs = LOGPROBS in (given.include or ()) or bool(given.top_logprobs)
    return Sampling(
        temperature=given.temperature,
        top_p=given.top_p,
        max_output_tokens=given.max_output_tokens,
        frequency_penalty=given.frequency_penalty,
        presence_penalty=given.presence_penalty,
        logprobs=logprobs,
        top_logprobs=given.top_logprobs if logprobs else None,
    )


def _include(include: list[str], turn: Turn, extras: list[Extra]) -> None:
    """What is left to serve of `include`: nothing of tools that the request has not."""
    kinds = [msgspec.json.decode(extra.value, type=wire.Kind).type or "" for extra in extras if _is_tool(extra)]
    kinds += [item.kind for item in turn.items if isinstance(item, Native)]
    left: list[str] = []
    for value in include:
        if value == SEALED_REASONING:
            left.append(value)
        elif value in _HOSTED_OUTPUT:
            if any(kind.startswith(_HOSTED_OUTPUT[value]) for kind in kinds):
                left.append(value)
        elif value != LOGPROBS:
            raise refuse(rows.NO_SUCH_OUTPUT, "include", value=value)
    if left:
        extras.append(Extra("responses", "include", Raw(msgspec.json.encode(left))))


def _is_tool(extra: Extra) -> bool:
    return extra.param.startswith("tools[") and extra.param.endswith("].type")


def render(turn: Turn, model: str, profile: Profile) -> Rendered:
    """The request for a Responses upstream. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    losses = Losses(turn, allow_unknown=profile.allow_unknown)
    _check_sampling(turn.sampling, losses)
    instructions, given = items.render(turn.items, profile, losses, stores=turn.store is True)
    body: Body = {
        "model": model,
        "instructions": instructions,
        "input": given,
        "stream": turn.stream or None,
        "tools": tools.render_tools(turn.tools, profile, losses) or None,
        "tool_choice": tools.render_choice(turn, profile),
        "parallel_tool_calls": turn.parallel_tool_calls,
        **_render_sampling(turn.sampling, losses),
        "max_tool_calls": turn.max_tool_calls,
        "text": _render_text(turn, profile, losses),
        "reasoning": _render_thinking(turn.thinking, losses),
        "user": _user(turn, losses),
        "safety_identifier": turn.safety_identifier,
        "service_tier": turn.service_tier,
        "prompt_cache_key": turn.prompt_cache_key,
        "metadata": turn.metadata,
        # A Responses upstream keeps what it is not told to forget; nobody else's callers expect that.
        "store": turn.store is True,
    }
    body = {name: value for name, value in body.items() if value is not None}
    others.add(turn.extras, body, losses)
    return Rendered(msgspec.json.encode(body), losses.told())


def _check_sampling(sampling: Sampling, losses: Losses) -> None:
    lacking = (
        (rows.NO_CHOICES, sampling.choices > 1),
        (rows.NO_STOP, bool(sampling.stop)),
        (rows.NO_SEED, sampling.seed is not None),
        (rows.NO_TOP_K, sampling.top_k is not None),
        (rows.NO_FREQUENCY, bool(sampling.frequency_penalty)),
        (rows.NO_PRESENCE, bool(sampling.presence_penalty)),
    )
    for row, asked in lacking:
        if asked:
            losses.lack(row)


def _render_sampling(sampling: Sampling, losses: Losses) -> Body:
    limit = sampling.max_output_tokens
    if limit is not None and limit < LEAST_OUTPUT:
        losses.note(rows.LIMIT_RAISED, least=LEAST_OUTPUT)
        limit = LEAST_OUTPUT
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_output_tokens": limit,
        "top_logprobs": sampling.top_logprobs,
        "include": [LOGPROBS] if sampling.logprobs else None,
    }


def _user(turn: Turn, losses: Losses) -> str | None:
    user = identifier.fit(turn.user)
    if user != turn.user:
        losses.note(rows.USER_HASHED, most=identifier.MAX_USER)
    return user


def _render_text(turn: Turn, profile: Profile, losses: Losses) -> wire.TextConfig | None:
    form = None if turn.format is None else tools.render_format(turn.format, profile, losses)
    return None if form is None and turn.verbosity is None else wire.TextConfig(form, turn.verbosity)


def _render_thinking(thinking: Thinking, losses: Losses) -> wire.ReasoningConfig | None:
    effort = thinking.effort
    if effort is None and thinking.budget_tokens:
        effort = next(name for limit, name in _BUDGETS if thinking.budget_tokens <= limit)
        losses.note(rows.BUDGET_AS_EFFORT, effort=effort)
    elif thinking.budget_tokens:
        losses.note(rows.BUDGET_BESIDE_EFFORT)
    if effort is None and thinking.summary is None:
        return None
    return wire.ReasoningConfig(effort, thinking.summary)
