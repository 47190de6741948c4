"""The client's decoder against the rules of the HTML Living Standard, 9.2.6, however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.client.errors import DecodeError
from dragoman.client.events import Event, EventDecoder, broken_off
from tests.wire.cuts import PLACES, Parts, at_places, every_way


def decode(parts: Parts) -> list[Event]:
    decoder = EventDecoder()
    return [event for part in parts for event in decoder.receive(part)]


STREAMS: dict[str, tuple[bytes, list[Event]]] = {
    "the four events of the seeds": (
        b"id: 1\nevent: message\ndata: First event\n\nid: 2\nevent: update\ndata: Second event\n\n"
        b"id: 3\ndata: Third event with\ndata: multiple lines\n\nid: 4\nevent: complete\ndata: Final event\n\n",
        [
            Event("First event", "message", "1"),
            Event("Second event", "update", "2"),
            Event("Third event with\nmultiple lines", "message", "3"),
            Event("Final event", "complete", "4"),
        ],
    ),
    "an id outlives its event": (b"id: 7\ndata: a\n\ndata: b\n\n", [Event("a", id="7"), Event("b", id="7")]),
    "an id without data counts": (b"id: 7\n\ndata: b\n\n", [Event("b", id="7")]),
    "an empty id is an id": (b"id: 7\ndata: a\n\nid\ndata: b\n\n", [Event("a", id="7"), Event("b", id="")]),
    "an id with NUL is none": (b"id: 7\n\nid: 8\0\ndata: a\n\n", [Event("a", id="7")]),
    "retry is a number of digits": (b"retry: 250\ndata: a\n\n", [Event("a", retry=250)]),
    "retry outlives its event": (b"retry: 250\n\ndata: a\n\n", [Event("a", retry=250)]),
    "retry is not whatever int takes": (b"retry: +1\nretry: 1_0\nretry: 2 \nretry\ndata: a\n\n", [Event("a")]),
    "no event without data": (b"event: ping\n\n: comment\n\ndata: a\n\n", [Event("a")]),
    "empty data": (b"data\n\ndata:\ndata:\n\n", [Event(""), Event("\n")]),
    "one blank goes": (b"data:a\ndata: b\ndata:  c\n\n", [Event("a\nb\n c")]),
    "CR": (b"data: a\rdata: b\r\rdata: c\r\r", [Event("a\nb"), Event("c")]),
    "CRLF": (b"event: x\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", [Event("1", "x"), Event("2")]),
    "all three": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", [Event("a"), Event("b"), Event("c")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
    "only one byte order mark": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
    "text": ("data: na\u00efve \u20ac \U0001f600\n\n".encode(), [Event("na\u00efve \u20ac \U0001f600")]),
    "what is not UTF-8 is replaced": (b"data: \xff\n\n", [Event("\ufffd")]),
    "an unfinished event is none": (b"data: a\n\ndata: b\n", [Event("a")]),
    "a value may be all colons": (b"data: a: b:c\nid: 1:2\n\n", [Event("a: b:c", id="1:2")]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_means_the_same_however_it_is_cut(name: str) -> None:
    stream, events = STREAMS[name]
    for parts in every_way(stream):
        assert decode(parts) == events, parts


FIELDS = st.sampled_from([b"data", b"data:", b"data: x", b"data:\xe2\x82\xac", b"id: 1", b"id", b"id: \0", b"retry: 5",
                          b"retry: x", b"event: e", b": c", b"", b"foo", b"\xef\xbb\xbf"])  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


@given(st.lists(st.tuples(FIELDS, ENDS), max_size=12), PLACES)
def test_any_stream_means_the_same_however_it_is_cut(lines: list[tuple[bytes, bytes]], places: set[int]) -> None:
    stream = b"".join(field + end for field, end in lines)
    assert decode(at_places(stream, places)) == decode((stream,))


def test_an_unfinished_event_is_pending_and_a_finished_one_is_not() -> None:
    decoder = EventDecoder()
    assert list(decoder.receive(b"id: 9\ndata: a\n\n")) == [Event("a", id="9")]
    assert (decoder.pending, decoder.last_id) == (False, "9")
    assert list(decoder.receive(b"data: b\n")) == []
    assert decoder.pending


def test_an_event_over_the_limit_is_refused_after_those_before_it() -> None:
    decoder = EventDecoder(max_event=10)
    events = decoder.receive(b"data: a\n\ndata: " + b"b" * 20)
    assert next(events) == Event("a")
    with pytest.raises(DecodeError, match="10 bytes"):
        next(events)


def test_the_mark_of_the_end_is_the_whole_of_its_data() -> None:
    assert Event("[DONE]").done
    assert not Event('{"content": "a stream ends with [DONE]"}').done
    assert not Event("[DONE] ").done


def test_data_is_decoded_or_refused() -> None:
    assert Event('{"a": 1}').json() == {"a": 1}
    with pytest.raises(DecodeError, match="not JSON"):
        Event("[DONE").json()


def test_the_gateways_last_word_is_told_from_an_upstreams() -> None:
    ours = '{"type":"t","title":"x","status":502,"detail":"d","code":"stream_aborted","source":"gateway"}'
    said = broken_off(Event(ours, "error"))
    assert said is not None
    assert (said.code, said.detail, said.status) == ("stream_aborted", "d", 502)
    for event in (
        Event(ours),
        Event('{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', "error"),
        Event("not JSON", "error"),
        Event("[]", "error"),
    ):
        assert broken_off(event) is None
