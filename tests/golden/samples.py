"""What upstreams of Responses and of Chat send, small and whole."""

from typing import Any, Final

from tests.golden.crossing import DONE
from tests.golden.matrix import Json

SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FLAT: Final = {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}
NESTED: Final = {
    "type": "function",
    "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True},
}
R_USAGE: Final = {
    "input_tokens": 20, "output_tokens": 30, "total_tokens": 50,
    "input_tokens_details": {"cached_tokens": 5}, "output_tokens_details": {"reasoning_tokens": 12},
}  # fmt: skip
C_USAGE: Final = {
    "prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 12},
}  # fmt: skip
CITED: Final = [
    {"type": "url_citation", "start_index": n, "end_index": n + 1, "title": "t", "url": f"https://example.test/{n}"}
    for n in (0, 1)
]


def message(text: str, annotations: list[Json] | None = None) -> Json:
    part = {"type": "output_text", "text": text, "annotations": annotations or []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def function_call(number: int, arguments: str = "{}", name: str = "weather") -> Json:
    ids = {"id": f"fc_{number}", "call_id": f"call_{number}"}
    return {"type": "function_call", **ids, "name": name, "arguments": arguments, "status": "completed"}


def output(number: int, said: Any) -> Json:
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": said}


def reasoning(text: str) -> Json:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}


def response(*items: Json, status: str = "completed", **more: object) -> Json:
    body = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "output": [*items]}
    return body | {"usage": R_USAGE} | more


def created() -> Json:
    return {"type": "response.created", "response": response(status="in_progress", usage=None)}


def ended(*items: Json, status: str = "completed", **more: object) -> Json:
    return {"type": f"response.{status}", "response": response(*items, status=status, **more)}


def text_item(index: int, text: str) -> list[Json]:
    place = {"item_id": "msg_1", "output_index": index, "content_index": 0}
    item = message(text)
    return [
        {"type": "response.output_item.added", "output_index": index, "item": item | {"content": []}},
        {"type": "response.output_text.delta", **place, "delta": text},
        {"type": "response.output_text.done", **place, "text": text},
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def call_item(index: int, number: int, arguments: str = "{}", *, deltas: bool = True) -> list[Json]:
    place = {"item_id": f"fc_{number}", "output_index": index}
    item = function_call(number, arguments)
    delta = {"type": "response.function_call_arguments.delta", **place, "delta": arguments}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": item | {"arguments": ""}},
        *([delta] if deltas else []),
        {"type": "response.function_call_arguments.done", **place, "arguments": arguments},
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def completion(finish: str = "stop", **said: object) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **said}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "created": 1, "model": "m", "choices": [choice], "usage": C_USAGE}


def tool_call(number: int, arguments: str = "{}", name: str = "weather") -> Json:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def chunk(finish: str | None = None, **delta: object) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "created": 1, "model": "m", "choices": [choice]}


def piece(index: int, arguments: str = "{}", **more: object) -> Json:
    return chunk(tool_calls=[{"index": index, **tool_call(index + 1, arguments), **more}])


ROLE: Final = chunk(role="assistant", content="")
COUNTED: Final = chunk() | {"choices": [], "usage": C_USAGE}


def chat_stream(*chunks: Json, finish: str = "stop") -> list[Json | str]:
    return [ROLE, *chunks, chunk(finish), COUNTED, DONE]
