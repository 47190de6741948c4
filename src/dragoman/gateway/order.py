"""What `/execute` is asked for, and which agent that is for.

A caller says what to do and names one of the operator's agents. What that is, a program or not, with which arguments,
where and with what in its environment is the operator's alone: there is no member for any of it, and one that is not
known is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects import head
from dragoman.errors import GatewayError
from dragoman.gateway.runtime import Runtime
from dragoman.policy.keys import Key
from dragoman.ports import TurnUpstream
from dragoman.turn import Message, Place, Text, Turn
from dragoman.wire.chat import render_fields

MAX_METADATA: Final = 16 * 1024
"""Bytes of JSON."""
MAX_NAME: Final = 256
_NOTHING: Final = msgspec.Raw(b"{}")


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run as it was asked for, and as its job keeps it."""

    prompt: str
    agent: str = ""
    """As the caller wrote it, or the default."""
    timeout_seconds: float = 0.0
    max_budget_usd: float | None = None
    metadata: msgspec.Raw = _NOTHING
    """An object of the caller's own, given back as it came."""
    idempotent: bool = False
    """Whether it may be run again from its beginning if the gateway that runs it dies."""
    request_id: str = ""
    """Of the call that asked for it."""

    def turn(self, model: str, upstream: TurnUpstream) -> Turn:
        """The order as any agent is asked."""
        return Turn(
            model,
            stream=upstream.streaming != "none",
            items=(Message("user", (Text(self.prompt),)),),
            dialect="chat",
            places=(Place("prompt"),),
        )


MEMBERS: Final = tuple(name for name in Order.__struct_fields__ if name != "request_id")
"""What a caller may say."""


def parse(body: bytes) -> Order:
    """Raises `GatewayError` INVALID_JSON, or INVALID_REQUEST naming the member."""
    fields = head.parse(body)
    for name in fields:
        if name not in MEMBERS:
            message = f"Unknown member {name!r}; known here: {', '.join(MEMBERS)}."
            raise GatewayError(errors.INVALID_REQUEST, message, param=name)
    given = {name: value for name, value in fields.items() if bytes(value) != b"null"}
    if "prompt" not in given:
        raise _invalid("prompt", "is missing")
    try:
        order = msgspec.json.decode(render_fields(given), type=Order)
    except msgspec.DecodeError as error:
        message, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`")
        raise GatewayError(errors.INVALID_REQUEST, f"{name!r}: {message}.", param=name or None) from None
    if not order.prompt.strip():
        raise _invalid("prompt", "must not be empty")
    for name in ("timeout_seconds", "max_budget_usd"):
        if name in given and not getattr(order, name) > 0:
            raise _invalid(name, "must be more than 0")
    metadata = bytes(order.metadata)
    if not metadata.startswith(b"{") or len(metadata) > MAX_METADATA:
        raise _invalid("metadata", f"must be an object of at most {MAX_METADATA} bytes")
    return order


@dataclass(frozen=True, slots=True)
class Chosen:
    """An agent, and the model that it is to ask; empty for its own default."""

    upstream: TurnUpstream
    name: str
    """As the configuration has it: `claude`, or `agent/NAME`."""
    model: str


def choose(name: str, runtime: Runtime, key: Key) -> Chosen:
    """The agent that a caller has named, `NAME` or `NAME/MODEL`, or the default.

    Raises `GatewayError` INVALID_REQUEST, which lists those the key may use, or PERMISSION_DENIED.
    """
    name = name or default(runtime)
    found = _find(name, runtime.turns)
    if found is None:
        names = [one for one in runtime.turns if _permits(key, Chosen(runtime.turns[one], one, ""), one)]
        there = f"there are: {', '.join(names)}" if names else "there are none that this key may use"
        message = f"{name[:MAX_NAME]!r} is no agent; {there}."
        raise GatewayError(errors.INVALID_REQUEST, message, param="agent")
    if not _permits(key, found, name):
        raise GatewayError(errors.PERMISSION_DENIED, f"This key may not use the agent {name!r}.", param="agent")
    return found


def default(runtime: Runtime) -> str:
    """The agent of those who name none; empty if there is nothing to be named."""
    first = next(iter((*runtime.config.commands, *runtime.turns)), "")
    return runtime.config.jobs.default_agent or first


def _find(name: str, turns: Mapping[str, TurnUpstream]) -> Chosen | None:
    if name in turns:
        return Chosen(turns[name], name, "")
    upstream, _, model = name.partition("/")
    return Chosen(turns[upstream], upstream, model) if upstream in turns and model else None


def _permits(key: Key, chosen: Chosen, asked: str) -> bool:
    """As a model is permitted: by the name that was asked for, and by what that stands for."""
    if asked in key.models:
        return True
    model = chosen.model or next(iter(chosen.upstream.models()), "")
    whole = chosen.name if chosen.name.startswith("agent/") else f"{chosen.name}/{model}"
    return key.permits_model(whole)


def _invalid(name: str, what: str) -> GatewayError:
    return GatewayError(errors.INVALID_REQUEST, f"{name!r} {what}.", param=name)
