"""Agents of three frameworks, told by their shape, each asked in its own way and heard as text.

Nothing is imported here: what is needed of a framework is there already when somebody has an agent of it.
"""

import sys
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import msgspec

from dragoman.agents import messages
from dragoman.dialects.profile import PROFILES
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.ports import Asked
from dragoman.turn import Image, Item, Message, Text, ToolCall, ToolResult, Turn, Usage

Speak = Callable[[Turn, Asked], AsyncGenerator[str | Usage, None]]
"""The pieces of an answer, and what it used if that is known."""
_OPENAI: Final = msgspec.structs.replace(PROFILES["openai"], allow_unknown=True)


def recognized(target: Any) -> Speak | None:
    """How to ask an agent of a framework; None for what is none."""
    family = {kind.__module__.partition(".")[0] for kind in type(target).__mro__}
    if "pydantic_ai" in family and hasattr(target, "run_stream_events"):
        return _pydantic_ai(target)
    if "agents" in family and hasattr(target, "handoffs") and hasattr(sys.modules.get("agents"), "Runner"):
        return _openai_agents(target)
    if "langchain_core" in family and hasattr(target, "astream"):
        return _langchain(target)
    return None


def last_text(turn: Turn) -> str:
    """What the user said last."""
    said = [item for item in turn.items if isinstance(item, Message) and item.role == "user"]
    return _text(said[-1]) if said else ""


def _text(item: Message | ToolResult) -> str:
    return "".join(part.text for part in item.parts if isinstance(part, Text))


def _pydantic_ai(agent: Any) -> Speak:
    """Its events tell of all models' answers in turn; text that comes before a call is an answer's, too."""
    library = sys.modules["pydantic_ai.messages"]

    async def speak(turn: Turn, asked: Asked) -> AsyncGenerator[str | Usage, None]:
        items = list(turn.items)
        last = items[-1] if items else None
        prompt = None
        if isinstance(last, Message) and last.role == "user":
            prompt = _prompt(library, last)
            items.pop()
        told = False
        async with agent.run_stream_events(prompt, message_history=_history(library, items)) as events:
            async for event in events:
                piece = _spoken(event)
                told = told or bool(piece)
                if piece:
                    yield piece
                if event.event_kind == "agent_run_result":
                    if not told:  # its output is of a type of its own
                        yield _json(event.result.output)
                    used = event.result.usage
                    yield Usage(used.input_tokens, used.output_tokens)

    return speak


def _spoken(event: Any) -> str:
    if event.event_kind == "part_start" and event.part.part_kind == "text":
        return str(event.part.content)
    if event.event_kind == "part_delta" and event.delta.part_delta_kind == "text":
        return str(event.delta.content_delta)
    return ""


def _prompt(library: Any, item: Message) -> Any:
    images = [part.url for part in item.parts if isinstance(part, Image)]
    return [_text(item), *map(library.ImageUrl, images)] if images else _text(item)


def _history(library: Any, items: list[Item]) -> list[Any]:
    names = {item.call_id: item.name for item in items if isinstance(item, ToolCall)}
    history: list[Any] = []
    for item in items:
        match item:
            case Message(role="assistant"):
                history.append(library.ModelResponse(parts=[library.TextPart(content=_text(item))]))
            case Message(role="user"):
                history.append(library.ModelRequest(parts=[library.UserPromptPart(content=_prompt(library, item))]))
            case Message():
                history.append(library.ModelRequest(parts=[library.SystemPromptPart(content=_text(item))]))
            case ToolCall():
                part = library.ToolCallPart(tool_name=item.name, args=item.arguments, tool_call_id=item.call_id)
                history.append(library.ModelResponse(parts=[part]))
            case ToolResult():
                name = names.get(item.call_id, item.name)
                part = library.ToolReturnPart(tool_name=name, content=_text(item), tool_call_id=item.call_id)
                history.append(library.ModelRequest(parts=[part]))
            case _:
                continue  # what other models thought is not for this one
    return history


def _openai_agents(agent: Any) -> Speak:
    runner = sys.modules["agents"].Runner

    async def speak(turn: Turn, asked: Asked) -> AsyncGenerator[str | Usage, None]:
        body = msgspec.json.decode(RESPONSES.render(Turn("any", items=turn.items), "any", _OPENAI).body)
        given = body["input"]
        if "instructions" in body:
            given = [{"role": "system", "content": body["instructions"]}, *given]
        result = runner.run_streamed(agent, input=given)
        told = False
        try:
            async for event in result.stream_events():
                if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                    told = True
                    yield event.data.delta
        finally:
            result.cancel()
        if not told:
            yield _json(result.final_output)
        used = result.context_wrapper.usage
        yield Usage(used.input_tokens, used.output_tokens)

    return speak


def _langchain(runnable: Any) -> Speak:
    async def speak(turn: Turn, asked: Asked) -> AsyncGenerator[str | Usage, None]:
        used: Usage | None = None
        async for chunk in runnable.astream(messages.render(turn.items)):
            yield _chunk(chunk)
            counted = getattr(chunk, "usage_metadata", None)
            if counted:
                before = used or Usage()
                used = Usage(
                    before.input_tokens + counted["input_tokens"], before.output_tokens + counted["output_tokens"]
                )
        if used is not None:
            yield used

    return speak


def _chunk(chunk: Any) -> str:
    """A text, or a message whose content is one or has some."""
    content = getattr(chunk, "content", chunk)
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else part.get("text", "") for part in content)
    return content if isinstance(content, str) else _json(content)


def _json(value: Any) -> str:
    """An output that is no text."""
    if isinstance(value, str):
        return value
    dump = getattr(value, "model_dump_json", None)
    return str(dump()) if callable(dump) else msgspec.json.encode(value).decode()
