"""One model call, sans-io: from the caller's dialect to an upstream's and back.

Today both sides speak the same dialect and the bridge passes values through; it is the one place that
joins two dialects, and the one table of them.
"""

from typing import Final

from dragoman import errors
from dragoman.dialects.base import Dialect, Request, StreamRelay
from dragoman.dialects.chat.dialect import CHAT, COMPLETIONS, EMBEDDINGS
from dragoman.errors import GatewayError
from dragoman.turn import Turn, Usage
from dragoman.wire import sse

FRONT_DOORS: Final[tuple[Dialect, ...]] = (CHAT, COMPLETIONS, EMBEDDINGS)
"""What callers may speak."""


class Bridge:
    """A caller's request on its way to upstreams that speak `dialect`, and their answers on the way back."""

    __slots__ = ("_dialect", "_max_event", "_request")

    def __init__(self, dialect: Dialect, body: bytes, *, max_event: int = sse.MAX_EVENT) -> None:
        self._dialect = dialect
        self._max_event = max_event
        self._request: Request = dialect.parse_request(body)

    @property
    def turn(self) -> Turn:
        return self._request.turn

    def target(self, dialects: tuple[str, ...]) -> str:
        """The path below an upstream's base URL. Raises `GatewayError` if none of its dialects will do."""
        if self._dialect.family not in dialects:
            message = f"The upstream of {self.turn.model!r} does not speak {self._dialect.family!r}."
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param="model")
        return self._dialect.path

    def request(self, model: str, *, ask_usage: bool) -> bytes:
        """The body for an upstream that knows the model as `model`."""
        return self._request.render(model, ask_usage=ask_usage)

    def answer(self, body: bytes) -> tuple[bytes, Usage | None]:
        return self._dialect.relay_answer(body, self.turn.model)

    def stream(self) -> StreamRelay:
        return self._dialect.relay_stream(self._request, max_event=self._max_event)

    def error(self, body: bytes, otherwise: str) -> bytes:
        """An upstream's error body for the caller; one that says nothing readable becomes `otherwise`."""
        return self._dialect.relay_error(body, otherwise)

    def error_events(self, body: bytes) -> list[bytes]:
        """The same inside a stream of which only pings have been sent."""
        return self._dialect.relay_error_events(body)

    def stream_error(self, error: GatewayError) -> list[bytes]:
        """The events that end a stream of which nothing else has been sent."""
        return self._dialect.render_stream_error(error)
