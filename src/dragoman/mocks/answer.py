"""What a service answers, before time and faults are applied: a whole body, or a list of events.

Services are plain functions from `Request` to `Answer`; only `delivery` ever touches a connection.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

Headers = tuple[tuple[str, str], ...]

RETRY_AFTER: Final = "1"
_RETRIABLE: Final = (429, 503)
_ERROR_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_ERROR_CODES: Final = {
    401: "invalid_api_key",
    403: "permission_denied",
    404: "not_found",
    429: "rate_limit_exceeded",
    503: "overloaded",
}
_STREAM_HEADERS: Final[Headers] = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
)

Part = Literal["opening", "content", "closing", "finish", "usage", "done"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event; `part` says what it means, so that faults can aim at it."""

    data: str
    event: str = ""
    id: str = ""
    part: Part = "content"

    def encode(self, eol: str = "\n") -> bytes:
        """The event on the wire; HTML Living Standard 9.2.6, any of its three line ends."""
        head = [f"{name}: {value}" for name, value in (("id", self.id), ("event", self.event)) if value]
        return (eol.join([*head, *(f"data: {line}" for line in self.data.split("\n"))]) + eol + eol).encode()


@dataclass(frozen=True, slots=True)
class Buffered:
    """An answer with a body of known length; `tokens` is how long a model would have worked on it."""

    status: int
    headers: Headers
    body: bytes
    tokens: int = 0
    wording: "Wording | None" = None
    """How the service words an error; `None` for OpenAI's envelope."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer of server-sent events, `pace` seconds apart unless the timing says otherwise."""

    frames: Iterable[Frame]
    pace: float
    sample: Callable[[str], Frame]
    """A content event that carries the given text, for faults that need one of their own."""
    headers: Headers = _STREAM_HEADERS
    wording: "Wording | None" = None
    """How the service words an error; `None` for OpenAI's envelope."""
    saying: Callable[[Sequence[str]], Iterable[Frame]] | None = None
    """The events with these texts said first, where later events repeat what was said; else a sample is put in."""


Answer = Buffered | Streamed


@dataclass(frozen=True, slots=True)
class Wording:
    """How an API words what a scenario makes go wrong."""

    refusal: Callable[[int, str], Buffered]
    """An error with a status and a sentence."""
    events: Callable[[int, str], tuple[Frame, ...]]
    """The events that break off a stream of which so many have been sent."""
    body: Callable[[str], bytes]
    """What a failure looks like in the body of a 200."""


class Refused(Exception):
    """Raised deep in a service with the error that is to be its answer."""

    def __init__(self, answer: Buffered) -> None:
        super().__init__(answer.status)
        self.answer = answer


def with_headers(answer: Answer, *headers: tuple[str, str]) -> Answer:
    """The same answer with more headers."""
    return replace(answer, headers=(*answer.headers, *headers))


def json_answer(value: object, status: int = 200, headers: Headers = (), tokens: int = 0) -> Buffered:
    """A JSON body."""
    return Buffered(status, (("content-type", "application/json"), *headers), msgspec.json.encode(value), tokens)


def text_answer(text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Buffered:
    """A text body."""
    return Buffered(status, (("content-type", content_type),), text.encode())


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> Mapping[str, object]:
    """The OpenAI error envelope, its `type` and `code` derived from the status unless given."""
    kind = _ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code or _ERROR_CODES.get(status)}}


def openai_error(status: int, message: str, param: str | None = None, code: str | None = None) -> Buffered:
    """An error in the OpenAI envelope, with `Retry-After` where a repeat can help."""
    retry: Headers = (("retry-after", RETRY_AFTER),) if status in _RETRIABLE else ()
    return json_answer(error_body(status, message, param, code), status, retry)


def plain_error(status: int, message: str) -> Buffered:
    """An error as the small services word it: `{"error": "..."}`."""
    return json_answer({"error": message}, status)


def not_allowed(*methods: str) -> Buffered:
    """A 405 that names the methods there are (RFC 9110 15.5.6)."""
    body = error_body(405, f"Method not allowed; use {' or '.join(methods)}.", code="method_not_allowed")
    return json_answer(body, 405, (("allow", ", ".join(methods)),))


def _failure(message: str) -> bytes:
    return msgspec.json.encode(error_body(500, message, code="server_error"))


OPENAI_WORDING: Final = Wording(
    refusal=openai_error,
    events=lambda _, message: (Frame(_failure(message).decode()),),
    body=_failure,
)
