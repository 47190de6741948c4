"""An answer under the gateway's own id, whole and streamed."""

import json

import pytest

from dragoman import errors
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT
from dragoman.dialects.responses.kept import KeptAnswer, KeptStream
from dragoman.errors import GatewayError
from dragoman.wire import sse
from dragoman.wire.chat import raw
from tests.wire.cuts import every_way

MEMBERS = {"id": raw("resp_ours"), "store": raw(True)}
ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}


def event(kind: str, **members: object) -> bytes:
    return sse.render(json.dumps({"type": kind, **members}).encode(), kind.encode())


def response(status: str, *output: object) -> dict[str, object]:
    return {"id": "resp_theirs", "model": "m", "status": status, "store": False, "output": list(output)}


STREAM = [
    event("response.created", sequence_number=0, response=response("in_progress")),
    event("response.output_text.delta", sequence_number=1, delta="hi"),
    event("response.completed", sequence_number=2, response=response("completed", ITEM)),
]


def test_a_whole_answer_gets_our_members_and_is_remembered() -> None:
    kept = KeptAnswer(MEMBERS)
    answer = json.loads(kept.answer(json.dumps({**response("incomplete", ITEM), "odd": 1}).encode()))
    assert answer == {**response("incomplete", ITEM), "id": "resp_ours", "store": True, "odd": 1}
    assert (kept.status, kept.ended, [json.loads(bytes(item)) for item in kept.output]) == ("incomplete", True, [ITEM])
    assert json.loads(kept.body).keys() == {"id", "model", "status", "store", "odd"}


def test_an_answer_without_a_status_is_complete() -> None:
    kept = KeptAnswer(MEMBERS)
    kept.answer(b'{"output":[]}')
    assert kept.status == "completed"


def test_an_event_tells_the_status_where_its_response_does_not() -> None:
    kept = KeptAnswer(MEMBERS)
    kept.event(event("response.created", response={"output": []}))
    assert not kept.ended
    kept.event(event("response.incomplete", response={"status": 7}))
    assert kept.status == "incomplete"


@pytest.mark.parametrize("output", [7, "x", None, {}, [7, "x", None, {"type": 7}, {"id": []}]])
@pytest.mark.parametrize("seals", [True, False])
def test_what_is_no_item_passes_and_is_not_kept(output: object, seals: bool) -> None:
    kept = KeptAnswer(MEMBERS, seals=seals)
    answer = json.loads(kept.answer(json.dumps({"output": output, "x": "encrypted_content"}).encode()))
    assert (answer["output"], kept.output) == (output, ())
    odd = {"type": "reasoning", "encrypted_content": "s", "id": "rs_1"}
    answer = json.loads(kept.answer(json.dumps({"output": ["encrypted_content", odd]}).encode()))
    assert ("encrypted_content" in answer["output"][1]) is seals
    assert [json.loads(bytes(item)) for item in kept.output] == [odd]


@pytest.mark.parametrize("members", [{}, {"response": 7}, {"response": None}])
def test_an_event_that_carries_no_response_passes(members: dict[str, object]) -> None:
    kept = KeptAnswer({}, seals=False)
    given = event("response.created", **members)
    assert kept.event(given) is given
    assert (kept.id, kept.output, kept.ended) == ("", (), False)
    bare = event("response.output_item.done", x="encrypted_content")
    assert json.loads(kept.event(bare).split(b"data: ")[1]) == json.loads(bare.split(b"data: ")[1])


def test_events_that_carry_the_response_are_rewritten_and_others_are_not() -> None:
    kept = KeptAnswer(MEMBERS)
    assert not kept.output
    assert kept.event(STREAM[1]) is STREAM[1]
    created = kept.event(STREAM[0])
    assert created.startswith(b"event: response.created\ndata: {")
    assert json.loads(created.split(b"data: ")[1])["response"]["id"] == "resp_ours"
    assert kept.status == "in_progress"
    kept.event(STREAM[2])
    assert (kept.status, kept.ended) == ("completed", True)
    assert [json.loads(bytes(item)) for item in kept.output] == [ITEM]


def test_a_stream_is_the_same_however_it_is_cut() -> None:
    data = b"".join(STREAM)
    request = RESPONSES_DIALECT.parse_request(b'{"model":"m","stream":true}')

    def run(parts: list[bytes]) -> tuple[list[bytes], str]:
        kept = KeptAnswer(MEMBERS)
        stream = KeptStream(RESPONSES_DIALECT.relay_stream(request, max_event=1 << 20), kept)
        out = [event for part in parts for event in stream.receive(part)]
        assert (stream.started, stream.finished, stream.failure, stream.usage) == (True, True, None, None)
        return out + stream.eof(), kept.status

    whole = run([data])
    assert whole[1] == "completed"
    assert all(run(list(parts)) == whole for parts in every_way(data))


def test_a_stream_that_breaks_is_remembered_as_failed() -> None:
    kept = KeptAnswer(MEMBERS)
    request = RESPONSES_DIALECT.parse_request(b'{"model":"m","stream":true}')
    stream = KeptStream(RESPONSES_DIALECT.relay_stream(request, max_event=1 << 20), kept)
    stream.receive(b"".join(STREAM[:2]))
    events = stream.fail(GatewayError(errors.IDLE_TIMEOUT, "too long"))
    assert b"resp_ours" in b"".join(events)
    assert (kept.status, kept.ended) == ("failed", True)


SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "secret"}
OPEN = {"type": "reasoning", "id": "rs_1", "summary": []}


def test_sealed_reasoning_is_kept_and_shown_only_to_those_who_asked() -> None:
    body = json.dumps(response("completed", SEALED, ITEM)).encode()
    done = event("response.output_item.done", output_index=0, item=SEALED)
    for seals, shown in ((True, SEALED), (False, OPEN)):
        kept = KeptAnswer(MEMBERS, seals=seals)
        assert json.loads(kept.answer(body))["output"] == [shown, ITEM]
        assert json.loads(bytes(kept.output[0])) == SEALED
        assert json.loads(kept.event(done).split(b"data: ")[1])["item"] == shown


def test_a_tools_words_about_seals_are_no_seal() -> None:
    call = {"type": "function_call", "arguments": '{"encrypted_content": 1}', "encrypted_content": 1}
    kept = KeptAnswer(MEMBERS, seals=False)
    assert json.loads(kept.answer(json.dumps(response("completed", call)).encode()))["output"] == [call]
