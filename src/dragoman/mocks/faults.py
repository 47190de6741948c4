"""An answer, a scenario and a schedule become a plan: the steps to take on the connection, in order.

Pure: nothing here waits or writes, so every fault can be read as a list of steps.

    Head, then Chunk | Wait ..., then exactly one of End (clean), Close (FIN), Reset (RST), Stall (silence)

A stream is edited as events first (doubled, dropped, inserted), then as bytes, and is cut last. A
buffered body has no events: a fault that counts them takes half of the body instead, or none for 0, and
those about events alone (`no-done`, `crlf`, `comments` ...) change nothing. Errors are in the words of
the API that answers.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from dragoman.mocks.answer import OPENAI_WORDING, Answer, Buffered, Frame, Headers, Streamed, Wording, text_answer
from dragoman.mocks.scenario import Fault, Scenario
from dragoman.mocks.timing import Schedule

_MARK: Final = "@@mark@@"
_BAD_UTF8: Final = b"\xff\xfe"
_HALF_CHARACTER: Final = "\N{EURO SIGN}".encode()[:2]
_MULTI_BYTE: Final = "\N{EURO SIGN}uro na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve \N{GRINNING FACE} "
_BROKEN_JSON: Final = '{"id": "broken", "choices": [{'
_BROKE_OFF: Final = "Mock scenario: the model broke off."
_LIE: Final = 64
"""Bytes by which `content-length-lie` promises too much."""
_COMMENT: Final = b": comment\n\n"
_COMMENTS_PER_WRITE: Final = 1000
_HTML_502: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers."""

    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of the body, framed as the head said."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes written past the framing."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class End:
    """The proper end of the answer."""


@dataclass(frozen=True, slots=True)
class Close:
    """The connection is closed, whatever the head promised."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing more comes until the client leaves."""


Step = Head | Chunk | Raw | Wait | End | Close | Reset | Stall

_BEFORE_HEAD: Final[dict[str, Step]] = {"drop": Close(), "reset": Reset(), "stall": Stall()}
_CUTS: Final[dict[str, Step]] = {
    "cut-after": Close(),
    "cut-mid-event": Close(),
    "cut-mid-utf8": Close(),
    "reset-after": Reset(),
    "stall-after": Stall(),
}
_OF_THE_BODY: Final = frozenset({"content-length-lie", "content-length-short", "truncated-gzip"})


def plan(answer: Answer, scenario: Scenario, schedule: Schedule) -> Iterator[Step]:
    """The steps that carry out `answer` under `scenario`."""
    if slow := scenario.shape("slow-head"):
        yield Wait(slow / 1000)
    ending = scenario.ending
    if ending is not None and ending.name in _BEFORE_HEAD:
        yield _BEFORE_HEAD[ending.name]
        return
    if ending is not None:
        answer = _replaced(answer, ending)
    if scenario.shape("wrong-content-type") is not None:
        answer = _retyped(answer)
    if isinstance(answer, Streamed) and ending is not None and ending.name in _OF_THE_BODY:
        answer = _joined(answer, scenario)
    if isinstance(answer, Streamed):
        yield from _stream(answer, scenario, schedule)
    else:
        yield from _body(answer, scenario, schedule)


def _replaced(answer: Answer, ending: Fault) -> Answer:
    """The other answer that an ending puts in place of the service's."""
    match ending.name:
        case "status":
            if ending.number in (204, 205, 304):
                return Buffered(ending.number, (), b"")
            return _wording(answer).refusal(ending.number, f"Mock scenario: status {ending.number}.")
        case "html-502":
            return text_answer(_HTML_502, 502, "text/html")
        case "redirect":
            return Buffered(307, (("location", ending.text),), b"")
        case "empty-200":
            return Buffered(200, answer.headers, b"")
        case "error-event" if isinstance(answer, Buffered):
            return Buffered(200, answer.headers, _wording(answer).body(_BROKE_OFF))
        case _:
            return answer


def _wording(answer: Answer) -> Wording:
    return answer.wording or OPENAI_WORDING


def _retyped(answer: Answer) -> Answer:
    headers = tuple((name, "text/html" if name == "content-type" else value) for name, value in answer.headers)
    return replace(answer, headers=headers)


def _joined(answer: Streamed, scenario: Scenario) -> Buffered:
    return Buffered(200, answer.headers, b"".join(data for data, _ in _events(answer, scenario)))


def _stream(answer: Streamed, scenario: Scenario, schedule: Schedule) -> Iterator[Step]:
    yield Head(200, answer.headers)
    if scenario.ends("reset-after-headers"):
        yield Reset()
        return
    yield from _pause(schedule.first() + (scenario.shape("slow-first") or 0) / 1000)
    yield from _comments(scenario.shape("comments") or 0)
    ending = scenario.ending
    limit = ending.number if ending is not None and (ending.name in _CUTS or ending.name == "error-event") else None
    delay, events = scenario.shape("delay"), _events(answer, scenario)
    for index, (data, paced) in enumerate(events[:limit]):
        yield from _writes(data, index, scenario)
        if paced:
            yield from _pause(schedule.gap() if delay is None else delay / 1000)
    yield from _stream_end(answer, scenario, events, len(events) if limit is None else min(limit, len(events)))


def _stream_end(answer: Streamed, scenario: Scenario, events: list[tuple[bytes, bool]], sent: int) -> Iterator[Step]:
    """How the stream ends of whose events so many have been sent."""
    ending, rest = scenario.ending, events[sent][0] if sent < len(events) else b""
    if ending is None or ending.name not in _CUTS:
        if scenario.ends("error-event"):
            yield from (Chunk(frame.encode(_eol(scenario))) for frame in _wording(answer).events(sent, _BROKE_OFF))
        yield End()
        return
    if ending.name == "cut-mid-event" and rest:
        yield Chunk(rest[: len(rest) // 2])
    if ending.name == "cut-mid-utf8":
        whole = answer.sample(_MARK).encode(_eol(scenario))
        yield Chunk(whole[: whole.index(_MARK.encode())] + _HALF_CHARACTER)
    yield _CUTS[ending.name]


def _events(answer: Streamed, scenario: Scenario) -> list[tuple[bytes, bool]]:
    """The encoded events, each with whether a pause follows it."""
    eol = _eol(scenario)
    events = [(frame.encode(eol), frame.part == "content") for frame in _frames(answer, scenario)]
    if scenario.shape("bad-utf8") is not None:
        events = [(data.replace(_MARK.encode(), _BAD_UTF8), paced) for data, paced in events]
    return events


def _frames(answer: Streamed, scenario: Scenario) -> list[Frame]:
    texts = _texts(scenario)
    said = answer.saying(texts) if answer.saying is not None and texts else answer.frames
    frames: list[Frame] = []
    for frame in said:
        if scenario.shape(f"no-{frame.part}") is not None:
            continue
        frames.append(frame)
        doubled = {"done": "duplicate-done", "finish": "double-finish"}.get(frame.part, "")
        if scenario.shape(doubled) is not None:
            frames.append(frame)
    if answer.saying is None:
        _insert(frames, [answer.sample(text) for text in texts])
    if scenario.shape("bad-json") is not None:
        _insert(frames, [Frame(_BROKEN_JSON, answer.sample("").event)])
    return frames


def _texts(scenario: Scenario) -> list[str]:
    """What the answer is to say beside its own text."""
    texts = []
    if (size := scenario.shape("huge-event")) is not None:
        texts.append("x" * size)
    if scenario.shape("bad-utf8") is not None:
        texts.append(_MARK)
    if scenario.shape("split-utf8") is not None:
        texts.append(_MULTI_BYTE)
    return texts


def _insert(frames: list[Frame], more: list[Frame]) -> None:
    """Puts events before the first content, and never first, so that a consumer is already in the middle."""
    place = next((index for index, frame in enumerate(frames) if frame.part == "content"), len(frames))
    frames[max(1, place) : max(1, place)] = more


def _eol(scenario: Scenario) -> str:
    if scenario.shape("crlf") is not None:
        return "\r\n"
    return "\n" if scenario.shape("cr") is None else "\r"


def _comments(count: int) -> Iterator[Step]:
    while count > 0:
        yield Chunk(_COMMENT * min(count, _COMMENTS_PER_WRITE))
        count -= _COMMENTS_PER_WRITE


def _body(answer: Buffered, scenario: Scenario, schedule: Schedule) -> Iterator[Step]:
    headers, body, ending = answer.headers, _misshapen(answer.body, scenario), scenario.ending
    if scenario.ends("truncated-gzip"):
        body = gzip.compress(body, mtime=0)
        body, headers = body[: len(body) // 2], (*headers, ("content-encoding", "gzip"))
    promised = len(body)
    if scenario.ends("content-length-lie"):
        promised += _LIE
    elif scenario.ends("content-length-short"):
        promised //= 2
    # RFC 9110 8.6: no Content-Length in a 204, and one in a 304 would speak of another body.
    length: Headers = () if answer.status in (204, 304) else (("content-length", str(promised)),)
    yield from _pause(schedule.whole(answer.tokens))
    yield Head(answer.status, (*headers, *length))
    if scenario.ends("reset-after-headers"):
        yield Reset()
        return
    yield from _pause((scenario.shape("slow-first") or 0) / 1000)
    if ending is None or (ending.name not in _CUTS and ending.name not in _OF_THE_BODY):
        yield from _writes(body, 0, scenario)
        yield End()
    else:
        yield from _body_end(body, ending, scenario)


def _body_end(body: bytes, ending: Fault, scenario: Scenario) -> Iterator[Step]:
    match ending.name:
        case "content-length-short":
            yield Raw(body)
            yield Close()
        case "content-length-lie":
            yield from _writes(body, 0, scenario)
            yield Close()
        case "truncated-gzip":
            yield from _writes(body, 0, scenario)
            yield End()
        case name:
            half = body[: len(body) // 2 if ending.number else 0]
            if name == "cut-mid-utf8":
                half = half[: -len(_HALF_CHARACTER)] + _HALF_CHARACTER if len(half) > 1 else half
            yield from _writes(half, 0, scenario)
            yield _CUTS[name]


def _misshapen(body: bytes, scenario: Scenario) -> bytes:
    if scenario.shape("bad-json") is not None:
        body = body[: len(body) // 2]
    if scenario.shape("bad-utf8") is not None:
        head, quote, tail = body.rpartition(b'"')
        body = head + _BAD_UTF8 + quote + tail
    # White space after a JSON text is part of it (RFC 8259, 2).
    return body + b" " * (scenario.shape("huge-event") or 0)


def _pause(seconds: float) -> Iterator[Step]:
    if seconds > 0:
        yield Wait(seconds)


def _writes(data: bytes, index: int, scenario: Scenario) -> Iterator[Step]:
    """The chunks that `data` goes out in; `index` moves the cut of `split-utf8` on from event to event."""
    size = scenario.shape("dribble")
    if size is not None:
        for start in range(0, len(data), size):
            yield Chunk(data[start : start + size])
        return
    if scenario.shape("split-utf8") is not None and len(data) > 1:
        inside = (place for place, byte in enumerate(data) if 0x80 <= byte < 0xC0)
        cut = next(inside, 1 + index % (len(data) - 1))
        yield Chunk(data[:cut])
        data = data[cut:]
    if data:
        yield Chunk(data)
