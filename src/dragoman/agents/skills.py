"""A skill: tools, hooks, prompts, handoffs and endpoints under one object."""

from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, Any

from dragoman.agents.marks import Mark, marks

if TYPE_CHECKING:
    from dragoman.agents.agent import Agent


class Skill:
    """Derive from it and decorate methods; what they are is registered when the skill is given to an agent."""

    @property
    def name(self) -> str:
        """What its tools say they came with."""
        return type(self).__name__

    def initialize(self, agent: "Agent") -> Awaitable[None] | None:
        """Called once before the agent's first run; it may be a coroutine function."""
        return None

    def close(self) -> Awaitable[None] | None:
        """Called when the agent is closed; it may be a coroutine function."""
        return None

    def marked(self) -> Iterator[tuple[Any, Mark]]:
        """Its methods that carry marks, in the order in which they are written, those of its bases first."""
        seen: set[str] = set()
        for kind in reversed(type(self).__mro__):
            for name in vars(kind):
                if name in seen or isinstance(vars(kind)[name], property):
                    continue
                seen.add(name)
                method = getattr(self, name)
                for mark in marks(method):
                    yield method, mark
