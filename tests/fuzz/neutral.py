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
from tests.fuzz.upstreams import NAMES, OBJECTS, SIZES, WORDS, pieces

_LINK: Final = {"type": "url_citation", "title": "T", "url": "http://x/"}
_OTHER: Final = raw({"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 0})
_DRAWN: Final = raw({"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []})
_SEALS: Final = [("sig", "messages"), ("redacted:zz", "messages"), ("gAAA", "responses")]
_TOKENS = st.integers(0, 10**6)


@st.composite
def _text(draw: st.DrawFn) -> list[Event]:
    """A run of text, its annotations among the deltas."""
    events: list[Event] = []
    length = 0
    for word in draw(st.lists(WORDS, min_size=1, max_size=3)):
        length += len(word)
        events.append(TextDelta(word, (_DRAWN,) * draw(st.sampled_from([0, 0, 1, 2]))))
        if draw(st.sampled_from([False, False, True])):
            place = {"start_index": draw(st.integers(0, length)), "end_index": length}
            events.append(Annotated(draw(st.sampled_from([raw(_LINK | place), _OTHER]))))
    return events


@st.composite
def _thought(draw: st.DrawFn) -> list[Event]:
    """Summary, text, and a seal, each of them optional."""
    events: list[Event] = []
    for channel in ("summary", "text"):
        for number, word in enumerate(draw(st.lists(WORDS, max_size=2))):
            events += [ReasoningDelta(piece, channel, number) for piece in pieces(word, draw(SIZES))]
    seal = draw(st.sampled_from([None, *_SEALS]))
    return [*events, ReasoningSealed(*seal)] if seal is not None else events


@st.composite
def _call(draw: st.DrawFn, number: int) -> list[Event]:
    """A call, of whose arguments deltas give all, a beginning, or nothing."""
    if draw(st.sampled_from([False, False, True])):
        kind, name, given = "custom", "apply_patch", draw(WORDS | st.just(""))
    else:
        kind, name, given = "function", draw(NAMES), json.dumps(draw(OBJECTS), ensure_ascii=False)
    told = pieces(given, draw(SIZES))
    told = told[: draw(st.sampled_from([0, 1, len(told), len(told)]))]
    opened = CallOpened(f"call_{number}", name, "custom" if kind == "custom" else "function")
    return [opened, *map(CallDelta, told), CallClosed(given)]


_REFUSAL: Final[st.SearchStrategy[list[Event]]] = st.lists(WORDS, min_size=1, max_size=2).map(
    lambda words: [RefusalDelta(word) for word in words]
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """All the events of one answer. No two thoughts stand side by side unsealed: they would be one."""
    out: list[Event] = [Opened(draw(st.sampled_from(["chatcmpl-1", "msg_1", "resp_1", ""])), 1_700_000_000, "up")]
    for number in range(draw(st.sampled_from([0, 1, 2, 3, 4]))):
        kinds: list[st.SearchStrategy[list[Event]]] = [_text(), _text(), _REFUSAL, _call(number), _call(number)]
        if not isinstance(out[-1], ReasoningDelta):
            kinds.append(_thought())
        out += draw(st.one_of(kinds))
    if draw(st.booleans()):
        out.append(Used(draw(st.builds(Usage, _TOKENS, _TOKENS, *[st.sampled_from([0, 3])] * 3))))
    stop = draw(st.sampled_from([stop for stop in Stop if stop is not Stop.PAUSE]))
    sequence = "###" if stop is Stop.STOP_SEQUENCE else ""
    return [*out, Stopped(stop, sequence, draw(st.sampled_from([None, "default", "priority"])))]


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
