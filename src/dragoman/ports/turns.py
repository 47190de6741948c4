"""Who answers turns with events: command-line agents, and agents of this process."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dragoman.policy.routing import Timeouts
from dragoman.turn import Event, Loss, Turn
from dragoman.turn import Streaming as Streaming

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""


@dataclass(frozen=True, slots=True)
class Access:
    """The way of a run's own calls through the gateway: under its caller's key, held to all that key is held to."""

    app: App
    """The gateway from inside; calls to it need no socket."""
    credential: str = field(repr=False)
    """What they show as their API key. It is good for `app` alone, and only until the run ends."""
    base_url: str = "http://gateway.internal/v1"
    """Where OpenAI's clients take it to be; nothing listens there."""


class Journal(Protocol):
    """What a run has finished, so that it is not done again if the run must begin anew."""

    def recall(self, step: str) -> str | None:
        """What an earlier attempt noted of a step; None if it did not finish it."""
        ...

    async def note(self, step: str, outcome: str) -> None:
        """Returns once it is kept."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """On whose behalf a turn is run."""

    key_id: str
    call_id: str
    """Ours and unique; what runs for it can be found by it."""
    request_id: str
    """As the caller knows it."""
    session: str = ""
    """What the turn goes on from, of this owner alone: a conversation, a response, or a name of the caller's own.

    The turn is whole all the same; what is new since then are the items that have places. Empty for a fresh start.
    """
    becomes: str = ""
    """What the next turn will name to go on from here; empty if none will."""
    depth: int = 0
    """How many agents of this gateway stand between it and the caller."""
    admin: bool = False
    """Whether the caller has an admin key, and is no agent."""
    longest: float | None = None
    """Seconds that a run may take from its begin, in place of what its upstream sets for calls."""
    max_budget_usd: float | None = None
    """What the run may cost, where its upstream can hold it to that; the upstream's own bound holds too."""
    access: Access | None = None
    """For the calls that an agent makes itself."""
    journal: Journal | None = None
    """For a run that may be begun anew; only durable agents get one."""
    owner: str = ""
    """Whose what the turn goes on from is: the id of the first of the keys that took each other's place; empty for
    that of this key."""


@dataclass(frozen=True, slots=True)
class Load:
    """The runs of one upstream."""

    working: int
    waiting: int = 0
    """Calls in line for a run."""
    suspended: int = 0
    """Runs that wait for what their callers' tools give."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program has ended."""

    code: int
    """Negative for a signal."""
    stderr: str
    """The end of what it wrote there."""


class TurnReply(Protocol):
    """An answer as it happens.

    `read` returns the next events, `[]` once the last has been given; it may be cancelled and called again without
    loss. It raises `GatewayError` only before anything of substance has come; later failures are `Failed`. `close`
    is synchronous and idempotent, and ends what still runs.
    """

    async def read(self) -> list[Event]: ...

    def close(self) -> None: ...

    async def ended(self) -> Exit | None:
        """How the program has ended that answered, once it has; None where there is none. After `close`."""
        ...


class Prepared(Protocol):
    """A turn that has been looked at whole and may run."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What of it cannot be carried out as it was asked."""
        ...

    async def open(self, asked: Asked) -> TurnReply:
        """Waits for room, then begins; once. Raises `GatewayError` (QUEUE_FULL, QUEUE_TIMEOUT, LINK_UNAVAILABLE)."""
        ...


class TurnUpstream(Protocol):
    """Something that answers turns; of kind `command` or `agent`."""

    name: str
    timeouts: Timeouts

    @property
    def streaming(self) -> Streaming: ...

    def models(self) -> Sequence[str]:
        """The names by which it knows its models, the default first."""
        ...

    def prepare(self, turn: Turn, model: str) -> Prepared:
        """Nothing runs yet. Raises `GatewayError` naming what it cannot carry out."""
        ...

    def load(self) -> "Load":
        """How much it has to do at the moment."""
        ...

    def start(self) -> None:
        """Begins what runs beside the calls; in the event loop that serves them."""
        ...

    async def close(self) -> None:
        """Ends everything that runs."""
        ...
