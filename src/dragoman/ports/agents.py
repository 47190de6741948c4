"""Agents of this process."""

from collections.abc import AsyncGenerator
from typing import Protocol

from dragoman.ports.turns import Asked
from dragoman.turn import Event, Loss, Turn


class Agent(Protocol):
    """Something in this process that answers turns: an `agents.Agent`, or another's behind an adapter."""

    name: str

    def inspect(self, turn: Turn) -> tuple[Loss, ...]:
        """What of the turn it cannot carry out as asked. Raises `GatewayError` for what it must not pass over."""
        ...

    def answer(self, turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
        """The events of its answer, by the rules of `turn.py`; closing it ends the run.

        It may raise `GatewayError` at any time: before content that is the answer, after it the stream's end.
        """
        ...
