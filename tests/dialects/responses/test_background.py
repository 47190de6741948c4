"""The object of a response that is made later, and its end where no stream says it."""

import json

from dragoman.dialects.base import Setting
from dragoman.dialects.responses import background
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody

TURN = RESPONSES.parse(b'{"model":"m","input":"hi","metadata":{"a":"b"},"temperature":0}')
SETTING = Setting(TURN, lambda prefix: f"{prefix}new", 1000)


def queued() -> Fields:
    return background.queued(SETTING, {"id": raw("resp_ours"), "background": raw(True)})


def test_a_queued_response_is_whole() -> None:
    shown = json.loads(render_fields(queued()))
    assert (shown["id"], shown["status"], shown["created_at"], shown["output"]) == ("resp_ours", "queued", 1000, [])
    assert (shown["temperature"], shown["metadata"], shown["background"]) == (0, {"a": "b"}, True)


def test_a_failed_one_says_why_by_a_code_of_the_reference() -> None:
    failed = background.failed(queued(), ErrorBody("No.", "rate_limit_error", None, "odd"))
    shown = json.loads(render_fields(failed))
    assert (shown["status"], shown["error"]) == ("failed", {"code": "rate_limit_exceeded", "message": "No."})


def test_what_ends_a_stream_that_has_no_end() -> None:
    failed = background.parse_event(background.last(background.failed(queued(), ErrorBody("No.", "x")), 7))
    assert (failed.kind, failed.number) == ("response.failed", 7)
    cancelled = background.parse_event(background.last(background.cancelled(queued()), 3))
    assert (cancelled.kind, cancelled.number) == ("response.incomplete", 3)
    assert json.loads(cancelled.data)["response"]["status"] == "cancelled"
    assert cancelled.render().startswith(b"event: response.incomplete\ndata: {")
    assert cancelled.render().endswith(b"}\n\n")
    assert failed.kind in background.LAST


def test_a_stream_that_never_began_begins_with_created() -> None:
    created = background.parse_event(background.created(queued()))
    assert (created.kind, created.number) == ("response.created", 0)
    assert json.loads(created.data)["response"]["status"] == "in_progress"


def test_what_had_come_whole_is_kept() -> None:
    item = {"type": "message", "id": "msg_1"}
    events = [
        {"type": "response.output_item.added", "item": {"type": "message", "id": "msg_1"}},
        {"type": "response.output_text.delta", "delta": '"response.output_item.done"'},
        {"type": "response.output_item.done", "item": item},
    ]
    found = background.partial(json.dumps(event, separators=(",", ":")).encode() for event in events)
    assert [json.loads(bytes(value)) for value in found] == [item]


def test_members_survive() -> None:
    assert parse_fields(render_fields(queued())).keys() == queued().keys()
