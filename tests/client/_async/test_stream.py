"""Answers as they come: whole, slow, silent, cut off."""

import time

import pytest

from dragoman.client import AsyncClient, Request
from dragoman.client.errors import CallTimeout, DecodeError, NotFound, StreamInterrupted, UpstreamError

EVENTS = Request.get("/events")


def under(scenario: str, request: Request = EVENTS) -> Request:
    return request.header("X-Mock-Scenario", f"instant,{scenario}")


async def test_a_stream_is_read_whole_or_piece_by_piece(client: AsyncClient) -> None:
    whole = await client.execute("stream-test", EVENTS)
    assert whole.is_event_stream
    async with client.stream("stream-test", EVENTS) as answer:
        pieces = [part async for part in answer.iter_bytes()]
    assert b"".join(pieces) == whole.content
    async with client.stream("stream-test", EVENTS) as answer:
        assert [event async for event in answer.sse()] == list(whole.sse())
    async with client.stream("stream-test", EVENTS) as answer:
        assert [line async for line in answer.iter_lines()] == list(whole.iter_lines())


async def test_a_body_of_a_stream_is_read_as_a_value(client: AsyncClient) -> None:
    request = Request.get("/current?city=Boston")
    async with client.stream("weather", request) as answer:
        assert (await answer.json())["location"] == "Boston"
    async with client.stream("weather", request) as answer:
        text = await answer.text()
    async with client.stream("weather", request) as answer:
        assert (await answer.bytes()).decode() == text
    async with client.stream("weather", request) as answer:
        with pytest.raises(DecodeError, match="int"):
            await answer.json(int)


async def test_an_error_is_raised_from_a_stream_with_what_it_says(client: AsyncClient) -> None:
    async with client.stream("github", Request.get("/users/octocat")) as answer:
        await answer.raise_for_status()
        assert (await answer.json())["login"] == "octocat"
    async with client.stream("calculator", Request.post("/x").json({"operation": "divide", "b": 0})) as answer:
        with pytest.raises(UpstreamError, match="400 from the upstream: Division by zero"):
            await answer.raise_for_status()


async def test_what_is_no_event_stream_has_no_events(client: AsyncClient) -> None:
    async with client.stream("weather", Request.get("/current?city=Boston")) as answer:
        with pytest.raises(DecodeError, match="not an event stream"):
            async for _ in answer.sse():
                pass
    async with client.stream("nobody", EVENTS) as answer:
        with pytest.raises(NotFound, match="Unknown alias"):
            async for _ in answer.sse():
                pass


@pytest.mark.parametrize("shape", ["crlf", "cr", "dribble:1", "comments:3"])
async def test_events_are_the_same_whatever_they_look_like_on_the_wire(client: AsyncClient, shape: str) -> None:
    async with client.stream("stream-test", under(shape)) as answer:
        events = [event async for event in answer.sse()]
    assert [(event.id, event.event) for event in events] == [
        ("1", "message"), ("2", "update"), ("3", "message"), ("4", "complete"),
    ]  # fmt: skip
    assert events[2].data == "Third event with\nmultiple lines"


@pytest.mark.parametrize("fault", ["cut-after:2", "reset-after:2", "cut-mid-event:2"])
async def test_a_stream_that_is_cut_off_raises_and_says_where_to_resume(client: AsyncClient, fault: str) -> None:
    seen = []
    async with client.stream("stream-test", under(fault)) as answer:
        with pytest.raises(StreamInterrupted) as raised:
            async for event in answer.sse():
                seen.append(event.id)
    assert seen == ["1", "2"]
    assert raised.value.last_event_id == "2"
    assert raised.value.received > 0
    # Behind a gateway the gateway says what happened; without one the connection does.
    assert raised.value.source == ("gateway" if raised.value.problem is not None else "client")


async def test_behind_a_gateway_a_broken_stream_says_why(gateway: AsyncClient) -> None:
    async with gateway.stream("stream-test", under("cut-after:2")) as answer:
        with pytest.raises(StreamInterrupted, match="broke") as raised:
            async for _ in answer.sse():
                pass
    assert raised.value.problem is not None
    assert raised.value.problem.code == "stream_aborted"
    assert raised.value.problem.request_id == answer.request_id


@pytest.mark.parametrize("read", ["execute", "bytes", "lines"])
async def test_a_stream_that_is_cut_off_raises_whichever_way_it_is_read(client: AsyncClient, read: str) -> None:
    with pytest.raises(StreamInterrupted):
        if read == "execute":
            await client.execute("stream-test", under("reset-after:2"))
        async with client.stream("stream-test", under("reset-after:2")) as answer:
            if read == "bytes":
                async for _ in answer.iter_bytes():
                    pass
            else:
                async for _ in answer.iter_lines():
                    pass


async def test_a_body_shorter_than_its_length_raises(client: AsyncClient) -> None:
    text = "x" * 200_000  # more than the gateway looks at before it sends the head
    request = Request.post("/v1/chat/completions").json(
        {"model": "gpt-4", "messages": [{"role": "user", "content": text}]}
    )
    with pytest.raises(StreamInterrupted) as raised:
        await client.execute("openai", under("content-length-lie", request))
    assert raised.value.received > 100_000


async def test_a_body_that_is_not_in_its_encoding_is_no_whole_body(client: AsyncClient) -> None:
    with pytest.raises(StreamInterrupted, match="before its encoding does"):
        await client.execute("github", under("truncated-gzip", Request.get("/users/octocat")))


async def test_a_stream_outlives_any_number_of_idle_times_and_a_longer_silence_ends_it(gateway: AsyncClient) -> None:
    words = " ".join(["word"] * 8)
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": words}], "stream": True}
    request = Request.post("/v1/chat/completions").json(body).timeout(idle=0.25)
    started = time.monotonic()
    async with gateway.stream("openai", request.header("X-Mock-Scenario", "delay:55")) as answer:
        events = [event async for event in answer.sse()]
    assert events[-1].done
    assert time.monotonic() - started > 2 * 0.25
    async with gateway.stream("openai", request.header("X-Mock-Scenario", "instant,stall-after:2")) as answer:
        with pytest.raises(CallTimeout) as raised:
            async for _ in answer.sse():
                pass
    assert raised.value.phase == "idle"


async def test_a_total_ends_a_stream_that_is_never_idle(client: AsyncClient) -> None:
    words = " ".join(["word"] * 100)
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": words}], "stream": True}
    request = Request.post("/v1/chat/completions").json(body).timeout(total=0.2)
    started = time.monotonic()
    async with client.stream("openai", request.header("X-Mock-Scenario", "delay:50")) as answer:
        with pytest.raises(CallTimeout) as raised:
            async for _ in answer.sse():
                pass
    assert raised.value.phase == "total"
    assert time.monotonic() - started < 2.0


async def test_an_answer_that_does_not_begin_is_not_waited_for(client: AsyncClient) -> None:
    with pytest.raises(CallTimeout) as raised:
        await client.execute("github", under("stall", Request.get("/users/octocat")).timeout(first_byte=0.1))
    assert raised.value.phase == "first_byte"
