import json

import pytest

from dragoman import errors
from dragoman.dialects.head import MAX_MODEL, Head
from dragoman.errors import GatewayError


def test_model_and_stream_are_read_and_all_else_is_kept() -> None:
    body = b'{"model":"m","stream":true,"input":[1,2],"x":{"y":1e400}}'
    head = Head(body, None)
    assert (head.turn.model, head.turn.stream) == ("m", True)
    assert head.render("m", ask_usage=True) == body
    assert head.render("other", ask_usage=True) == body.replace(b'"m"', b'"other"')


def test_of_duplicates_the_last_is_judged_and_sent() -> None:
    head = Head(b'{"model":"a","model":"b"}', None)
    assert head.turn.model == "b"
    assert head.render("b", ask_usage=False) == b'{"model":"b"}'


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        (b"", errors.INVALID_JSON, None),
        (b"[]", errors.INVALID_JSON, None),
        (b"{}", errors.INVALID_REQUEST, "model"),
        (b'{"model":1,"messages":[]}', errors.INVALID_REQUEST, "model"),
        (b'{"model":"","messages":[]}', errors.INVALID_REQUEST, "model"),
        (json.dumps({"model": "m" * (MAX_MODEL + 1), "messages": []}).encode(), errors.INVALID_REQUEST, "model"),
        (b'{"model":"m"}', errors.INVALID_REQUEST, "messages"),
        (b'{"model":"m","messages":[],"stream":1}', errors.INVALID_REQUEST, "stream"),
    ],
)
def test_a_wrong_head_is_named(body: bytes, kind: errors.ErrorKind, param: str | None) -> None:
    with pytest.raises(GatewayError) as raised:
        Head(body, "messages")
    assert (raised.value.kind, raised.value.param) == (kind, param)
