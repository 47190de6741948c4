from typing import Any

from dragoman.dialects.responses.open_items import Channel, OpenCall, OpenMessage, OpenReasoning
from dragoman.turn import CallOpened
from dragoman.wire import responses_events as events
from tests.dialects.responses.samples import plain, raw


class Sent:
    """Takes the events of an item."""

    def __init__(self) -> None:
        self.events: list[events.StreamEvent] = []

    def __call__(self, event: events.StreamEvent) -> None:
        self.events.append(event)

    def values(self, kind: type[events.StreamEvent], *names: str) -> list[Any]:
        return [tuple(plain(event)[name] for name in names) for event in self.events if isinstance(event, kind)]


def test_parts_of_a_message_are_numbered() -> None:
    sent = Sent()
    item = OpenMessage("msg_1", 3, sent)
    item.say("a", ())
    item.refuse("no")
    item.say("b", ())
    item.annotate(raw({"type": "file_path"}))
    item.annotate(raw({"type": "file_path"}))
    done = plain(item.close("completed"))
    assert sent.values(events.PartAdded, "output_index", "content_index") == [(3, 0), (3, 1), (3, 2)]
    assert sent.values(events.PartDone, "content_index", "part") == [
        (number, part) for number, part in enumerate(done["content"])
    ]
    assert sent.values(events.AnnotationAdded, "content_index", "annotation_index") == [(2, 0), (2, 1)]
    assert plain(sent.events[-1])["item"] == done


def test_what_was_announced_is_not_changed_by_what_follows() -> None:
    sent = Sent()
    item = OpenMessage("msg_1", 0, sent)
    item.say("a", ())
    item.annotate(raw({"type": "file_path"}))
    item.close("completed")
    assert plain(sent.events[0])["item"]["content"] == []
    assert plain(sent.events[1])["part"] == {"type": "output_text", "text": "", "annotations": [], "logprobs": []}


def test_each_channel_of_reasoning_counts_its_own_parts() -> None:
    sent = Sent()
    item = OpenReasoning("rs_1", 0, sent)
    places: list[tuple[Channel, int]] = [("summary", 0), ("summary", 4), ("text", 0), ("text", 1)]
    for channel, part in places:
        item.think("x", channel, part)
    item.seal("S")
    done = plain(item.close("completed"))
    assert sent.values(events.SummaryPartAdded, "summary_index") == [(0,), (1,)]
    assert sent.values(events.PartAdded, "content_index") == [(0,), (1,)]
    assert (len(done["summary"]), len(done["content"]), done["encrypted_content"]) == (2, 2, "S")


def test_a_call_begins_empty_and_ends_whole() -> None:
    sent = Sent()
    item = OpenCall("fc_1", 0, sent, CallOpened("c", "f"), wrapped=False)
    item.more('{"a"')
    item.finish('{"a":1}')
    done = plain(item.close("completed"))
    assert plain(sent.events[0])["item"] == {**done, "arguments": "", "status": "in_progress"}
    assert sent.values(events.ArgumentsDelta, "delta") == [('{"a"',), (":1}",)]
    assert sent.values(events.ArgumentsDone, "arguments") == [('{"a":1}',)]


def test_a_wrapped_call_says_nothing_before_it_is_whole() -> None:
    sent = Sent()
    item = OpenCall("ctc_1", 0, sent, CallOpened("c", "p"), wrapped=True)
    item.more('{"input":"a')
    assert len(sent.events) == 1
    item.finish('{"input":"ab"}')
    assert sent.values(events.InputDelta, "delta") == [("ab",)]
    assert plain(item.close("completed"))["input"] == "ab"
