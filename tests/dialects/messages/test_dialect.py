import json

import pytest

from dragoman import errors
from dragoman.dialects.messages.dialect import MESSAGES_DIALECT as MESSAGES
from dragoman.errors import GatewayError
from dragoman.turn import Usage


def test_an_answer_passes_under_the_name_that_was_asked_for() -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 4}
    answer = {"id": "msg_1", "model": "theirs", "content": [], "usage": usage, "x_new": 1}
    body, said = MESSAGES.relay_answer(json.dumps(answer).encode(), "ours")
    assert json.loads(body) == answer | {"model": "ours"}
    assert said == Usage(5, 4, cached_tokens=2)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices":[]}'])
def test_what_is_no_message_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(GatewayError) as raised:
        MESSAGES.relay_answer(body, "ours")
    assert raised.value.kind is errors.PROTOCOL_ERROR


def test_an_error_in_place_of_a_message_is_quoted() -> None:
    with pytest.raises(GatewayError, match="the error 'boom'"):
        MESSAGES.relay_answer(b'{"error":{"type":"x","message":"boom"}}', "ours")


def test_errors_pass_as_they_are_or_become_an_envelope() -> None:
    said = b'{"type":"error","error":{"type":"overloaded_error","message":"boom"}}'
    assert MESSAGES.relay_error(said, "otherwise") == said
    other = json.loads(MESSAGES.relay_error(b"<html>", "otherwise"))
    assert (other["type"], other["error"]["message"]) == ("error", "otherwise")
    assert MESSAGES.relay_error_events(said)[0].startswith(b"event: error\n")


def test_a_request_needs_messages() -> None:
    with pytest.raises(GatewayError) as raised:
        MESSAGES.parse_request(b'{"model":"m"}')
    assert raised.value.param == "messages"
