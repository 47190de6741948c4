"""An answer: its head, and once it is read its body."""

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final, Literal, TypeVar, overload

import msgspec

from dragoman.client import problem
from dragoman.client.errors import DecodeError, StatusError, StreamInterrupted, UpstreamError, gateway_error
from dragoman.client.events import Event, EventDecoder, broken_off
from dragoman.client.headers import Headers
from dragoman.client.lines import LineDecoder
from dragoman.client.problem import Problem
from dragoman.wire import sse

T = TypeVar("T")
Bytes = bytes
"""`bytes` by another name: in the classes below that is a method."""
ErrorSource = Literal["gateway", "upstream", "unknown"]
SOURCE_HEADER: Final = "x-oagw-error-source"


class Head:
    """Status and headers, and what they mean."""

    def __init__(self, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers

    @property
    def error_source(self) -> ErrorSource:
        """Who said this, on success, too; `unknown` if what answered is no gateway, or a proxy dropped the header."""
        source = self.headers.get(SOURCE_HEADER, "").strip().lower()
        return source if source in ("gateway", "upstream") else "unknown"  # type: ignore[return-value]

    @property
    def is_error(self) -> bool:
        """Whether the status is 400 or more."""
        return self.status >= 400

    @property
    def is_event_stream(self) -> bool:
        """Whether the body is to be read with `sse`."""
        return self.headers.get("content-type", "").lower().startswith("text/event-stream")

    @property
    def no_event_stream(self) -> DecodeError:
        """What to raise where events were expected."""
        return DecodeError(f"the body is {self.headers.get('content-type', 'of no type')!r}, not an event stream")

    @property
    def request_id(self) -> str:
        """What the gateway's log and ledger know the call by."""
        return self.headers.get("x-request-id", "")

    @property
    def retry_after(self) -> float | None:
        """Seconds after which a repeat can help, if the answer says so."""
        exact = _seconds(self.headers.get("retry-after-ms", ""))
        if exact is not None:
            return exact / 1000
        text = self.headers.get("retry-after", "")
        return _until(text, self.headers.get("date", "")) if "," in text else _seconds(text)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status} from {self.error_source}>"


class Response(Head):
    """A whole answer. One of 400 or more is an answer like any other; see `raise_for_status`."""

    def __init__(self, status: int, headers: Headers, content: Bytes, *, max_event: int = sse.MAX_EVENT) -> None:
        super().__init__(status, headers)
        self.content = content
        self._max_event = max_event

    def bytes(self) -> Bytes:
        """The body as it came."""
        return self.content

    def text(self) -> str:
        """The body as UTF-8; what is not, is replaced."""
        return self.content.decode("utf-8", "replace")

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, type: type[T]) -> T: ...
    def json(self, type: Any = Any) -> Any:
        """The body decoded, as a `type` that msgspec knows if one is given. Raises `DecodeError`."""
        try:
            return msgspec.json.decode(self.content, type=type)
        except msgspec.DecodeError as error:
            begin = self.content[:80]
            raise DecodeError(f"the body is not the JSON it was read as: {error}; it begins {begin!r}") from None

    def iter_bytes(self) -> Iterator[Bytes]:
        """The body in one piece, as a stream's is in many."""
        if self.content:
            yield self.content

    def iter_lines(self) -> Iterator[str]:
        """The lines of the body, without their ends."""
        decoder = LineDecoder()
        yield from decoder.receive(self.content)
        yield from decoder.eof()

    def sse(self) -> Iterator[Event]:
        """The events of the body.

        Raises `StreamInterrupted`; for a body that is no event stream, `DecodeError`, or the `StatusError` that it is.
        """
        if not self.is_event_stream:
            raise self.raise_for_status().no_event_stream
        decoder = EventDecoder(self._max_event)
        yield from whole_events(decoder, self.content, len(self.content))
        check_end(decoder, len(self.content))

    @cached_property
    def problem(self) -> Problem | None:
        """What an error says; None for a success, and for an error in no form we know."""
        if not self.is_error:
            return None
        return problem.parse(self.status, self.headers.get("content-type", ""), self.content)

    def raise_for_status(self) -> "Response":
        """Raises the `GatewayError` or `UpstreamError` that an error is; gives back any other answer."""
        if self.is_error:
            raise status_error(self)
        return self


def status_error(response: Response) -> StatusError:
    """The error that an answer of 400 or more is. Who cannot be told from a gateway is an upstream."""
    said = response.problem
    if response.error_source != "gateway":
        return UpstreamError(response, said)
    return gateway_error(response.status, said.code if said is not None else "")(response, said)


def whole_events(decoder: EventDecoder, data: bytes, received: int) -> Iterator[Event]:
    """The events that `data` completes. Raises `StreamInterrupted` where the gateway says that it breaks off."""
    for event in decoder.receive(data):
        said = broken_off(event)
        if said is not None:
            message = f"the gateway broke the stream off: {said.detail}"
            raise StreamInterrupted(message, received=received, last_event_id=decoder.last_id, problem=said)
        yield event


def check_end(decoder: EventDecoder, received: int) -> None:
    """Raises `StreamInterrupted` for a stream that ends within an event."""
    if decoder.pending:
        message = f"the stream ended within an event, after {received} bytes"
        raise StreamInterrupted(message, received=received, last_event_id=decoder.last_id)


def _seconds(text: str) -> float | None:
    """RFC 9110, 10.2.3 has whole seconds; some upstreams send fractions."""
    text = text.strip()
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None


def _until(text: str, date: str) -> float | None:
    """A date counts from the answer's own Date: the two clocks are then one."""
    try:
        then: datetime = parsedate_to_datetime(text)
        return max((then - parsedate_to_datetime(date)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
