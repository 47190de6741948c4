"""What every dialect offers: the same four parts, each a pure codec.

The table from a dialect's name to its parts sits in `bridge.py`, so that this module never imports
its children and no dialect knows another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Answer, Event, Loss, Turn, Usage
from dragoman.wire.common import ErrorBody


class Request(Protocol):
    """A caller's request, parsed: its `turn`, and enough to render it again unchanged."""

    @property
    def turn(self) -> Turn: ...

    @property
    def asks_usage(self) -> bool:
        """Whether the caller wants usage inside the stream."""
        ...

    def render(self, model: str, *, ask_usage: bool) -> bytes:
        """The body for an upstream that knows the model as `model`."""
        ...


D = TypeVar("D", contravariant=True)


class Relay(Protocol[D]):
    """One streamed answer on its way to the caller: what an upstream gives in, complete events out.

    `receive` gives the events to send, each to be sent at once. It raises `GatewayError` while nothing of
    substance has come (`started` is false) and the stream turns out broken: the call may still go elsewhere.
    Once started, a broken stream ends in a typed error event instead, and `failure` says why.
    """

    @property
    def started(self) -> bool: ...

    @property
    def finished(self) -> bool: ...

    @property
    def usage(self) -> Usage | None: ...

    @property
    def failure(self) -> GatewayError | None: ...

    def receive(self, data: D) -> list[bytes]: ...

    def eof(self) -> list[bytes]:
        """The upstream has ended its answer; what is left to send, an error event if it ended too soon."""
        ...

    def fail(self, error: GatewayError) -> list[bytes]:
        """The gateway gives up; the events that tell the caller."""
        ...


StreamRelay = Relay[bytes]
EventRelay = Relay[list[Event]]


class Dialect(Protocol):
    """One wire protocol of a model call."""

    name: str
    family: str
    """The dialect an upstream must declare; an endpoint beside a dialect's main one belongs to its family."""
    path: str
    """Where an upstream serves it, below its base URL."""

    def parse_request(self, body: bytes) -> Request:
        """Raises `GatewayError` (INVALID_JSON, INVALID_REQUEST) naming the offending parameter."""
        ...

    def relay_answer(self, body: bytes, model: str) -> tuple[bytes, Usage | None]:
        """A buffered answer for the caller, who knows the model as `model`. Raises `GatewayError`."""
        ...

    def relay_stream(self, request: Request, *, max_event: int) -> StreamRelay: ...

    def relay_error(self, body: bytes, otherwise: str) -> bytes:
        """An upstream's error body as the caller may see it; `otherwise` if it is not of this dialect."""
        ...

    def relay_error_events(self, body: bytes) -> list[bytes]:
        """What `relay_error` gave, as the end of a stream."""
        ...

    def render_stream_error(self, error: GatewayError) -> list[bytes]:
        """The events that end a stream with an error of our own."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request in an upstream's dialect, and what it could not carry as it was."""

    body: bytes
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """What an answer is rendered for: the request it answers, the name it asked for, and fresh ids.

    `new_id` takes a prefix such as `msg_`; `now` is Unix time in seconds.
    """

    turn: Turn
    new_id: Callable[[str], str]
    now: int
    include_usage: bool = False
    """Whether a Chat caller asked for the usage chunk."""
    input_estimate: int = 0
    """How many tokens the request may have, if somebody estimated it; a Messages stream begins with a number."""
    keeps: bool = False
    """Whether the answer is kept by the gateway, seals and all, and shown to the caller from there."""


class Reader(Protocol):
    """A streamed answer of an upstream as events; a machine that holds what is unfinished.

    `receive` and `eof` raise `WireError` for bytes that are no stream of this dialect. After `Stopped` or
    `Failed` everything is dropped. `eof` without either gives nothing: the caller knows that it was cut.
    """

    done: bool

    def receive(self, data: bytes) -> list[Event]: ...

    def eof(self) -> list[Event]: ...


class Writer(Protocol):
    """Events as a stream for a caller; each item of a result is one whole event to be sent at once.

    `write` takes events by the rules of `turn.py`; it raises `WireError` at an end that this dialect cannot tell,
    a call whose arguments are no JSON for one. `fail` ends the stream with a typed error.
    """

    def write(self, event: Event) -> list[bytes]: ...

    def fail(self, error: ErrorBody) -> list[bytes]: ...


class Codec(Protocol):
    """One dialect both ways, by way of the neutral vocabulary."""

    name: str

    def parse(self, body: bytes) -> Turn:
        """A caller's request. Raises `GatewayError` (INVALID_JSON, INVALID_REQUEST, UNSUPPORTED_PARAMETER)."""
        ...

    def render(self, turn: Turn, model: str, profile: Profile) -> Rendered:
        """The request for an upstream. Raises `GatewayError` UNSUPPORTED_PARAMETER naming what it cannot say."""
        ...

    def parse_answer(self, body: bytes) -> Answer:
        """An upstream's finished answer. Raises `GatewayError` PROTOCOL_ERROR or, for a failed one, what it says."""
        ...

    def render_answer(self, answer: Answer, setting: Setting) -> bytes: ...

    def reader(self, *, max_event: int, profile: Profile) -> Reader: ...

    def writer(self, setting: Setting) -> Writer: ...

    def parse_error(self, body: bytes) -> ErrorBody | None: ...

    def render_error(self, error: ErrorBody, status: int) -> bytes: ...
