"""Answers as other dialects give them, and strategies that make more."""

import json
from collections.abc import Sequence
from typing import Final

import msgspec
from hypothesis import strategies as st

from dragoman.turn import (
    Answer,
    Item,
    Message,
    Native,
    Reasoning,
    Refusal,
    Stop,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from tests.dialects.messages.events import USAGE


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


LINK: Final = raw({"type": "url_citation", "start_index": 0, "end_index": 2, "title": "T", "url": "https://x.org"})
FILE: Final = raw({"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 0})
PLACE: Final = raw(
    {
        "type": "char_location",
        "cited_text": "c",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 1,
    }
)


def answer(*items: Item, stop: Stop = Stop.END, usage: Usage | None = USAGE, sequence: str = "") -> Answer:
    return Answer(
        id="chatcmpl-1", created=1, model="gpt-x", items=items, stop=stop, usage=usage, stop_sequence=sequence
    )


def said(*texts: str) -> Message:
    return Message("assistant", tuple(map(Text, texts)))


ANSWERS: Final[dict[str, Answer]] = {
    "nothing": answer(stop=Stop.LENGTH),
    "text": answer(said("Hello, wörld 🐉")),
    "two messages of two texts": answer(said("a", "b"), said("c", "")),
    "text with citations": answer(Message("assistant", (Text("Hi", (LINK, FILE, PLACE)), Text("!", (LINK,))))),
    "text, then a refusal": answer(said("Well"), Message("assistant", (Refusal("No."), Refusal(" Never.")))),
    "a filtered text": answer(said("We"), stop=Stop.CONTENT_FILTER),
    "a refusal that ends so": answer(Message("assistant", (Refusal("No."),)), stop=Stop.REFUSAL),
    "calls after text": answer(
        said("I look."),
        ToolCall("call_1", "look", '{"at": "ö", "n": [1, 2.50]}', id="fc_1"),
        ToolCall("call_2", "go", ""),
        ToolCall("call_3", "stay", "{}"),
        stop=Stop.TOOL_CALLS,
    ),
    "a call, and a stop that does not say so": answer(ToolCall("call_1", "look", "{}")),
    "calls announced that never came": answer(said("Hm"), stop=Stop.TOOL_CALLS),
    "a custom tool": answer(ToolCall("call_1", "patch", '*** "Begin"\n', "custom"), stop=Stop.TOOL_CALLS),
    "thought with a signature": answer(Reasoning(("hm", "so"), seal="sig", sealed_by="messages"), said("Hi")),
    "thought without one": answer(Reasoning(("hm",)), said("Hi")),
    "a summary and the text": answer(Reasoning(("c",), ("a", "b")), said("Hi")),
    "only a signature": answer(Reasoning(seal="sig", sealed_by="messages"), said("Hi")),
    "a redacted thought": answer(Reasoning(seal="redacted:zz", sealed_by="messages"), said("Hi")),
    "a thought with a redacted end": answer(Reasoning(("a",), seal="redacted:zz", sealed_by="messages"), said("Hi")),
    "thought sealed elsewhere": answer(
        Reasoning(("a",), seal="gAAA", sealed_by="responses"),
        Reasoning(("b",), seal="gAAB", sealed_by="responses"),
        Reasoning(seal="gAAC", sealed_by="responses"),
        said("Hi"),
    ),
    "a stop sequence": answer(said("One"), stop=Stop.STOP_SEQUENCE, sequence="###"),
    "a pause": answer(said("Wait"), stop=Stop.PAUSE),
    "no usage": answer(said("Hi"), usage=None),
    "usage read from a cache alone": answer(said("Hi"), usage=Usage(8, 2, 8)),
    "usage that does not add up": answer(said("Hi"), usage=Usage(1, 2, 8)),
    "items that are none of an answer's": answer(
        ToolResult("call_1", (Text("x"),)), Native("responses", "web_search_call", "output[1]", raw({})), said("Hi")
    ),
}

_TEXTS = st.text("aä🐉 \n\"'\\{}", min_size=1, max_size=8)
_ARGUMENTS = st.dictionaries(_TEXTS, st.integers() | _TEXTS | st.none(), max_size=3).map(json.dumps)
_PARTS = st.one_of(
    st.builds(Text, _TEXTS, st.lists(st.sampled_from([LINK, FILE, PLACE]), max_size=2).map(tuple)),
    st.builds(Refusal, _TEXTS),
)
_SEALS = st.sampled_from([("sig", "messages"), ("redacted:zz", "messages"), ("gAAA", "responses"), ("", "")])


@st.composite
def _thoughts(draw: st.DrawFn) -> Reasoning:
    seal, sealed_by = draw(_SEALS)
    texts = st.lists(_TEXTS, max_size=2).map(tuple)
    return Reasoning(draw(texts), draw(texts), seal, sealed_by)


_ITEMS = st.one_of(
    st.builds(Message, st.just("assistant"), st.lists(_PARTS, min_size=1, max_size=3).map(tuple)),
    st.builds(ToolCall, st.sampled_from(["call_1", "call_2"]), st.just("look"), _ARGUMENTS | st.just("")),
    st.builds(ToolCall, st.just("call_3"), st.just("patch"), _TEXTS, st.just("custom")),
    _thoughts(),
)


def _told_apart(items: Sequence[Item]) -> tuple[Item, ...]:
    """No unsealed thought before another: events do not tell where one ends and the next begins."""
    out: list[Item] = []
    for item in items:
        before = out[-1] if out else None
        if not (isinstance(item, Reasoning) and isinstance(before, Reasoning) and not before.seal):
            out.append(item)
    return tuple(out)


_USAGES = st.builds(Usage, *[st.integers(0, 100)] * 5) | st.none()
SOME: Final[st.SearchStrategy[Answer]] = st.builds(
    Answer,
    id=st.sampled_from(["chatcmpl-1", "msg_7", ""]),
    created=st.just(1),
    model=st.just("gpt-x"),
    items=st.lists(_ITEMS, max_size=6).map(_told_apart),
    stop=st.sampled_from(Stop),
    stop_sequence=st.sampled_from(["", "###"]),
    usage=_USAGES,
)
