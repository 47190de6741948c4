"""Events and items: one as the other, by the rules of the neutral vocabulary."""

from collections.abc import Iterable

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
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Refusal,
    RefusalDelta,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Usage,
    Used,
)


def fold(events: Iterable[Event]) -> Answer:
    """The answer that events add up to."""
    opened, used, stopped = Opened("", 0, ""), None, None
    items: list[Item] = []
    call = CallOpened("", "")
    for event in events:
        match event:
            case Opened():
                opened = event
            case TextDelta() | RefusalDelta() | Annotated():
                _say(items, event)
            case ReasoningDelta() | ReasoningSealed():
                _think(items, event)
            case CallOpened():
                call = event
            case CallClosed():
                items.append(ToolCall(call.call_id, call.name, event.arguments, call.kind))
            case Used():
                used = event.usage
            case Stopped():
                stopped = event
            case _:
                continue
    assert stopped is not None
    return Answer(
        id=opened.id,
        created=opened.created,
        model=opened.model,
        items=tuple(items),
        stop=stopped.stop,
        stop_sequence=stopped.stop_sequence,
        usage=used,
        service_tier=stopped.service_tier,
    )


def _say(items: list[Item], event: TextDelta | RefusalDelta | Annotated) -> None:
    last = items[-1] if items else None
    part = last.parts[0] if isinstance(last, Message) else None
    match event:
        case RefusalDelta():
            before = part.text if isinstance(part, Refusal) else ""
            new = Message("assistant", (Refusal(before + event.text),))
            again = isinstance(part, Refusal)
        case TextDelta():
            old = part if isinstance(part, Text) else Text("")
            new = Message("assistant", (Text(old.text + event.text, old.annotations),))
            again = isinstance(part, Text)
        case Annotated():
            assert isinstance(part, Text)
            new = Message("assistant", (Text(part.text, (*part.annotations, event.annotation)),))
            again = True
    items[len(items) - again :] = [new]


def _think(items: list[Item], event: ReasoningDelta | ReasoningSealed) -> None:
    last = items.pop() if items and isinstance(items[-1], Reasoning) and not items[-1].seal else Reasoning()
    assert isinstance(last, Reasoning)
    if isinstance(event, ReasoningSealed):
        items.append(Reasoning(last.text, last.summary, event.seal, event.sealed_by))
        return
    assert event.channel == "text"
    text = [*last.text, ""] if event.part == len(last.text) else list(last.text)
    text[event.part] += event.text
    items.append(Reasoning(tuple(text)))


def events_of(answer: Answer) -> list[Event]:
    """An answer as it happens."""
    out: list[Event] = [Opened(answer.id, answer.created, answer.model)]
    for item in answer.items:
        match item:
            case Message():
                out += _spoken(item)
            case ToolCall():
                out.append(CallOpened(item.call_id, item.name, item.kind))
                out += map(CallDelta, _pieces(item.arguments))
                out.append(CallClosed(item.arguments or "{}"))
            case Reasoning():
                out += _thought(item)
            case _:
                continue
    if answer.usage is not None:
        out.append(Used(answer.usage))
    return [*out, Stopped(answer.stop, answer.stop_sequence, answer.service_tier)]


def _spoken(item: Message) -> list[Event]:
    out: list[Event] = []
    for part in item.parts:
        if isinstance(part, Refusal):
            out += map(RefusalDelta, _pieces(part.text))
        elif isinstance(part, Text):
            out += map(TextDelta, _pieces(part.text))
            out += map(Annotated, part.annotations)
    return out


def _thought(item: Reasoning) -> list[Event]:
    out: list[Event] = []
    for number, text in enumerate(item.summary):
        out += [ReasoningDelta(piece, "summary", number) for piece in _pieces(text)]
    for number, text in enumerate(item.text):
        out += [ReasoningDelta(piece, "text", number) for piece in _pieces(text)]
    return [*out, ReasoningSealed(item.seal, item.sealed_by)] if item.seal else out


def _pieces(text: str) -> list[str]:
    return [text[at : at + 3] for at in range(0, len(text), 3)]


USAGE = Usage(input_tokens=10, output_tokens=7, cached_tokens=2, cache_write_tokens=3, reasoning_tokens=4)
