"""Whatever a caller sends, what was judged is what is sent on, or it is refused with a 400."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.dialects.chat.request import parse
from dragoman.errors import GatewayError
from tests.fuzz.budget import BUDGET, SECONDS
from tests.fuzz.mutations import Mutation, mutate, mutations

pytestmark = pytest.mark.timeout(SECONDS)
BODIES = st.sampled_from(
    [
        b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":false}}',
        b'{"stream_options":null,"stream":false,"messages":[],"model":"a\\u00e4/\\ud83d\\udc09","seed":-0,"x":[1.50,{}]}',
        b'{"model":"m","model":"n","messages":[],"messages":[1],"stream":true,"stream":null}',
    ]
)
PIECES = [
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"true", b"false", b"0", b"-", b"1e999", b'"model"',
    b'"model":"z",', b'"mod\\u0065l":"y",', b'"stream":true,', b'"stream" : true,',
    b'"stream_options":{"include_usage":true},', b'"\\ud800"', b"\\u0000", b"\xff", b"\xef\xbb\xbf", b" ", b"\n",
    b"\0", b"[" * 3000,
]  # fmt: skip


@BUDGET
@given(BODIES | st.binary(max_size=30), mutations(PIECES), st.booleans())
def test_what_was_judged_is_what_is_sent(body: bytes, changes: list[Mutation], ask_usage: bool) -> None:
    body = mutate(body, changes)
    try:
        request = parse(body)
    except GatewayError as error:
        assert error.kind.status == 400
        return
    sent = request.render("upstream's name", ask_usage=ask_usage)
    names = [name for name, _ in json.loads(sent, object_pairs_hook=list)]
    assert len(set(names)) == len(names)
    fields, asked = json.loads(sent), json.loads(body)
    assert (asked["model"], asked.get("stream") is True) == (request.turn.model, request.turn.stream)
    if ask_usage and request.turn.stream:
        assert fields["stream_options"].pop("include_usage") is True
        fields.pop("stream_options")
        asked.pop("stream_options", None)
    assert json.dumps(fields) == json.dumps(asked | {"model": "upstream's name"})
    again = parse(sent)
    assert (again.turn.model, again.turn.stream) == ("upstream's name", request.turn.stream)
