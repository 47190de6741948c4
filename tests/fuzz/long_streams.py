"""Streams of any length that ask for as much work as they can, by what they do."""

import json
from collections.abc import Callable
from typing import Any, Final

Json = dict[str, Any]


def _frame(value: Json) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _say(**delta: Any) -> bytes:
    return _frame({"choices": [{"index": 0, "delta": delta}]})


def _call(index: int | None, identity: str | None, arguments: str, name: str | None = "f") -> Json:
    return {"index": index, "id": identity, "function": {"name": name, "arguments": arguments}}


_CHAT: Final[dict[str, Callable[[int], list[bytes]]]] = {
    "text": lambda n: [_say(content="x")] * n,
    "reasoning": lambda n: [_say(reasoning_content="x")] * n,
    "nothing": lambda n: [_say()] * n,
    "comments": lambda n: [b":\n\n"] * n,
    "annotations": lambda n: [_say(content="x"), *[_say(annotations=[{"type": "url_citation"}])] * n],
    "arguments": lambda n: [_say(tool_calls=[_call(0, "a", "")]), *[_say(tool_calls=[_call(0, None, "}", None)])] * n],
    "arguments, text between": lambda n: [
        _say(tool_calls=[_call(0, "a", "")]),
        *[_say(tool_calls=[_call(0, None, "}", None)]), _say(content="x")] * n,
    ],
    "a name with each piece": lambda n: [_say(tool_calls=[_call(0, "a", "x")])] * n,
    "a name with each piece, no id": lambda n: [_say(tool_calls=[_call(0, None, "}")])] * n,
    "two calls in turns": lambda n: [_say(tool_calls=[_call(at % 2, "ab"[at % 2], "}")]) for at in range(n)],
    "calls without index": lambda n: [_say(tool_calls=[_call(None, str(at % 50), "x")]) for at in range(n)],
    "many pieces in a chunk": lambda n: [_say(tool_calls=[_call(0, "a", "}")] * n)],
    "one event of many lines": lambda n: [b'data: {"choices":[]\n' + b"data:  \n" * n + b"data: }\n\n"],
}


def _event(kind: str, **members: Any) -> bytes:
    return _frame({"type": f"response.{kind}", **members})


def _item(number: int) -> Json:
    name = str(number)
    return {"type": "function_call", "id": f"fc_{name}", "call_id": name, "name": "f", "arguments": "{}"}


def _begun(count: int) -> list[bytes]:
    return [_event("output_item.added", output_index=at, item={**_item(at), "arguments": ""}) for at in range(count)]


def _text(index: int = 0, part: int = 0) -> bytes:
    return _event("output_text.delta", output_index=index, content_index=part, delta="x")


def _done(number: int) -> bytes:
    return _event("output_item.done", output_index=number, item=_item(number))


_RESPONSES: Final[dict[str, Callable[[int], list[bytes]]]] = {
    "text": lambda n: [_text()] * n,
    "parts": lambda n: [_text(0, at) for at in range(n)],
    "items": _begun,
    "text behind a call": lambda n: [*_begun(1), *[_text(1)] * n],
    "calls that end in order": lambda n: [*_begun(n), *map(_done, range(n))],
    "calls that end in reverse": lambda n: [*_begun(n), *map(_done, reversed(range(n)))],
    "the same end again": lambda n: [*_begun(1), *[_done(0)] * n],
    "parts of a summary": lambda n: [
        _event("reasoning_summary_text.delta", output_index=0, summary_index=at, delta="x") for at in range(n)
    ],
    "a long answer at the end": lambda n: [
        _event("completed", response={"status": "completed", "output": list(map(_item, range(n)))})
    ],
    "a long answer, and again at the end": lambda n: [
        *_begun(n),
        _event("completed", response={"status": "completed", "output": list(map(_item, reversed(range(n))))}),
    ],
}


def _typed(kind: str, **members: Any) -> bytes:
    return _frame({"type": kind, **members})


_START: Final = _typed("message_start", message={"id": "m", "usage": {"input_tokens": 1}})


def _block(index: int, kind: str = "text", **members: Any) -> bytes:
    return _typed("content_block_start", index=index, content_block={"type": kind, **members})


def _delta(index: int, kind: str, **members: Any) -> bytes:
    return _typed("content_block_delta", index=index, delta={"type": kind, **members})


def _blocks(count: int) -> list[bytes]:
    return [
        frame
        for at in range(count)
        for frame in (_block(at), _delta(at, "text_delta", text="x"), _typed("content_block_stop", index=at))
    ]


_CITED: Final = {"type": "page_location", "cited_text": "t"}
_MESSAGES: Final[dict[str, Callable[[int], list[bytes]]]] = {
    "text": lambda n: [_START, _block(0), *[_delta(0, "text_delta", text="x")] * n],
    "blocks": lambda n: [_START, *_blocks(n)],
    "text behind other blocks": lambda n: [
        _START, *map(_block, range(20)), *[_delta(19, "text_delta", text="x")] * n, *map(_stop, range(20))
    ],
    "citations": lambda n: [_START, _block(0), *[_delta(0, "citations_delta", citation=_CITED)] * n],
    "arguments": lambda n: [
        _START, _block(0, "tool_use", id="a", name="f"), *[_delta(0, "input_json_delta", partial_json="x")] * n
    ],
    "thoughts": lambda n: [_START, _block(0, "thinking"), *[_delta(0, "thinking_delta", thinking="x")] * n],
    "usage": lambda n: [_START, *[_typed("message_delta", delta={}, usage={"output_tokens": 1})] * n],
    "pings": lambda n: [_START, *[_typed("ping")] * n],
}  # fmt: skip


def _stop(index: int) -> bytes:
    return _typed("content_block_stop", index=index)


LONG: Final = {"chat": _CHAT, "responses": _RESPONSES, "messages": _MESSAGES}
EVERY: Final = [(back, name) for back, streams in LONG.items() for name in streams]
