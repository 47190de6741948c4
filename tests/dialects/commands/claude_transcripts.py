"""What `claude -p` was seen to write, cut down to what matters and what must not disturb."""

import json
from typing import Any

Line = dict[str, Any]
SESSION = "6959b50c-76f1-4000-a386-4d86d786da36"
NO_USAGE = {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}
USAGE = {
    "input_tokens": 8, "cache_creation_input_tokens": 4528, "cache_read_input_tokens": 100, "output_tokens": 186,
    "output_tokens_details": {"thinking_tokens": 21}, "server_tool_use": {"web_search_requests": 0},
}  # fmt: skip
INIT: Line = {
    "type": "system", "subtype": "init", "cwd": "/work", "session_id": SESSION, "tools": [], "mcp_servers": [],
    "model": "claude-haiku-4-5", "permissionMode": "default", "apiKeySource": "ANTHROPIC_API_KEY",
}  # fmt: skip
STATUS: Line = {"type": "system", "subtype": "status", "status": "requesting", "session_id": SESSION}


def lines(*values: Line) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def event(value: Line, parent: str | None = None) -> Line:
    return {"type": "stream_event", "event": value, "session_id": SESSION, "parent_tool_use_id": parent}


def begin(message: str = "msg_1") -> Line:
    start = {"id": message, "type": "message", "role": "assistant", "content": [], "usage": USAGE}
    return event({"type": "message_start", "message": start})


def text(piece: str, parent: str | None = None) -> Line:
    delta = {"type": "text_delta", "text": piece}
    return event({"type": "content_block_delta", "index": 1, "delta": delta}, parent)


def thinking(piece: str) -> Line:
    return event({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": piece}})


def spoken(*blocks: Line, message: str = "msg_1", parent: str | None = None, **more: Any) -> Line:
    said = {"id": message, "type": "message", "role": "assistant", "content": list(blocks), "usage": USAGE}
    return {"type": "assistant", "message": said, "parent_tool_use_id": parent, "session_id": SESSION, **more}


def says(said: str) -> Line:
    return {"type": "text", "text": said}


def result(said: str | None = "", **more: Any) -> Line:
    """`type` does not stand first, as it was seen."""
    value = {
        "duration_api_ms": 184, "stop_reason": "end_turn", "session_id": SESSION, "total_cost_usd": 0.006598,
        "usage": USAGE, "modelUsage": {}, "permission_denials": [], "terminal_reason": "completed", "is_error": False,
        "num_turns": 1, "subtype": "success", "api_error_status": None, "result": said, "type": "result",
    } | more  # fmt: skip
    return {name: part for name, part in value.items() if name != "result" or part is not None}


def refused(status: int, said: str) -> Line:
    """An error of the provider: a success with an error in it."""
    return result(said, is_error=True, api_error_status=status, terminal_reason="api_error", usage=NO_USAGE,
                  total_cost_usd=0)  # fmt: skip


PARTIAL: list[Line] = [
    INIT, STATUS, begin(),
    event({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
    thinking("I look "), thinking("at it."),
    event({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "Erww"}}),
    spoken({"type": "thinking", "thinking": "I look at it.", "signature": "Erww"}),
    event({"type": "content_block_stop", "index": 0}),
    event({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
    text("Good "), text("day é"),
    # The whole message comes before its last block is closed.
    spoken(says("Good day é")), event({"type": "content_block_stop", "index": 1}),
    event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": USAGE}),
    event({"type": "message_stop"}), result("Good day é"),
]  # fmt: skip
"""With `--include-partial-messages`: all three tellings of one text."""
MESSAGES: list[Line] = [
    INIT,
    spoken({"type": "thinking", "thinking": "Hm."}),
    spoken(says("Good day")),
    result("Good day"),
]
"""Without it."""
TOOLS: list[Line] = [
    INIT, begin("msg_1"), text("I look. "),
    spoken(says("I look. ")), spoken({"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}),
    {"type": "user", "parent_tool_use_id": None, "session_id": SESSION, "message": {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t1", "content": "a.txt", "is_error": False}]}},
    text("not heard", parent="t2"), spoken(says("not heard"), message="msg_9", parent="t2"),
    begin("msg_2"), text("One file."), spoken(says("One file."), message="msg_2"),
    result("One file.", permission_denials=[{"tool_name": "Write", "tool_use_id": "t3"}]),
]  # fmt: skip
