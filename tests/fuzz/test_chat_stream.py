"""Whatever an upstream sends, a caller sees whole events and a proper end, or nothing and a typed error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.chat.relayed import Relayed
from tests.dialects.chat.streams import ASKED_MODEL, BROKEN, COUNTED, DONE, HELLO, ROLE, SAID, STOP, WHOLE, event
from tests.fuzz.budget import BUDGET, SECONDS
from tests.fuzz.mutations import Mutation, mutate, mutations
from tests.wire.cuts import PLACES, at_places

pytestmark = pytest.mark.timeout(SECONDS)
STREAMS = st.sampled_from([data for data in (*WHOLE.values(), *BROKEN.values()) if len(data) < 10_000])
PIECES = [
    b"", b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"data: ", b": ping\n\n", b"event: error\n", b"{", b"}", b"[", b"]",
    b'"', b",", b"null", b"0", b"-1", b"1e999", b'"finish_reason": "stop"', b'"finish_reason": null',
    b'"error": "x",', b'"choices": [', b'"usage": {}', b'"index": 1', b'"\\ud800"', b"\xff", b"\0", b"\xef\xbb\xbf",
    b"[" * 2000, DONE, *map(event, (ROLE, HELLO, STOP, COUNTED, SAID)),
]  # fmt: skip


@BUDGET
@given(STREAMS, mutations(PIECES), PLACES, st.booleans(), st.sampled_from([100, 400, 1 << 20]))
def test_an_answer_ends_properly_and_alike_however_it_is_broken_and_cut(
    data: bytes, changes: list[Mutation], places: set[int], pass_usage: bool, max_event: int
) -> None:
    data = mutate(data, changes)
    whole = Relayed((data,), pass_usage=pass_usage, max_event=max_event)
    cut = Relayed(at_places(data, places), pass_usage=pass_usage, max_event=max_event)
    assert cut.outcome == whole.outcome
    if whole.relay.finished:
        check_finished(whole)


def check_finished(answer: Relayed) -> None:
    """An answer that counts as whole has a finish reason for every choice it began, and our name of the model."""
    begun, ended = set(), set()
    for item in answer.events[:-1]:
        chunk = json.loads(item[6:])
        assert chunk.get("model") in (None, ASKED_MODEL)
        for choice in chunk.get("choices", []):
            begun.add(choice.get("index", 0))
            if choice.get("finish_reason"):
                ended.add(choice.get("index", 0))
    assert begun == ended != set()
