import json

import pytest

from dragoman import errors
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT as RESPONSES
from dragoman.errors import GatewayError
from dragoman.turn import Usage

USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


def test_an_answer_passes_under_the_name_that_was_asked_for() -> None:
    answer = {"id": "resp_1", "model": "theirs", "output": [], "usage": USAGE, "x_new": 1}
    body, usage = RESPONSES.relay_answer(json.dumps(answer).encode(), "ours")
    assert json.loads(body) == answer | {"model": "ours"}
    assert usage == Usage(3, 4)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices":[]}'])
def test_what_is_no_response_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(GatewayError) as raised:
        RESPONSES.relay_answer(body, "ours")
    assert raised.value.kind is errors.PROTOCOL_ERROR


def test_an_error_in_place_of_a_response_is_quoted() -> None:
    with pytest.raises(GatewayError, match="the error 'boom'"):
        RESPONSES.relay_answer(b'{"error":{"type":"x","message":"boom"}}', "ours")


def test_errors_pass_as_they_are_or_become_an_envelope() -> None:
    said = b'{"error":{"message":"boom","type":"x","param":null,"code":null}}'
    assert RESPONSES.relay_error(said, "otherwise") == said
    assert json.loads(RESPONSES.relay_error(b"<html>", "otherwise"))["error"]["message"] == "otherwise"
    event = RESPONSES.relay_error_events(said)[0]
    assert event.startswith(b"event: error\n") and b"boom" in event


def test_a_request_needs_a_model_only() -> None:
    assert RESPONSES.parse_request(b'{"model":"m","prompt":{"id":"p"}}').turn.model == "m"
