from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from openai.types.responses import Response

from dragoman import errors
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.errors import GatewayError
from dragoman.turn import (
    Answer,
    Image,
    Item,
    Message,
    Native,
    Reasoning,
    Refusal,
    Stop,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from tests.dialects.responses.samples import (
    ANSWERS,
    NOW,
    SEALED,
    USAGE,
    Body,
    call,
    message,
    parse,
    plain,
    raw,
    render_answer,
    response,
)

CITATION = {"type": "url_citation", "start_index": 0, "end_index": 2, "title": "t", "url": "http://x/"}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}


def read(body: Body) -> Answer:
    return RESPONSES.parse_answer(msgspec.json.encode(body))


ITEMS: dict[str, tuple[Body, Item]] = {
    "message": (
        message("a", {"type": "refusal", "refusal": "no"}, phase="commentary"),
        Message("assistant", (Text("a"), Refusal("no")), "msg_up", phase="commentary"),
    ),
    "empty message": (message(""), Message("assistant", (), "msg_up")),
    "annotated": (
        message({"type": "output_text", "text": "ab", "annotations": [CITATION]}),
        Message("assistant", (Text("ab", (raw(CITATION),)),), "msg_up"),
    ),
    "log probabilities": (
        message({"type": "output_text", "text": "a", "logprobs": [{"token": "a", "logprob": -1, "bytes": [97]}]}),
        Message(
            "assistant",
            (Text("a", (), (raw({"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}),)),),
            "msg_up",
        ),
    ),
    "a part nobody knows": (message({"type": "output_video"}, "a"), Message("assistant", (Text("a"),), "msg_up")),
    "function": (call("f", '{"a":1}', "call_1"), ToolCall("call_1", "f", '{"a":1}', id="fc_up")),
    "function without arguments": (call("f", "", "call_1"), ToolCall("call_1", "f", "{}", id="fc_up")),
    "custom": (
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "p", "input": "raw"},
        ToolCall("call_1", "p", "raw", "custom", "ctc_1"),
    ),
    "reasoning": (
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "t"}],
            "encrypted_content": "S",
        },
        Reasoning(("t",), ("s",), "S", "responses", "rs_1"),
    ),
    "reasoning of nothing": ({"type": "reasoning", "id": "rs_1", "summary": []}, Reasoning(id="rs_1")),
    "hosted": (SEARCH, Native("responses", "web_search_call", "output[0]", raw(SEARCH))),
}


@pytest.mark.parametrize("case", ITEMS)
def test_an_item_of_an_answer(case: str) -> None:
    given, expected = ITEMS[case]
    (item,) = read(response(output=[given])).items
    assert plain(item) == plain(expected)


def test_an_answer() -> None:
    given = response(output=[message("a")], service_tier="flex", created_at=1700000000.9)
    assert read(given) == Answer(
        id="resp_up",
        created=1700000000,
        model="up-1",
        items=(Message("assistant", (Text("a"),), "msg_up"),),
        stop=Stop.END,
        usage=USAGE,
        service_tier="flex",
    )


@pytest.mark.parametrize(
    ("body", "stop"),
    [
        (response(), Stop.END),
        (response(output=[call("f", "{}", "c")]), Stop.TOOL_CALLS),
        (response(output=[message({"type": "refusal", "refusal": "no"})]), Stop.END),
        (response("incomplete"), Stop.LENGTH),
        (response("incomplete", incomplete_details={}), Stop.LENGTH),
        (response("incomplete", incomplete_details={"reason": "max_output_tokens"}), Stop.LENGTH),
        (response("incomplete", incomplete_details={"reason": "max_messages"}), Stop.LENGTH),
        (response("incomplete", incomplete_details={"reason": "content_filter"}), Stop.CONTENT_FILTER),
        (response("incomplete", incomplete_details={"reason": "steered"}), Stop.END),
        (response("incomplete", [call("f", "{", "c")]), Stop.LENGTH),
        ({**response(), "status": None}, Stop.END),
    ],
)
def test_why_it_ended(body: Body, stop: Stop) -> None:
    assert read(body).stop is stop


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({}, None),
        ("odd", None),
        ({"input_tokens": -1, "output_tokens": 1}, None),
        ({"input_tokens": 1}, Usage(1)),
        ({"input_tokens": 1, "output_tokens": 2, "input_tokens_details": None}, Usage(1, 2)),
        (
            {
                "input_tokens": 9,
                "output_tokens": 8,
                "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(9, 8, 3, 4, 5),
        ),
    ],
)
def test_usage_is_never_invented(usage: Any, expected: Usage | None) -> None:
    assert read(response(usage=usage)).usage == expected


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"", errors.PROTOCOL_ERROR, "no response object"),
        (b"<html>", errors.PROTOCOL_ERROR, "no response object"),
        (b"[]", errors.PROTOCOL_ERROR, "no response object"),
        (b'{"output":"x"}', errors.PROTOCOL_ERROR, "no response object"),
        (b'{"output":[7]}', errors.PROTOCOL_ERROR, "no response object"),
        (b'{"output":[{"type":"message","content":7}]}', errors.PROTOCOL_ERROR, "no response object"),
        (b'{"output":[],"x":"\xff"}', errors.PROTOCOL_ERROR, "no response object"),
        (b'{"output":' + b"[" * 100_000, errors.PROTOCOL_ERROR, "no response object"),
        (b"{}", errors.PROTOCOL_ERROR, "without 'output'"),
        (b'{"error":{"message":"boom"}}', errors.PROTOCOL_ERROR, "boom"),
        (b'{"error":"boom"}', errors.PROTOCOL_ERROR, "boom"),
        (b'{"status":"completed","error":{"message":"boom"}}', errors.PROTOCOL_ERROR, "boom"),
        (b'{"status":"in_progress","output":[]}', errors.PROTOCOL_ERROR, "in_progress"),
        (b'{"status":"queued","output":[]}', errors.PROTOCOL_ERROR, "queued"),
        (b'{"status":"cancelled","output":[]}', errors.PROTOCOL_ERROR, "was cancelled"),
    ],
)
def test_what_is_no_finished_response_is_an_error(body: bytes, kind: errors.ErrorKind, said: str) -> None:
    with pytest.raises(GatewayError, match=said) as caught:
        RESPONSES.parse_answer(body)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", errors.PROTOCOL_ERROR),
        ("vector_store_timeout", errors.PROTOCOL_ERROR),
        ("never_heard_of", errors.PROTOCOL_ERROR),
        (None, errors.PROTOCOL_ERROR),
        ("rate_limit_exceeded", errors.RATE_LIMIT_EXCEEDED),
        ("invalid_prompt", errors.INVALID_REQUEST),
        ("image_too_large", errors.INVALID_REQUEST),
        ("context_length_exceeded", errors.INVALID_REQUEST),
    ],
)
def test_a_failed_response_raises_what_it_says(code: str | None, kind: errors.ErrorKind) -> None:
    with pytest.raises(GatewayError, match="boom") as caught:
        read(response("failed", error={"code": code, "message": "boom"}))
    assert caught.value.kind is kind


ANSWER = Answer(
    id="chatcmpl-1",
    created=1_700_000_000,
    model="up",
    items=(
        Reasoning(("t",), ("s",), "S", "responses"),
        Message("assistant", (Text("ab", (raw(CITATION),)), Refusal("no"))),
        ToolCall("call_1", "f", '{"a":1}'),
        ToolCall("call_2", "p", "raw", "custom"),
    ),
    stop=Stop.TOOL_CALLS,
    usage=Usage(10, 5, 3, 2, 1),
    service_tier="priority",
)


def test_an_answer_for_a_caller() -> None:
    body = render_answer(ANSWER, parse(**SEALED))
    assert body["output"] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "status": "completed",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "t"}],
            "encrypted_content": "S",
        },
        {
            "type": "message",
            "id": "msg_2",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "ab", "annotations": [CITATION], "logprobs": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {
            "type": "function_call",
            "id": "fc_3",
            "call_id": "call_1",
            "name": "f",
            "arguments": '{"a":1}',
            "status": "completed",
        },
        {
            "type": "custom_tool_call",
            "id": "ctc_4",
            "call_id": "call_2",
            "name": "p",
            "input": "raw",
            "status": "completed",
        },
    ]
    assert (body["id"], body["created_at"], body["completed_at"]) == ("resp_0", 1_700_000_000, NOW)
    assert (body["status"], body["model"], body["service_tier"]) == ("completed", "m", "priority")
    assert body["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 15,
    }


@settings(max_examples=200, deadline=None)
@given(ANSWERS)
def test_every_answer_is_of_the_sdks_types(answer: Answer) -> None:
    body = render_answer(answer, parse(**SEALED))
    assert Response.model_validate(body, strict=False).to_dict() == body


@settings(max_examples=200, deadline=None)
@given(ANSWERS)
def test_what_was_rendered_is_parsed_again(answer: Answer) -> None:
    turn = parse(**SEALED)
    body = render_answer(answer, turn)
    again = RESPONSES.parse_answer(msgspec.json.encode(body))
    assert plain([bare(item) for item in again.items]) == plain([bare(item) for item in answer.items])
    assert again.usage == answer.usage
    assert render_answer(again, turn)["output"] == body["output"]


def bare(item: Item) -> Item:
    """Without the id that rendering gave."""
    return msgspec.structs.replace(item, id="") if isinstance(item, Message | ToolCall | Reasoning) else item


def test_ids_of_a_responses_server_are_kept() -> None:
    given = response(output=[given for given, _ in ITEMS.values()])
    body = render_answer(read(given))
    assert body["id"] == "resp_up"
    assert [item["id"] for item in body["output"]] == [
        item["id"] for item in given["output"] if item.get("content") != message("")["content"]
    ]


def test_a_hosted_tools_item_of_another_dialect_is_left_out() -> None:
    items = (Native("messages", "server_tool_use", "content[0]", raw({})), ToolResult("c", (Text("x"),)))
    answer = msgspec.structs.replace(ANSWER, items=items)
    assert render_answer(answer)["output"] == []


def test_a_message_of_nothing_that_can_be_said_is_left_out() -> None:
    answer = msgspec.structs.replace(ANSWER, items=(Message("assistant", (Image("u"),)), Message("assistant", ())))
    assert render_answer(answer)["output"] == []


def test_the_last_item_of_an_answer_that_was_cut_says_so() -> None:
    answer = msgspec.structs.replace(ANSWER, stop=Stop.LENGTH)
    assert [item["status"] for item in render_answer(answer)["output"]] == ["completed"] * 3 + ["incomplete"]
    hosted = msgspec.structs.replace(answer, items=(Native("responses", "web_search_call", "output[0]", raw(SEARCH)),))
    assert render_answer(hosted)["output"] == [SEARCH]


def test_calls_are_those_that_the_request_knows() -> None:
    tools: list[Body] = [{"type": "custom", "name": "patch"}, {"type": "function", "name": "f", "parameters": {}}]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "patch"}]}
    items = (ToolCall("c", "patch", '{"input":"raw"}'), ToolCall("d", "f", "{}"))
    body = render_answer(msgspec.structs.replace(ANSWER, items=items), parse(tools=tools, tool_choice=choice))
    assert [(item["name"], item["input"]) for item in body["output"]] == [("patch", "raw")]
