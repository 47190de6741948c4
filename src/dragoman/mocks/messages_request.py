"""What the mock reads of a Messages request: checked against the table, then between its messages, then for the brain.

The checks between messages are in `messages_history`; those here are between the request's members.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from dragoman.mocks.answer import Refused
from dragoman.mocks.anthropic_wording import refuse, worded
from dragoman.mocks.chat_request import (
    ChatRequest,
    ContentPart,
    Function,
    JsonSchema,
    Message,
    ResponseFormat,
    Schema,
    Tool,
    ToolChoice,
)
from dragoman.mocks.form import Check
from dragoman.mocks.messages_history import Block, Turn, blocks_of, check_history, read_turns
from dragoman.mocks.request import BadJson, Json, Request
from dragoman.mocks.strict_schema import open_object

_COMBINED: Final = ("oneOf", "allOf", "anyOf")
_THINKS: Final = ("enabled", "adaptive")
_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
_NOT_WITH_THINKING: Final = ("any", "tool")


class ToolDefinition(msgspec.Struct):
    name: str = ""
    type: str = "custom"
    input_schema: Schema | None = None
    strict: bool = False


class Choice(msgspec.Struct):
    type: str
    name: str = ""
    disable_parallel_tool_use: bool = False


class Thinking(msgspec.Struct):
    type: str
    budget_tokens: int = 0
    display: str | None = None


class Format(msgspec.Struct):
    schema: Schema


class OutputConfig(msgspec.Struct):
    format: Format | None = None


class MessagesRequest(msgspec.Struct):
    """The members that change the answer."""

    model: str
    turns: list[Turn]
    system: str | list[Block] | None = None
    max_tokens: int | None = None
    stream: bool = False
    stop_sequences: list[str] = []
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    tools: list[ToolDefinition] = []
    tool_choice: Choice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    cache_control: Json = None

    @property
    def thinks(self) -> bool:
        return self.thinking is not None and self.thinking.type in _THINKS

    @property
    def schema(self) -> Schema | None:
        form = self.output_config.format if self.output_config else None
        return form.schema if form else None


def read_messages(request: Request, form: Check) -> MessagesRequest:
    """The body, checked and read; raises `BadJson`, and `Refused` in Anthropic's words."""
    body = request.json(object)
    if not isinstance(body, dict):
        raise BadJson("the body is not a JSON object")
    _refuse_system_role(body.get("messages"))
    if problem := form(body, ()):
        raise Refused(worded(problem))
    tools = [_readable(tool) for tool in body.get("tools", [])]
    asked = msgspec.convert({**body, "turns": [], "tools": tools}, MessagesRequest)
    asked.turns = read_turns(body["messages"])
    manual = asked.thinking is not None and asked.thinking.type == "enabled"
    check_history(asked.turns, thinking=manual)
    _check_texts(asked.system)
    _check_sampling(asked)
    _check_tools(asked)
    _check_thinking(asked)
    if asked.schema is not None and open_object(asked.schema) is not None:
        rule = "For 'object' type, 'additionalProperties' must be explicitly set to false"
        refuse(f"output_config.format.schema: {rule}")
    return asked


def chat_request(asked: MessagesRequest) -> ChatRequest:
    """What the brain is asked."""
    return ChatRequest(
        model=asked.model,
        messages=_messages(asked),
        stream=asked.stream,
        max_tokens=asked.max_tokens,
        stop=asked.stop_sequences,
        tools=[
            Tool("function", Function(tool.name, parameters=tool.input_schema))
            for tool in asked.tools
            if tool.type == "custom"
        ],
        tool_choice=_choice(asked.tool_choice),
        parallel_tool_calls=not (asked.tool_choice and asked.tool_choice.disable_parallel_tool_use),
        response_format=None
        if asked.schema is None
        else ResponseFormat("json_schema", JsonSchema("output", asked.schema)),
        reasoning_effort="medium" if asked.thinks else None,
    )


def cached_prefix(asked: MessagesRequest) -> list[Message]:
    """The messages up to the last one that is marked to be cached."""
    messages, end = _messages(asked), 0
    if asked.cache_control is not None:
        return messages
    count = 0
    for blocks in ([asked.system] if asked.system else []) + [turn.blocks for turn in asked.turns]:
        marked = isinstance(blocks, list) and any(block.cache_control for block in blocks)
        count += 1 if isinstance(blocks, str) else len(list(_spoken("user", blocks)))
        end = count if marked else end
    return messages[:end]


def _messages(asked: MessagesRequest) -> list[Message]:
    messages = [Message("system", _parts(blocks_of(asked.system)))] if asked.system else []
    for turn in asked.turns:
        messages += _spoken(turn.role, turn.blocks)
    return messages


def _spoken(role: str, blocks: Sequence[Block]) -> Iterator[Message]:
    """A turn as Chat Completions has it; results last, so that what is said beside them does not end the loop."""
    said = [block for block in blocks if block.type != "tool_result"]
    if said:
        yield Message(role, _parts(said))
    for block in blocks:
        if block.type == "tool_result":
            yield Message("tool", _parts(blocks_of(block.content)), tool_call_id=block.tool_use_id)


def _parts(blocks: Sequence[Block]) -> str | list[ContentPart]:
    return [ContentPart("image_url" if block.type == "image" else "text", block.text) for block in blocks]


def _choice(choice: Choice | None) -> str | ToolChoice | None:
    if choice is None:
        return None
    return _CHOICES.get(choice.type) or ToolChoice("function", Function(choice.name))


def _readable(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    """A tool without what no table has checked: of one that Anthropic runs, its type and a name."""
    kind, name = tool.get("type", "custom"), tool.get("name")
    return tool if kind == "custom" else {"type": kind, "name": name if isinstance(name, str) else kind}


def _refuse_system_role(messages: Json) -> None:
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == "system":
            accepted = 'The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'
            refuse(f'messages: Unexpected role "system". {accepted}')


def _check_texts(system: str | list[Block] | None) -> None:
    if isinstance(system, list) and any(not block.text for block in system):
        refuse("system: text content blocks must be non-empty")


def _check_sampling(asked: MessagesRequest) -> None:
    if asked.temperature is not None and asked.top_p is not None:
        refuse("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if any(not stop.strip() for stop in asked.stop_sequences):
        refuse("stop_sequences: each stop sequence must contain non-whitespace")


def _check_tools(asked: MessagesRequest) -> None:
    names = [tool.name for tool in asked.tools]
    if len(set(names)) < len(names):
        refuse("tools: Tool names must be unique.")
    for index, tool in enumerate(asked.tools):
        place, schema = f"tools.{index}.custom", tool.input_schema or {}
        if any(word in schema for word in _COMBINED):
            refuse(f"{place}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level")
        if tool.strict and open_object(schema) is not None:
            refuse(f"{place}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    choice = asked.tool_choice
    if choice is not None and not names and choice.type != "none":
        refuse("tool_choice: tool_choice may only be specified while providing tools")
    if choice is not None and choice.type == "tool" and choice.name not in names:
        refuse(f"tool_choice.tool: Tool '{choice.name}' not found in provided tools")


def _check_thinking(asked: MessagesRequest) -> None:
    thinking = asked.thinking
    if thinking is None or not asked.thinks:
        return
    if asked.max_tokens is not None and asked.max_tokens <= thinking.budget_tokens:
        refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if asked.temperature not in (None, 1):
        refuse("`temperature` may only be set to 1 when thinking is enabled.")
    if asked.top_k is not None:
        refuse("`top_k` must be unset when thinking is enabled.")
    if asked.tool_choice is not None and asked.tool_choice.type in _NOT_WITH_THINKING:
        refuse("Thinking may not be enabled when tool_choice forces tool use.")
