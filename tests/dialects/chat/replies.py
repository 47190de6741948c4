"""Answers as other dialects give them, and strategies that make more."""

import json
from typing import Final

from hypothesis import strategies as st

from dragoman.dialects.calls import alias, wrap
from dragoman.dialects.chat.tools import FUNCTIONS
from dragoman.turn import (
    Answer,
    Extra,
    Item,
    Message,
    Part,
    Reasoning,
    Refusal,
    Stop,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Turn,
    Usage,
)
from tests.dialects.chat.asking import Json, raw

LONG: Final = "mcp__server__" + "x" * 60
ASKED: Final = Turn("fast", tools=(Tool("f"), Tool("patch", kind="custom"), Tool(LONG)))
"""A request with a function, a custom tool and a tool whose name is too long for some."""
FILE: Final = raw({"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 0})
DRAWN: Final = raw({"token": "Hi", "bytes": None, "logprob": -0.5, "top_logprobs": []})
USED: Final = Usage(9, 3, 4, 1, 2)


def link(start: int = 0, end: int = 2) -> Json:
    return {"type": "url_citation", "start_index": start, "end_index": end, "title": "T", "url": "https://x.org"}


def answer(*items: Item, stop: Stop = Stop.END, **more: object) -> Answer:
    known = {"id": "resp_1", "created": 1_600_000_000, "model": "m", "usage": USED}
    return Answer(items=items, stop=stop, **(known | more))  # type: ignore[arg-type]


def said(*parts: Part | str) -> Message:
    return Message("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


ANSWERS: Final[dict[str, Answer]] = {
    "nothing": answer(),
    "text": answer(said("Hello, wörld 🐉")),
    "two texts": answer(said("Hello", ", world")),
    "two messages": answer(said("Hello"), said(", world")),
    "a refusal": answer(said(Refusal("No."))),
    "text and a refusal": answer(said("Well. ", Refusal("No."))),
    "a call": answer(ToolCall("call_1", "f", '{"x":1}'), stop=Stop.TOOL_CALLS),
    "a call without arguments": answer(ToolCall("call_1", "f", ""), stop=Stop.TOOL_CALLS),
    "parallel calls": answer(
        ToolCall("call_1", "f", '{"x":1}'), ToolCall("call_2", "f", '{"x":2}'), stop=Stop.TOOL_CALLS
    ),
    "text and a call": answer(said("Let me see."), ToolCall("call_1", "f", "{}"), stop=Stop.TOOL_CALLS),
    "text, reasoning and a call": answer(said("Let me see."), Reasoning(("hm",)), ToolCall("call_1", "f", "{}")),
    "a call and late text": answer(ToolCall("call_1", "f", "{}"), said("There."), stop=Stop.TOOL_CALLS),
    "a custom call": answer(ToolCall("call_1", "patch", "*** Begin\n", "custom"), stop=Stop.TOOL_CALLS),
    "a wrapped call": answer(ToolCall("call_1", "patch", wrap("*** Begin\n")), stop=Stop.TOOL_CALLS),
    "a call under an alias": answer(ToolCall("call_1", alias(LONG), "{}"), stop=Stop.TOOL_CALLS),
    "reasoning": answer(Reasoning(("b", "c"), ("a",)), Reasoning(("d",)), said("e"), Reasoning(("f",))),
    "cited": answer(said(Text("Hello", (raw(link()), FILE))), said("!"), said(Text(" Bye", (raw(link(1, 3)),)))),
    "cited between calls": answer(said("Hello"), ToolCall("call_1", "f", "{}"), said(Text("Bye", (raw(link()),)))),
    "log probabilities": answer(said(Text("Hi", (), (DRAWN,)), Text("Ho", (), (DRAWN, DRAWN)))),
    "cut": answer(said("Hel"), stop=Stop.LENGTH),
    "cut before a word": answer(stop=Stop.LENGTH),
    "cut in a call": answer(ToolCall("call_1", "f", '{"x'), stop=Stop.LENGTH),
    "filtered": answer(said("Hel"), stop=Stop.CONTENT_FILTER),
    "refused in words": answer(said(Refusal("No.")), stop=Stop.REFUSAL),
    "refused without a word": answer(stop=Stop.REFUSAL),
    "a stop sequence": answer(said("Hel"), stop=Stop.STOP_SEQUENCE, stop_sequence="lo"),
    "tool calls without calls": answer(said("Hi"), stop=Stop.TOOL_CALLS),
    "calls with an end": answer(ToolCall("call_1", "f", "{}"), stop=Stop.END),
    "no usage": answer(said("Hi"), usage=None),
    "zero usage": answer(said("Hi"), usage=Usage()),
    "our own id": answer(said("Hi"), id="chatcmpl-7", created=0),
    "tier and fingerprint": answer(said("Hi"), service_tier="priority", fingerprint="fp_1"),
}

_TEXTS = st.text(min_size=1, max_size=12)
_LINKS = st.integers(0, 5).map(lambda at: raw(link(at, at + 2)))
_PARTS = st.builds(
    Text, _TEXTS, st.lists(_LINKS | st.just(FILE), max_size=2).map(tuple),
    st.lists(st.just(DRAWN), max_size=2).map(tuple),
) | st.builds(Refusal, _TEXTS)  # fmt: skip
_ARGUMENTS = st.just("") | st.dictionaries(_TEXTS, st.integers(), max_size=2).map(json.dumps)
_CALLS = (
    st.builds(ToolCall, _TEXTS, st.sampled_from(["f", alias(LONG), LONG, "unknown"]), _ARGUMENTS)
    | st.builds(ToolCall, _TEXTS, st.just("patch"), st.text(max_size=9), st.just("custom"))
    | st.builds(ToolCall, _TEXTS, st.just("patch"), st.text(max_size=9).map(wrap) | st.just("not wrapped"))
)
_THOUGHTS = st.lists(_TEXTS, max_size=2).map(tuple)
_ITEMS: st.SearchStrategy[Item] = (
    st.builds(Message, st.just("assistant"), st.lists(_PARTS, max_size=3).map(tuple))
    | _CALLS
    | st.builds(Reasoning, _THOUGHTS, _THOUGHTS)
)
ANY: Final = st.builds(
    Answer,
    id=st.sampled_from(["", "resp_1", "chatcmpl-1"]),
    created=st.integers(0, 2**31),
    model=_TEXTS,
    items=st.lists(_ITEMS, max_size=5).map(tuple),
    stop=st.sampled_from([stop for stop in Stop if stop is not Stop.PAUSE]),
    usage=st.none() | st.just(USED),
    service_tier=st.none() | st.just("default"),
    fingerprint=st.none() | st.just("fp_1"),
)
_CHOICES = st.none() | st.builds(
    ToolChoice, st.just("allowed"), st.lists(st.sampled_from(["f", "patch", LONG])).map(tuple)
)  # fmt: skip
_EXTRAS: st.SearchStrategy[tuple[Extra, ...]] = st.sampled_from([(), (FUNCTIONS,)])
REQUESTS: Final = st.builds(Turn, st.just("fast"), tools=st.just(ASKED.tools), tool_choice=_CHOICES, extras=_EXTRAS)
