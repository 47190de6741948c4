"""What a tool, a prompt or a hook may know of the run it is part of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dragoman.agents.usage import RunUsage
from dragoman.ports import Access
from dragoman.turn import Item


@dataclass(slots=True)
class Context:
    """One run, as its own tools, prompts and hooks see it."""

    run_id: str
    agent: str
    """Who has the word: another one after a handoff."""
    scopes: frozenset[str]
    usage: RunUsage
    deps: Any = None
    """What the caller of `run` gave along: a connection, a user, anything."""
    state: dict[str, Any] = field(default_factory=dict)
    """For tools and hooks to leave things in for one another; of this run alone."""
    access: Access | None = field(default=None, repr=False)
    """The way to the models of the gateway that serves the agent."""
    history: Callable[[], tuple[Item, ...]] = field(default=tuple, repr=False)
    """What has been said so far, in the words of `dragoman.turn`."""
