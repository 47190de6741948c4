"""Events and answers, one as the other, by the rules of the neutral vocabulary; and what a Chat stream adds up to."""

import json
from collections.abc import Iterable
from typing import Any

from dragoman.dialects.chat.annotations import move
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
    Refusal,
    RefusalDelta,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Used,
)

Json = dict[str, Any]


def unfold(answer: Answer, size: int = 3) -> list[Event]:
    """The events of an answer, its texts cut into deltas of `size` characters."""
    out: list[Event] = [Opened(answer.id, answer.created, answer.model)]
    for item in answer.items:
        match item:
            case Message():
                _say(item, size, out)
            case ToolCall():
                out.append(CallOpened(item.call_id, item.name, item.kind))
                out += [CallDelta(text) for text in cut(item.arguments, size)]
                out.append(CallClosed(item.arguments if item.kind == "custom" else item.arguments or "{}"))
            case Reasoning():
                _think(item, size, out)
            case _:
                raise AssertionError(item)
    if answer.usage is not None:
        out.append(Used(answer.usage))
    return [*out, Stopped(answer.stop, answer.stop_sequence, answer.service_tier, answer.fingerprint)]


def _say(item: Message, size: int, out: list[Event]) -> None:
    for part in item.parts:
        if isinstance(part, Refusal):
            out += [RefusalDelta(text) for text in cut(part.text, size)]
        elif isinstance(part, Text):
            before = _run(out)
            for number, text in enumerate(cut(part.text, size)):
                out.append(TextDelta(text, () if number else part.logprobs))
            out += [Annotated(move(one, before)) for one in part.annotations]


def _run(out: list[Event]) -> int:
    """How many characters the present run of text has."""
    length = 0
    for event in reversed(out):
        if isinstance(event, TextDelta):
            length += len(event.text)
        elif not isinstance(event, Annotated):
            break
    return length


def _think(item: Reasoning, size: int, out: list[Event]) -> None:
    """Reasoning that follows reasoning goes on counting its parts."""
    last = {"summary": -1, "text": -1}
    for event in reversed(out):
        if not isinstance(event, ReasoningDelta):
            break
        last[event.channel] = max(last[event.channel], event.part)
    for number, text in enumerate(item.summary, last["summary"] + 1):
        out += [ReasoningDelta(piece, "summary", number) for piece in cut(text, size)]
    for number, text in enumerate(item.text, last["text"] + 1):
        out += [ReasoningDelta(piece, "text", number) for piece in cut(text, size)]


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def fold(events: Iterable[Event]) -> Answer:
    """The answer that the events of a Chat reader add up to."""
    opened, used, stopped = None, None, None
    items: list[Item] = []
    call = CallOpened("", "")
    for event in events:
        match event:
            case Opened():
                opened = event
            case ReasoningDelta():
                _thought(items, event)
            case TextDelta() | RefusalDelta() | Annotated():
                _told(items, event)
            case CallOpened():
                call = event
            case CallClosed():
                items.append(ToolCall(call.call_id, call.name, event.arguments, call.kind))
            case Used():
                used = event.usage
            case Stopped():
                stopped = event
            case CallDelta():
                continue
            case _:
                raise AssertionError(event)
    assert opened is not None
    assert stopped is not None
    return Answer(
        id=opened.id,
        created=opened.created,
        model=opened.model,
        items=tuple(items),
        stop=stopped.stop,
        usage=used,
        service_tier=stopped.service_tier,
        fingerprint=stopped.fingerprint,
    )


def _thought(items: list[Item], event: ReasoningDelta) -> None:
    before = ""
    if items and isinstance(items[-1], Reasoning):
        before = items.pop().text[0]  # type: ignore[union-attr]
    items.append(Reasoning((before + event.text,)))


def _told(items: list[Item], event: TextDelta | RefusalDelta | Annotated) -> None:
    parts: tuple[Part, ...] = ()
    if items and isinstance(items[-1], Message):
        parts = items.pop().parts  # type: ignore[union-attr]
    items.append(Message("assistant", _added(parts, event)))


def _added(parts: tuple[Part, ...], event: TextDelta | RefusalDelta | Annotated) -> tuple[Part, ...]:
    last = parts[-1] if parts else None
    match event:
        case TextDelta() if isinstance(last, Text):
            return (*parts[:-1], Text(last.text + event.text, last.annotations, (*last.logprobs, *event.logprobs)))
        case TextDelta():
            return (*parts, Text(event.text, (), event.logprobs))
        case RefusalDelta() if isinstance(last, Refusal):
            return (*parts[:-1], Refusal(last.text + event.text))
        case RefusalDelta():
            return (*parts, Refusal(event.text))
        case Annotated():
            assert isinstance(last, Text)
            return (*parts[:-1], Text(last.text, (*last.annotations, event.annotation), last.logprobs))


def data(events: Iterable[bytes]) -> list[Json]:
    """The chunks of a stream of ours, every one whole; the last event is the end mark."""
    *sent, done = events
    assert done == b"data: [DONE]\n\n"
    assert all(event.startswith(b"data: {") and event.endswith(b"}\n\n") for event in sent)
    assert not any(b"\n" in event[:-2] for event in sent)
    return [json.loads(event[6:]) for event in sent]


def whole(chunks: Iterable[Json]) -> Json:
    """The answer that the chunks of a stream add up to, as a buffered one would be."""
    message: Json = {"role": None, "content": None, "refusal": None, "annotations": []}
    answer: Json = {}
    logprobs: list[Json] = []
    finish = None
    for chunk in chunks:
        answer |= {name: value for name, value in chunk.items() if name != "choices"}
        for choice in chunk["choices"]:
            assert finish is None, "a chunk after the finish reason"
            finish = choice["finish_reason"]
            _add(message, choice["delta"])
            logprobs += (choice["logprobs"] or {}).get("content", [])
    choice = {
        "index": 0,
        "message": message,
        "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
        "finish_reason": finish,
    }
    return answer | {"object": "chat.completion", "choices": [choice]}


def _add(message: Json, delta: Json) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            for piece in value:
                _add_call(message.setdefault("tool_calls", []), dict(piece))
        elif name == "function_call":
            call = message.setdefault("function_call", {"arguments": ""})
            message["function_call"] = call | value | {"arguments": call["arguments"] + value["arguments"]}
        elif name == "annotations":
            message[name] += value
        elif value is not None and name != "role":
            message[name] = (message.get(name) or "") + value
        elif name == "role":
            message[name] = value


def _add_call(calls: list[Json], piece: Json) -> None:
    index = piece.pop("index")
    if index == len(calls):
        calls.append(piece)
        return
    call = calls[index]
    inner = call[call["type"]]
    for name, value in piece[call["type"]].items():
        inner[name] += value
