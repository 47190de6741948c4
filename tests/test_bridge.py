import json

import pytest

from dragoman import errors
from dragoman.bridge import (
    CODECS,
    FRONT_DOORS,
    PATHS,
    Bridge,
    Ids,
    Passage,
    Translation,
    convert_answer,
    convert_stream,
)
from dragoman.dialects.base import Setting
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.dialect import CHAT, COMPLETIONS, EMBEDDINGS, Chat
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT
from dragoman.errors import GatewayError
from dragoman.turn import Turn, Usage
from tests.dialects.chat.streams import (
    ASKED_MODEL,
    BROKEN,
    COUNTED,
    DONE,
    HELLO,
    ROLE,
    STOP,
    UPSTREAM_MODEL,
    USAGE,
    WHOLE,
    WORLD,
    stream,
)
from tests.dialects.responses import samples
from tests.dialects.responses.samples import message, response
from tests.dialects.responses.streams import CREATED, added, completed, done, reasoning
from tests.wire.cuts import Parts, every_way

IDS = Ids(lambda prefix: f"{prefix}1", lambda: 1_700_000_000.0)
ASKED = {"model": ASKED_MODEL, "messages": [{"role": "user", "content": "Hi"}], "x_unknown": {"kept": 1}}


def bridge(**more: object) -> Bridge:
    return Bridge(CHAT, json.dumps(ASKED | more).encode(), IDS)


def passage(*, ask_usage: bool = True, **more: object) -> Passage:
    return bridge(**more).toward(("chat",), UPSTREAM_MODEL, Profile(), ask_usage=ask_usage)


def test_the_front_doors_have_names_and_paths_of_their_own() -> None:
    assert len({dialect.name for dialect in FRONT_DOORS}) == len({dialect.path for dialect in FRONT_DOORS})
    assert {CHAT, COMPLETIONS, EMBEDDINGS} <= set(FRONT_DOORS)
    assert len(FRONT_DOORS) == len(set(FRONT_DOORS))
    assert set(CODECS) <= set(PATHS)
    assert all(name == codec.name for name, codec in CODECS.items())


def test_a_call_passes_through_an_upstream_of_the_same_dialect() -> None:
    call = bridge()
    assert (call.turn.model, call.turn.stream) == (ASKED_MODEL, False)
    way = call.toward(("messages", "chat"), UPSTREAM_MODEL, Profile())
    assert (way.path, way.losses) == ("/chat/completions", ())
    assert json.loads(way.body) == ASKED | {"model": UPSTREAM_MODEL}
    answered = {"model": UPSTREAM_MODEL, "choices": [{}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    answer, usage = way.answer(json.dumps(answered).encode())
    assert json.loads(answer) == answered | {"model": ASKED_MODEL}
    assert usage == Usage(input_tokens=1, output_tokens=2)


def test_a_stream_asks_for_usage_and_keeps_it_from_a_caller_who_did_not() -> None:
    way = passage(stream=True)
    assert json.loads(way.body)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in json.loads(passage(stream=True, ask_usage=False).body)
    relay = way.stream()
    events = relay.receive(stream(ROLE, HELLO, STOP, COUNTED))
    assert (len(events), events[-1], relay.finished) == (4, DONE, True)
    assert relay.usage == Usage(input_tokens=9, output_tokens=3, cached_tokens=4, reasoning_tokens=2)


def test_each_attempt_gets_a_stream_of_its_own() -> None:
    call = bridge(stream=True)
    with pytest.raises(GatewayError):
        call.toward(("chat",), "one", Profile()).stream().eof()
    relay = call.toward(("chat",), "other", Profile()).stream()
    relay.receive(stream(HELLO, STOP))
    assert relay.finished


def test_an_upstream_whose_dialects_nobody_can_speak_is_refused() -> None:
    for dialects in ((), ("gopher",)):
        with pytest.raises(GatewayError, match="does not speak 'chat'") as caught:
            bridge().toward(dialects, UPSTREAM_MODEL, Profile())
        assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, "model")


@pytest.mark.parametrize(("front", "requires"), [(COMPLETIONS, "prompt"), (EMBEDDINGS, "input")])
def test_an_endpoint_beside_a_dialect_only_passes_through(front: Chat, requires: str) -> None:
    call = Bridge(front, json.dumps({"model": ASKED_MODEL, requires: "x"}).encode(), IDS)
    assert call.toward(("chat",), UPSTREAM_MODEL, Profile()).path == front.path
    with pytest.raises(GatewayError, match="does not speak 'chat'"):
        call.toward(("messages", "responses"), UPSTREAM_MODEL, Profile())


def test_the_bound_of_an_event_is_the_callers() -> None:
    call = Bridge(CHAT, json.dumps(ASKED | {"stream": True}).encode(), IDS, max_event=100)
    with pytest.raises(GatewayError, match="more than 100 bytes"):
        call.toward(("chat",), UPSTREAM_MODEL, Profile()).stream().receive(b"data: " + b"x" * 100)


def test_a_faulty_request_makes_no_bridge() -> None:
    with pytest.raises(GatewayError) as caught:
        Bridge(CHAT, b"{}", IDS)
    assert (caught.value.kind, caught.value.param) == (errors.INVALID_REQUEST, "model")


def test_errors_come_in_the_callers_dialect() -> None:
    said = b'{"error":{"message":"boom"}}'
    assert passage().error(said, 502, "otherwise") == said
    assert json.loads(passage().error(b"<html>", 502, "otherwise"))["error"]["message"] == "otherwise"
    assert json.loads(bridge().error_events(said)[0][6:])["error"]["message"] == "boom"
    told, done = bridge().stream_error(GatewayError(errors.REQUEST_TIMEOUT, "too slow"))
    assert (json.loads(told[6:])["error"]["code"], done) == ("request_timeout", DONE)


def test_a_stream_that_says_nothing_but_an_error_begins_like_any_other() -> None:
    asked = json.dumps({"model": ASKED_MODEL, "input": "Hi", "stream": True}).encode()
    call = Bridge(RESPONSES_DIALECT, asked, IDS)
    error = GatewayError(errors.REQUEST_TIMEOUT, "too slow")
    for events in (call.stream_error(error), call.error_events(b'{"error":{"message":"too slow"}}')):
        sent = [json.loads(event.partition(b"data: ")[2]) for event in events[:-1]]
        kinds = ["response.created", "response.in_progress", "error", "response.failed"]
        assert [event["type"] for event in sent] == kinds
        assert [event["sequence_number"] for event in sent] == [0, 1, 2, 3]
        assert (sent[-1]["response"]["error"]["message"], events[-1]) == ("too slow", DONE)


def test_a_request_that_only_its_upstream_understands_still_gets_its_error() -> None:
    call = Bridge(RESPONSES_DIALECT, b'{"model":"m","input":7}', IDS)
    told, done = call.stream_error(GatewayError(errors.REQUEST_TIMEOUT, "too slow"))
    assert (json.loads(told.partition(b"data: ")[2])["type"], done) == ("error", DONE)
    assert call.error_events(b"<html>")[-1] == DONE
    assert len(Bridge(EMBEDDINGS, b'{"model":"m","input":"x"}', IDS).error_events(b'{"error":"no"}')) == 2


def translated(parts: Parts) -> tuple[object, ...]:
    """What becomes of a stream that is read into the neutral vocabulary and written again."""
    asked = json.dumps({"model": ASKED_MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": True})
    setting = Setting(CHAT_CODEC.parse(asked.encode()), IDS.new_id, int(IDS.now()), include_usage=False)
    relay = Translation(CHAT_CODEC, CHAT_CODEC, setting, UPSTREAM_MODEL, Profile(), 1 << 20).stream()
    events: list[bytes] = []
    raised = None
    try:
        for part in parts:
            events += relay.receive(part)
        events += relay.eof()
    except GatewayError as error:
        raised = error
        assert (events, relay.started, relay.failure) == ([], False, error)
    else:
        assert relay.started
        assert (events[-1], relay.finished) == (DONE, relay.failure is None)
    assert relay.receive(stream(HELLO, STOP)) == relay.eof() == relay.fail(GatewayError(errors.IDLE_TIMEOUT, "")) == []
    failure = None if relay.failure is None else (relay.failure.kind, relay.failure.message)
    return events, raised and raised.message, relay.usage, relay.finished, failure


@pytest.mark.parametrize("name", [name for name, data in {**WHOLE, **BROKEN}.items() if len(data) < 10_000])
def test_a_translated_stream_comes_out_the_same_however_it_arrives(name: str) -> None:
    data = {**WHOLE, **BROKEN}[name]
    whole = translated((data,))
    for parts in every_way(data):
        assert translated(parts) == whole, parts


def test_an_end_that_the_caller_cannot_be_told_is_a_failure() -> None:
    paused = (
        b'data: {"type":"message_start","message":{"id":"msg_1","model":"m"}}\n\n'
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Let"}}\n\n'
        b'data: {"type":"message_delta","delta":{"stop_reason":"pause_turn"}}\n\ndata: {"type":"message_stop"}\n\n'
    )
    relay = (
        Bridge(CHAT, json.dumps({"model": "m", "messages": ASKED["messages"], "stream": True}).encode(), IDS)
        .toward(("messages",), UPSTREAM_MODEL, Profile())
        .stream()
    )
    events = relay.receive(paused)
    assert (relay.finished, relay.failure and relay.failure.kind) == (False, errors.PROTOCOL_ERROR)
    assert json.loads(events[-2][6:])["error"]["message"].startswith("The upstream sent a pause")


# Of several choices a translation reads the first only.
FIRST_IS_WHOLE = {"one of two choices unfinished", "a choice out of range"}


@pytest.mark.parametrize("name", [*WHOLE, *BROKEN])
def test_a_translated_stream_looks_whole_just_if_it_is(name: str) -> None:
    *_, finished, failure = translated(({**WHOLE, **BROKEN}[name],))
    assert finished is (name in WHOLE or name in FIRST_IS_WHOLE)
    assert finished is (failure is None)


TOTALS = ("prompt_tokens", "completion_tokens", "total_tokens", "completion_tokens_details")


def converted(source: str, target: str, *parts: bytes) -> bytes:
    relay = convert_stream(source, target, IDS, Profile())
    return b"".join(event for part in parts for event in relay.receive(part)) + b"".join(relay.eof())


@pytest.mark.parametrize("source", CODECS)
@pytest.mark.parametrize("target", CODECS)
def test_a_stream_of_an_unknown_call_becomes_one_of_every_dialect(source: str, target: str) -> None:
    given = converted("chat", source, stream(ROLE, HELLO, WORLD, STOP, COUNTED))
    once = converted(source, target, given)
    assert UPSTREAM_MODEL.encode() in once
    back = converted(target, "chat", once)
    events = [json.loads(line[6:]) for line in back.splitlines() if line.startswith(b"data: {")]
    said = [event["choices"][0]["delta"].get("content") for event in events if event["choices"]]
    assert [text for text in said if text] == ["Hello", ", wörld 🐉"]
    assert {event["model"] for event in events} == {UPSTREAM_MODEL}
    assert {name: events[-1]["usage"][name] for name in TOTALS} == {name: USAGE[name] for name in TOTALS}
    assert converted(source, target, *(given[at : at + 1] for at in range(len(given)))) == once


def test_a_conversion_leaves_sealed_reasoning_in() -> None:
    """Who converts an answer without its request wants all there is of it."""
    sealed = reasoning(encrypted_content="c2VhbGVk")
    answer = json.dumps(response("completed", [sealed, message("Hi")])).encode()
    assert b"c2VhbGVk" in convert_answer(answer, "responses", "responses", IDS).body
    given = samples.stream(CREATED, added(0, sealed), done(0, sealed), completed(sealed))
    assert b"c2VhbGVk" in converted("responses", "responses", given)


def test_a_stream_that_cannot_be_converted_says_why() -> None:
    with pytest.raises(GatewayError, match="ended before it was complete"):
        converted("chat", "messages", stream(ROLE, end=b""))
    with pytest.raises(GatewayError, match="The model crashed"):
        converted("chat", "responses", BROKEN["an error at once"])
    relay = convert_stream("chat", "messages", IDS, Profile())
    relay.receive(stream(ROLE, HELLO, end=b""))
    assert b"event: error" in b"".join(relay.eof())
    assert relay.failure is not None and relay.failure.kind is errors.STREAM_ABORTED


@pytest.mark.parametrize("front", CODECS)
def test_a_stream_that_is_given_up_after_rubbish_ends_in_an_error_all_the_same(front: str) -> None:
    setting = Setting(Turn(ASKED_MODEL), IDS.new_id, int(IDS.now()))
    relay = Translation(CODECS[front], CHAT_CODEC, setting, UPSTREAM_MODEL, Profile(), 1 << 20).stream()
    relay.receive(stream(ROLE, HELLO, end=b"data: rubbish\n\n"))
    told = b"".join(relay.fail(GatewayError(errors.IDLE_TIMEOUT, "silence")))
    assert b"an event that is no chunk" in told
    assert relay.failure is not None
    assert relay.failure.kind is errors.PROTOCOL_ERROR
