import pytest

from dragoman.dialects.responses import floor
from dragoman.dialects.responses.floor import Floor
from dragoman.dialects.responses.given_items import GivenItem
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
)
from tests.dialects.responses.samples import plain, raw

A, B, C = (GivenItem("", number) for number in range(3))
OPEN: dict[GivenItem, Event] = {item: CallOpened(name, name) for item, name in ((A, "a"), (B, "b"), (C, "c"))}
CLOSED = CallClosed("{}")


def order(*given: tuple[GivenItem, Event]) -> list[Event]:
    machine = Floor()
    out: list[Event] = []
    for item, event in given:
        machine.give(item, 0, [event], out)
    return out


def test_what_belongs_to_others_waits_for_an_open_call() -> None:
    a, b = CallDelta("a"), CallDelta("b")
    assert order((A, OPEN[A]), (B, OPEN[B]), (A, a), (B, b), (B, CLOSED), (A, CLOSED)) == [
        OPEN[A], a, CLOSED, OPEN[B], b, CLOSED,
    ]  # fmt: skip


def test_what_waits_keeps_its_order_and_waits_again_for_another_call() -> None:
    text, late = TextDelta("x"), CallDelta("late")
    given = [(A, OPEN[A]), (B, OPEN[B]), (C, text), (A, CLOSED), (B, late), (C, text), (B, CLOSED)]
    assert order(*given) == [OPEN[A], CLOSED, OPEN[B], late, CLOSED, text, text]


def test_what_waits_follows_item_by_item() -> None:
    thought, said, late = ReasoningDelta("t"), TextDelta("x"), CallDelta("late")
    given = [(A, OPEN[A]), (B, thought), (C, said), (B, thought), (A, CLOSED), (B, thought)]
    assert order(*given) == [OPEN[A], CLOSED, thought, thought, said, thought]
    calls = [(A, OPEN[A]), (B, OPEN[B]), (C, OPEN[C]), (C, CLOSED), (B, late), (A, CLOSED), (B, CLOSED)]
    assert order(*calls) == [OPEN[A], CLOSED, OPEN[B], late, CLOSED, OPEN[C], CLOSED]


def test_texts_and_reasoning_do_not_wait_for_one_another() -> None:
    events: list[Event] = [TextDelta("a"), RefusalDelta("b"), TextDelta("c")]
    assert order((A, events[0]), (B, events[1]), (A, events[2])) == events


def test_a_call_that_is_never_closed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor, "MAX_WAITING", 3)
    with pytest.raises(WireError, match="never closed"):
        order((A, OPEN[A]), *[(B, TextDelta("x"))] * 4)


@pytest.mark.parametrize(
    ("between", "shift"),
    [
        ([], 3),
        ([ReasoningDelta("t")], 0),
        ([OPEN[C], CLOSED], 0),
        ([RefusalDelta("no")], 0),
        ([ReasoningSealed("s", "responses")], 0),
    ],
)
def test_annotations_count_from_where_the_run_of_text_began(between: list[Event], shift: int) -> None:
    place = {"type": "url_citation", "start_index": 0, "end_index": 2}
    given: list[tuple[GivenItem, Event]] = [(A, TextDelta("abc"))]
    given += [(C, event) for event in between]
    given += [(B, TextDelta("de")), (B, Annotated(raw(place)))]
    moved = {**place, "start_index": shift, "end_index": 2 + shift}
    assert plain(order(*given)[-1]) == plain(Annotated(raw(moved)))


@pytest.mark.parametrize("odd", [{"type": "file_path", "index": 1}, {"start_index": "x"}, [], 7])
def test_an_annotation_without_a_place_is_not_moved(odd: object) -> None:
    given = Annotated(raw(odd))
    assert plain(order((A, TextDelta("abc")), (B, TextDelta("d")), (B, given))[-1]) == plain(given)


def test_reasoning_after_reasoning_of_another_item_goes_on_counting() -> None:
    def summary(part: int) -> ReasoningDelta:
        return ReasoningDelta("x", "summary", part)

    given: list[tuple[GivenItem, Event]] = [(A, summary(0)), (A, summary(1)), (B, summary(0))]
    events = order(*given, (B, ReasoningDelta("x")), (C, summary(0)))
    assert [(event.channel, event.part) for event in events if isinstance(event, ReasoningDelta)] == [
        ("summary", 0), ("summary", 1), ("summary", 2), ("text", 0), ("summary", 3),
    ]  # fmt: skip


def test_a_seal_ends_the_counting() -> None:
    events = order((A, ReasoningDelta("x")), (A, ReasoningSealed("s", "responses")), (B, ReasoningDelta("y")))
    assert events[-1] == ReasoningDelta("y")
