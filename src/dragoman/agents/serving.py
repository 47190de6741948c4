"""An agent as the gateway sees it: `ports.Agent`, which answers turns with events.

What the gateway gives a run is heeded here: who asks, how far they may go, and the way to the models. What the agent
raises becomes an answer that says what to do.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from dragoman import errors
from dragoman.agents import loop
from dragoman.agents.abilities import Endpoint
from dragoman.agents.answering import Answering, end
from dragoman.agents.context import Context
from dragoman.agents.errors import LimitReached, ModelError, OutputError, Vetoed
from dragoman.agents.events import Ended
from dragoman.agents.scopes import EVERYONE, holds, permits
from dragoman.agents.tools import encode, invoke
from dragoman.agents.usage import RunUsage
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.profile import PROFILES
from dragoman.errors import GatewayError
from dragoman.ports import Asked, Card, EndpointAnswer, EndpointCall, ShownTool
from dragoman.ports import Endpoint as ShownEndpoint
from dragoman.turn import Event, Loss, Stop, Turn

if TYPE_CHECKING:
    from dragoman.agents.agent import Agent

_WITH_BODY: Final = ("POST", "PUT", "PATCH")
_ADMIN: Final = ("admin",)


def card(agent: "Agent") -> Card:
    """What it tells of itself: the tools that are for everyone, and its endpoints."""
    tools = tuple(
        ShownTool(name, tool.description)
        for name, tool in agent.tools.items()
        if permits(tool.scope, holds(())) and not tool.hidden
    )
    capabilities = ("tools",) * bool(tools) + ("handoffs",) * any(tool.hidden for tool in agent.tools.values())
    return Card(agent.description, tools, capabilities, tuple(shown(agent, one) for one in agent.endpoints))


def inspect(turn: Turn) -> tuple[Loss, ...]:
    """What its model cannot be told. Raises `GatewayError`."""
    if turn.sampling.choices > 1:
        raise GatewayError(errors.UNSUPPORTED_PARAMETER, "An agent gives one answer; leave 'n' at 1.", param="n")
    return CHAT_CODEC.render(turn, "any", PROFILES["openai"]).losses


async def answer(agent: "Agent", turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
    """One run for one caller. Raises `GatewayError`, and whatever the author's code raises."""
    scopes = _ADMIN if asked.admin else ()
    _permit(agent.name, agent.scope, scopes)
    items = agent.kept.restore(asked.key_id, turn.items)
    request = loop.Asked(
        turn=replace(turn, items=items),
        limits=agent.limits,
        scopes=scopes,
        deps=agent.deps,
        output=agent.output,
        mixed="run" if asked.becomes else "defer",
        access=asked.access,
        journal=asked.journal,
    )
    answering = Answering(agent.name)
    try:
        async with aclosing(agent.events(request)) as events:
            async for event in events:
                if isinstance(event, Ended) and event.result.calls and asked.becomes:
                    agent.kept.keep(asked.key_id, items, event.result.items, event.result.calls)
                for told in answering.take(event):
                    yield told
    except LimitReached as reached:
        if not answering.told:
            message = f"The agent {agent.name!r} reached its limit {reached.limit} before it said anything."
            raise GatewayError(errors.EXECUTION_FAILED, message) from None
        for told in end(reached.result.usage.total(), Stop.LENGTH):
            yield told
    except Vetoed as vetoed:
        raise GatewayError(errors.PERMISSION_DENIED, f"The agent {agent.name!r} refused: {vetoed}") from None
    except ModelError as error:
        raise GatewayError(error.kind, f"The model of the agent {agent.name!r}: {error}") from error
    except OutputError as error:
        raise GatewayError(errors.EXECUTION_FAILED, f"The agent {agent.name!r} failed: {error}") from error


def shown(agent: "Agent", endpoint: Endpoint) -> ShownEndpoint:
    """An endpoint of the agent's, to be served below its name."""
    description = endpoint.signature.description.partition("\n")[0]
    return ShownEndpoint(endpoint.method.upper(), endpoint.path, _answering(agent, endpoint), description)


def _answering(agent: "Agent", endpoint: Endpoint) -> Callable[[EndpointCall], Awaitable[EndpointAnswer]]:
    async def visit(call: EndpointCall) -> EndpointAnswer:
        scopes = _ADMIN if call.asked.admin else ()
        _permit(agent.name, agent.scope, scopes)
        _permit(agent.name, endpoint.scope, scopes)
        await agent.ready()
        context = Context(
            call.asked.call_id, agent.name, holds(scopes), RunUsage(), agent.deps, access=call.asked.access
        )
        try:
            given = endpoint.signature.convert(_given(call))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            param = ".".join(map(str, fault["loc"])) or None
            raise GatewayError(errors.INVALID_REQUEST, f"{param or 'The body'}: {fault['msg']}.", param=param) from None
        value = await invoke(endpoint.function, (context,) if endpoint.signature.takes_context else (), given)
        if isinstance(value, EndpointAnswer):
            return value
        kind = "text/plain; charset=utf-8" if isinstance(value, str) else "application/json"
        return EndpointAnswer(encode(value).encode(), kind)

    return visit


def _given(call: EndpointCall) -> dict[str, Any]:
    """What an endpoint is called with: the members of a JSON body, else the parameters of the query."""
    if call.method not in _WITH_BODY or not call.body:
        return dict(parse_qsl(call.query.decode("latin-1"), keep_blank_values=True))
    try:
        return msgspec.json.decode(call.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise GatewayError(errors.INVALID_JSON, "The body must be a JSON object.") from None


def _permit(name: str, scope: str | tuple[str, ...], scopes: tuple[str, ...]) -> None:
    if scope != EVERYONE and not permits(scope, holds(scopes)):
        raise GatewayError(errors.PERMISSION_DENIED, f"This key may not use that of the agent {name!r}.")
