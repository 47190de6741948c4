"""The Response object that OpenAI's Responses API answers with: what was asked, and the items the model gave."""

from collections.abc import Mapping
from typing import Final

from dragoman.mocks.brain import Decision, ToolCall
from dragoman.mocks.request import Json
from dragoman.mocks.responses_request import SEAL, JsonObject, ResponsesRequest
from dragoman.mocks.seal import sealed
from dragoman.mocks.stamps import Stamps

SUMMARY: Final = "**Looking at the request**\n\nI read what was said last and answer it."
_ENCRYPTED: Final = "reasoning.encrypted_content"
_TOOL_DEFAULTS: Final = {"description": None, "parameters": None, "strict": True}


class Ids:
    """The ids of one response, drawn once; an item keeps its own wherever it is shown."""

    def __init__(self, decision: Decision, stamps: Stamps) -> None:
        self.response = stamps.next("resp_")
        self.reasoning = stamps.next("rs_")
        self.message = stamps.next("msg_")
        self.items = [stamps.next("ctc_" if call.custom else "fc_") for call in decision.calls]
        self.calls = [stamps.next("call_") for _ in decision.calls]


def output_items(decision: Decision, asked: ResponsesRequest, ids: Ids) -> list[JsonObject]:
    """What the model gave, complete, in the order in which it came."""
    items: list[JsonObject] = []
    if decision.reasoning:
        items.append(_reasoning(decision.reasoning, asked, ids.reasoning))
    if decision.text or decision.refusal:
        items.append(_message(decision, ids.message))
    for call, item_id, call_id in zip(decision.calls, ids.items, ids.calls, strict=True):
        items.append(_call(call, item_id, call_id))
    return items


def render_response(body: JsonObject, asked: ResponsesRequest, created: int, response_id: str) -> dict[str, Json]:
    """The object at its beginning: every member there is, as it is in effect, and no output yet."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "conversation": None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "max_tool_calls": body.get("max_tool_calls"),
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "presence_penalty": 0.0,
        "previous_response_id": asked.previous_response_id,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "prompt_cache_retention": body.get("prompt_cache_retention"),
        "reasoning": _effective(body.get("reasoning"), {"effort": None, "summary": None}),
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "auto",
        "store": asked.stored,
        "temperature": _or(body.get("temperature"), 1.0),
        "text": _effective(body.get("text"), {"format": {"type": "text"}, "verbosity": "medium"}),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": _tools(body.get("tools")),
        "top_logprobs": _or(body.get("top_logprobs"), 0),
        "top_p": _or(body.get("top_p"), 1.0),
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def ended(opened: JsonObject, items: list[JsonObject], decision: Decision, prompt: int) -> dict[str, Json]:
    """The object at its end: completed, or incomplete where the limit was reached."""
    short = decision.finish == "length"
    return {
        **opened,
        "status": "incomplete" if short else "completed",
        "completed_at": None if short else opened["created_at"],
        "incomplete_details": {"reason": "max_output_tokens"} if short else None,
        "output": items,
        "service_tier": "default",
        "usage": {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": decision.tokens,
            "output_tokens_details": {"reasoning_tokens": decision.reasoning_tokens},
            "total_tokens": prompt + decision.tokens,
        },
    }


def failed(opened: JsonObject, message: str) -> dict[str, Json]:
    """The object of a response that the model broke off."""
    return {**opened, "status": "failed", "error": {"code": "server_error", "message": message}}


def _reasoning(text: str, asked: ResponsesRequest, item_id: str) -> JsonObject:
    shown = asked.reasoning is not None and asked.reasoning.wants_summary
    item: dict[str, Json] = {
        "id": item_id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": SUMMARY}] if shown else [],
    }
    if _ENCRYPTED in (asked.include or ()):
        item["encrypted_content"] = sealed(text, SEAL)
    return item


def _message(decision: Decision, item_id: str) -> JsonObject:
    part: JsonObject = {"type": "output_text", "annotations": [], "logprobs": [], "text": decision.text}
    if decision.refusal:
        part = {"type": "refusal", "refusal": decision.refusal}
    return {
        "id": item_id,
        "type": "message",
        "status": "incomplete" if decision.finish == "length" else "completed",
        "content": [part],
        "role": "assistant",
    }


def _call(call: ToolCall, item_id: str, call_id: str) -> JsonObject:
    head = {"id": item_id, "status": "completed", "call_id": call_id, "name": call.name}
    if call.custom:
        return {**head, "type": "custom_tool_call", "input": call.payload}
    return {**head, "type": "function_call", "arguments": call.payload}


def _tools(given: Json) -> list[Json]:
    tools = given if isinstance(given, list) else []
    return [{**_TOOL_DEFAULTS, **tool} if tool.get("type") == "function" else tool for tool in tools]


def _effective(given: Json, defaults: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**defaults, **given} if isinstance(given, dict) else defaults


def _or(given: Json, default: float) -> Json:
    return default if given is None else given
