"""Whatever stands in a body, it is translated or refused with a typed error that names what is wrong."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import errors
from dragoman.bridge import CODECS, FRONT_DOORS, Bridge, convert_answer, convert_request
from dragoman.dialects.messages.codec import MESSAGES
from dragoman.dialects.profile import PROFILES
from dragoman.errors import GatewayError
from dragoman.turn import Turn
from tests.fuzz.budget import BUDGET, SECONDS
from tests.fuzz.mutations import CHANGES, Change, warp
from tests.fuzz.passages import IDS, NAMES, dialect_of, passage
from tests.fuzz.search import ANY_ANSWER, CALLERS
from tests.fuzz.turns import turns
from tests.fuzz.upstreams import Sent

pytestmark = pytest.mark.timeout(SECONDS)
_NAMES: Final = st.sampled_from(NAMES)
_PROFILES: Final = st.sampled_from([PROFILES[name] for name in ("openai", "vllm", "ollama", "anthropic")])
# Members that no renderer writes, for the changes to change.
_MORE: Final[dict[str, list[dict[str, Any]]]] = {
    "chat": [
        {"functions": [{"name": "f", "parameters": {}}], "function_call": {"name": "f"}, "tools": None},
        {"web_search_options": {"user_location": {"approximate": {"city": "x"}}}, "modalities": ["text"], "n": 1},
        {"stream_options": {"include_obfuscation": True}, "metadata": {"a": "b"}, "moderation": {"a": 1}},
        {"messages": [{"role": "assistant", "content": "x", "name": "n", "function_call": {"name": "f"},
         "annotations": [{"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 1}}]},
         {"role": "function", "name": "f", "content": "x"}, {"role": "user", "name": "u", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": ""}}]},
         {"role": "assistant", "reasoning_content": "x", "tool_calls": [{"id": "a", "function": {"name": "f"}}]},
         {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "x"}]}]},
    ],
    "responses": [
        {"tool_choice": "auto", "include": ["web_search_call.results"], "truncation": "disabled", "max_tool_calls": 1},
        {"tools": [{"type": "web_search", "user_location": {"type": "approximate", "city": "x"}}]},
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}]},
        {"input": [{"type": "item_reference", "id": "msg_1"}, {"role": "user", "content": "Hi"}], "store": True},
        {"input": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}], "encrypted_content": "x"},
         {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
         {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "x"}]}]},
        {"input": [{"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}", "namespace": "n"},
         {"type": "function_call_output", "call_id": "a", "output": '[{"type": "input_image", "image_url": "x"}]'}]},
        {"input": [{"type": "reasoning", "summary": [], "encrypted_content": "drg1.7b7d"}]},
        {"reasoning": {"effort": "low", "mode": "standard", "summary": "auto"}, "text": {"verbosity": "low"}},
    ],
    "messages": [
        {"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "low"}},
        {"thinking": {"type": "adaptive", "display": "omitted"}, "top_k": 1, "service_tier": "auto"},
        {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}], "stop_sequences": ["x"]},
        {"messages": [{"role": "assistant", "content": [
         {"type": "thinking", "thinking": "x", "signature": "drg1.7b7d"}]}]},
        {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}, "cache_control": {}},
        {"tools": [{"name": "f", "input_schema": {}, "defer_loading": True}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "title": "x", "source": {"type": "text",
         "data": "x", "media_type": "text/plain"}}, {"type": "image", "source": {"type": "url", "url": "http://x"}}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "y"},
         {"type": "redacted_thinking", "data": "z"}, {"type": "text", "text": "x", "citations": [
         {"type": "web_search_result_location", "url": "x"}]},
         {"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
         {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": [
         {"type": "text", "text": "x"}]}]}]},
    ],
}  # fmt: skip


@st.composite
def _requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """A request and its dialect, with a few things in it that are not right."""
    name = draw(_NAMES)
    turn: Turn = draw(turns())
    body = json.loads(CODECS[name].render(turn, turn.model, PROFILES["openai"]).body)
    return name, _warped(
        json.dumps(body | {"tool_choice": None} | draw(st.sampled_from(_MORE[name]))).encode(), draw(CHANGES)
    )


def _warped(body: bytes, changes: list[Change]) -> bytes:
    for deed, _, path, odd in changes:
        body = warp(body, deed, path, odd)
    return body


@BUDGET
@given(_requests(), _PROFILES)
def test_a_request_goes_to_every_dialect_or_is_refused(request: tuple[str, bytes], profile: Any) -> None:
    name, body = request
    for target in NAMES:
        try:
            json.loads(convert_request(body, name, target, profile).body)
        except GatewayError as error:
            assert error.kind.status == 400
            assert error.message
    door = next(door for door in FRONT_DOORS if door.name == name)
    for target in NAMES:
        try:
            json.loads(Bridge(door, body, IDS).toward((target,), "up", profile).body)
        except GatewayError as error:
            assert error.kind.status == 400
    try:
        MESSAGES.parse_count(body)
    except GatewayError as error:
        assert error.kind.status == 400


@BUDGET
@given(CALLERS, ANY_ANSWER, CHANGES)
def test_an_answer_goes_to_every_caller_or_is_an_error_of_the_upstream(
    caller: str, given: tuple[str, Sent], changes: list[Change]
) -> None:
    back, sent = given
    body = _warped(sent.body, changes)
    try:
        json.loads(passage(caller, back).answer(body)[0])
        json.loads(convert_answer(body, back, dialect_of(caller), IDS).body)
    except GatewayError as error:
        assert error.kind.status == 502 or (back == "responses" and error.kind in _FAILED)


_FAILED: Final = (errors.RATE_LIMIT_EXCEEDED, errors.INVALID_REQUEST)
"""What a failed response may be, by the code that it gives."""
_ERRORS: Final = st.sampled_from(
    [
        b'{"error":{"message":"boom","type":"server_error","param":"x","code":"c"}}',
        b'{"type":"error","error":{"type":"overloaded_error","message":"boom","details":{"error_code":"c"}}}',
        b'{"error":"boom"}',
        b'{"type":"response.failed","response":{"error":{"code":"server_error","message":"boom"}}}',
        b"<html>",
    ]
)


@BUDGET
@given(_NAMES, _NAMES, _ERRORS, CHANGES, st.integers(300, 599))
def test_an_error_is_one_in_every_dialect(
    front: str, back: str, body: bytes, changes: list[Change], status: int
) -> None:
    body = _warped(body, changes)
    told = json.loads(passage(front, back).error(body, status, "otherwise"))
    assert "error" in told
    door = next(door for door in FRONT_DOORS if door.name == front)
    assert any(b"error" in event for event in door.relay_error_events(body))
