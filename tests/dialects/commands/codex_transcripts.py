"""What `codex exec --json` was seen to write."""

import json
from typing import Any

Line = dict[str, Any]
THREAD = "01a222f0-e0ec-78a3-a91b-95e48fe45b9e"
USAGE = {
    "input_tokens": 6300, "cached_input_tokens": 100, "cache_write_input_tokens": 0, "output_tokens": 67,
    "reasoning_output_tokens": 42,
}  # fmt: skip


def lines(*values: Line) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def item(kind: str, name: str = "item.completed", **more: object) -> Line:
    return {"type": name, "item": {"id": "item_1", "type": kind, **more}}


def failed(message: str) -> tuple[Line, Line]:
    return {"type": "error", "message": message}, {"type": "turn.failed", "error": {"message": message}}


STARTED: Line = {"type": "thread.started", "thread_id": THREAD}
WARNING = item("error", message="Model metadata for `gpt-4` not found. Defaulting to fallback metadata.")
COMPLETED: Line = {"type": "turn.completed", "usage": USAGE}
WHOLE: list[Line] = [
    STARTED, WARNING, {"type": "turn.started"},
    item("reasoning", text="**Looking**"),
    item("agent_message", text="I look."),
    item("command_execution", "item.started", command="ls", aggregated_output="", exit_code=None, status="in_progress"),
    item("command_execution", command="ls", aggregated_output="a.txt\n", exit_code=0, status="completed"),
    item("agent_message", text="One file é."), COMPLETED,
]  # fmt: skip
