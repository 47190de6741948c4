import json

import pytest

from dragoman.dialects.base import Codec
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.profile import PROFILES, Profile
from dragoman.turn import Event, Place, Turn
from dragoman.wire.common import ErrorBody
from tests.dialects.chat import sdk
from tests.dialects.chat.asking import HI, Json, body, losses, parsed, rendered, setting
from tests.dialects.chat.events import data, fold, unfold, whole
from tests.dialects.chat.replies import ANSWERS, ASKED

PNG = "data:image/png;base64,AA=="
CONVERSATION: list[Json] = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "Be kind.", "name": "house"},
    {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {
        "url": PNG, "detail": "low"}}, {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}}]},
    {"role": "assistant", "content": "Let me look.", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}]},
    {"role": "tool", "tool_call_id": "a", "content": "42"},
    {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]},
    {"role": "assistant", "content": None, "refusal": "No."},
    {"role": "user", "content": "Why?", "name": "ann"},
]  # fmt: skip
REQUEST: Json = {
    "model": "m",
    "messages": CONVERSATION,
    "tools": [
        {"type": "function", "function": {
            "name": "f", "description": "D", "parameters": {"type": "object", "properties": {}}, "strict": True}},
        {"type": "custom", "custom": {"name": "patch", "description": "P", "format": {
            "type": "grammar", "grammar": {"definition": "start: /a+/", "syntax": "lark"}}}},
    ],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
        {"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "patch"}}]}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "temperature": 0.0,
    "max_completion_tokens": 9,
    "logit_bias": {"1": 2},
}  # fmt: skip


def test_it_is_a_codec() -> None:
    codec: Codec = CHAT_CODEC
    assert codec.name == "chat"


def test_a_request_survives_both_ways() -> None:
    turn = CHAT_CODEC.parse(json.dumps(REQUEST).encode())
    assert rendered(turn) == REQUEST
    assert losses(turn) == []
    sdk.check_request(rendered(turn))


@pytest.mark.parametrize("name", PROFILES)
def test_every_upstream_gets_a_request_and_is_told_of_every_change(name: str) -> None:
    given = {key: value for key, value in REQUEST.items() if key != "logit_bias"}
    if PROFILES[name].custom_tools == "reject":
        given |= {"tools": REQUEST["tools"][:1], "messages": [HI], "tool_choice": "auto"}
    turn = CHAT_CODEC.parse(json.dumps(given).encode())
    sent = rendered(turn, PROFILES[name])
    sdk.check_request(sent)
    renamed = {"max_completion_tokens": PROFILES[name].max_tokens}
    assert losses(turn, PROFILES[name]) or sent == {renamed.get(key, key): value for key, value in given.items()}


# Reasoning that goes on after a text is another item in the vocabulary, and gets a paragraph each time.
@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "reasoning"])
def test_an_answer_survives_reader_and_writer(name: str) -> None:
    def write(events: list[Event]) -> list[bytes]:
        writer = CHAT_CODEC.writer(setting(ASKED, include_usage=True))
        return [event for given in events for event in writer.write(given)]

    first = write(unfold(ANSWERS[name]))
    events = CHAT_CODEC.reader(profile=Profile()).receive(b"".join(first))
    assert whole(data(write(events))) == whole(data(first))
    assert fold(events).usage == ANSWERS[name].usage


def test_a_finished_answer_survives_both_ways() -> None:
    answer = ANSWERS["text and a call"]
    back = CHAT_CODEC.parse_answer(CHAT_CODEC.render_answer(answer, setting(ASKED)))
    assert (back.items, back.stop, back.usage) == (answer.items, answer.stop, answer.usage)


def test_errors_are_read_and_written() -> None:
    error = ErrorBody("boom", "server_error", None, "crash")
    sent = CHAT_CODEC.render_error(error, 500)
    assert CHAT_CODEC.parse_error(sent) == error
    assert CHAT_CODEC.parse_error(b"<html>") is None


def test_a_turn_is_what_the_body_says() -> None:
    assert (
        CHAT_CODEC.parse(body())
        == parsed()
        == Turn("fast", items=parsed().items, dialect="chat", places=(Place("messages[0]"),))
    )
