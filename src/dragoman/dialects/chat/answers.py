"""A finished Chat answer in neutral form, and back."""

from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.dialects.base import Setting
from dragoman.dialects.chat.errors import parse as parse_error
from dragoman.dialects.chat.messages import Body
from dragoman.dialects.chat.response import read_usage
from dragoman.errors import GatewayError
from dragoman.turn import Answer, Item, Message, Part, Reasoning, Refusal, Stop, Text, ToolCall, Usage
from dragoman.wire import chat_answer as wire

_answer: Final = msgspec.json.Decoder(wire.Answer)
STOPS: Final = {
    "stop": Stop.END,
    "length": Stop.LENGTH,
    "tool_calls": Stop.TOOL_CALLS,
    "function_call": Stop.TOOL_CALLS,
    "content_filter": Stop.CONTENT_FILTER,
}
REASONS: Final = {
    Stop.END: "stop",
    Stop.STOP_SEQUENCE: "stop",
    Stop.LENGTH: "length",
    Stop.TOOL_CALLS: "tool_calls",
    Stop.CONTENT_FILTER: "content_filter",
    Stop.REFUSAL: "stop",
    Stop.PAUSE: "stop",
}


def parse(body: bytes) -> Answer:
    """Raises `GatewayError` PROTOCOL_ERROR for what is no answer."""
    try:
        answer = _answer.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GatewayError(errors.PROTOCOL_ERROR, "The upstream's answer is no chat completion.") from None
    if not answer.choices or answer.choices[0].message is None:
        said = parse_error(body)
        what = f"the error {said.message!r}" if said else "an answer without choices"
        raise GatewayError(errors.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.")
    choice = answer.choices[0]
    assert choice.message is not None
    items = _items(choice.message, choice.logprobs)
    called = any(isinstance(item, ToolCall) for item in items)
    if choice.finish_reason is None:
        raise GatewayError(errors.STREAM_ABORTED, "The upstream's answer has no finish reason.")
    stop = STOPS.get(choice.finish_reason, Stop.END)
    return Answer(
        id=answer.id,
        created=answer.created,
        model=answer.model,
        items=items,
        stop=Stop.TOOL_CALLS if called and stop is Stop.END else stop,
        usage=read_usage(answer.usage),
        service_tier=answer.service_tier,
        fingerprint=answer.system_fingerprint,
    )


def _items(said: wire.Said, logprobs: wire.Logprobs | None) -> tuple[Item, ...]:
    items: list[Item] = []
    thought = said.reasoning_content or said.reasoning
    if thought:
        items.append(Reasoning(text=(thought,)))
    parts: list[Part] = []
    if said.content:
        drawn = tuple(logprobs.content or ()) if logprobs is not None else ()
        parts.append(Text(said.content, tuple(map(annotation, said.annotations or ())), drawn))
    if said.refusal:
        parts.append(Refusal(said.refusal))
    if parts:
        items.append(Message("assistant", tuple(parts)))
    items += [_call(call, number) for number, call in enumerate(said.tool_calls or ())]
    if said.function_call is not None and said.function_call.name:
        name = said.function_call.name
        items.append(ToolCall(f"call_0_{name}", name, said.function_call.arguments or "{}"))
    return tuple(items)


def _call(call: wire.Call, number: int) -> ToolCall:
    if call.custom is not None:
        return ToolCall(call.id or f"call_{number}", call.custom.name or "", call.custom.input or "", "custom")
    function = call.function or wire.Function()
    return ToolCall(call.id or f"call_{number}", function.name or "", function.arguments or "{}")


def annotation(given: wire.Annotation) -> msgspec.Raw:
    """A Chat annotation in Responses form: the citation's members stand beside its type."""
    body: Body = {"type": given.type}
    if given.url_citation is not None:
        body |= msgspec.to_builtins(given.url_citation)
    return msgspec.Raw(msgspec.json.encode(body))


def chat_annotation(given: msgspec.Raw) -> Body:
    """The reverse; kinds that Chat's types do not have keep their members, under their own type."""
    body: dict[str, Any] = msgspec.json.decode(given)
    kind = body.pop("type", "")
    return {"type": kind, kind: body}


def render(answer: Answer, setting: Setting) -> bytes:
    message: Body = {"role": "assistant", "content": None, "refusal": None}
    annotations: list[Body] = []
    logprobs: list[msgspec.Raw] = []
    for item in answer.items:
        match item:
            case Message():
                _speak(message, item, annotations, logprobs)
            case ToolCall():
                message.setdefault("tool_calls", []).append(call_body(item))
            case Reasoning():
                text = "".join(item.text) or "\n\n".join(item.summary)
                if text:
                    message["reasoning_content"] = message.get("reasoning_content", "") + text
            case _:
                pass  # results and native items are never part of an answer that is rendered here
    message["annotations"] = annotations
    choice: Body = {
        "index": 0,
        "message": message,
        "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
        "finish_reason": reason(answer.stop, called="tool_calls" in message),
    }
    body: Body = {
        "id": answer.id if answer.id.startswith("chatcmpl-") else setting.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": answer.created or setting.now,
        "model": setting.turn.model,
        "choices": [choice],
        "usage": None if answer.usage is None else usage_body(answer.usage),
    }
    if answer.service_tier is not None:
        body["service_tier"] = answer.service_tier
    if answer.fingerprint is not None:
        body["system_fingerprint"] = answer.fingerprint
    return msgspec.json.encode(body)


def _speak(message: Body, item: Message, annotations: list[Body], logprobs: list[msgspec.Raw]) -> None:
    for part in item.parts:
        if isinstance(part, Text):
            shift = len(message["content"] or "")
            message["content"] = (message["content"] or "") + part.text
            annotations += [_shifted(chat_annotation(one), shift) for one in part.annotations]
            logprobs += part.logprobs
        elif isinstance(part, Refusal):
            message["refusal"] = (message["refusal"] or "") + part.text


def _shifted(body: Body, shift: int) -> Body:
    """An annotation of a later text, its places counted from the beginning of the joined one."""
    inner = body.get(body["type"])
    if shift and isinstance(inner, dict):
        for name in ("start_index", "end_index"):
            if isinstance(inner.get(name), int):
                inner[name] += shift
    return body


def call_body(item: ToolCall) -> Body:
    if item.kind == "custom":
        return {"id": item.call_id, "type": "custom", "custom": {"name": item.name, "input": item.arguments}}
    arguments = item.arguments or "{}"
    return {"id": item.call_id, "type": "function", "function": {"name": item.name, "arguments": arguments}}


def reason(stop: Stop, *, called: bool) -> str:
    return "tool_calls" if called and stop in (Stop.END, Stop.TOOL_CALLS) else REASONS[stop]


def usage_body(usage: Usage) -> Body:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
