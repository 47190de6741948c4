"""Agents of this process."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dragoman.ports.turns import Asked
from dragoman.turn import Event, Loss, Turn


@dataclass(frozen=True, slots=True)
class ShownTool:
    """A tool of an agent's own, as it may be told of."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class EndpointCall:
    """A request to an endpoint of an agent, whose caller may use that agent."""

    method: str
    path: str
    """Below the agent: `/forecast`."""
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    """Without the caller's credential."""
    body: bytes
    asked: Asked


@dataclass(frozen=True, slots=True)
class EndpointAnswer:
    body: bytes
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path of an agent's own, beside those on which it is asked as a model."""

    method: str
    path: str
    """Below the agent, matched whole."""
    answer: Callable[[EndpointCall], Awaitable[EndpointAnswer]]
    """Raises `GatewayError` for what the caller may not or cannot ask."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What an agent tells of itself to those who may use it."""

    description: str = ""
    tools: tuple[ShownTool, ...] = ()
    capabilities: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()


@runtime_checkable
class Agent(Protocol):
    """Something in this process that answers turns: an `agents.Agent`, or another's behind an adapter."""

    name: str
    durable: bool
    """Whether its runs note in `Asked.journal` what they have finished, and go on from there when begun anew."""

    @property
    def card(self) -> Card: ...

    def inspect(self, turn: Turn) -> tuple[Loss, ...]:
        """What of the turn it cannot carry out as asked. Raises `GatewayError` for what it must not pass over."""
        ...

    def answer(self, turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
        """The events of its answer, by the rules of `turn.py`; closing it ends the run.

        It may raise `GatewayError` at any time: before content that is the answer, after it the stream's end.
        """
        ...

    async def close(self) -> None:
        """Ends what it holds open between runs, when the gateway ends."""
        ...
