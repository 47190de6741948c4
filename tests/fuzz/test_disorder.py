"""A Chat stream may give its pieces in any order; nothing of them is lost, and no call is mixed up with another."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire import sse
from tests.fuzz.accumulators import accumulated, said
from tests.fuzz.budget import BUDGET, SECONDS
from tests.fuzz.passages import Streamed
from tests.fuzz.upstreams import ARGUMENTS, SIZES, WORDS, Json, pieces

pytestmark = pytest.mark.timeout(SECONDS)
_KINDS = ("content", "refusal", "reasoning_content")
_CALLS = st.lists(ARGUMENTS, max_size=3)
_WORDS = st.lists(WORDS, max_size=3)
_SEEDS = st.integers(0, 2**32)


@st.composite
def _deltas(draw: st.DrawFn) -> tuple[list[str], list[Json]]:
    """The arguments of calls, and all that is said: what belongs together in its order, else in any."""
    arguments = draw(_CALLS)
    size = draw(SIZES)
    lines: list[list[Json]] = [[{kind: word} for word in draw(_WORDS)] for kind in _KINDS]
    for index, text in enumerate(arguments):
        begun = {"index": index, "id": f"call_{index}", "function": {"name": "f", "arguments": ""}}
        more = [{"index": index, "function": {"arguments": piece}} for piece in pieces(text, size)]
        lines.append([{"tool_calls": [piece]} for piece in (begun, *more)])
    order = [number for number, line in enumerate(lines) for _ in line]
    random.Random(draw(_SEEDS)).shuffle(order)  # a choice for each piece would take longer than the rest
    waiting = [iter(line) for line in lines]
    return arguments, [next(waiting[number]) for number in order]


def _chunk(delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse.render(json.dumps({"id": "chatcmpl-up", "choices": [choice]}).encode())


@BUDGET
@given(_deltas(), st.sampled_from(["responses", "messages"]))
def test_nothing_is_lost_of_pieces_in_any_order(given_: tuple[list[str], list[Json]], front: str) -> None:
    arguments, deltas = given_
    streamed = Streamed(front, "chat", (*map(_chunk, deltas), _chunk({}, "stop")))
    assert streamed.relay.finished
    whole = accumulated(front, streamed.bodies)
    text, thought, calls = _messages(whole) if front == "messages" else _responses(whole)
    told = {kind: "".join(delta.get(kind, "") for delta in deltas) for kind in _KINDS}
    assert sorted(text) == sorted(told["content"] + told["refusal"])
    assert _unbroken(thought) == _unbroken(told["reasoning_content"])
    assert sorted(map(json.dumps, calls)) == sorted(json.dumps(said(json.loads(one or "{}"))) for one in arguments)


def _unbroken(text: str) -> str:
    """Parts of a thought are paragraphs in Messages."""
    return text.replace("\n", "")


def _messages(whole: Json) -> tuple[str, str, list[Any]]:
    blocks = whole.get("content", [])
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    thought = "".join(block["thinking"] for block in blocks if block["type"] == "thinking")
    return text, thought, [block["input"] for block in blocks if block["type"] == "tool_use"]


def _responses(whole: Json) -> tuple[str, str, list[Any]]:
    items = whole.get("output", [])
    parts = [(item["type"], part) for item in items for part in item.get("content", [])]
    text = "".join(part.get("text", part.get("refusal")) for kind, part in parts if kind == "message")
    thought = "".join(part["text"] for kind, part in parts if kind == "reasoning")
    return text, thought, [said(json.loads(item["arguments"])) for item in items if item["type"] == "function_call"]
