"""Reasoning in envelopes: what is sealed when, and what comes of an envelope that comes back."""

import base64
import json
from typing import Any

import msgspec
import pytest

from dragoman.dialects.sealing import (
    PREFIX,
    Envelopes,
    SealedEvents,
    asking,
    strip,
    unwrap,
    wrap_items,
)
from dragoman.turn import (
    Event,
    Loss,
    Message,
    Native,
    Opened,
    Place,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Stop,
    Stopped,
    Text,
    TextDelta,
    Thinking,
    Turn,
    Usage,
    Used,
)


class Plain:
    """Seals without secrecy, so that tests can look inside."""

    def seal(self, data: bytes, bound: bytes) -> str:
        return base64.urlsafe_b64encode(bound + b"|" + data).decode()

    def open(self, sealed: str, bound: bytes) -> bytes | None:
        found, _, data = base64.urlsafe_b64decode(sealed).partition(b"|")
        return data if found == bound else None


MINE = Envelopes(Plain(), b"mine")
SIGNED = Reasoning(("thought",), seal="signature", sealed_by="messages")


def through(events: list[Event], front: str = "responses") -> list[Event]:
    machine = SealedEvents(front, MINE)
    return [given for event in events for given in machine.take(event)]


def inside(event: Event) -> Reasoning | None:
    assert isinstance(event, ReasoningSealed)
    return MINE.open(event.seal)


def test_an_envelope_gives_back_what_went_in() -> None:
    item = Reasoning(("a", "b"), ("s",), "sig", "messages", "rs_1")
    envelope = MINE.close(item)
    assert envelope.startswith(PREFIX)
    assert MINE.open(envelope) == Reasoning(("a", "b"), ("s",), "sig", "messages")


def test_a_request_gets_the_reasoning_of_its_envelopes() -> None:
    items = (Message("user", (Text("hi"),)), Reasoning(seal=MINE.close(SIGNED), sealed_by="responses", id="rs_1"))
    losses: list[Loss] = []
    turn = unwrap(Turn("m", items=items), MINE, losses)
    assert turn.items == (items[0], Reasoning(("thought",), seal="signature", sealed_by="messages", id="rs_1"))
    assert not losses


def test_what_was_sealed_for_another_is_left_out_and_said() -> None:
    envelope = Envelopes(Plain(), b"theirs").close(SIGNED)
    losses: list[Loss] = []
    turn = unwrap(Turn("m", items=(Reasoning(seal=envelope, sealed_by="responses"),)), MINE, losses)
    assert turn.items == ()
    assert [(loss.param, loss.kind) for loss in losses] == [("input[0].encrypted_content", "dropped")]


def test_what_stays_keeps_its_place() -> None:
    envelope = Envelopes(Plain(), b"theirs").close(SIGNED)
    items = (Message("user", ()), Reasoning(seal=envelope, sealed_by="messages"), Message("user", ()))
    losses: list[Loss] = []
    places = (Place("messages[1].content[0]"), Place("messages[2]"))
    turn = unwrap(Turn("m", items=items, dialect="messages", places=places), MINE, losses)
    assert (len(turn.items), turn.places) == (2, (Place("messages[2]"),))
    assert losses == [Loss("messages[1].content[0].signature", "dropped", "it was sealed for another model")]


def test_a_turn_without_envelopes_stays_as_it_is() -> None:
    turn = Turn("m", items=(SIGNED, Reasoning(("open",))))
    assert unwrap(turn, MINE, []) is turn


def test_an_answers_reasoning_is_sealed_for_callers_that_can_carry_it() -> None:
    items = (SIGNED, Reasoning(("open",)), Message("assistant", (Text("x"),)))
    first, second, third = wrap_items(items, "responses", MINE)
    assert isinstance(first, Reasoning)
    assert isinstance(second, Reasoning)
    assert (first.sealed_by, first.text, MINE.open(first.seal)) == ("responses", ("thought",), SIGNED)
    assert MINE.open(second.seal) == Reasoning(("open",))
    assert third is items[2]
    assert wrap_items(items, "messages", MINE)[0] is SIGNED
    assert wrap_items(items, "chat", MINE) is items


def test_thoughts_that_a_stream_cannot_tell_apart_are_in_one_envelope() -> None:
    open_ones = (Reasoning(("a",), id="rs_1"), Reasoning((), ("b",)), Reasoning(("c",), id="rs_3"))
    hosted = Native("responses", "web_search_call", "output[0]", msgspec.Raw(b"{}"))
    *before, wrapped, said = wrap_items(
        (open_ones[0], hosted, *open_ones[1:], Message("assistant", (Text("hi"),))), "messages", MINE
    )
    assert tuple(before) == open_ones[:2]
    assert isinstance(wrapped, Reasoning)
    assert (wrapped.text, wrapped.summary, wrapped.id) == (("c",), (), "rs_3")
    assert MINE.open(wrapped.seal) == Reasoning(("a", "c"), ("b",))
    assert isinstance(said, Message)


def test_a_thought_that_says_nothing_needs_no_envelope() -> None:
    assert wrap_items((Reasoning(id="rs_1"),), "messages", MINE) == (Reasoning(id="rs_1"),)


def test_a_streams_seal_becomes_an_envelope_with_what_was_thought() -> None:
    events: list[Event] = [
        Opened("a", 0, "m"),
        ReasoningDelta("tho"),
        ReasoningDelta("ught"),
        ReasoningSealed("signature", "messages"),
        TextDelta("x"),
        Stopped(Stop.END),
    ]
    given = through(events)
    assert given[:3] + given[4:] == events[:3] + events[4:]
    assert inside(given[3]) == SIGNED


def test_reasoning_in_the_open_is_sealed_where_the_next_thing_begins() -> None:
    events: list[Event] = [
        ReasoningDelta("s", "summary"),
        ReasoningDelta("a", "text", 0),
        ReasoningDelta("b", "text", 1),
        Used(Usage(1, 1)),
        TextDelta("x"),
        ReasoningDelta("c"),
        Stopped(Stop.END),
    ]
    given = through(events)
    assert [type(event).__name__ for event in given] == [
        "ReasoningDelta", "ReasoningDelta", "ReasoningDelta", "Used", "ReasoningSealed", "TextDelta",
        "ReasoningDelta", "ReasoningSealed", "Stopped",
    ]  # fmt: skip
    assert inside(given[4]) == Reasoning(("a", "b"), ("s",))
    assert inside(given[7]) == Reasoning(("c",))


def test_a_seal_of_the_callers_own_dialect_passes() -> None:
    events: list[Event] = [ReasoningDelta("a"), ReasoningSealed("own", "responses"), TextDelta("x")]
    assert through(events) == events


@pytest.mark.parametrize(
    ("front", "back", "thinking", "asks"),
    [
        ("messages", "responses", Thinking(effort="low"), True),
        ("messages", "responses", Thinking(budget_tokens=2000), True),
        ("messages", "responses", Thinking(effort="none"), False),
        ("messages", "responses", Thinking(), False),
        ("messages", "chat", Thinking(effort="low"), False),
        ("chat", "responses", Thinking(effort="low"), False),
    ],
)
def test_a_responses_upstream_is_asked_for_its_seal(front: str, back: str, thinking: Thinking, asks: bool) -> None:
    turn = Turn("m", thinking=thinking)
    found = asking(turn, front, back)
    assert [extra.param for extra in found.extras] == (["include"] if asks else [])


def test_a_request_past_the_translation_loses_its_envelopes_and_nothing_else() -> None:
    sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": MINE.close(SIGNED)}
    theirs = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA"}
    said = {"type": "message", "role": "user", "content": "hi"}
    body, losses = strip(json.dumps({"model": "m", "input": [sealed, theirs, said], "odd": 1}).encode(), "responses")
    assert json.loads(body) == {"model": "m", "input": [theirs, said], "odd": 1}
    assert [loss.param for loss in losses] == ["input[0].encrypted_content"]


def test_a_messages_request_loses_its_signed_envelopes() -> None:
    sealed = {"type": "thinking", "thinking": "x", "signature": MINE.close(SIGNED)}
    theirs = {"type": "thinking", "thinking": "x", "signature": "sig"}
    messages: Any = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [sealed, theirs, {"type": "text", "text": "x"}]},
    ]
    body, losses = strip(json.dumps({"model": "m", "messages": messages}).encode(), "messages")
    assert json.loads(body)["messages"] == [messages[0], {"role": "assistant", "content": messages[1]["content"][1:]}]
    assert [loss.param for loss in losses] == ["messages[1].content[0].signature"]


@pytest.mark.parametrize("front", ["responses", "messages", "chat"])
def test_a_request_without_envelopes_says_the_same(front: str) -> None:
    given = {"model": "m", "input": "drg1.", "messages": [{"role": "user", "content": [7, "drg1."]}]}
    body, losses = strip(json.dumps(given).encode(), front)
    assert (json.loads(body), losses) == (given, ())


@pytest.mark.parametrize("messages", ["drg1.", ["drg1."], [7, {"content": "drg1."}], [{"content": [7]}, "drg1."]])
def test_a_request_that_is_not_right_is_left_to_the_upstream_to_judge(messages: object) -> None:
    given = {"model": "m", "messages": messages}
    body, losses = strip(json.dumps(given).encode(), "messages")
    assert (json.loads(body), losses) == (given, ())
