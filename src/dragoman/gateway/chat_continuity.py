"""Chat Completions that go on from something kept: `?previous_response_id=` and `?conversation_id=` (seed 000).

Chat has no words for it, so the two stand in the query. What is kept is a response like any other, under an id that
the caller is told in `X-Dragoman-Response-ID`; Responses callers can go on from it, and the other way round.
"""

from collections.abc import Sequence
from typing import Final, Generic
from urllib.parse import parse_qs

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.dialects.base import D, Relay, Setting, StreamRelay
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.dialect import CHAT
from dragoman.dialects.mapping import Earlier
from dragoman.dialects.profile import PROFILES
from dragoman.dialects.responses import continuation
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.dialects.responses.continuation import Asked
from dragoman.dialects.sealing import ELSEWHERE
from dragoman.dialects.telling import TranslatedStream
from dragoman.errors import GatewayError
from dragoman.gateway.clock import new_id
from dragoman.gateway.continuity import Continuity, Memory
from dragoman.gateway.render import Headers
from dragoman.policy.keys import Key
from dragoman.turn import Item, Loss, Reasoning, Turn, Usage
from dragoman.wire import sse
from dragoman.wire.chat import parse_fields, raw, render_fields

PREVIOUS: Final = "previous_response_id"
CONVERSATION: Final = "conversation_id"
_RULES: Final = ("system", "developer")
_DONE: Final = sse.render(sse.DONE)
_PROFILE: Final = PROFILES["openai"]
_KEEPING: Final = msgspec.structs.replace(_PROFILE, allow_unknown=True)
"""What cannot be kept of a message is told, and is no reason to refuse the call."""


class _Role(msgspec.Struct, frozen=True):
    role: str = ""


_role: Final = msgspec.json.Decoder(_Role).decode
_messages: Final = msgspec.json.Decoder(list[Raw]).decode


class ChatMemory:
    """A Chat call on its way, and the response that is kept of it."""

    def __init__(self, body: bytes, memory: Memory, setting: Setting, earlier: Earlier) -> None:
        self.body = body
        self.earlier = earlier
        self._memory = memory
        self._setting = setting

    @property
    def headers(self) -> Headers:
        return [(b"x-dragoman-response-id", self._memory.id.encode("ascii"))]

    @property
    def thread(self) -> tuple[str, str]:
        return self._memory.thread

    def answer(self, body: bytes) -> bytes:
        """A whole answer, which stays as it is."""
        self._memory.answer(RESPONSES.render_answer(CHAT_CODEC.parse_answer(body), self._setting))
        return body

    def stream(self, relay: Relay[D]) -> Relay[D]:
        """A streamed answer, which stays as it is."""
        reader = CHAT_CODEC.reader(max_event=sse.MAX_EVENT, profile=_PROFILE)
        listener = TranslatedStream(reader, RESPONSES.writer(self._setting))
        return _Heard(relay, self._memory.stream(listener))

    def adopt(self, events: Sequence[bytes]) -> list[bytes]:
        """A stream that no upstream made: an error, of which nothing is kept."""
        return list(events)

    def unkept(self, events: Sequence[bytes], error: GatewayError) -> list[bytes]:
        """The last events of a stream that could not be kept."""
        return [*(event for event in events if event != _DONE), *CHAT.render_stream_error(error)]

    async def keep(self) -> None:
        await self._memory.keep()


class _Heard(Generic[D]):
    """A relay whose events are also heard by another."""

    def __init__(self, relay: Relay[D], listener: StreamRelay) -> None:
        self._relay = relay
        self._listener = listener

    @property
    def started(self) -> bool:
        return self._relay.started

    @property
    def finished(self) -> bool:
        return self._relay.finished

    @property
    def usage(self) -> Usage | None:
        return self._relay.usage

    @property
    def failure(self) -> GatewayError | None:
        return self._relay.failure

    def receive(self, data: D) -> list[bytes]:
        return self._tell(self._relay.receive(data))

    def eof(self) -> list[bytes]:
        return self._tell(self._relay.eof())

    def fail(self, error: GatewayError) -> list[bytes]:
        events = self._relay.fail(error)
        self._listener.fail(error)
        return events

    def _tell(self, events: list[bytes]) -> list[bytes]:
        for event in events:
            try:
                self._listener.receive(event)
            except GatewayError:
                break  # the caller's own events say what is wrong; nothing of it is kept
        return events


async def begin(continuity: Continuity, key: Key, body: bytes, query: bytes) -> ChatMemory | None:
    """The memory of a Chat call whose query names one, else None. Raises `GatewayError`."""
    asked = _parse_query(query)
    if asked is None:
        return None
    turn = CHAT_CODEC.parse(body)
    if turn.sampling.choices > 1:
        message = "Only one choice can be kept: 'n' cannot stand beside what the query names."
        raise GatewayError(errors.INVALID_REQUEST, message, param="n")
    said = tuple(extra for extra in turn.extras if extra.param.startswith("messages["))
    rendered = RESPONSES.render(
        Turn(turn.model, items=turn.items, extras=said, dialect="chat", places=turn.places), turn.model, _KEEPING
    )
    own = continuation.parse({"input": parse_fields(rendered.body)["input"]})
    asked = Asked(own.items, asked.previous, asked.conversation)
    memory, kept = await continuity.follow(key, asked)
    name = PREVIOUS if asked.previous else CONVERSATION
    history, losses = _chat_messages(turn.model, kept, name)
    losses += rendered.losses  # what is kept of this call is not as it was
    fields = parse_fields(body)
    messages = _messages(fields["messages"])
    rules = _rules(messages)
    fields["messages"] = raw([*messages[:rules], *history, *messages[rules:]])
    setting = Setting(turn, new_id, continuity.now(), keeps=True)
    return ChatMemory(render_fields(fields), memory, setting, Earlier(len(history), rules, name, losses))


def _parse_query(query: bytes) -> Asked | None:
    if b"_id=" not in query:
        return None
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    previous, conversation = values.get(PREVIOUS, []), values.get(CONVERSATION, [])
    if not previous and not conversation:
        return None
    if len(previous) + len(conversation) > 1:
        message = f"Give either {PREVIOUS!r} or {CONVERSATION!r}, and once."
        raise GatewayError(errors.INVALID_REQUEST, message, param=PREVIOUS)
    if previous:
        return continuation.parse({PREVIOUS: raw(previous[0])})
    return continuation.parse({"conversation": raw(conversation[0])})


def _chat_messages(model: str, history: Sequence[bytes], name: str) -> tuple[list[Raw], tuple[Loss, ...]]:
    """The history as Chat says it, of reasoning only what is in the open; and what Chat cannot say of it.

    Raises `GatewayError` UNSUPPORTED_PARAMETER for what must not be left out; `name` is where the caller named it.
    """
    everything = Earlier(len(history), name=name)
    try:
        past = RESPONSES.parse(render_fields({"model": raw(model), "input": raw([Raw(value) for value in history])}))
        losses = [ELSEWHERE.loss(f"{name}.encrypted_content") for item in past.items if _is_sealed(item)]
        items = tuple(item for item in map(_open, past.items) if item is not None)
        if not items:
            return [], tuple(losses)
        rendered = CHAT_CODEC.render(Turn(model, items=items), model, _PROFILE)
    except GatewayError as error:
        error.param = name
        raise
    return _messages(parse_fields(rendered.body)["messages"]), (*losses, *everything.told(rendered.losses))


def _is_sealed(item: Item) -> bool:
    return isinstance(item, Reasoning) and bool(item.seal)


def _open(item: Item) -> Item | None:
    if not isinstance(item, Reasoning):
        return item
    return Reasoning(item.text, item.summary) if item.text or item.summary else None


def _rules(messages: Sequence[Raw]) -> int:
    """How many messages stand above the conversation: the history comes behind them."""
    return next((at for at, value in enumerate(messages) if _role(value).role not in _RULES), len(messages))
