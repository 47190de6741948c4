"""Answers as they happen, by the rules of the neutral vocabulary, and the finished answers they add up to."""

import json
from collections.abc import Iterable
from typing import Final

import msgspec
from hypothesis import strategies as st

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
    Usage,
    Used,
)
from tests.fuzz.turns import raw
from tests.fuzz.upstreams import FLAGS, NAMES, OBJECTS, SELDOM, SIZES, WORDS, WORDS_OR_NOTHING, pieces

_LINK: Final = {"type": "url_citation", "title": "T", "url": "http://x/"}
_OTHER: Final = raw({"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 0})
_DRAWN: Final = raw({"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []})
_SEALS: Final = [("sig", "messages"), ("redacted:zz", "messages"), ("gAAA", "responses")]
_TOKENS = st.integers(0, 10**6)
_FEW = st.lists(WORDS, max_size=2)
_SOME = st.lists(WORDS, min_size=1, max_size=3)
_LOGPROBS = st.sampled_from([0, 0, 1, 2])
_SEAL = st.sampled_from([None, *_SEALS])
_IDS = st.sampled_from(["chatcmpl-1", "msg_1", "resp_1", ""])
_COUNTS = st.sampled_from([0, 1, 2, 3, 4])
_USAGES = st.builds(Usage, _TOKENS, _TOKENS, *[st.sampled_from([0, 3])] * 3)
_STOPS = st.sampled_from([stop for stop in Stop if stop is not Stop.PAUSE])
_TIERS = st.sampled_from([None, "default", "priority"])


@st.composite
def _text(draw: st.DrawFn) -> list[Event]:
    """A run of text, its annotations among the deltas."""
    events: list[Event] = []
    length = 0
    for word in draw(_SOME):
        length += len(word)
        events.append(TextDelta(word, (_DRAWN,) * draw(_LOGPROBS)))
        if draw(SELDOM):
            place = {"start_index": draw(st.integers(0, length)), "end_index": length}
            events.append(Annotated(draw(st.sampled_from([raw(_LINK | place), _OTHER]))))
    return events


@st.composite
def _thought(draw: st.DrawFn) -> list[Event]:
    """Summary, text, and a seal, each of them optional."""
    events: list[Event] = []
    for channel in ("summary", "text"):
        for number, word in enumerate(draw(_FEW)):
            events += [ReasoningDelta(piece, channel, number) for piece in pieces(word, draw(SIZES))]
    seal = draw(_SEAL)
    return [*events, ReasoningSealed(*seal)] if seal is not None else events


@st.composite
def _call(draw: st.DrawFn, number: int) -> list[Event]:
    """A call, of whose arguments deltas give all, a beginning, or nothing."""
    if draw(SELDOM):
        kind, name, given = "custom", "apply_patch", draw(WORDS_OR_NOTHING)
    else:
        kind, name, given = "function", draw(NAMES), json.dumps(draw(OBJECTS), ensure_ascii=False)
    told = pieces(given, draw(SIZES))
    told = told[: draw(st.sampled_from([0, 1, len(told), len(told)]))]
    opened = CallOpened(f"call_{number}", name, "custom" if kind == "custom" else "function")
    return [opened, *map(CallDelta, told), CallClosed(given)]


_REFUSAL: Final[st.SearchStrategy[list[Event]]] = st.lists(WORDS, min_size=1, max_size=2).map(
    lambda words: [RefusalDelta(word) for word in words]
)


_TEXT: Final = _text()
_CALLS: Final = [_call(number) for number in range(4)]
_BESIDE_A_THOUGHT: Final[list[st.SearchStrategy[list[Event]]]] = [
    st.one_of(_TEXT, _TEXT, _REFUSAL, call, call) for call in _CALLS
]
_ANYTHING: Final[list[st.SearchStrategy[list[Event]]]] = [
    st.one_of(_TEXT, _TEXT, _REFUSAL, call, call, _thought()) for call in _CALLS
]


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """All the events of one answer. No two thoughts stand side by side unsealed: they would be one."""
    out: list[Event] = [Opened(draw(_IDS), 1_700_000_000, "up")]
    for number in range(draw(_COUNTS)):
        out += draw((_BESIDE_A_THOUGHT if isinstance(out[-1], ReasoningDelta) else _ANYTHING)[number])
    if draw(FLAGS):
        out.append(Used(draw(_USAGES)))
    stop = draw(_STOPS)
    sequence = "###" if stop is Stop.STOP_SEQUENCE else ""
    return [*out, Stopped(stop, sequence, draw(_TIERS))]


def fold(events: Iterable[Event]) -> Answer:
    """The finished answer: what a buffered one would have held."""
    items: list[Item] = []
    opened, usage, stopped = Opened("", 0, ""), None, Stopped(Stop.END)
    call = CallOpened("", "")
    last: Event = opened
    for event in events:
        match event:
            case Opened():
                opened = event
            case TextDelta() | RefusalDelta() | Annotated():
                _say(items, event, goes_on=isinstance(last, (TextDelta, Annotated)))
            case ReasoningDelta() | ReasoningSealed():
                _think(items, event)
            case CallOpened():
                call = event
            case CallClosed():
                items.append(ToolCall(call.call_id, call.name, event.arguments, call.kind))
            case Used():
                usage = event.usage
            case Stopped():
                stopped = event
        last = event
    return Answer(
        id=opened.id,
        created=opened.created,
        model=opened.model,
        items=tuple(items),
        stop=stopped.stop,
        stop_sequence=stopped.stop_sequence,
        usage=usage,
        service_tier=stopped.service_tier,
        fingerprint=stopped.fingerprint,
    )


def _say(items: list[Item], event: TextDelta | RefusalDelta | Annotated, *, goes_on: bool) -> None:
    """`goes_on`: the event belongs to the run of text that is open."""
    before = items.pop() if items and isinstance(items[-1], Message) else Message("assistant", ())
    assert isinstance(before, Message)
    parts: tuple[Part, ...] = before.parts
    part = parts[-1] if parts else None
    match event:
        case RefusalDelta():
            again = isinstance(part, Refusal)
            new: Part = Refusal((part.text if isinstance(part, Refusal) else "") + event.text)
        case TextDelta():
            again = goes_on
            old = part if isinstance(part, Text) and goes_on else Text("")
            new = Text(old.text + event.text, old.annotations, (*old.logprobs, *event.logprobs))
        case Annotated():
            assert isinstance(part, Text)
            again = True
            new = msgspec.structs.replace(part, annotations=(*part.annotations, event.annotation))
    items.append(Message("assistant", (*parts[: len(parts) - again], new)))


def _think(items: list[Item], event: ReasoningDelta | ReasoningSealed) -> None:
    last = items.pop() if items and isinstance(items[-1], Reasoning) and not items[-1].seal else Reasoning()
    assert isinstance(last, Reasoning)
    if isinstance(event, ReasoningSealed):
        items.append(msgspec.structs.replace(last, seal=event.seal, sealed_by=event.sealed_by))
        return
    said = list(last.text if event.channel == "text" else last.summary)
    said += [""] * (event.part + 1 - len(said))
    said[event.part] += event.text
    items.append(msgspec.structs.replace(last, **{event.channel: tuple(said)}))
