from collections.abc import Iterator

import msgspec
import pytest

from dragoman.client import errors
from dragoman.client.errors import DecodeError, StreamInterrupted, UpstreamError
from dragoman.client.events import Event
from dragoman.client.headers import Headers
from dragoman.client.response import Response

PROBLEM = {"content-type": "application/problem+json", "x-oagw-error-source": "gateway", "x-request-id": "req_1"}


def events_of(body: bytes) -> Iterator[Event]:
    return response(body, content_type="text/event-stream").sse()


def response(body: bytes = b"", status: int = 200, **headers: str) -> Response:
    return Response(status, Headers((name.replace("_", "-"), value) for name, value in headers.items()), body)


class Weather(msgspec.Struct):
    location: str


@pytest.mark.parametrize(
    ("given", "source"),
    [("gateway", "gateway"), (" Upstream ", "upstream"), ("", "unknown"), ("somebody", "unknown")],
)
def test_who_speaks_is_told_by_the_header(given: str, source: str) -> None:
    assert response(x_oagw_error_source=given).error_source == source


def test_a_body_is_read_in_each_way_and_as_often_as_one_likes() -> None:
    answer = response('{"location": "S\u00e3o"}\n'.encode())
    for _ in range(2):
        assert answer.bytes() == answer.content
        assert answer.text() == '{"location": "S\u00e3o"}\n'
        assert answer.json() == {"location": "S\u00e3o"}
        assert answer.json(Weather) == Weather("S\u00e3o")
        assert list(answer.iter_bytes()) == [answer.content]
        assert list(answer.iter_lines()) == ['{"location": "S\u00e3o"}']
    assert list(response().iter_bytes()) == []


def test_json_that_is_none_or_another_is_refused_with_its_beginning() -> None:
    with pytest.raises(DecodeError, match="<html>"):
        response(b"<html>").json()
    with pytest.raises(DecodeError, match="location"):
        response(b"{}").json(Weather)


def test_events_of_a_body_and_of_one_that_ends_within_an_event() -> None:
    assert list(events_of(b"data: a\n\nid: 2\ndata: b\n\n")) == [Event("a"), Event("b", id="2")]
    events = events_of(b"id: 2\ndata: a\n\ndata: b")
    assert next(events).data == "a"
    with pytest.raises(StreamInterrupted, match="within an event") as raised:
        next(events)
    assert (raised.value.last_event_id, raised.value.received) == ("2", 22)
    assert raised.value.source == "client"


def test_what_is_no_event_stream_has_no_events() -> None:
    with pytest.raises(DecodeError, match="'application/json', not an event stream"):
        list(response(b"{}", content_type="application/json").sse())
    with pytest.raises(DecodeError, match="of no type"):
        list(response(b"").sse())
    with pytest.raises(UpstreamError, match="429"):
        list(response(b"{}", 429, content_type="application/json").sse())


def test_events_that_the_gateway_breaks_off() -> None:
    last = b'event: error\ndata: {"code": "idle_timeout", "source": "gateway", "detail": "Fell silent."}\n\n'
    events = events_of(b"id: 2\ndata: a\n\n" + last)
    assert next(events).data == "a"
    with pytest.raises(StreamInterrupted, match="Fell silent") as raised:
        next(events)
    assert (raised.value.source, raised.value.last_event_id) == ("gateway", "2")
    assert raised.value.problem is not None
    assert raised.value.problem.code == "idle_timeout"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "\u0663"}, None),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Sat, 28 Nov 2026 12:00:30 GMT", "date": "Sat, 28 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Sat, 28 Nov 2026 12:00:00 GMT", "date": "Sat, 28 Nov 2026 12:00:30 GMT"}, 0.0),
        ({"retry-after": "Sat, 28 Nov 2026 12:00:00 GMT"}, None),
        ({"retry-after": "Sat, 99 Nov 2026 12:00:00 GMT", "date": "Sat, 28 Nov 2026 12:00:30 GMT"}, None),
    ],
)
def test_when_a_repeat_can_help(headers: dict[str, str], seconds: float | None) -> None:
    assert Response(200, Headers(headers.items()), b"").retry_after == seconds


def test_a_success_raises_nothing_and_has_no_problem() -> None:
    answer = response(b'{"error": "is only a member here"}')
    assert answer.raise_for_status() is answer
    assert answer.problem is None


def test_an_error_of_the_gateway_is_raised_as_what_it_is() -> None:
    body = b'{"code": "rate_limit_exceeded", "detail": "Wait.", "source": "gateway", "retriable": true}'
    answer = Response(429, Headers({**PROBLEM, "retry-after": "3"}.items()), body)
    with pytest.raises(errors.RateLimited, match="429 from the gateway: Wait") as raised:
        answer.raise_for_status()
    error = raised.value
    assert (error.source, error.status, error.code, error.retry_after) == ("gateway", 429, "rate_limit_exceeded", 3.0)
    assert (error.request_id, error.response) == ("req_1", answer)
    assert error.problem is not None
    assert error.problem.retriable is True


@pytest.mark.parametrize("source", ["upstream", "", "odd"])
def test_an_error_that_is_not_the_gateways_is_an_upstreams(source: str) -> None:
    answer = response(b'{"error": {"message": "Rate limit exceeded"}}', 429, x_oagw_error_source=source)
    with pytest.raises(UpstreamError, match="429 from the upstream: Rate limit exceeded") as raised:
        answer.raise_for_status()
    assert raised.value.source == "upstream"


def test_an_error_that_says_nothing_is_still_raised() -> None:
    with pytest.raises(UpstreamError, match=r"502 from the upstream$") as raised:
        response(b"<html>Bad Gateway</html>", 502).raise_for_status()
    assert (raised.value.problem, raised.value.code) == (None, "")


def test_a_head_shows_no_body() -> None:
    assert repr(response(b"secret", 201, x_oagw_error_source="upstream")) == "<Response 201 from upstream>"
    assert response(content_type="Text/Event-Stream; charset=utf-8").is_event_stream
