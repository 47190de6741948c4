"""Requests, answers and streams for the tests of this dialect."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Raw

from dragoman.dialects.base import Setting
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.turn import (
    Annotated,
    Answer,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Item,
    Message,
    Opened,
    Part,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Refusal,
    RefusalDelta,
    Stop,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Turn,
    Usage,
    Used,
)
from dragoman.wire import sse

Body = dict[str, Any]
NOW = 1_800_000_000
SEALED = {"include": ["reasoning.encrypted_content"]}


def parse(**members: Any) -> Turn:
    """A caller's request, with a model and an input where none is named."""
    return RESPONSES.parse(msgspec.json.encode({"model": "m", "input": "hi", **members}))


def render(turn: Turn, profile: Profile | None = None) -> Body:
    """The body for an upstream."""
    body: Body = msgspec.json.decode(RESPONSES.render(turn, "up", profile or Profile()).body)
    return body


def losses(turn: Turn, profile: Profile | None = None) -> list[tuple[str, str]]:
    return [(loss.param, loss.kind) for loss in RESPONSES.render(turn, "up", profile or Profile()).losses]


def setting(turn: Turn | None = None) -> Setting:
    """Ids are counted from 0, so that equal work gives equal ids."""
    numbers = count()
    return Setting(turn or parse(), lambda prefix: f"{prefix}{next(numbers)}", NOW)


def raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


def plain(value: object) -> Any:
    """A value with its raw JSON decoded, to be compared."""
    return msgspec.json.decode(msgspec.json.encode(value))


def render_answer(answer: Answer, turn: Turn | None = None) -> Body:
    body: Body = msgspec.json.decode(RESPONSES.render_answer(answer, setting(turn)))
    return body


def write(events: Iterable[Event], turn: Turn | None = None) -> list[bytes]:
    writer = RESPONSES.writer(setting(turn))
    return [sent for event in events for sent in writer.write(event)]


def datas(sent: Iterable[bytes]) -> list[Body]:
    """What the events of a stream carry, the end marker left out."""
    frames = sse.Decoder().receive(b"".join(sent))
    return [msgspec.json.decode(frame.data) for frame in frames if frame.data != sse.DONE]


def types(sent: Iterable[bytes]) -> list[str]:
    return [data["type"] for data in datas(sent)]


def stream(*events: Body) -> bytes:
    """An upstream's stream, numbered."""
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return b"".join(sse.render(msgspec.json.encode(data), data["type"].encode()) for data in numbered)


def read(*pieces: bytes) -> list[Event]:
    reader = RESPONSES.reader(profile=Profile())
    return [event for piece in pieces for event in reader.receive(piece)] + reader.eof()


def response(status: str = "completed", output: Sequence[Body] = (), **members: Any) -> Body:
    """A response object as an upstream answers it."""
    usage = {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 3},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 12,
    }
    base = {"id": "resp_up", "object": "response", "created_at": 1700000000, "model": "up-1", "status": status}
    return {**base, "output": list(output), "usage": usage, "error": None, "incomplete_details": None, **members}


USAGE = Usage(7, 5, 3, 0, 2)


def message(*parts: str | Body, id: str = "msg_up", **members: Any) -> Body:
    content = [
        {"type": "output_text", "text": part, "annotations": [], "logprobs": []} if isinstance(part, str) else part
        for part in parts
    ]
    return {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": content, **members}


def call(name: str, arguments: str, call_id: str, id: str = "fc_up", **members: Any) -> Body:
    head = {"type": "function_call", "id": id, "call_id": call_id, "status": "completed"}
    return {**head, "name": name, "arguments": arguments, **members}


def events_of(answer: Answer, size: int = 3) -> list[Event]:
    """The answer as it happens, its texts in pieces of `size`."""
    events: list[Event] = [Opened(answer.id, answer.created, answer.model)]
    for item in answer.items:
        events += _events_of_item(item, size)
    if answer.usage is not None:
        events.append(Used(answer.usage))
    events.append(Stopped(answer.stop, answer.stop_sequence, answer.service_tier, answer.fingerprint))
    return events


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _events_of_item(item: Item, size: int) -> list[Event]:
    match item:
        case Message():
            return [event for part in item.parts for event in _events_of_part(part, size)]
        case ToolCall():
            deltas: list[Event] = [CallDelta(piece) for piece in _pieces(item.arguments, size)]
            return [CallOpened(item.call_id, item.name, item.kind), *deltas, CallClosed(item.arguments)]
        case Reasoning():
            events: list[Event] = []
            for number, text in enumerate(item.summary):
                events += [ReasoningDelta(piece, "summary", number) for piece in _pieces(text, size)]
            for number, text in enumerate(item.text):
                events += [ReasoningDelta(piece, "text", number) for piece in _pieces(text, size)]
            return [*events, ReasoningSealed(item.seal, item.sealed_by)] if item.seal else events
    raise AssertionError(item)


def _events_of_part(part: Part, size: int) -> list[Event]:
    if isinstance(part, Refusal):
        return [RefusalDelta(piece) for piece in _pieces(part.text, size)]
    assert isinstance(part, Text)
    pieces = _pieces(part.text, size)
    # All log probabilities come with the first piece: how they are spread changes nothing in the end.
    events: list[Event] = [TextDelta(piece, part.logprobs if not at else ()) for at, piece in enumerate(pieces)]
    return [*events, *(Annotated(annotation) for annotation in part.annotations)]


TEXTS = st.text(min_size=1, max_size=12)
IDS = st.text(alphabet="abcXYZ0123_-", min_size=1, max_size=8)
_ANNOTATIONS = st.builds(
    lambda start, title: raw(
        {"type": "url_citation", "start_index": start, "end_index": start + 1, "title": title, "url": "http://x/"}
    ),
    st.integers(0, 5),
    TEXTS,
)
_LOGPROBS = st.builds(
    lambda token, logprob: raw(
        {
            "token": token,
            "logprob": logprob,
            "bytes": [1],
            "top_logprobs": [{"token": "a", "logprob": -1.0, "bytes": None}],
        }
    ),
    TEXTS,
    st.floats(-9, 0),
)
_TEXT_PARTS = st.builds(
    Text,
    TEXTS,
    st.lists(_ANNOTATIONS, max_size=2).map(tuple),
    st.lists(_LOGPROBS, max_size=2).map(tuple),
)
_REFUSALS = st.builds(Refusal, TEXTS)
_MESSAGES = st.one_of(
    st.tuples(_TEXT_PARTS), st.tuples(_REFUSALS), st.tuples(_TEXT_PARTS, _REFUSALS), st.tuples(_REFUSALS, _TEXT_PARTS)
).map(lambda parts: Message("assistant", parts))
_CALLS = st.builds(ToolCall, IDS, IDS, TEXTS | st.just("{}"), st.sampled_from(("function", "custom")))
_SEALED = st.builds(
    lambda text, summary, seal: Reasoning(tuple(text), tuple(summary), seal, "responses"),
    st.lists(TEXTS, max_size=2),
    st.lists(TEXTS, max_size=2),
    IDS,
)
_UNSEALED = st.builds(
    lambda text, summary: Reasoning(tuple(text), tuple(summary)),
    st.lists(TEXTS, max_size=2),
    st.lists(TEXTS, min_size=1, max_size=2),
)


def _apart(items: list[Item]) -> tuple[Item, ...]:
    """Without neighbours that events cannot tell apart: two messages, or reasoning after reasoning without a seal."""
    kept: list[Item] = []
    for item in items:
        last = kept[-1] if kept else None
        joined = isinstance(last, Reasoning) and isinstance(item, Reasoning) and not last.seal
        if not joined and not (isinstance(last, Message) and isinstance(item, Message)):
            kept.append(item)
    return tuple(kept)


_ITEMS: st.SearchStrategy[Item] = st.one_of(_MESSAGES, _CALLS, _SEALED, _UNSEALED)
ANSWERS = st.builds(
    Answer,
    id=st.sampled_from(("chatcmpl-1", "msg_1", "resp_1", "")),
    created=st.integers(0, 2_000_000_000),
    model=st.just("up"),
    items=st.lists(_ITEMS, max_size=5).map(_apart),
    stop=st.sampled_from(Stop),
    usage=st.none() | st.builds(Usage, *[st.integers(0, 10**9)] * 5),
    service_tier=st.none() | st.sampled_from(("default", "priority", "standard")),
)
