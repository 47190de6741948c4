"""Examples of what an upstream answers, and of what a caller of another dialect gets of it.

What is answered and what is got are told by paths: `choices.0.finish_reason`, for one.
"""

from dataclasses import dataclass
from typing import Final

from dragoman.dialects import fields as f
from dragoman.dialects.chat.answers import call_id
from dragoman.dialects.mapping import Fate, Field
from dragoman.turn import Dialect
from tests.dialects.examples.example import LETTERS, Json, Pair

CHAT: Final[Json] = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "up",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}  # fmt: skip
RESPONSES: Final[Json] = {
    "id": "resp_1", "object": "response", "created_at": 7, "status": "completed", "model": "up",
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}],
    "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
}  # fmt: skip
MESSAGES: Final[Json] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "up", "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 5},
}  # fmt: skip
LEAST: Final[dict[Dialect, Json]] = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES}


@dataclass(frozen=True)
class Reply:
    """`said` goes over the least answer of the upstream's dialect, `got` over what a caller gets of that one."""

    field: Field
    fate: Fate
    pair: Pair
    said: Json
    got: Json


def reply(field: Field, fate: Fate, pairs: str, said: Json, got: Json | None = None) -> list[Reply]:
    return [
        Reply(field, fate, (LETTERS[source], LETTERS[target]), said, got or {})
        for source, target in (pair.split(">") for pair in pairs.split())
    ]


LINK: Final = {"start_index": 0, "end_index": 2, "title": "t", "url": "https://x.org"}
CITED: Final = {
    "type": "web_search_result_location",
    "url": "https://x.org",
    "title": "t",
    "cited_text": "",
    "encrypted_index": "",
}
PLACE: Final = {
    "type": "char_location",
    "document_index": 0,
    "start_char_index": 0,
    "end_char_index": 1,
    "cited_text": "c",
    "file_id": "f",
    "document_title": "d",
}
FILE: Final = {"type": "file_citation", "file_id": "f", "filename": "d", "index": 0}
CHAT_FILE: Final = {"type": "file_citation", "file_citation": {"file_id": "f", "filename": "d", "index": 0}}
LOGPROB: Final = {"token": "Hi", "logprob": -1.0, "bytes": [72, 105], "top_logprobs": []}
CALL: Final = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
CUSTOM: Final = {"id": "c", "type": "custom", "custom": {"name": "p", "input": "x"}}
ITEM: Final[Json] = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c",
    "name": "f",
    "arguments": '{"a":1}',
    "status": "completed",
}
CUSTOM_ITEM: Final[Json] = {
    "type": "custom_tool_call",
    "id": "ctc_1",
    "call_id": "c",
    "name": "p",
    "input": "x",
    "status": "completed",
}
USE: Final[Json] = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}
MESSAGE: Final[Json] = RESPONSES["output"][0]
GOT_MESSAGE: Final[Json] = {
    **MESSAGE,
    "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}],
}
TEXT: Final[Json] = {"type": "text", "text": "Hi"}
THOUGHT: Final[Json] = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "hm"}],
    "status": "completed",
}
NO_WORDS: Final = {"choices.0.message.content": None}
CALLED_CHAT: Final = {"choices.0.message.tool_calls": [CALL], "choices.0.finish_reason": "tool_calls"}
CALLED_RESPONSES: Final = {"output": [MESSAGE, ITEM]}
CALLED_MESSAGES: Final = {"content": [TEXT, USE], "stop_reason": "tool_use"}
FULL: Final = {
    "status": "incomplete",
    "completed_at": None,
    "incomplete_details": {"reason": "max_output_tokens"},
    "output.0.status": "incomplete",
}
BLOCKED: Final = {
    "status": "incomplete",
    "completed_at": None,
    "incomplete_details": {"reason": "content_filter"},
    "output.0.status": "incomplete",
}
REFUSAL: Final = {"type": "refusal", "category": None, "explanation": None}


def incomplete(reason: str) -> Json:
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


REPLIES: Final[list[Reply]] = [
    *reply(f.ANSWER_ID, "mapped", "c>r c>m", {"id": "chatcmpl-other"}),
    *reply(f.ANSWER_ID, "mapped", "r>c r>m", {"id": "resp_other"}),
    *reply(f.ANSWER_ID, "mapped", "m>c m>r", {"id": "msg_other"}),
    *reply(f.CREATED, "mapped", "c>r", {"created": 8}, {"created_at": 8}),
    *reply(f.CREATED, "mapped", "r>c", {"created_at": 8}, {"created": 8}),
    *reply(f.CREATED, "dropped", "c>m", {"created": 8}),
    *reply(f.CREATED, "dropped", "r>m", {"created_at": 8}),
    *reply(f.ANSWER_MODEL, "executed", "c>r c>m r>c r>m m>c m>r", {"model": "other"}),
    *reply(f.OUT_TEXT, "mapped", "c>r", {"choices.0.message.content": "Ho"}, {"output.0.content.0.text": "Ho"}),
    *reply(f.OUT_TEXT, "mapped", "c>m", {"choices.0.message.content": "Ho"}, {"content.0.text": "Ho"}),
    *reply(f.OUT_TEXT, "mapped", "r>c", {"output": [MESSAGE, MESSAGE]}, {"choices.0.message.content": "HiHi"}),
    *reply(f.OUT_TEXT, "mapped", "r>m", {"output": [MESSAGE, MESSAGE]}, {"content.0.text": "HiHi"}),
    *reply(f.OUT_TEXT, "mapped", "m>c", {"content": [TEXT, TEXT]}, {"choices.0.message.content": "HiHi"}),
    *reply(f.OUT_TEXT, "mapped", "m>r", {"content": [TEXT, TEXT]}, {"output.0.content.0.text": "HiHi"}),
    *reply(
        f.OUT_REFUSAL, "mapped", "c>r", {**NO_WORDS, "choices.0.message.refusal": "No."},
        {"output.0.content": [{"type": "refusal", "refusal": "No."}]},
    ),
    *reply(
        f.OUT_REFUSAL, "mapped", "c>m", {**NO_WORDS, "choices.0.message.refusal": "No."},
        {"content.0.text": "No.", "stop_reason": "refusal", "stop_details": REFUSAL},
    ),
    *reply(
        f.OUT_REFUSAL, "mapped", "r>c", {"output.0.content": [{"type": "refusal", "refusal": "No."}]},
        {**NO_WORDS, "choices.0.message.refusal": "No."},
    ),
    *reply(
        f.OUT_REFUSAL, "mapped", "r>m", {"output.0.content": [{"type": "refusal", "refusal": "No."}]},
        {"content.0.text": "No.", "stop_reason": "refusal", "stop_details": REFUSAL},
    ),
    *reply(
        f.OUT_REFUSAL, "mapped", "m>c", {"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}},
        {**NO_WORDS, "choices.0.message.refusal": "No."},
    ),
    *reply(
        f.OUT_REFUSAL, "mapped", "m>r", {"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}},
        {"output.0.content": [{"type": "refusal", "refusal": "No."}]},
    ),
    *reply(
        f.OUT_LINKS, "mapped", "c>r", {"choices.0.message.annotations": [{"type": "url_citation", "url_citation": LINK}]},
        {"output.0.content.0.annotations": [{"type": "url_citation", **LINK}]},
    ),
    *reply(
        f.OUT_LINKS, "mapped", "c>m", {"choices.0.message.annotations": [{"type": "url_citation", "url_citation": LINK}]},
        {"content.0.citations": [CITED]},
    ),
    *reply(
        f.OUT_LINKS, "mapped", "r>c", {"output.0.content.0.annotations": [{"type": "url_citation", **LINK}]},
        {"choices.0.message.annotations": [{"type": "url_citation", "url_citation": LINK}]},
    ),
    *reply(
        f.OUT_LINKS, "mapped", "r>m", {"output.0.content.0.annotations": [{"type": "url_citation", **LINK}]},
        {"content.0.citations": [CITED]},
    ),
    *reply(
        f.OUT_LINKS, "mapped", "m>c", {"content.0.citations": [CITED]},
        {"choices.0.message.annotations": [{"type": "url_citation", "url_citation": LINK}]},
    ),
    *reply(
        f.OUT_LINKS, "mapped", "m>r", {"content.0.citations": [CITED]},
        {"output.0.content.0.annotations": [{"type": "url_citation", **LINK}]},
    ),
    *reply(f.OUT_CITATIONS, "mapped", "r>c", {"output.0.content.0.annotations": [FILE]}, {"choices.0.message.annotations": [CHAT_FILE]}),
    *reply(f.OUT_CITATIONS, "mapped", "m>c", {"content.0.citations": [PLACE]}, {"choices.0.message.annotations": [CHAT_FILE]}),
    *reply(f.OUT_CITATIONS, "mapped", "m>r", {"content.0.citations": [PLACE]}, {"output.0.content.0.annotations": [FILE]}),
    *reply(f.OUT_CITATIONS, "dropped", "r>m", {"output.0.content.0.annotations": [FILE]}),
    *reply(f.OUT_LOGPROBS, "mapped", "c>r", {"choices.0.logprobs": {"content": [LOGPROB]}}, {"output.0.content.0.logprobs": [LOGPROB]}),
    *reply(
        f.OUT_LOGPROBS, "mapped", "r>c", {"output.0.content.0.logprobs": [LOGPROB]},
        {"choices.0.logprobs": {"content": [LOGPROB], "refusal": None}},
    ),
    *reply(f.OUT_LOGPROBS, "dropped", "c>m", {"choices.0.logprobs": {"content": [LOGPROB]}}),
    *reply(f.OUT_LOGPROBS, "dropped", "r>m", {"output.0.content.0.logprobs": [LOGPROB]}),
    *reply(f.OUT_REASONING, "mapped", "c>r", {"choices.0.message.reasoning_content": "hm"}, {"output": [THOUGHT, GOT_MESSAGE]}),
    *reply(
        f.OUT_REASONING, "mapped", "c>m", {"choices.0.message.reasoning_content": "hm"},
        {"content": [{"type": "thinking", "thinking": "hm", "signature": ""}, TEXT]},
    ),
    *reply(f.OUT_REASONING, "mapped", "r>c", {"output": [THOUGHT, MESSAGE]}, {"choices.0.message.reasoning_content": "hm"}),
    *reply(
        f.OUT_REASONING, "mapped", "r>m", {"output": [THOUGHT, MESSAGE]},
        {"content": [{"type": "thinking", "thinking": "hm", "signature": ""}, TEXT]},
    ),
    *reply(
        f.OUT_REASONING, "mapped", "m>c", {"content": [{"type": "thinking", "thinking": "hm", "signature": ""}, TEXT]},
        {"choices.0.message.reasoning_content": "hm"},
    ),
    *reply(
        f.OUT_REASONING, "mapped", "m>r", {"content": [{"type": "thinking", "thinking": "hm", "signature": ""}, TEXT]},
        {"output": [THOUGHT, GOT_MESSAGE]},
    ),
    *reply(f.OUT_SEAL, "dropped", "r>c", {"output": [{"type": "reasoning", "summary": [], "encrypted_content": "s"}, MESSAGE]}),
    *reply(f.OUT_SEAL, "dropped", "m>c", {"content": [{"type": "redacted_thinking", "data": "s"}, TEXT]}),
    *reply(f.OUT_CALL, "mapped", "c>r", CALLED_CHAT, {"output": [GOT_MESSAGE, ITEM]}),
    *reply(f.OUT_CALL, "mapped", "c>m", CALLED_CHAT, CALLED_MESSAGES),
    *reply(f.OUT_CALL, "mapped", "r>c", CALLED_RESPONSES, CALLED_CHAT),
    *reply(f.OUT_CALL, "mapped", "r>m", CALLED_RESPONSES, CALLED_MESSAGES),
    *reply(f.OUT_CALL, "mapped", "m>c", CALLED_MESSAGES, CALLED_CHAT),
    *reply(f.OUT_CALL, "mapped", "m>r", CALLED_MESSAGES, {"output": [GOT_MESSAGE, ITEM]}),
    *reply(
        f.OUT_CUSTOM, "mapped", "c>r", {"choices.0.message.tool_calls": [CUSTOM], "choices.0.finish_reason": "tool_calls"},
        {"output": [GOT_MESSAGE, CUSTOM_ITEM]},
    ),
    *reply(
        f.OUT_CUSTOM, "mapped", "c>m", {"choices.0.message.tool_calls": [CUSTOM], "choices.0.finish_reason": "tool_calls"},
        {"content": [TEXT, {**USE, "name": "p", "input": {"input": "x"}}], "stop_reason": "tool_use"},
    ),
    *reply(
        f.OUT_CUSTOM, "mapped", "r>c", {"output": [MESSAGE, CUSTOM_ITEM]},
        {"choices.0.message.tool_calls": [CUSTOM], "choices.0.finish_reason": "tool_calls"},
    ),
    *reply(
        f.OUT_CUSTOM, "mapped", "r>m", {"output": [MESSAGE, CUSTOM_ITEM]},
        {"content": [TEXT, {**USE, "name": "p", "input": {"input": "x"}}], "stop_reason": "tool_use"},
    ),
    *reply(
        f.OUT_OLD_CALL, "mapped", "c>r", {"choices.0.message.function_call": {"name": "f", "arguments": '{"a":1}'}, "choices.0.finish_reason": "function_call"},
        {"output": [GOT_MESSAGE, {**ITEM, "call_id": call_id(0, CHAT["id"])}]},
    ),
    *reply(
        f.OUT_OLD_CALL, "mapped", "c>m", {"choices.0.message.function_call": {"name": "f", "arguments": '{"a":1}'}, "choices.0.finish_reason": "function_call"},
        {"content": [TEXT, {**USE, "id": call_id(0, CHAT["id"])}], "stop_reason": "tool_use"},
    ),
    *reply(f.OUT_HOSTED, "dropped", "r>c r>m", {"output": [{"type": "web_search_call", "id": "ws_1", "status": "completed"}, MESSAGE]}),
    *reply(f.OUT_HOSTED, "dropped", "m>c m>r", {"content": [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, TEXT]}),
    *reply(f.OUT_PHASE, "dropped", "r>c r>m", {"output.0.phase": "final_answer"}),
    *reply(
        f.OTHER_CHOICES, "dropped", "c>r c>m",
        {"choices": [*CHAT["choices"], {"index": 1, "message": {"role": "assistant", "content": "Ho"}, "finish_reason": "stop"}]},
    ),
    *reply(f.OUT_TIER, "mapped", "c>r r>c", {"service_tier": "flex"}, {"service_tier": "flex"}),
    *reply(f.OUT_TIER, "mapped", "c>m r>m", {"service_tier": "default"}, {"usage.service_tier": "standard"}),
    *reply(f.OUT_TIER, "mapped", "m>c m>r", {"usage.service_tier": "standard"}, {"service_tier": "default"}),
    *reply(f.FINGERPRINT, "dropped", "c>r c>m", {"system_fingerprint": "fp"}),
    *reply(f.OUT_SEQUENCE, "dropped", "m>c m>r", {"stop_reason": "stop_sequence", "stop_sequence": "x"}),
    *reply(f.USED_INPUT, "mapped", "c>r", {"usage.prompt_tokens": 7}, {"usage.input_tokens": 7, "usage.total_tokens": 12}),
    *reply(f.USED_INPUT, "mapped", "c>m", {"usage.prompt_tokens": 7}, {"usage.input_tokens": 7}),
    *reply(f.USED_INPUT, "mapped", "r>c m>c", {"usage.input_tokens": 7}, {"usage.prompt_tokens": 7, "usage.total_tokens": 12}),
    *reply(f.USED_INPUT, "mapped", "r>m", {"usage.input_tokens": 7}, {"usage.input_tokens": 7}),
    *reply(f.USED_INPUT, "mapped", "m>r", {"usage.input_tokens": 7}, {"usage.input_tokens": 7, "usage.total_tokens": 12}),
    *reply(f.USED_OUTPUT, "mapped", "c>r", {"usage.completion_tokens": 7}, {"usage.output_tokens": 7, "usage.total_tokens": 17}),
    *reply(f.USED_OUTPUT, "mapped", "c>m", {"usage.completion_tokens": 7}, {"usage.output_tokens": 7}),
    *reply(f.USED_OUTPUT, "mapped", "r>c m>c", {"usage.output_tokens": 7}, {"usage.completion_tokens": 7, "usage.total_tokens": 17}),
    *reply(f.USED_OUTPUT, "mapped", "r>m", {"usage.output_tokens": 7}, {"usage.output_tokens": 7}),
    *reply(f.USED_OUTPUT, "mapped", "m>r", {"usage.output_tokens": 7}, {"usage.output_tokens": 7, "usage.total_tokens": 17}),
    *reply(
        f.USED_CACHED, "mapped", "c>r", {"usage.prompt_tokens_details": {"cached_tokens": 3}},
        {"usage.input_tokens_details.cached_tokens": 3},
    ),
    *reply(
        f.USED_CACHED, "mapped", "c>m", {"usage.prompt_tokens_details": {"cached_tokens": 3}},
        {"usage.cache_read_input_tokens": 3, "usage.input_tokens": 7},
    ),
    *reply(
        f.USED_CACHED, "mapped", "r>c", {"usage.input_tokens_details": {"cached_tokens": 3}},
        {"usage.prompt_tokens_details.cached_tokens": 3},
    ),
    *reply(
        f.USED_CACHED, "mapped", "r>m", {"usage.input_tokens_details": {"cached_tokens": 3}},
        {"usage.cache_read_input_tokens": 3, "usage.input_tokens": 7},
    ),
    *reply(
        f.USED_CACHED, "mapped", "m>c", {"usage.cache_read_input_tokens": 3},
        {"usage.prompt_tokens_details.cached_tokens": 3, "usage.prompt_tokens": 13, "usage.total_tokens": 18},
    ),
    *reply(
        f.USED_CACHED, "mapped", "m>r", {"usage.cache_read_input_tokens": 3},
        {"usage.input_tokens_details.cached_tokens": 3, "usage.input_tokens": 13, "usage.total_tokens": 18},
    ),
    *reply(
        f.USED_WRITTEN, "mapped", "c>r", {"usage.prompt_tokens_details": {"cache_write_tokens": 3}},
        {"usage.input_tokens_details.cache_write_tokens": 3},
    ),
    *reply(
        f.USED_WRITTEN, "mapped", "c>m", {"usage.prompt_tokens_details": {"cache_write_tokens": 3}},
        {"usage.cache_creation_input_tokens": 3, "usage.input_tokens": 7},
    ),
    *reply(
        f.USED_WRITTEN, "mapped", "r>c", {"usage.input_tokens_details": {"cache_write_tokens": 3}},
        {"usage.prompt_tokens_details.cache_write_tokens": 3},
    ),
    *reply(
        f.USED_WRITTEN, "mapped", "r>m", {"usage.input_tokens_details": {"cache_write_tokens": 3}},
        {"usage.cache_creation_input_tokens": 3, "usage.input_tokens": 7},
    ),
    *reply(
        f.USED_WRITTEN, "mapped", "m>c", {"usage.cache_creation_input_tokens": 3},
        {"usage.prompt_tokens_details.cache_write_tokens": 3, "usage.prompt_tokens": 13, "usage.total_tokens": 18},
    ),
    *reply(
        f.USED_WRITTEN, "mapped", "m>r", {"usage.cache_creation_input_tokens": 3},
        {"usage.input_tokens_details.cache_write_tokens": 3, "usage.input_tokens": 13, "usage.total_tokens": 18},
    ),
    *reply(
        f.USED_REASONING, "mapped", "c>r", {"usage.completion_tokens_details": {"reasoning_tokens": 3}},
        {"usage.output_tokens_details.reasoning_tokens": 3},
    ),
    *reply(
        f.USED_REASONING, "mapped", "c>m", {"usage.completion_tokens_details": {"reasoning_tokens": 3}},
        {"usage.output_tokens_details": {"thinking_tokens": 3}},
    ),
    *reply(
        f.USED_REASONING, "mapped", "r>c", {"usage.output_tokens_details": {"reasoning_tokens": 3}},
        {"usage.completion_tokens_details.reasoning_tokens": 3},
    ),
    *reply(
        f.USED_REASONING, "mapped", "r>m", {"usage.output_tokens_details": {"reasoning_tokens": 3}},
        {"usage.output_tokens_details": {"thinking_tokens": 3}},
    ),
    *reply(
        f.USED_REASONING, "mapped", "m>c", {"usage.output_tokens_details": {"thinking_tokens": 3}},
        {"usage.completion_tokens_details.reasoning_tokens": 3},
    ),
    *reply(
        f.USED_REASONING, "mapped", "m>r", {"usage.output_tokens_details": {"thinking_tokens": 3}},
        {"usage.output_tokens_details.reasoning_tokens": 3},
    ),
    *reply(f.USED_AUDIO, "dropped", "c>r c>m", {"usage.prompt_tokens_details": {"audio_tokens": 3}}),
    *reply(f.ENDED, "mapped", "c>r c>m", {"choices.0.finish_reason": "stop"}),
    *reply(f.ENDED, "mapped", "r>c r>m", {"status": "completed"}),
    *reply(f.ENDED, "mapped", "m>c m>r", {"stop_reason": "end_turn"}),
    *reply(f.CALLED, "mapped", "c>r", {**CALLED_CHAT, "choices.0.finish_reason": "stop"}, {"output": [GOT_MESSAGE, ITEM]}),
    *reply(f.CALLED, "mapped", "c>m", {**CALLED_CHAT, "choices.0.finish_reason": "stop"}, CALLED_MESSAGES),
    *reply(f.CALLED, "mapped", "r>c", CALLED_RESPONSES, CALLED_CHAT),
    *reply(f.CALLED, "mapped", "r>m", CALLED_RESPONSES, CALLED_MESSAGES),
    *reply(f.CALLED, "mapped", "m>c", CALLED_MESSAGES, CALLED_CHAT),
    *reply(f.CALLED, "mapped", "m>r", CALLED_MESSAGES, {"output": [GOT_MESSAGE, ITEM]}),
    *reply(f.CUT, "mapped", "c>r", {"choices.0.finish_reason": "length"}, FULL),
    *reply(f.CUT, "mapped", "c>m", {"choices.0.finish_reason": "length"}, {"stop_reason": "max_tokens"}),
    *reply(f.CUT, "mapped", "r>c", incomplete("max_output_tokens"), {"choices.0.finish_reason": "length"}),
    *reply(f.CUT, "mapped", "r>m", incomplete("max_output_tokens"), {"stop_reason": "max_tokens"}),
    *reply(f.CUT, "mapped", "m>c", {"stop_reason": "max_tokens"}, {"choices.0.finish_reason": "length"}),
    *reply(f.CUT, "mapped", "m>r", {"stop_reason": "max_tokens"}, FULL),
    *reply(f.FILTERED, "mapped", "c>r", {"choices.0.finish_reason": "content_filter"}, BLOCKED),
    *reply(f.FILTERED, "mapped", "c>m", {"choices.0.finish_reason": "content_filter"}, {"stop_reason": "refusal", "stop_details": REFUSAL}),
    *reply(f.FILTERED, "mapped", "r>c", incomplete("content_filter"), {"choices.0.finish_reason": "content_filter"}),
    *reply(f.FILTERED, "mapped", "r>m", incomplete("content_filter"), {"stop_reason": "refusal", "stop_details": REFUSAL}),
    *reply(f.FILTERED, "mapped", "m>c", {"stop_reason": "refusal"}, {"choices.0.finish_reason": "content_filter"}),
    *reply(f.FILTERED, "mapped", "m>r", {"stop_reason": "refusal"}, BLOCKED),
    *reply(
        f.REFUSED, "mapped", "c>r", {"choices.0.message.refusal": "No."},
        {"output.0.content": [*GOT_MESSAGE["content"], {"type": "refusal", "refusal": "No."}]},
    ),
    *reply(
        f.REFUSED, "mapped", "c>m", {"choices.0.message.refusal": "No."},
        {"content": [TEXT, {"type": "text", "text": "No."}], "stop_reason": "refusal", "stop_details": REFUSAL},
    ),
    *reply(
        f.REFUSED, "mapped", "r>c", {"output.0.content": [*MESSAGE["content"], {"type": "refusal", "refusal": "No."}]},
        {"choices.0.message.refusal": "No."},
    ),
    *reply(
        f.REFUSED, "mapped", "r>m", {"output.0.content": [*MESSAGE["content"], {"type": "refusal", "refusal": "No."}]},
        {"content": [TEXT, {"type": "text", "text": "No."}], "stop_reason": "refusal", "stop_details": REFUSAL},
    ),
    *reply(
        f.REFUSED, "mapped", "m>c", {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}},
        {"choices.0.message.refusal": "No."},
    ),
    *reply(
        f.REFUSED, "mapped", "m>r", {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}},
        {"output.0.content": [*GOT_MESSAGE["content"], {"type": "refusal", "refusal": "No."}]},
    ),
    *reply(f.AT_SEQUENCE, "mapped", "m>c m>r", {"stop_reason": "stop_sequence", "stop_sequence": "x"}),
    *reply(f.AT_WINDOW, "mapped", "m>c", {"stop_reason": "model_context_window_exceeded"}, {"choices.0.finish_reason": "length"}),
    *reply(f.AT_WINDOW, "mapped", "m>r", {"stop_reason": "model_context_window_exceeded"}, FULL),
    *reply(f.PAUSED, "refused", "m>c", {"stop_reason": "pause_turn"}),
    *reply(f.PAUSED, "mapped", "m>r", {"stop_reason": "pause_turn"}, {**FULL, "incomplete_details": {"reason": "max_messages"}}),
    *reply(f.STEERED, "mapped", "r>c r>m", incomplete("steered")),
    *reply(f.MANY_MESSAGES, "mapped", "r>c", incomplete("max_messages"), {"choices.0.finish_reason": "length"}),
    *reply(f.MANY_MESSAGES, "mapped", "r>m", incomplete("max_messages"), {"stop_reason": "max_tokens"}),
    *reply(f.FAILED, "refused", "r>c r>m", {"status": "failed", "error": {"code": "server_error", "message": "Oops"}}),
    *reply(f.UNFINISHED, "refused", "r>c r>m", {"status": "in_progress"}),
    *reply(f.UNENDED, "refused", "c>r c>m", {"choices.0.finish_reason": None}),
    *reply(f.UNENDED, "refused", "m>c m>r", {"stop_reason": None}),
]  # fmt: skip
UNTOLD: Final[tuple[Field, ...]] = (f.OUT_SEAL,)
"""What a codec alone does not do; see `test_sealing.py`."""
