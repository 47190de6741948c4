import json

import pytest

from dragoman import errors
from dragoman.dialects.base import Dialect
from dragoman.dialects.chat.dialect import CHAT, COMPLETIONS, EMBEDDINGS
from dragoman.errors import GatewayError
from tests.dialects.chat.streams import ASKED_MODEL, DONE, WHOLE

DIALECTS: tuple[Dialect, ...] = (CHAT, COMPLETIONS, EMBEDDINGS)


def test_each_endpoint_has_a_name_and_a_path_and_belongs_to_chat() -> None:
    assert [(dialect.name, dialect.family, dialect.path) for dialect in DIALECTS] == [
        ("chat", "chat", "/chat/completions"),
        ("completions", "chat", "/completions"),
        ("embeddings", "chat", "/embeddings"),
    ]


@pytest.mark.parametrize(
    ("dialect", "requires", "answers"),
    [(CHAT, "messages", "choices"), (COMPLETIONS, "prompt", "choices"), (EMBEDDINGS, "input", "data")],
)
def test_each_endpoint_needs_what_is_its_own(dialect: Dialect, requires: str, answers: str) -> None:
    assert dialect.parse_request(json.dumps({"model": "m", requires: []}).encode()).turn.model == "m"
    with pytest.raises(GatewayError) as caught:
        dialect.parse_request(b'{"model":"m"}')
    assert caught.value.param == requires
    answer, usage = dialect.relay_answer(json.dumps({"model": "x", answers: [{}]}).encode(), "m")
    assert (json.loads(answer), usage) == ({"model": "m", answers: [{}]}, None)
    with pytest.raises(GatewayError, match=answers):
        dialect.relay_answer(b'{"model":"x"}', "m")


@pytest.mark.parametrize("asks", [False, True])
def test_a_stream_is_relayed_as_its_request_wants_it(asks: bool) -> None:
    body = {"model": ASKED_MODEL, "messages": [], "stream": True, "stream_options": {"include_usage": asks}}
    relay = CHAT.relay_stream(CHAT.parse_request(json.dumps(body).encode()), max_event=10_000)
    events = relay.receive(WHOLE["with a usage chunk"])
    assert (b'"usage"' in b"".join(events)) is asks
    assert ASKED_MODEL.encode() in events[0]
    assert relay.finished
    with pytest.raises(GatewayError, match="more than 10 bytes"):
        CHAT.relay_stream(CHAT.parse_request(json.dumps(body).encode()), max_event=10).receive(b"x" * 11)


def test_errors_are_those_of_the_dialect() -> None:
    assert json.loads(CHAT.relay_error(b"<html>", "It answered 502."))["error"]["message"] == "It answered 502."
    told, done = CHAT.relay_error_events(b'{"error":"overloaded"}')
    assert (json.loads(told[6:])["error"]["message"], done) == ("overloaded", DONE)
    told, done = CHAT.render_stream_error(GatewayError(errors.IDLE_TIMEOUT, "silence"))
    assert (json.loads(told[6:])["error"]["code"], done) == ("idle_timeout", DONE)
