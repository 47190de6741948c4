"""One model call, sans-io: from the caller's dialect to an upstream's and back.

It is the one place that joins two dialects, and the one table of them. Where both sides speak the same
one, values pass untouched (`PassThrough`); else they go by way of the neutral vocabulary (`Translation`).
A `Bridge` is made once for a call, a `Passage` for each upstream that is asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from dragoman import errors
from dragoman.dialects.base import Codec, Dialect, Rendered, Request, Setting, StreamRelay
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.dialect import CHAT, COMPLETIONS, EMBEDDINGS
from dragoman.dialects.chat.rows import TABLE as CHAT_ROWS
from dragoman.dialects.estimate import Count, estimate
from dragoman.dialects.mapping import NOTHING_EARLIER, Earlier, Table
from dragoman.dialects.messages.codec import MESSAGES
from dragoman.dialects.messages.dialect import MESSAGES_DIALECT
from dragoman.dialects.messages.rows import TABLE as MESSAGES_ROWS
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT
from dragoman.dialects.responses.rows import TABLE as RESPONSES_ROWS
from dragoman.dialects.sealing import PLACES, PREFIX, Envelopes, SealedEvents, asking, strip, unwrap, wrap_items
from dragoman.dialects.tally import Tally
from dragoman.dialects.telling import Telling, TranslatedStream, said_by
from dragoman.errors import GatewayError
from dragoman.turn import Dialect as Name
from dragoman.turn import Event, Extra, Loss, Opened, Turn, Usage
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody

FRONT_DOORS: Final[tuple[Dialect, ...]] = (CHAT, RESPONSES_DIALECT, MESSAGES_DIALECT, COMPLETIONS, EMBEDDINGS)
"""What callers may speak."""

CODECS: Final[dict[str, Codec]] = {codec.name: codec for codec in (CHAT_CODEC, RESPONSES, MESSAGES)}
"""What can be translated, callers' side and upstreams' side alike."""

TABLES: Final[dict[Name, Table]] = {table.dialect: table for table in (CHAT_ROWS, RESPONSES_ROWS, MESSAGES_ROWS)}
"""What becomes of each field on its way from one dialect to another."""

PATHS: Final[dict[str, str]] = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages"}
"""Where an upstream serves a dialect, below its base URL."""
_ENVELOPE: Final = PREFIX.encode()


class Passage(Protocol):
    """One attempt: a request for one upstream, and that upstream's answer for the caller."""

    path: str
    body: bytes
    losses: tuple[Loss, ...]

    def answer(self, body: bytes) -> tuple[bytes, Usage | None]:
        """A finished answer for the caller. Raises `GatewayError`."""
        ...

    def stream(self) -> StreamRelay: ...

    def tally(self, count: Count) -> Tally | None:
        """What counts the upstream's answer; None where there is nothing to count."""
        ...

    def error(self, body: bytes, status: int, otherwise: str) -> bytes:
        """An upstream's error body for the caller; one that says nothing readable becomes `otherwise`."""
        ...


@dataclass(frozen=True, slots=True)
class Ids:
    """Where fresh ids and the time come from; `now` is Unix time in seconds."""

    new_id: Callable[[str], str]
    now: Callable[[], float]


class Bridge:
    """A caller's request, ready to go to upstreams of any dialect."""

    __slots__ = ("_body", "_dialect", "_earlier", "_ids", "_keeps", "_max_event", "_request", "_turn")

    def __init__(
        self,
        dialect: Dialect,
        body: bytes,
        ids: Ids,
        *,
        max_event: int = sse.MAX_EVENT,
        keeps: bool = False,
        earlier: Earlier = NOTHING_EARLIER,
    ) -> None:
        """`keeps` says that the gateway keeps the answer, `earlier` what it has put among the caller's items.

        Raises `GatewayError` for what no upstream could answer.
        """
        self._keeps = keeps
        self._earlier = earlier
        self._dialect = dialect
        self._body = body
        self._ids = ids
        self._max_event = max_event
        self._request: Request = dialect.parse_request(body)
        self._turn: Turn | None = None

    @property
    def turn(self) -> Turn:
        """The head of the call: its model, and whether it is streamed."""
        return self._request.turn

    def toward(
        self,
        dialects: tuple[str, ...],
        model: str,
        profile: Profile,
        *,
        ask_usage: bool = True,
        envelopes: Envelopes | None = None,
    ) -> Passage:
        """The way to an upstream that speaks `dialects` and knows the model as `model`.

        The caller's own dialect is preferred, then the upstream's first. `envelopes` carry reasoning that only
        that upstream can read. Raises `GatewayError` UNSUPPORTED_PARAMETER for what it cannot be told.
        """
        front = self._dialect
        if front.family in dialects:
            return self._past(model, profile, ask_usage=ask_usage)
        codec = next((CODECS[name] for name in dialects if name in CODECS), None)
        if codec is None or front.name not in CODECS:
            message = f"The upstream of {self.turn.model!r} does not speak {front.family!r}."
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param="model")
        profile = msgspec.structs.replace(profile, stream_usage=profile.stream_usage and ask_usage)
        try:
            return self._translation(codec, model, profile, envelopes)
        except GatewayError as error:
            raise self.placed(error) from None

    def telling(self) -> Telling:
        """The way to an upstream that takes the `whole` turn, and answers with events.

        Raises `GatewayError` UNSUPPORTED_PARAMETER where the caller's dialect is no conversation.
        """
        codec = CODECS.get(self._dialect.name)
        if codec is None:
            message = f"The upstream of {self.turn.model!r} holds conversations only; it has no {self._dialect.path}."
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param="model")
        turn = self.whole
        setting = Setting(
            turn, self._ids.new_id, int(self._ids.now()), self._request.asks_usage, estimate(turn), self._keeps
        )
        return Telling(codec, setting)

    def _translation(self, codec: Codec, model: str, profile: Profile, envelopes: Envelopes | None) -> "Translation":
        front = self._dialect
        turn = self.whole
        losses: list[Loss] = []
        if envelopes is not None:
            turn = asking(unwrap(turn, envelopes, losses), front.name, codec.name)
        setting = Setting(
            turn, self._ids.new_id, int(self._ids.now()), self._request.asks_usage, estimate(turn), self._keeps
        )
        passage = Translation(CODECS[front.name], codec, setting, model, profile, self._max_event, envelopes)
        passage.losses = self.told((*losses, *passage.losses))
        return passage

    def told(self, losses: tuple[Loss, ...]) -> tuple[Loss, ...]:
        """All that was lost on the way to an upstream, as the caller counts its items."""
        return losses if self._earlier is NOTHING_EARLIER else self._earlier.told(losses)

    def placed(self, error: GatewayError) -> GatewayError:
        """The error as the caller counts its items."""
        if error.param is not None and self._earlier.count:
            param = self._earlier.own(error.param)
            error.message = error.message.replace(error.param, param)
            error.param = param
        return error

    def _past(self, model: str, profile: Profile, *, ask_usage: bool) -> "PassThrough":
        request = self._request
        losses: tuple[Loss, ...] = ()
        if _ENVELOPE in self._body:
            body, losses = strip(self._body, self._dialect.name)
            request = self._dialect.parse_request(body)
        passage = PassThrough(self._dialect, request, model, profile, self._max_event, ask_usage=ask_usage)
        passage.losses = self.told(losses)
        return passage

    def estimate(self, tally: Tally, count: Count) -> Usage | None:
        """What a call used whose upstream did not say so; None for a request that is not understood."""
        try:
            asked = estimate(self.whole, count)
        except GatewayError:
            return None
        return Usage(asked, tally.tokens(), estimated=True)

    @property
    def whole(self) -> Turn:
        """All that is asked. Raises `GatewayError`."""
        if self._turn is None:
            self._turn = _parse(CODECS[self._dialect.name], self._body)
        return self._turn

    def stream_error(self, error: GatewayError) -> list[bytes]:
        """The events that end a stream of which only pings have been sent."""
        return self._failed(said_by(error)) or self._dialect.render_stream_error(error)

    def error_events(self, body: bytes) -> list[bytes]:
        """What `Passage.error` gave, as the end of such a stream."""
        codec = CODECS.get(self._dialect.name)
        said = None if codec is None else codec.parse_error(body)
        return (said and self._failed(said)) or self._dialect.relay_error_events(body)

    def _failed(self, error: ErrorBody) -> list[bytes]:
        """A stream that says nothing but an error, begun as every stream is; nothing if the request is unreadable."""
        codec = CODECS.get(self._dialect.name)
        if codec is None:
            return []
        try:
            turn = self.whole
        except GatewayError:
            return []
        return codec.writer(Setting(turn, self._ids.new_id, int(self._ids.now()))).fail(error)


class PassThrough:
    """Both sides speak the same dialect."""

    __slots__ = ("_dialect", "_max_event", "_profile", "_request", "body", "losses", "path")

    def __init__(
        self, dialect: Dialect, request: Request, model: str, profile: Profile, max_event: int, *, ask_usage: bool
    ) -> None:
        self._dialect = dialect
        self._request = request
        self._profile = profile
        self._max_event = max_event
        self.path = dialect.path
        self.body = request.render(model, ask_usage=ask_usage)
        self.losses: tuple[Loss, ...] = ()

    def answer(self, body: bytes) -> tuple[bytes, Usage | None]:
        return self._dialect.relay_answer(body, self._request.turn.model)

    def stream(self) -> StreamRelay:
        return self._dialect.relay_stream(self._request, max_event=self._max_event)

    def tally(self, count: Count) -> Tally | None:
        codec = CODECS.get(self._dialect.name)
        if codec is None:
            return None
        return Tally(codec, self._profile, count, stream=self._request.turn.stream, max_event=self._max_event)

    def error(self, body: bytes, status: int, otherwise: str) -> bytes:
        return self._dialect.relay_error(body, otherwise)


class Translation:
    """The caller speaks `front`, the upstream `back`."""

    __slots__ = ("_back", "_envelopes", "_front", "_max_event", "_profile", "_setting", "body", "losses", "path")

    def __init__(
        self,
        front: Codec,
        back: Codec,
        setting: Setting,
        model: str,
        profile: Profile,
        max_event: int,
        envelopes: Envelopes | None = None,
    ) -> None:
        self._envelopes = envelopes
        self._front = front
        self._back = back
        self._setting = setting
        self._profile = profile
        self._max_event = max_event
        rendered = _render(back, setting.turn, model, profile)
        self.path = PATHS[back.name]
        self.body = rendered.body
        self.losses = rendered.losses

    def answer(self, body: bytes) -> tuple[bytes, Usage | None]:
        answer = self._back.parse_answer(body)
        if self._envelopes is not None:
            items = wrap_items(answer.items, self._front.name, self._envelopes)
            answer = msgspec.structs.replace(answer, items=items)
        return self._front.render_answer(answer, self._setting), answer.usage

    def stream(self) -> StreamRelay:
        reader = self._back.reader(max_event=self._max_event, profile=self._profile)
        sealed = None
        if self._envelopes is not None and self._front.name in PLACES:
            sealed = SealedEvents(self._front.name, self._envelopes)
        return TranslatedStream(reader, self._front.writer(self._setting), sealed)

    def tally(self, count: Count) -> Tally:
        return Tally(self._back, self._profile, count, stream=self._setting.turn.stream, max_event=self._max_event)

    def error(self, body: bytes, status: int, otherwise: str) -> bytes:
        said = self._back.parse_error(body) or ErrorBody(otherwise, "upstream_error")
        return self._front.render_error(said, status)


def _parse(codec: Codec, body: bytes) -> Turn:
    try:
        return codec.parse(body)
    except msgspec.DecodeError as error:
        raise _unreadable(error) from None


def _render(codec: Codec, turn: Turn, model: str, profile: Profile) -> Rendered:
    try:
        rendered = codec.render(turn, model, profile)
        return Rendered(rendered.body, tuple(dict.fromkeys(rendered.losses)))  # each loss is told once
    except msgspec.DecodeError as error:
        raise _unreadable(error) from None


def _unreadable(error: msgspec.DecodeError) -> GatewayError:
    """Values are read late, where they are needed: JSON has numbers, 1e999 for one, that nothing can hold."""
    return GatewayError(errors.INVALID_REQUEST, f"The request holds a value that cannot be read: {error}.")


@dataclass(frozen=True, slots=True)
class Converted:
    """A body in another dialect, and what it could not carry as it was."""

    body: bytes
    losses: tuple[Loss, ...] = ()


def convert_request(body: bytes, source: str, target: str, profile: Profile) -> Converted:
    """A request in another dialect; no upstream is asked. Raises `GatewayError`."""
    turn = _parse(CODECS[source], body)
    rendered = _render(CODECS[target], turn, turn.model, profile)
    return Converted(rendered.body, rendered.losses)


def convert_answer(body: bytes, source: str, target: str, ids: Ids) -> Converted:
    """A finished answer in another dialect. Raises `GatewayError`."""
    answer = CODECS[source].parse_answer(body)
    return Converted(CODECS[target].render_answer(answer, _setting(answer.model, ids)))


def convert_stream(
    source: str, target: str, ids: Ids, profile: Profile, *, max_event: int = sse.MAX_EVENT
) -> StreamRelay:
    """A streamed answer in another dialect, event by event; nothing but it is known of the call."""
    reader = CODECS[source].reader(max_event=max_event, profile=profile)
    return TranslatedStream(reader, _LateWriter(CODECS[target], ids))


class _LateWriter:
    """The writer of a stream whose model is known when its first event comes."""

    __slots__ = ("_codec", "_ids", "_writer")

    def __init__(self, codec: Codec, ids: Ids) -> None:
        self._codec = codec
        self._ids = ids
        self._writer = codec.writer(_setting("", ids))

    def write(self, event: Event) -> list[bytes]:
        if isinstance(event, Opened):
            self._writer = self._codec.writer(_setting(event.model, self._ids))
        return self._writer.write(event)

    def fail(self, error: ErrorBody) -> list[bytes]:
        return self._writer.fail(error)


def _setting(model: str, ids: Ids) -> Setting:
    """What an answer is rendered for when its request is not known: for a caller who wants all there is."""
    wanted = Extra("responses", "include", msgspec.Raw(b'["reasoning.encrypted_content"]'))
    return Setting(Turn(model, extras=(wanted,)), ids.new_id, int(ids.now()), include_usage=True)
