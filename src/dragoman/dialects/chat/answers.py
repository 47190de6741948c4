"""A finished Chat answer in neutral form, and back.

    finish reason                                  stop
    ---------------------------------------------  ----------------------------------------------------------
    stop, and what nobody knows                    END, or TOOL_CALLS if there are calls
    tool_calls, function_call                      TOOL_CALLS, or END if there are none
    length                                         LENGTH
    content_filter                                 CONTENT_FILTER
    `_FAILED`                                      a failure

What an answer holds counts for more than what the upstream says of it. Of several choices only the first is
read; a caller of another dialect cannot have asked for more.
"""

import hashlib
from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects.base import Setting
from dragoman.dialects.calls import Calls, unwrap
from dragoman.dialects.chat import annotations
from dragoman.dialects.chat.errors import parse as parse_error
from dragoman.dialects.chat.members import Body, absent
from dragoman.dialects.chat.response import read_usage
from dragoman.dialects.chat.tools import asks_functions
from dragoman.errors import GatewayError
from dragoman.turn import Answer, Item, Message, Part, Reasoning, Refusal, Stop, Text, ToolCall, Usage
from dragoman.wire import chat_answer as wire

_answer: Final = msgspec.json.Decoder(wire.Answer)
_STOPS: Final = {
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "model_length": Stop.LENGTH,
    "content_filter": Stop.CONTENT_FILTER,
    "safety": Stop.CONTENT_FILTER,
}
_FAILED: Final = frozenset(("error", "abort", "network_error", "insufficient_system_resource"))
"""Finish reasons with which some servers report that they could not go on."""
_REASONS: Final = {
    Stop.END: "stop",
    Stop.STOP_SEQUENCE: "stop",
    Stop.LENGTH: "length",
    Stop.TOOL_CALLS: "stop",
    Stop.CONTENT_FILTER: "content_filter",
    Stop.REFUSAL: "content_filter",
    Stop.PAUSE: "stop",
}
_ENDS: Final = (Stop.END, Stop.STOP_SEQUENCE, Stop.TOOL_CALLS)
_PARAGRAPH: Final = "\n\n"
PAUSED: Final = "a pause in the middle of its answer, which Chat Completions cannot say"


def parse(body: bytes) -> Answer:
    """Raises `GatewayError`: PROTOCOL_ERROR for what is no answer, STREAM_ABORTED for one without an end."""
    try:
        if not body.isascii():
            body.decode()  # what is kept raw is not looked into
        answer = _answer.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _broken("The upstream's answer is no chat completion.") from None
    choice = next((choice for choice in answer.choices or () if not choice.index), None)
    if choice is None or choice.message is None or not absent(answer.error):
        said = parse_error(body)
        what = f"the error {said.message!r}" if said else "an answer without choices"
        raise _broken(f"The upstream answered 200 with {what}.")
    if not choice.finish_reason:
        raise GatewayError(errors.STREAM_ABORTED, "The upstream's answer has no finish reason.")
    if is_failure(choice.finish_reason):
        raise _broken(f"The upstream ended its answer with {choice.finish_reason!r}.")
    items = _items(choice.message, choice.logprobs, answer.id or "")
    called = any(isinstance(item, ToolCall) for item in items)
    return Answer(
        id=answer.id or "",
        created=int(answer.created or 0),
        model=answer.model or "",
        items=items,
        stop=read_stop(choice.finish_reason, called=called),
        usage=read_usage(answer.usage),
        service_tier=answer.service_tier,
        fingerprint=answer.system_fingerprint,
    )


def _broken(message: str) -> GatewayError:
    return GatewayError(errors.PROTOCOL_ERROR, message)


def is_failure(finish: str) -> bool:
    return finish in _FAILED


def read_stop(finish: str, *, called: bool) -> Stop:
    """Why an answer ended, by its finish reason and whether it has calls."""
    return _STOPS.get(finish) or (Stop.TOOL_CALLS if called else Stop.END)


def _items(said: wire.Said, logprobs: wire.Logprobs | None, identity: str) -> tuple[Item, ...]:
    items: list[Item] = []
    thought = said.reasoning_content or said.reasoning
    if thought:
        items.append(Reasoning(text=(thought,)))
    parts: list[Part] = []
    if said.content:
        drawn = tuple(logprobs.content or ()) if logprobs is not None else ()
        parts.append(Text(said.content, tuple(map(annotations.parse, said.annotations or ())), drawn))
    if said.refusal:
        parts.append(Refusal(said.refusal))
    if parts:
        items.append(Message("assistant", tuple(parts)))
    given = list(said.tool_calls or ())
    if said.function_call is not None:
        given.append(wire.Call(function=said.function_call))
    ids = CallIds(identity)
    items += [_call(call, ids.take(number, call.id)) for number, call in enumerate(given)]
    return tuple(items)


def _call(call: wire.Call, identity: str) -> ToolCall:
    name = read_name(call)
    if not name:
        raise _broken("The upstream's answer has a call without a name.")
    text = read_arguments(call)
    if call.custom is not None:
        return ToolCall(identity, name, text, "custom")
    return ToolCall(identity, name, text or "{}")


def read_name(call: wire.Call) -> str:
    """What a call, or a piece of one, calls; empty if it does not say."""
    called = call.custom or call.function
    return called.name or "" if called is not None else ""


def read_arguments(call: wire.Call) -> str:
    """What a call, or a piece of one, is called with."""
    if call.custom is not None:
        return call.custom.input or ""
    given = call.function.arguments if call.function is not None else None
    return msgspec.json.encode(given).decode() if isinstance(given, dict) else given or ""


class CallIds:
    """The ids of the calls of one answer: each has one of its own, also where its upstream gave none, or one twice."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._taken: set[str] = set()

    def take(self, number: int, given: str | None) -> str:
        """The id of the call with this number, whose upstream gave it `given`."""
        known = given if given and given not in self._taken else call_id(number, self._identity)
        self._taken.add(known)
        return known


def call_id(number: int, identity: str) -> str:
    """An id that an upstream did not give: unlike those of other answers, so that histories stay clear."""
    return f"call_{number}_{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def render(answer: Answer, setting: Setting) -> bytes:
    """Raises `GatewayError` PROTOCOL_ERROR for an answer that is to be continued."""
    if answer.stop is Stop.PAUSE:
        raise _broken(f"The upstream sent {PAUSED}.")
    message = _Message(setting)
    for item in answer.items:
        message.add(item)
    choice: Body = {
        "index": 0,
        "message": message.body(),
        "logprobs": {"content": message.logprobs, "refusal": None} if message.logprobs else None,
        "finish_reason": reason(answer.stop, message.called, refused=bool(message.refusal)),
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


class _Message:
    """The one message that all items of an answer become."""

    def __init__(self, setting: Setting) -> None:
        self._calls = Calls(setting.turn)
        self._functions = asks_functions(setting.turn)
        self._hidden = setting.turn.thinking.hidden
        self._text: list[str] = []
        self._length = 0
        self._thoughts: list[str] = []
        self._annotations: list[msgspec.Raw] = []
        self._function_call: Body | None = None
        self._tool_calls: list[Body] = []
        self.refusal = ""
        self.logprobs: list[msgspec.Raw] = []

    @property
    def called(self) -> str:
        """The finish reason that the calls give, if there are any."""
        return "tool_calls" if self._tool_calls else "function_call" if self._function_call else ""

    def add(self, item: Item) -> None:
        match item:
            case Message():
                for part in item.parts:
                    self._say(part)
            case ToolCall():
                self._call(item)
            case Reasoning() if not self._hidden:
                self._thoughts += (*item.summary, *item.text)
            case _:
                return  # results and native items are never part of an answer that is rendered here

    def _say(self, part: Part) -> None:
        if isinstance(part, Text):
            self._annotations += [annotations.render(one, self._length) for one in part.annotations]
            self._text.append(part.text)
            self._length += len(part.text)
            self.logprobs += part.logprobs
        elif isinstance(part, Refusal):
            self.refusal += part.text

    def _call(self, item: ToolCall) -> None:
        name = self._calls.name(item.name)
        if not self._calls.permits(name):
            return
        wrapped = self._calls.unwraps(name, item.kind)
        if wrapped or item.kind == "custom":
            custom = {"name": name, "input": unwrap(item.arguments) if wrapped else item.arguments}
            self._tool_calls.append({"id": item.call_id, "type": "custom", "custom": custom})
            return
        function = {"name": name, "arguments": item.arguments or "{}"}
        if self._functions and not self.called:
            self._function_call = function
        else:
            self._tool_calls.append({"id": item.call_id, "type": "function", "function": function})

    def body(self) -> Body:
        body: Body = {
            "role": "assistant",
            "content": "".join(self._text) or None,
            "refusal": self.refusal or None,
            "annotations": self._annotations,
        }
        if self._thoughts:
            body["reasoning_content"] = _PARAGRAPH.join(self._thoughts)
        if self._function_call is not None:
            body["function_call"] = self._function_call
        if self._tool_calls:
            body["tool_calls"] = self._tool_calls
        return body


def reason(stop: Stop, called: str, *, refused: bool) -> str:
    """The finish reason; `called` is the one of the calls. A refusal in words is an end like any other."""
    if called and stop in _ENDS:
        return called
    return "stop" if stop is Stop.REFUSAL and refused else _REASONS[stop]


def usage_body(usage: Usage) -> Body:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
