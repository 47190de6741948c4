import pytest

from dragoman.dialects.responses.given_items import GivenItem
from dragoman.errors import WireError
from dragoman.turn import Annotated, CallClosed, CallDelta, CallOpened, Event, ReasoningSealed, RefusalDelta, TextDelta
from dragoman.wire import responses as wire
from dragoman.wire import responses_events as events
from tests.dialects.responses.samples import plain, raw


def flat(given: list[tuple[int, list[Event]]]) -> list[Event]:
    return [event for _, some in given for event in some]


def said(*texts: str) -> wire.GivenItem:
    return wire.GivenItem(type="message", content=[wire.GivenPart("output_text", text) for text in texts])


CALL = wire.GivenItem(type="function_call", call_id="c", name="f", arguments='{"a":1}')


def test_of_a_whole_text_only_the_rest_is_new() -> None:
    item = GivenItem("message", 0)
    assert item.text(events.GivenDelta(delta="He")) == [TextDelta("He")]
    assert flat(item.whole(said("Hello", "more"))) == [TextDelta("llo"), TextDelta("more")]
    assert flat(item.whole(said("Hello", "more"))) == []
    assert item.done


def test_annotations_and_seals_are_given_once() -> None:
    item = GivenItem("message", 0)
    assert plain(item.annotation(events.GivenAnnotation(annotation=raw(1)))) == plain([Annotated(raw(1))])
    part = wire.GivenPart("output_text", "a", annotations=[raw(1), raw(2)])
    whole = wire.GivenItem(type="message", content=[part, wire.GivenPart("refusal", refusal="no")])
    expected: list[Event] = [TextDelta("a"), Annotated(raw(2)), RefusalDelta("no")]
    assert plain(flat(item.whole(whole))) == plain(expected)
    assert flat(item.whole(whole)) == []
    thought = GivenItem("reasoning", 0)
    sealed = wire.GivenItem(type="reasoning", encrypted_content="S")
    assert flat(thought.whole(sealed)) == [ReasoningSealed("S", "responses")]
    assert flat(thought.whole(sealed)) == []


def test_an_annotation_of_nothing_is_none() -> None:
    item = GivenItem("message", 0)
    assert item.annotation(events.GivenAnnotation(annotation=raw(None))) == []
    part = wire.GivenPart("output_text", "a", annotations=[raw(None), raw(2)])
    whole = wire.GivenItem(type="message", content=[part])
    assert plain(flat(item.whole(whole))) == plain([TextDelta("a"), Annotated(raw(2))])


def test_a_call_is_opened_when_it_is_known_whose_it_is() -> None:
    item = GivenItem("function_call", 0)
    assert item.arguments(events.GivenDelta(delta='{"a"')) == []
    assert item.arguments_done(events.GivenCallDone(arguments='{"a":1}')) == []
    expected = [CallOpened("c", "f"), CallDelta('{"a"'), CallDelta(":1}"), CallClosed('{"a":1}')]
    assert flat(item.whole(CALL)) == expected
    assert item.end() == []
    assert item.arguments(events.GivenDelta(delta="late")) == []


def test_a_call_without_an_id_gets_one_of_its_place() -> None:
    item = GivenItem("function_call", 7)
    opened, *_ = flat(item.whole(wire.GivenItem(type="function_call", name="f")))
    assert opened == CallOpened("call_7", "f")


def test_a_call_without_a_name_is_an_error() -> None:
    item = GivenItem("custom_tool_call", 0)
    with pytest.raises(WireError, match="without a name"):
        item.whole(wire.GivenItem(type="custom_tool_call", call_id="c"))


def test_only_calls_have_an_end() -> None:
    assert GivenItem("message", 0).end() == []
