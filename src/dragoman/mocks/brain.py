"""Decides what the mock model says. Deterministic, and built so that agent loops end.

In this order: the tool results that the model has not yet answered are quoted; `refuse` is refused; tools lead to a
call; a `response_format` to JSON; else the keywords of the seed's mock: `hello` greets, `error` is a rate
limit (`hello` is looked for first), and anything else is echoed. A stream says `Streaming response to: ...`
where a buffered answer greets or echoes. Keywords are looked for in the last text of the last message that is
not the system's: the command-line agents put pages of context, with any word in it, around what their user said.

A line `call NAME JSON` in that text dictates a call: of that tool, with this object, or this string for a
custom tool. Several such lines are calls in parallel.

Every dialect is read into a `ChatRequest` and answered from here, so that all mocks say the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from dragoman.mocks.chat_request import ChatRequest, Message, Tool, ToolChoice
from dragoman.mocks.request import Json
from dragoman.mocks.schema import instance
from dragoman.mocks.words import IMAGE_TOKENS, TOKENS_PER_MESSAGE, words

GREETING: Final = "Hello! How can I assist you today?"
REFUSAL: Final = "I'm sorry, but I can't help with that."
REASONING: Final = "The user wants something of me. I look at what was said last, and answer as well as a mock can."
Finish = Literal["stop", "length", "tool_calls"]
_TOOL_ROLES: Final = ("tool", "function")
_SYSTEM_ROLES: Final = ("system", "developer")
_DICTATED: Final = re.compile(r"^call (\S+) ([{\"].*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call to a tool; `payload` is JSON text, or free text for a custom tool."""

    name: str
    payload: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What one choice says, and why it ends."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    stop: str | None = None
    """The stop sequence that ended the text."""
    refusal: str = ""
    """In place of a text."""
    reasoning: str = ""
    """What was thought before any of it."""

    @property
    def tokens(self) -> int:
        said = len(words(self.text)) + len(words(self.refusal)) + self.reasoning_tokens
        return said + sum(1 + len(words(call.payload)) for call in self.calls)

    @property
    def reasoning_tokens(self) -> int:
        return len(words(self.reasoning))


def rate_limited(request: ChatRequest) -> bool:
    """Whether the last message asks for an error; a tool's result never does."""
    text = _last(request).said.lower()
    return "error" in text and "hello" not in text and not _results(request.messages)


def decide(request: ChatRequest) -> Decision:
    """The answer to a request that is not `rate_limited`; what is thought comes out of the same limit."""
    if not request.reasons:
        return _answered(request, request.limit)
    thoughts, limit = words(REASONING), request.limit
    if limit is not None and limit <= len(thoughts):
        return Decision(finish="length", reasoning="".join(thoughts[:limit]))
    decision = _answered(request, None if limit is None else limit - len(thoughts))
    return replace(decision, reasoning=REASONING)


def _answered(request: ChatRequest, limit: int | None) -> Decision:
    last, form = _last(request), request.response_format
    results = _results(request.messages)
    if not results and "refuse" in last.said.lower():
        return Decision(refusal=REFUSAL)
    if not results and (calls := _calls(request)):
        return Decision(calls=calls, finish="tool_calls")
    if form is not None and form.type == "json_schema":
        schema = form.json_schema.schema if form.json_schema else None
        return cut(_json_text(instance(schema or {"type": "object"}, last.text or "text")), request.stops, limit)
    if results:
        text = f"The tool returned: {' | '.join(results)}"
    else:
        text = _reply(last, streamed=bool(request.stream))
    if form is not None and form.type == "json_object":
        text = _json_text({"reply": text.strip()})
    return cut(text, request.stops, limit)


def cut(text: str, stops: list[str], limit: int | None) -> Decision:
    """`text` up to the first stop sequence, and at most `limit` tokens of that."""
    ended = None
    for stop in stops:
        text, found, _ = text.partition(stop)
        ended = found or ended
    tokens = words(text)
    if limit is not None and len(tokens) > limit:
        return Decision("".join(tokens[:limit]), finish="length")
    return Decision(text, stop=ended)


def prompt_tokens(request: ChatRequest) -> int:
    """What the request counts as; see `words`."""
    return sum(
        TOKENS_PER_MESSAGE + len(words(message.text)) + IMAGE_TOKENS * message.images for message in request.messages
    )


def _last(request: ChatRequest) -> Message:
    """What is answered: agents also put system messages behind what their user said."""
    spoken = (message for message in reversed(request.messages) if message.role not in _SYSTEM_ROLES)
    return next(spoken, request.messages[-1])


def _reply(message: Message, *, streamed: bool) -> str:
    text = message.text
    if message.images:
        text = f"{text} [{message.images} image{'s' if message.images > 1 else ''}]".strip()
    if streamed:
        # The seed's mock sends each word with a space after it, the last one too.
        return f"Streaming response to: {text} "
    if "hello" in message.said.lower():
        return GREETING
    return f'You said: "{text}". This is a mock answer, no model was asked.'


def _results(messages: list[Message]) -> list[str]:
    """The texts of the tool results of the loop that is still open.

    A user's or the system's message right behind results does not end it: agents put reminders there.
    """
    results: list[str] = []
    after_results = False
    for message in messages:
        if message.role in _SYSTEM_ROLES:
            continue
        if message.role in _TOOL_ROLES:
            results.append(message.text)
        elif not message.tool_calls and not (after_results and message.role == "user"):
            results.clear()
        after_results = message.role in _TOOL_ROLES
    return results


def _calls(request: ChatRequest) -> tuple[ToolCall, ...]:
    tools, choice, text = request.tools or [], request.tool_choice, _last(request).said
    named = False
    if isinstance(choice, ToolChoice):
        tools, named = _permitted(tools, choice), choice.type != "allowed_tools"
    if not tools or choice == "none":
        return ()
    if dictated := tuple(_dictated(tools, text)):
        return dictated
    chosen = [tools[0]]
    if not named and request.parallel_tool_calls is not False and "parallel" in text.lower():
        chosen = [tools[0], tools[1 % len(tools)]]
    return tuple(_call(tool, text) for tool in chosen)


def _permitted(tools: list[Tool], choice: ToolChoice) -> list[Tool]:
    if choice.allowed_tools is not None:
        allowed = {tool.name for tool in choice.allowed_tools.tools}
        return [tool for tool in tools if tool.name in allowed]
    named = choice.function or choice.custom
    return [tool for tool in tools if named is None or tool.name == named.name]


def _call(tool: Tool, text: str) -> ToolCall:
    if tool.function is None:
        return ToolCall(tool.name, text or "text", custom=True)
    # A tool without parameters takes an empty object.
    return ToolCall(tool.name, _json_text(instance(tool.function.parameters or {"type": "object"})))


def _dictated(tools: list[Tool], text: str) -> Iterator[ToolCall]:
    """The calls that the text spells out, of tools that there are and with what they take."""
    offered = {tool.name: tool for tool in tools}
    for name, spelled in _DICTATED.findall(text):
        try:
            payload = msgspec.json.decode(spelled)
        except msgspec.DecodeError:
            continue
        custom = name in offered and offered[name].function is None
        if custom and isinstance(payload, str):
            yield ToolCall(name, payload, custom=True)
        elif name in offered and not custom and isinstance(payload, dict):
            yield ToolCall(name, _json_text(payload))


def _json_text(value: Json) -> str:
    """JSON with spaces after its commas and colons, so that it streams as several tokens."""
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
