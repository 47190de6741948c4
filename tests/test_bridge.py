import json

import pytest

from dragoman import errors
from dragoman.bridge import FRONT_DOORS, Bridge
from dragoman.dialects.chat.dialect import CHAT, COMPLETIONS, EMBEDDINGS
from dragoman.errors import GatewayError
from dragoman.turn import Usage
from tests.dialects.chat.streams import ASKED_MODEL, COUNTED, DONE, HELLO, ROLE, STOP, UPSTREAM_MODEL, stream

ASKED = {"model": ASKED_MODEL, "messages": [{"role": "user", "content": "Hi"}], "x_unknown": {"kept": 1}}


def bridge(**more: object) -> Bridge:
    return Bridge(CHAT, json.dumps(ASKED | more).encode())


def test_the_front_doors_have_names_and_paths_of_their_own() -> None:
    assert len({dialect.name for dialect in FRONT_DOORS}) == len({dialect.path for dialect in FRONT_DOORS}) == 3
    assert {CHAT, COMPLETIONS, EMBEDDINGS} == set(FRONT_DOORS)


def test_a_call_passes_through_an_upstream_of_the_same_dialect() -> None:
    call = bridge()
    assert (call.turn.model, call.turn.stream) == (ASKED_MODEL, False)
    assert call.target(("chat",)) == "/chat/completions"
    assert json.loads(call.request(UPSTREAM_MODEL, ask_usage=True)) == ASKED | {"model": UPSTREAM_MODEL}
    answered = {"model": UPSTREAM_MODEL, "choices": [{}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    answer, usage = call.answer(json.dumps(answered).encode())
    assert json.loads(answer) == answered | {"model": ASKED_MODEL}
    assert usage == Usage(input_tokens=1, output_tokens=2)


def test_a_stream_asks_for_usage_and_keeps_it_from_a_caller_who_did_not() -> None:
    call = bridge(stream=True)
    assert json.loads(call.request("m", ask_usage=True))["stream_options"] == {"include_usage": True}
    assert "stream_options" not in json.loads(call.request("m", ask_usage=False))
    relay = call.stream()
    events = relay.receive(stream(ROLE, HELLO, STOP, COUNTED))
    assert (len(events), events[-1], relay.finished) == (4, DONE, True)
    assert relay.usage == Usage(input_tokens=9, output_tokens=3, cached_tokens=4, reasoning_tokens=2)


def test_each_attempt_gets_a_stream_of_its_own() -> None:
    call = bridge(stream=True)
    with pytest.raises(GatewayError):
        call.stream().eof()
    relay = call.stream()
    relay.receive(stream(HELLO, STOP))
    assert relay.finished


def test_an_upstream_of_another_dialect_is_refused() -> None:
    for dialects in ((), ("responses", "messages")):
        with pytest.raises(GatewayError, match="does not speak 'chat'") as caught:
            bridge().target(dialects)
        assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, "model")


def test_the_bound_of_an_event_is_the_callers() -> None:
    call = Bridge(CHAT, json.dumps(ASKED | {"stream": True}).encode(), max_event=100)
    with pytest.raises(GatewayError, match="more than 100 bytes"):
        call.stream().receive(b"data: " + b"x" * 100)


def test_a_faulty_request_makes_no_bridge() -> None:
    with pytest.raises(GatewayError) as caught:
        Bridge(CHAT, b"{}")
    assert (caught.value.kind, caught.value.param) == (errors.INVALID_REQUEST, "model")


def test_errors_come_in_the_callers_dialect() -> None:
    call = bridge()
    said = b'{"error":{"message":"boom"}}'
    assert call.error(said, "otherwise") == said
    assert json.loads(call.error(b"<html>", "otherwise"))["error"]["message"] == "otherwise"
    assert json.loads(call.error_events(said)[0][6:])["error"]["message"] == "boom"
    told, done = call.stream_error(GatewayError(errors.REQUEST_TIMEOUT, "too slow"))
    assert (json.loads(told[6:])["error"]["code"], done) == ("request_timeout", DONE)
