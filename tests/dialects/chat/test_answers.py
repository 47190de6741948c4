import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.dialects.chat.answers import call_id
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.chat.tools import FUNCTIONS
from dragoman.errors import ErrorKind, GatewayError
from dragoman.turn import (
    Answer,
    Item,
    Message,
    Native,
    Reasoning,
    Refusal,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Usage,
)
from tests.dialects.chat import sdk
from tests.dialects.chat.asking import NOW, Json, raw, setting
from tests.dialects.chat.replies import ANSWERS, ANY, ASKED, DRAWN, LONG, REQUESTS, answer, link, said
from tests.dialects.chat.streams import USAGE


def reply(message: object, finish: str | None = "stop", **members: object) -> bytes:
    """A finished answer as an upstream sends it."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-1", "created": 1, "model": "m", "choices": [choice]} | members).encode()


def parse(message: Json, finish: str = "stop", **members: object) -> Answer:
    return CHAT_CODEC.parse_answer(reply({"role": "assistant", "content": None} | message, finish, **members))


def broken(body: bytes, kind: ErrorKind = errors.PROTOCOL_ERROR) -> str:
    with pytest.raises(GatewayError) as caught:
        CHAT_CODEC.parse_answer(body)
    assert caught.value.kind is kind
    return caught.value.message


def call(identity: str | None = "call_1", name: str | None = "f", arguments: object = "{}", **more: object) -> Json:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}} | more


def rendered(given: Answer, turn: Turn = ASKED) -> Json:
    """The answer as a caller gets it, which the SDK has accepted."""
    body = CHAT_CODEC.render_answer(given, setting(turn))
    sdk.buffered(body)
    sent: Json = json.loads(body)
    return sent


def message(given: Answer, turn: Turn = ASKED) -> Json:
    sent: Json = rendered(given, turn)["choices"][0]["message"]
    return sent


def finish(given: Answer, turn: Turn = ASKED) -> str:
    reason: str = rendered(given, turn)["choices"][0]["finish_reason"]
    return reason


def test_an_answer_is_read_whole() -> None:
    logprobs = {"content": [json.loads(bytes(DRAWN))], "refusal": None}
    body = json.loads(reply({"role": "assistant", "content": "Hi", "refusal": None, "annotations": []}))
    body["choices"][0]["logprobs"] = logprobs
    body |= {"usage": USAGE, "service_tier": "flex", "system_fingerprint": "fp", "x_unknown": 1}
    given = CHAT_CODEC.parse_answer(json.dumps(body).encode())
    assert (given.id, given.created, given.model, given.stop) == ("chatcmpl-1", 1, "m", Stop.END)
    assert (given.service_tier, given.fingerprint) == ("flex", "fp")
    assert given.usage == Usage(9, 3, 4, 0, 2)
    (item,) = given.items
    assert isinstance(item, Message)
    (text,) = item.parts
    assert isinstance(text, Text)
    assert (text.text, [json.loads(bytes(one)) for one in text.logprobs]) == ("Hi", logprobs["content"])


def test_what_an_answer_holds_comes_in_order() -> None:
    given = parse(
        {"content": "Hi", "refusal": "No.", "reasoning_content": "hm", "tool_calls": [call(), call("call_2", "g")]}
    )
    assert given.items == (
        Reasoning(("hm",)),
        Message("assistant", (Text("Hi"), Refusal("No."))),
        ToolCall("call_1", "f", "{}"),
        ToolCall("call_2", "g", "{}"),
    )
    assert given.stop is Stop.TOOL_CALLS


def test_reasoning_is_read_under_both_names_once() -> None:
    for members in ({"reasoning": "hm"}, {"reasoning_content": "hm"}, {"reasoning": "hm", "reasoning_content": "hm"}):
        assert parse(members).items == (Reasoning(("hm",)),)


def test_no_text_makes_no_message() -> None:
    for content in ("", None):
        assert parse({"content": content, "refusal": "", "tool_calls": []}).items == ()


def test_citations_lie_flat_in_the_answer() -> None:
    citation = {"start_index": 0, "end_index": 2, "title": "T", "url": "https://x.org"}
    (item,) = parse({"content": "Hi", "annotations": [{"type": "url_citation", "url_citation": citation}]}).items
    assert isinstance(item, Message)
    (text,) = item.parts
    assert isinstance(text, Text)
    assert [json.loads(bytes(one)) for one in text.annotations] == [link()]


def test_arguments_are_text_whatever_the_upstream_makes_of_them() -> None:
    for arguments in ("", None):
        assert parse({"tool_calls": [call(arguments=arguments)]}).items == (ToolCall("call_1", "f", "{}"),)
    assert parse({"tool_calls": [call(arguments={"x": 1.50})]}).items == (ToolCall("call_1", "f", '{"x":1.5}'),)
    assert parse({"tool_calls": [call(arguments="no json")]}).items == (ToolCall("call_1", "f", "no json"),)


def test_a_custom_call_has_raw_text() -> None:
    custom = {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    assert parse({"tool_calls": [custom]}).items == (ToolCall("a", "patch", "*** Begin", "custom"),)
    empty = {"id": "a", "type": "custom", "custom": {"name": "patch"}}
    assert parse({"tool_calls": [empty]}).items == (ToolCall("a", "patch", "", "custom"),)


def test_a_call_without_an_id_gets_one_of_its_answer() -> None:
    items = parse({"tool_calls": [call(None), call("")]}).items
    ids = [item.call_id for item in items if isinstance(item, ToolCall)]
    assert ids == [call_id(0, "chatcmpl-1"), call_id(1, "chatcmpl-1")]
    assert len({*ids, call_id(0, "chatcmpl-2"), call_id(0, "")}) == 4
    assert all(re.fullmatch(r"call_[0-9]+_[0-9a-f]{16}", one) for one in ids)


def test_an_id_that_two_calls_have_is_the_first_ones() -> None:
    calls = [{"id": "call_0", "function": {"name": name, "arguments": "{}"}} for name in "fg"]
    given = parse({"tool_calls": calls}, id="chatcmpl-1")
    assert [item.call_id for item in given.items if isinstance(item, ToolCall)] == ["call_0", call_id(1, "chatcmpl-1")]


def test_the_deprecated_call_is_a_call() -> None:
    given = parse({"function_call": {"name": "f", "arguments": '{"x":1}'}}, "function_call")
    assert given.items == (ToolCall(call_id(0, "chatcmpl-1"), "f", '{"x":1}'),)
    assert given.stop is Stop.TOOL_CALLS


@pytest.mark.parametrize(
    ("reason", "called", "stop"),
    [
        ("stop", False, Stop.END),
        ("stop", True, Stop.TOOL_CALLS),
        ("tool_calls", True, Stop.TOOL_CALLS),
        ("tool_calls", False, Stop.END),
        ("function_call", True, Stop.TOOL_CALLS),
        ("length", False, Stop.LENGTH),
        ("length", True, Stop.LENGTH),
        ("max_tokens", False, Stop.LENGTH),
        ("content_filter", False, Stop.CONTENT_FILTER),
        ("eos", False, Stop.END),
    ],
)
def test_39_what_an_answer_holds_tells_why_it_ended(reason: str, called: bool, stop: Stop) -> None:
    assert parse({"content": "Hi", "tool_calls": [call()] if called else None}, reason).stop is stop


def test_only_the_first_choice_is_read() -> None:
    first = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
    second = {"index": 1, "message": {"content": "b"}, "finish_reason": "length"}
    for choices in ([first, second], [second, first], [first | {"index": None}]):
        assert CHAT_CODEC.parse_answer(json.dumps({"choices": choices}).encode()).items == (said("a"),)


def test_what_servers_leave_out_or_write_as_null_is_no_fault() -> None:
    bare = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    nulls = bare | dict.fromkeys(("id", "created", "model", "usage", "service_tier", "system_fingerprint", "error"))
    for body in (bare, nulls, bare | {"created": 1.75}):
        given = CHAT_CODEC.parse_answer(json.dumps(body).encode())
        assert (given.id, given.model, given.items, given.usage) == ("", "", (said("a"),), None)
    assert CHAT_CODEC.parse_answer(json.dumps(bare | {"created": 1.75}).encode()).created == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no chat completion"),
        (b"<html>", "no chat completion"),
        (b"[]", "no chat completion"),
        (b'{"choices":7}', "no chat completion"),
        (b'{"choices":[{"message":{"content":"\xff"},"finish_reason":"stop"}]}', "no chat completion"),
        (b'{"choices":[{"message":{"content":"a","annotations":["\xff"]},"finish_reason":"stop"}]}', "no chat"),
        (b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "no chat completion"),
        (b"{}", "without choices"),
        (b'{"choices":[]}', "without choices"),
        (b'{"choices":[{"index":1,"message":{"content":"a"},"finish_reason":"stop"}]}', "without choices"),
        (b'{"choices":[{"finish_reason":"stop"}]}', "without choices"),
        (b'{"error":{"message":"boom","code":502}}', "'boom'"),
        (reply({"content": "a"}, error={"message": "boom"}), "'boom'"),
        (reply({"content": "a"}, "error"), "'error'"),
        (reply({"content": "a"}, "insufficient_system_resource"), "'insufficient_system_resource'"),
        (reply({"tool_calls": [call(name=None)]}), "a call without a name"),
        (reply({"tool_calls": [call(name="")]}), "a call without a name"),
        (reply({"tool_calls": [{"id": "a"}]}), "a call without a name"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_never_taken_for_one(body: bytes, message: str) -> None:
    assert message in broken(body)


@pytest.mark.parametrize("reason", [None, ""])
def test_an_answer_without_a_finish_reason_was_cut(reason: str | None) -> None:
    broken(reply({"content": "a"}, reason), errors.STREAM_ABORTED)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_body_is_an_answer_or_a_fault_of_the_upstream(body: bytes) -> None:
    with pytest.raises(GatewayError):
        CHAT_CODEC.parse_answer(body)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_sdk_takes_every_answer(name: str) -> None:
    sent = rendered(ANSWERS[name])
    assert (sent["object"], sent["model"]) == ("chat.completion", "fast")
    assert sent["id"].startswith("chatcmpl-")
    assert sent["choices"][0]["finish_reason"] in ("stop", "length", "tool_calls", "content_filter")


def test_an_answer_is_rendered_whole() -> None:
    given = answer(said("Hi"), service_tier="flex", fingerprint="fp")
    assert rendered(given) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_600_000_000,
        "model": "fast",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 3,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        "service_tier": "flex",
        "system_fingerprint": "fp",
    }


def test_an_id_of_our_own_is_kept_and_the_time_filled_in() -> None:
    sent = rendered(ANSWERS["our own id"])
    assert (sent["id"], sent["created"]) == ("chatcmpl-7", NOW)


def test_usage_that_nobody_reported_is_null_not_zero() -> None:
    assert rendered(ANSWERS["no usage"])["usage"] is None
    assert rendered(ANSWERS["zero usage"])["usage"]["total_tokens"] == 0


@pytest.mark.parametrize("name", ["nothing", "a call", "a refusal", "cut before a word"])
def test_without_text_the_content_is_null(name: str) -> None:
    assert message(ANSWERS[name])["content"] is None


def test_texts_are_joined_in_the_order_of_the_output() -> None:
    for name in ("two texts", "two messages"):
        assert message(ANSWERS[name])["content"] == "Hello, world"
    assert message(answer(said("a"), ToolCall("x", "f", ""), said("b")))["content"] == "ab"


@pytest.mark.parametrize("name", ["text and a call", "text, reasoning and a call"])
def test_text_reasoning_and_calls_are_one_choice(name: str) -> None:
    sent = rendered(ANSWERS[name])
    (choice,) = sent["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Let me see.", "tool_calls")
    assert choice["message"]["tool_calls"] == [call()]
    assert choice["message"].get("reasoning_content") == ("hm" if "reasoning" in name else None)


def test_an_answer_that_was_cut_before_a_word_is_an_empty_message() -> None:
    sent = rendered(ANSWERS["cut before a word"])
    assert sent["choices"][0]["finish_reason"] == "length"
    assert sent["choices"][0]["message"]["content"] is None
    assert sent["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", "stop"),
        ("a stop sequence", "stop"),
        ("a call", "tool_calls"),
        ("calls with an end", "tool_calls"),
        ("tool calls without calls", "stop"),
        ("cut", "length"),
        ("cut in a call", "length"),
        ("filtered", "content_filter"),
        ("a refusal", "stop"),
        ("refused in words", "stop"),
        ("refused without a word", "content_filter"),
    ],
)
def test_why_an_answer_ended_has_its_finish_reason(name: str, reason: str) -> None:
    assert finish(ANSWERS[name]) == reason


def test_a_refusal_has_its_own_place() -> None:
    sent = message(ANSWERS["text and a refusal"])
    assert (sent["content"], sent["refusal"]) == ("Well. ", "No.")


def test_an_answer_that_is_to_be_continued_is_an_error_not_an_end() -> None:
    with pytest.raises(GatewayError) as caught:
        CHAT_CODEC.render_answer(answer(said("a"), stop=Stop.PAUSE), setting())
    assert caught.value.kind is errors.PROTOCOL_ERROR


def test_parts_of_reasoning_are_paragraphs() -> None:
    assert message(ANSWERS["reasoning"])["reasoning_content"] == "a\n\nb\n\nc\n\nd\n\nf"
    hidden = Turn("fast", thinking=Thinking(hidden=True))
    assert "reasoning_content" not in message(ANSWERS["reasoning"], hidden)
    assert "reasoning_content" not in message(answer(Reasoning(seal="x", sealed_by="messages")))


def test_citations_are_nested_and_move_with_their_text() -> None:
    assert message(ANSWERS["cited"])["annotations"] == [
        {"type": "url_citation", "url_citation": nested(0, 2)},
        {"type": "file_citation", "file_citation": {"file_id": "f", "filename": "a.txt", "index": 0}},
        {"type": "url_citation", "url_citation": nested(7, 9)},
    ]


def nested(start: int, end: int) -> Json:
    return {name: value for name, value in link(start, end).items() if name != "type"}


def test_log_probabilities_are_the_choices() -> None:
    choice = rendered(ANSWERS["log probabilities"])["choices"][0]
    assert choice["logprobs"] == {"content": [json.loads(bytes(DRAWN))] * 3, "refusal": None}


CUSTOM = {"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin\n"}}


@pytest.mark.parametrize("name", ["a custom call", "a wrapped call"])
def test_a_custom_call_comes_back_with_its_raw_input(name: str) -> None:
    assert message(ANSWERS[name])["tool_calls"] == [CUSTOM]


def test_a_call_under_an_alias_comes_back_under_its_name() -> None:
    assert message(ANSWERS["a call under an alias"])["tool_calls"] == [call(name=LONG)]


def test_a_call_outside_of_the_allowed_tools_is_suppressed() -> None:
    allowed = msgspec.structs.replace(ASKED, tool_choice=ToolChoice("allowed", (LONG, "patch")))
    for name, reason in (("a call", "stop"), ("a wrapped call", "tool_calls"), ("a call under an alias", "tool_calls")):
        assert finish(ANSWERS[name], allowed) == reason
    assert "tool_calls" not in message(ANSWERS["a call"], allowed)


def test_who_asked_in_the_deprecated_form_is_answered_in_it() -> None:
    old = Turn("fast", tools=(Tool("f"),), extras=(FUNCTIONS,))
    sent = rendered(ANSWERS["text and a call"], old)["choices"][0]
    assert sent["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in sent["message"]
    assert sent["finish_reason"] == "function_call"
    # That form has one call; what an upstream makes beyond it is not lost.
    sent = rendered(ANSWERS["parallel calls"], old)["choices"][0]
    assert sent["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert sent["message"]["tool_calls"] == [call("call_2", arguments='{"x":2}')]
    assert sent["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "item", [ToolResult("a", (Text("x"),)), Native("responses", "web_search_call", "output[0]", raw({}))]
)
def test_what_no_chat_answer_has_is_left_out(item: Item) -> None:
    assert message(answer(item, said("a"))) == message(answer(said("a")))


@settings(deadline=None, max_examples=200)
@given(ANY, REQUESTS)
def test_any_answer_is_one_that_the_sdk_takes(given: Answer, turn: Turn) -> None:
    calls = [item for item in given.items if isinstance(item, ToolCall)]
    sent = rendered(given, turn)["choices"][0]
    made = len(sent["message"].get("tool_calls", [])) + ("function_call" in sent["message"])
    assert made == len(calls) if turn.tool_choice is None else made <= len(calls)


def test_an_answer_survives_both_ways() -> None:
    for name in ("text", "a call", "parallel calls", "text and a call", "a custom call", "cut", "filtered"):
        given = ANSWERS[name]
        back = CHAT_CODEC.parse_answer(CHAT_CODEC.render_answer(given, setting()))
        assert (back.items, back.stop, back.usage) == (given.items, given.stop, given.usage)
