import json

import pytest

from dragoman import errors
from dragoman.bridge import FRONT_DOORS, Bridge, Ids, Passage
from dragoman.dialects.chat.dialect import CHAT, COMPLETIONS, EMBEDDINGS
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Usage
from tests.dialects.chat.streams import ASKED_MODEL, COUNTED, DONE, HELLO, ROLE, STOP, UPSTREAM_MODEL, stream

ASKED = {"model": ASKED_MODEL, "messages": [{"role": "user", "content": "Hi"}], "x_unknown": {"kept": 1}}


IDS = Ids(lambda prefix: f"{prefix}1", lambda: 1_700_000_000.0)


def bridge(**more: object) -> Bridge:
    return Bridge(CHAT, json.dumps(ASKED | more).encode(), IDS)


def passage(**more: object) -> Passage:
    return bridge(**more).toward(("chat",), UPSTREAM_MODEL, Profile())


def test_the_front_doors_have_names_and_paths_of_their_own() -> None:
    assert len({dialect.name for dialect in FRONT_DOORS}) == len({dialect.path for dialect in FRONT_DOORS}) == 3
    assert {CHAT, COMPLETIONS, EMBEDDINGS} == set(FRONT_DOORS)


def test_a_call_passes_through_an_upstream_of_the_same_dialect() -> None:
    call = bridge()
    assert (call.turn.model, call.turn.stream) == (ASKED_MODEL, False)
    way = passage()
    assert (way.path, way.losses) == ("/chat/completions", ())
    assert json.loads(way.body) == ASKED | {"model": UPSTREAM_MODEL}
    answered = {"model": UPSTREAM_MODEL, "choices": [{}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    answer, usage = way.answer(json.dumps(answered).encode())
    assert json.loads(answer) == answered | {"model": ASKED_MODEL}
    assert usage == Usage(input_tokens=1, output_tokens=2)


def test_a_stream_asks_for_usage_and_keeps_it_from_a_caller_who_did_not() -> None:
    call = bridge(stream=True)
    asking = call.toward(("chat",), "m", Profile(), ask_usage=True)
    assert json.loads(asking.body)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in json.loads(call.toward(("chat",), "m", Profile(), ask_usage=False).body)
    relay = asking.stream()
    events = relay.receive(stream(ROLE, HELLO, STOP, COUNTED))
    assert (len(events), events[-1], relay.finished) == (4, DONE, True)
    assert relay.usage == Usage(input_tokens=9, output_tokens=3, cached_tokens=4, reasoning_tokens=2)


def test_each_attempt_gets_a_stream_of_its_own() -> None:
    way = passage(stream=True)
    with pytest.raises(GatewayError):
        way.stream().eof()
    relay = way.stream()
    relay.receive(stream(HELLO, STOP))
    assert relay.finished


def test_an_upstream_that_speaks_nothing_we_know_is_refused() -> None:
    for dialects in ((), ("klingon",)):
        with pytest.raises(GatewayError, match="does not speak 'chat'") as caught:
            bridge().toward(dialects, "m", Profile())
        assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, "model")


def test_the_bound_of_an_event_is_the_callers() -> None:
    call = Bridge(CHAT, json.dumps(ASKED | {"stream": True}).encode(), IDS, max_event=100)
    with pytest.raises(GatewayError, match="more than 100 bytes"):
        call.toward(("chat",), "m", Profile()).stream().receive(b"data: " + b"x" * 100)


def test_a_faulty_request_makes_no_bridge() -> None:
    with pytest.raises(GatewayError) as caught:
        Bridge(CHAT, b"{}", IDS)
    assert (caught.value.kind, caught.value.param) == (errors.INVALID_REQUEST, "model")


def test_errors_come_in_the_callers_dialect() -> None:
    said = b'{"error":{"message":"boom"}}'
    assert passage().error(said, 500, "otherwise") == said
    assert json.loads(passage().error(b"<html>", 500, "otherwise"))["error"]["message"] == "otherwise"
    assert json.loads(bridge().error_events(said)[0][6:])["error"]["message"] == "boom"
    told, done = bridge().stream_error(GatewayError(errors.REQUEST_TIMEOUT, "too slow"))
    assert (json.loads(told[6:])["error"]["code"], done) == ("request_timeout", DONE)
