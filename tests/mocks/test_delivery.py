"""What each fault does to a socket, for streams and buffered bodies, over every service."""

import gzip
import json

import httpx2
import pytest

from dragoman.mocks.app import MockApp, app
from dragoman.mocks.server import MockServer
from tests.mocks.client import Transcript, chat, data_of, http, message, response, talk

TARGETS = {
    "stream": ("POST", "/v1/chat/completions", chat(stream=True)),
    "responses": ("POST", "/v1/responses", response(stream=True)),
    "messages": ("POST", "/v1/messages", message(stream=True)),
    "buffered": ("POST", "/v1/chat/completions", chat()),
    "response": ("POST", "/v1/responses", response()),
    "message": ("POST", "/v1/messages", message()),
    "events": ("GET", "/stream-test/events", None),
    "small": ("GET", "/weather/current?city=Boston", None),
}
EVERY = pytest.mark.parametrize("target", TARGETS)
STREAMS = pytest.mark.parametrize("target", ["stream", "responses", "messages", "events"])
BODIES = pytest.mark.parametrize("target", ["buffered", "response", "message", "small"])


async def run(server: MockServer, target: str, spec: str, silence: float = 5.0) -> Transcript:
    method, path, body = TARGETS[target]
    return await talk(server.port, http(method, f"/scenario/{spec}{path}", body), silence=silence)


@EVERY
async def test_without_a_fault_the_connection_ends_after_the_answer(server: MockServer, target: str) -> None:
    answer = await run(server, target, "ok")
    assert (answer.status, answer.ending) == (200, "eof")


@EVERY
async def test_a_connection_is_dropped_without_a_byte(server: MockServer, target: str) -> None:
    assert await run(server, target, "drop") == Transcript(b"", "eof")
    assert await run(server, target, "refuse-before-headers") == Transcript(b"", "eof")


@EVERY
async def test_a_connection_is_reset_without_a_byte(server: MockServer, target: str) -> None:
    assert await run(server, target, "reset") == Transcript(b"", "reset")


@EVERY
async def test_a_connection_is_reset_after_the_head(server: MockServer, target: str) -> None:
    answer = await run(server, target, "reset-after-headers")
    assert (answer.status, answer.raw_body, answer.ending) == (200, b"", "reset")


@STREAMS
@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_stream_is_cut_after_whole_events_without_its_last_chunk(
    server: MockServer, target: str, count: int
) -> None:
    answer = await run(server, target, f"cut-after:{count}")
    assert (len(answer.events), answer.ending, answer.whole) == (count, "eof", False)
    answer = await run(server, target, f"reset-after:{count}")
    assert (len(answer.events), answer.ending, answer.whole) == (count, "reset", False)


@STREAMS
async def test_a_stream_is_cut_in_an_event_and_in_a_character(server: MockServer, target: str) -> None:
    for spec in ("cut-mid-event:2", "cut-mid-utf8:2"):
        answer = await run(server, target, spec)
        assert (len(answer.events), answer.ending, answer.whole) == (2, "eof", False)
        assert not answer.body.endswith(b"\n\n")
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()


@BODIES
async def test_a_body_is_cut_short_of_its_length(server: MockServer, target: str) -> None:
    whole = await run(server, target, "ok")
    for spec, ending in (("cut-after:1", "eof"), ("cut-mid-event", "eof"), ("reset-after:1", "reset")):
        answer = await run(server, target, spec)
        assert len(answer.raw_body) == len(whole.raw_body) // 2
        assert b"content-length: %d" % len(whole.raw_body) in answer.head
        assert answer.ending == ending


@EVERY
async def test_a_stall_says_nothing_until_the_client_leaves(server: MockServer, mock: MockApp, target: str) -> None:
    assert await run(server, target, "stall", silence=0.05) == Transcript(b"", "silence")
    answer = await run(server, target, "stall-after:1", silence=0.05)
    assert (answer.status, answer.ending) == (200, "silence")
    assert answer.body
    await mock.idle()
    assert (server.in_flight, mock.departed) == (0, 2)


@pytest.mark.parametrize(
    ("target", "member", "kind", "events"),
    [
        ("stream", "code", "server_error", 2),
        ("events", "code", "server_error", 2),
        ("responses", "code", "server_error", 3),
        ("messages", "type", "api_error", 2),
    ],
)
async def test_an_error_event_ends_the_stream_properly(
    server: MockServer, target: str, member: str, kind: str, events: int
) -> None:
    answer = await run(server, target, "error-event:1")
    assert json.loads(answer.events[1].partition(b"data: ")[2])["error"][member] == kind
    assert (len(answer.events), answer.whole) == (events, True)


async def test_a_buffered_answer_fails_in_the_form_of_its_api(server: MockServer) -> None:
    failed = json.loads((await run(server, "response", "error-event")).body)
    assert (failed["object"], failed["status"], failed["error"]["code"]) == ("response", "failed", "server_error")
    broken = json.loads((await run(server, "message", "error-event")).body)
    assert (broken["type"], broken["error"]["type"]) == ("error", "api_error")


@EVERY
async def test_a_length_that_lies_ends_before_it_and_one_that_is_short_after_it(
    server: MockServer, target: str
) -> None:
    whole = await run(server, target, "ok")
    for spec, expected in (
        ("content-length-lie", len(whole.body) + 64),
        ("content-length-short", len(whole.body) // 2),
    ):
        answer = await run(server, target, spec)
        # Ids differ from call to call, not in length.
        assert len(answer.raw_body) == len(whole.body)
        assert b"content-length: %d\r\n" % expected in answer.head + b"\r\n"
        assert answer.ending == "eof"


@EVERY
async def test_a_gzip_is_truncated_but_the_message_is_not(server: MockServer, target: str) -> None:
    answer = await run(server, target, "truncated-gzip")
    assert b"content-encoding: gzip" in answer.head
    assert b"content-length: %d" % len(answer.raw_body) in answer.head
    with pytest.raises(EOFError):
        gzip.decompress(answer.raw_body)


@EVERY
@pytest.mark.parametrize(
    ("spec", "status"),
    [("status:503", 503), ("html-502", 502), ("redirect:http%3A%2F%2Fx%2F", 307), ("empty-200", 200)],
)
async def test_another_answer_comes_whole(server: MockServer, target: str, spec: str, status: int) -> None:
    answer = await run(server, target, spec)
    assert (answer.status, answer.ending) == (status, "eof")
    assert b"content-length: %d" % len(answer.raw_body) in answer.head


@EVERY
@pytest.mark.parametrize(
    "spec", ["dribble:7", "split-utf8", "comments:5", "slow-head:5,slow-first:5,delay:1", "ttft:5"]
)
async def test_slow_and_broken_up_answers_come_whole(server: MockServer, target: str, spec: str) -> None:
    whole, answer = await run(server, target, "ok"), await run(server, target, spec)
    assert (answer.status, answer.ending) == (200, "eof")
    assert len(answer.body) >= len(whole.body)
    assert answer.body.decode()


@pytest.mark.parametrize("target", ["responses", "messages"])
async def test_more_text_leaves_a_typed_stream_in_order(server: MockServer, target: str) -> None:
    answer = await run(server, target, "huge-event:1k,split-utf8")
    events = data_of(answer.body)
    if target == "responses":
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        said = "".join(event["delta"] for event in events if event["type"].endswith("text.delta"))
        assert events[-1]["response"]["output"][0]["content"][0]["text"] == said
    else:
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        said = "".join(delta["text"] for delta in deltas)
    assert said.startswith("x" * 1024 + "\N{EURO SIGN}uro") and said.endswith("one two ")
    bad = await run(server, target, "bad-utf8")
    assert b"\xff\xfe" in bad.body


@pytest.mark.parametrize("target", ["responses", "messages"])
async def test_a_typed_stream_loses_its_end_or_has_it_twice(server: MockServer, target: str) -> None:
    whole = data_of((await run(server, target, "ok")).body)
    for spec, fewer in {"no-finish": 1, "no-done": int(target == "messages"), "double-finish": -1}.items():
        events = data_of((await run(server, target, spec)).body)
        assert len(events) == len(whole) - fewer
    broken = (await run(server, target, "bad-json")).events
    (line,) = [event for event in broken if b"broken" in event]
    assert line.startswith(b"event: ")


async def test_a_huge_event_comes_whole(server: MockServer) -> None:
    answer = await run(server, "stream", "huge-event:10m")
    chunk = json.loads(answer.events[1].removeprefix(b"data: "))
    assert len(chunk["choices"][0]["delta"]["content"]) == 10 * 1024**2
    assert answer.whole


async def test_a_reset_behind_a_large_answer_lets_it_through_first(server: MockServer) -> None:
    answer = await run(server, "stream", "huge-event:4m,reset-after:2")
    assert (len(answer.events), answer.ending) == (2, "reset")


async def test_bad_bytes_reach_the_client_as_they_are(server: MockServer) -> None:
    assert b"\xff\xfe" in (await run(server, "stream", "bad-utf8")).body
    assert b"\xff\xfe" in (await run(server, "buffered", "bad-utf8")).body


async def test_a_keep_alive_connection_survives_faults_that_end_cleanly(http_client: httpx2.AsyncClient) -> None:
    for spec in ("ok", "status:500", "no-done", "error-event:1", "dribble:50"):
        answer = await http_client.post(f"/scenario/{spec}/v1/chat/completions", json=chat(stream=True))
        assert answer.is_closed


async def test_in_process_a_broken_connection_is_an_exception() -> None:
    transport = httpx2.ASGITransport(app(timing="instant"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
        assert (await client.get("/weather/current")).json()["location"] == "Unknown"
        streamed = await client.post("/v1/chat/completions", json=chat(stream=True))
        assert streamed.text.endswith("data: [DONE]\n\n")
        for spec in ("drop", "reset", "cut-after:1", "content-length-lie"):
            with pytest.raises(ConnectionResetError):
                await client.get(f"/scenario/{spec}/weather/current")
