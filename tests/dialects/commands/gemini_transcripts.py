"""What `gemini` was seen to write with `--output-format stream-json` and `json`."""

import json
from typing import Any

Line = dict[str, Any]
SESSION = "bd52d4fd-a18c-44fe-8414-e69dcfa3bda6"
STAMP = {"timestamp": "2026-11-28T16:15:24.252Z"}
REFUSED = '{"error":{"code":401,"message":"API key not valid.","status":"UNAUTHENTICATED"}}'


def lines(*values: Line) -> bytes:
    return b"".join(json.dumps({**value, **STAMP}, ensure_ascii=False).encode() + b"\n" for value in values)


def said(text: str, *, delta: bool = True) -> Line:
    return {"type": "message", "role": "assistant", "content": text, **({"delta": True} if delta else {})}


def result(status: str = "success", total: int = 6911, **more: object) -> Line:
    """Nine tokens of it were thought: they are in the total alone."""
    stats = {"total_tokens": total, "input_tokens": 6881, "output_tokens": 21, "cached": 5, "duration_ms": 110}
    return {"type": "result", "status": status, "stats": stats, **more}


def failed(message: str) -> Line:
    return result("error", 0, error={"type": "unknown", "message": message})


INIT: Line = {"type": "init", "session_id": SESSION, "model": "gemini-2.5-flash"}
USER: Line = {"type": "message", "role": "user", "content": "see x.txt"}
USE: Line = {"type": "tool_use", "tool_name": "read_file", "tool_id": "t1", "parameters": {"path": "x.txt"}}
RESULT: Line = {"type": "tool_result", "tool_id": "t1", "status": "success", "output": "42"}
WHOLE: list[Line] = [INIT, USER, said("I "), said("look."), USE, RESULT, said("It is "), said("42 é."), result()]
DOCUMENT = json.dumps(
    {
        "session_id": SESSION,
        "response": "It is 42.",
        "stats": {
            "models": {
                "gemini-2.5-flash": {
                    "api": {"totalRequests": 2},
                    "tokens": {"input": 6849, "prompt": 6849, "candidates": 21, "total": 6879, "cached": 5,
                               "thoughts": 9, "tool": 0},
                }
            },
            "tools": {"totalCalls": 1},
        },
    },
    indent=2,
).encode()  # fmt: skip
REPORT = json.dumps({"session_id": SESSION, "error": {"type": "Error", "message": REFUSED, "code": 401}}, indent=2)
"""What it writes beside its output where `json` fails, after a trace."""
