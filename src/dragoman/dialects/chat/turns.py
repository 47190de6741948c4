"""A whole Chat request as a turn, and back: the table of its parameters."""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.dialects.base import Rendered
from dragoman.dialects.chat import messages, tools
from dragoman.dialects.chat.messages import Body, invalid, refuse
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Extra, Loss, Sampling, Thinking, Tool, Turn
from dragoman.wire.chat import Fields, parse_fields

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
# Read one by one below, or of the transport and not of the turn.
_READ: Final = frozenset(
    ("model", "messages", "stream", "stream_options", "n", "stop", "logprobs", "max_tokens", "max_completion_tokens",
     "reasoning_effort", "response_format", "tools", "functions", "tool_choice", "function_call")
)  # fmt: skip
# Where another dialect's extra says nothing that Chat would do otherwise.
_VACUOUS: Final[dict[str, tuple[bytes, ...]]] = {
    "truncation": (b'"disabled"',),
    "background": (b"false",),
    "reasoning.mode": (b'"standard"',),
    "reasoning.context": (b'"auto"',),
    "stream_options": (b"{}",),
}
_ALWAYS_VACUOUS: Final = (b"null", b"[]", b"{}")


def parse(body: bytes) -> Turn:
    """Raises `GatewayError` INVALID_JSON, INVALID_REQUEST or UNSUPPORTED_PARAMETER, naming the parameter."""
    try:
        fields = parse_fields(body)
    except WireError as error:
        raise GatewayError(errors.INVALID_JSON, f"The request body is {error}.") from None
    reader = _Fields(fields)
    plain = {name: reader.read(name, kind) for name, kind in _PLAIN.items()}
    return Turn(
        model=reader.required("model", str),
        stream=reader.read("stream", bool | None) or False,
        items=reader.convert("messages", messages.parse, ()),
        tools=_tools(reader),
        tool_choice=reader.convert("tool_choice", tools.parse_choice, None)
        or reader.convert("function_call", tools.parse_function_choice, None),
        sampling=_sampling(reader),
        thinking=Thinking(effort=reader.read("reasoning_effort", str | None)),
        format=reader.convert("response_format", tools.parse_format, None),
        extras=_extras(fields),
        **plain,
    )


class _Fields:
    """The members of a request, read by name; a wrong one is an error that names it."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def read(self, name: str, kind: Any) -> Any:
        return self.convert(name, lambda value: msgspec.json.decode(value, type=kind), None)

    def required(self, name: str, kind: Any) -> Any:
        if name not in self._fields:
            raise invalid(name, f"Missing required parameter: {name!r}.")
        return self.read(name, kind)

    def convert(self, name: str, parse: Callable[[msgspec.Raw], Any], default: Any) -> Any:
        value = self._fields.get(name)
        if value is None or bytes(value) == b"null":
            return default
        try:
            return parse(value)
        except msgspec.ValidationError as error:
            raise _wrong(name, error) from None


def _wrong(name: str, error: msgspec.ValidationError) -> GatewayError:
    """msgspec says `Expected ... - at `$[0].content``; the caller reads `messages[0].content`."""
    message, _, path = str(error).partition(" - at `")
    at = name + path.rstrip("`").removeprefix("$")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message)
    if unknown:
        return refuse(f"{at}.{unknown[1]}", f"The parameter '{at}.{unknown[1]}' is not known here.")
    return invalid(at, f"'{at}' is not right: {message[:1].lower()}{message[1:]}.".replace("`", "'"))


def _tools(reader: _Fields) -> tuple[Tool, ...]:
    given: tuple[Tool, ...] = reader.convert("tools", tools.parse_tools, ())
    return given or reader.convert("functions", tools.parse_functions, ())


def _sampling(reader: _Fields) -> Sampling:
    plain = {to: reader.read(name, kind) for name, (to, kind) in _SAMPLING.items()}
    old, new = reader.read("max_tokens", int | None), reader.read("max_completion_tokens", int | None)
    if old is not None and new is not None and old != new:
        raise invalid("max_tokens", "'max_tokens' and 'max_completion_tokens' say different things.")
    stop = reader.read("stop", str | list[str] | None)
    return Sampling(
        max_output_tokens=old if new is None else new,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        logprobs=reader.read("logprobs", bool | None) or False,
        choices=reader.read("n", int | None) or 1,
        **plain,
    )


def _extras(fields: Fields) -> tuple[Extra, ...]:
    known = _READ | _SAMPLING.keys() | _PLAIN.keys()
    return tuple(Extra("chat", name, value) for name, value in fields.items() if name not in known)


def render(turn: Turn, model: str, profile: Profile) -> Rendered:
    """The request for a Chat upstream. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    losses: list[Loss] = []
    renderer = messages.Renderer(profile)
    body: Body = {"model": model, "messages": renderer.render(turn.items)}
    losses += renderer.losses
    if turn.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if turn.tools:
        body["tools"] = tools.render_tools(turn.tools, profile, losses)
    if turn.tool_choice is not None and turn.tools:
        body["tool_choice"] = tools.render_choice(turn.tool_choice, profile)
    if turn.format is not None and turn.format.kind != "text":
        body["response_format"] = tools.render_format(turn.format, profile, losses)
    body |= _render_sampling(turn.sampling, profile)
    body |= _render_plain(turn, profile, losses)
    _check_extras(turn.extras, profile, losses)
    return Rendered(msgspec.json.encode(body), tuple(losses))


def _render_sampling(sampling: Sampling, profile: Profile) -> Body:
    body = {name: getattr(sampling, to) for name, (to, _) in _SAMPLING.items()}
    body[profile.max_tokens] = sampling.max_output_tokens
    body["stop"] = list(sampling.stop) or None
    body["logprobs"] = sampling.logprobs or None
    body["n"] = sampling.choices if sampling.choices != 1 else None
    return {name: value for name, value in body.items() if value is not None}


def _render_plain(turn: Turn, profile: Profile, losses: list[Loss]) -> Body:
    names = [name for name in _PLAIN if name not in ("metadata", "store")]
    body: Body = {name: getattr(turn, name) for name in names if getattr(turn, name) is not None}
    if not turn.tools:
        body.pop("parallel_tool_calls", None)  # vacuous without tools, and refused by some upstreams
    if turn.metadata and profile.stores:
        body["metadata"] = turn.metadata
    if turn.thinking.effort is not None:
        body["reasoning_effort"] = turn.thinking.effort
    if turn.thinking.budget_tokens is not None:
        losses.append(Loss("thinking.budget_tokens", "mapped", "a budget of reasoning tokens becomes an effort"))
        body.setdefault("reasoning_effort", effort_of(turn.thinking.budget_tokens))
    if turn.thinking.summary is not None:
        losses.append(Loss("reasoning.summary", "dropped", "the upstream gives no summary of its reasoning"))
    return body


def effort_of(budget: int) -> str:
    """The effort that a budget of reasoning tokens comes closest to."""
    return "low" if budget <= 2048 else "medium" if budget <= 8192 else "high"


def _check_extras(extras: tuple[Extra, ...], profile: Profile, losses: list[Loss]) -> None:
    for extra in extras:
        value = bytes(extra.value)
        if value in _ALWAYS_VACUOUS or value in _VACUOUS.get(extra.param, ()):
            continue
        if not profile.allow_unknown:
            raise refuse(extra.param, f"The parameter {extra.param!r} cannot be sent to this upstream.")
        losses.append(Loss(extra.param, "dropped", "the upstream does not know it"))
