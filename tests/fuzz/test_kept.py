"""Whatever an upstream answers, what is kept of it under our id is a whole response, or nothing."""

import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.bridge import CODECS
from dragoman.dialects import head
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses import compaction, continuation
from dragoman.dialects.responses.kept import KeptAnswer, KeptStream
from dragoman.errors import GatewayError
from dragoman.turn import Turn
from dragoman.wire.chat import raw, render_fields
from tests.fuzz.budget import BUDGET, SECONDS
from tests.fuzz.mutations import CHANGES, Change, warp, warp_frames
from tests.fuzz.passages import IDS, passage
from tests.fuzz.search import ANY_ANSWER
from tests.fuzz.turns import turns
from tests.fuzz.upstreams import Sent

pytestmark = pytest.mark.timeout(SECONDS)
_CARRIERS = tuple(f"response.{kind}" for kind in ("created", "in_progress", "completed", "incomplete", "failed"))
_STATES: Final[list[dict[str, object]]] = [
    {},
    {"previous_response_id": "resp_1", "store": True, "input": "Hi"},
    {"conversation": {"id": "conv_1"}, "store": True, "background": False},
    {"store": True, "background": True, "include": ["reasoning.encrypted_content"]},
    {"input": [{"role": "user", "content": "Hi"}, {"type": "item_reference", "id": "msg_1"}, {"id": "msg_2"}]},
    {"input": [{"type": "compaction", "encrypted_content": "drc1.x"}, {"role": "system", "content": []}]},
]
_MEMBERS = {"id": raw("resp_kept"), "store": raw(True)}


@BUDGET
@given(ANY_ANSWER, CHANGES, st.booleans())
def test_a_stream_is_kept_as_the_caller_sees_it(given_: tuple[str, Sent], changes: list[Change], seals: bool) -> None:
    back, sent = given_
    kept = KeptAnswer(_MEMBERS, seals=seals)
    relay = KeptStream(passage("responses", back).stream(), kept)
    events: list[bytes] = []
    try:
        for frame in warp_frames(sent.frames, changes):
            events += relay.receive(frame)
        events += relay.eof()
    except GatewayError:
        return
    bodies = [json.loads(event.partition(b"data: ")[2]) for event in events if not event.endswith(b"[DONE]\n\n")]
    told = [body["response"] for body in bodies if body["type"] in _CARRIERS and isinstance(body.get("response"), dict)]
    assert all(response["id"] == "resp_kept" for response in told)
    if relay.finished:
        check(kept)


@BUDGET
@given(ANY_ANSWER, CHANGES, st.booleans())
def test_an_answer_is_kept_as_the_caller_sees_it(given_: tuple[str, Sent], changes: list[Change], seals: bool) -> None:
    back, sent = given_
    body = sent.body
    for deed, _, path, odd in changes:
        body = warp(body, deed, path, odd)
    kept = KeptAnswer(_MEMBERS, seals=seals)
    try:
        told = json.loads(kept.answer(passage("responses", back).answer(body)[0]))
    except GatewayError:
        return
    assert told["id"] == "resp_kept"
    check(kept)


def check(kept: KeptAnswer) -> None:
    """What is stored of a response that has ended."""
    if kept.ended:
        assert json.loads(kept.body)["id"] == kept.id == "resp_kept"
        assert len(continuation.identify(kept.output, IDS.new_id)) == len(kept.output)


@BUDGET
@given(turns(), st.sampled_from(_STATES), CHANGES)
def test_what_a_request_follows_on_is_read_or_refused(
    turn: Turn, state: dict[str, object], changes: list[Change]
) -> None:
    body = json.dumps(json.loads(CODECS["responses"].render(turn, "m", Profile()).body) | state).encode()
    for deed, _, path, odd in changes:
        body = warp(body, deed, path, odd)
    try:
        fields = head.parse(body)
        asked = continuation.parse(fields)
    except GatewayError as error:
        assert error.kind.status == 400
        return
    own = continuation.identify(asked.items, IDS.new_id)
    assert [json.loads(bytes(continuation.listed(item)))["id"] for item in own] == [item.id for item in own]
    values = [bytes(item.value) for item in own]
    assert len(json.loads(render_fields(continuation.expand(fields, values, values))).get("input", [])) <= 2 * len(own)
    for value in values:
        compaction.is_rule(value)
        compaction.opened(value, lambda envelope: None)
