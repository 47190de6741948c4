# Written by scripts/unasync.py from tests/client/_async/test_stream.py; change that instead.
"""Answers as they come: whole, slow, silent, cut off."""

import time

import pytest

from dragoman.client import Client, Request
from dragoman.client.errors import CallTimeout, DecodeError, NotFound, StreamInterrupted, UpstreamError

EVENTS = Request.get("/events")


def under(scenario: str, request: Request = EVENTS) -> Request:
    return request.header("X-Mock-Scenario", f"instant,{scenario}")


def test_a_stream_is_read_whole_or_piece_by_piece(client: Client) -> None:
    whole = client.execute("stream-test", EVENTS)
    assert whole.is_event_stream
    with client.stream("stream-test", EVENTS) as answer:
        pieces = [part for part in answer.iter_bytes()]
    assert b"".join(pieces) == whole.content
    with client.stream("stream-test", EVENTS) as answer:
        assert [event for event in answer.sse()] == list(whole.sse())
    with client.stream("stream-test", EVENTS) as answer:
        assert [line for line in answer.iter_lines()] == list(whole.iter_lines())


def test_a_body_of_a_stream_is_read_as_a_value(client: Client) -> None:
    request = Request.get("/current?city=Boston")
    with client.stream("weather", request) as answer:
        assert (answer.json())["location"] == "Boston"
    with client.stream("weather", request) as answer:
        text = answer.text()
    with client.stream("weather", request) as answer:
        assert (answer.bytes()).decode() == text
    with client.stream("weather", request) as answer:
        with pytest.raises(DecodeError, match="int"):
            answer.json(int)


def test_an_error_is_raised_from_a_stream_with_what_it_says(client: Client) -> None:
    with client.stream("github", Request.get("/users/octocat")) as answer:
        answer.raise_for_status()
        assert (answer.json())["login"] == "octocat"
    with client.stream("calculator", Request.post("/x").json({"operation": "divide", "b": 0})) as answer:
        with pytest.raises(UpstreamError, match="400 from the upstream: Division by zero"):
            answer.raise_for_status()


def test_what_is_no_event_stream_has_no_events(client: Client) -> None:
    with client.stream("weather", Request.get("/current?city=Boston")) as answer:
        with pytest.raises(DecodeError, match="not an event stream"):
            for _ in answer.sse():
                pass
    with client.stream("nobody", EVENTS) as answer:
        with pytest.raises(NotFound, match="Unknown alias"):
            for _ in answer.sse():
                pass


@pytest.mark.parametrize("shape", ["crlf", "cr", "dribble:1", "comments:3"])
def test_events_are_the_same_whatever_they_look_like_on_the_wire(client: Client, shape: str) -> None:
    with client.stream("stream-test", under(shape)) as answer:
        events = [event for event in answer.sse()]
    assert [(event.id, event.event) for event in events] == [
        ("1", "message"), ("2", "update"), ("3", "message"), ("4", "complete"),
    ]  # fmt: skip
    assert events[2].data == "Third event with\nmultiple lines"


@pytest.mark.parametrize("fault", ["cut-after:2", "reset-after:2", "cut-mid-event:2"])
def test_a_stream_that_is_cut_off_raises_and_says_where_to_resume(client: Client, fault: str) -> None:
    seen = []
    with client.stream("stream-test", under(fault)) as answer:
        with pytest.raises(StreamInterrupted) as raised:
            for event in answer.sse():
                seen.append(event.id)
    assert seen == ["1", "2"]
    assert raised.value.last_event_id == "2"
    assert raised.value.received > 0
    # Behind a gateway the gateway says what happened; without one the connection does.
    assert raised.value.source == ("gateway" if raised.value.problem is not None else "client")


def test_behind_a_gateway_a_broken_stream_says_why(gateway: Client) -> None:
    with gateway.stream("stream-test", under("cut-after:2")) as answer:
        with pytest.raises(StreamInterrupted, match="broke") as raised:
            for _ in answer.sse():
                pass
    assert raised.value.problem is not None
    assert raised.value.problem.code == "stream_aborted"
    assert raised.value.problem.request_id == answer.request_id


@pytest.mark.parametrize("read", ["execute", "bytes", "lines"])
def test_a_stream_that_is_cut_off_raises_whichever_way_it_is_read(client: Client, read: str) -> None:
    with pytest.raises(StreamInterrupted):
        if read == "execute":
            client.execute("stream-test", under("reset-after:2"))
        with client.stream("stream-test", under("reset-after:2")) as answer:
            if read == "bytes":
                for _ in answer.iter_bytes():
                    pass
            else:
                for _ in answer.iter_lines():
                    pass


def test_a_body_shorter_than_its_length_raises(client: Client) -> None:
    text = "x" * 200_000  # more than the gateway looks at before it sends the head
    request = Request.post("/v1/chat/completions").json(
        {"model": "gpt-4", "messages": [{"role": "user", "content": text}]}
    )
    with pytest.raises(StreamInterrupted) as raised:
        client.execute("openai", under("content-length-lie", request))
    assert raised.value.received > 100_000


def test_a_body_that_is_not_in_its_encoding_is_no_whole_body(client: Client) -> None:
    with pytest.raises(StreamInterrupted, match="before its encoding does"):
        client.execute("github", under("truncated-gzip", Request.get("/users/octocat")))


def test_a_stream_outlives_any_number_of_idle_times_and_a_longer_silence_ends_it(gateway: Client) -> None:
    words = " ".join(["word"] * 8)
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": words}], "stream": True}
    request = Request.post("/v1/chat/completions").json(body).timeout(idle=0.25)
    started = time.monotonic()
    with gateway.stream("openai", request.header("X-Mock-Scenario", "delay:55")) as answer:
        events = [event for event in answer.sse()]
    assert events[-1].done
    assert time.monotonic() - started > 2 * 0.25
    with gateway.stream("openai", request.header("X-Mock-Scenario", "instant,stall-after:2")) as answer:
        with pytest.raises(CallTimeout) as raised:
            for _ in answer.sse():
                pass
    assert raised.value.phase == "idle"


def test_a_total_ends_a_stream_that_is_never_idle(client: Client) -> None:
    words = " ".join(["word"] * 100)
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": words}], "stream": True}
    request = Request.post("/v1/chat/completions").json(body).timeout(total=0.2)
    started = time.monotonic()
    with client.stream("openai", request.header("X-Mock-Scenario", "delay:50")) as answer:
        with pytest.raises(CallTimeout) as raised:
            for _ in answer.sse():
                pass
    assert raised.value.phase == "total"
    assert time.monotonic() - started < 2.0


def test_an_answer_that_does_not_begin_is_not_waited_for(client: Client) -> None:
    with pytest.raises(CallTimeout) as raised:
        client.execute("github", under("stall", Request.get("/users/octocat")).timeout(first_byte=0.1))
    assert raised.value.phase == "first_byte"
