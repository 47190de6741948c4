"""What the mock reads of a Responses request: checked against the table, then between its items, then for the brain.

The checks between items are those that real translations fail: ids of the wrong kind, calls without
outputs, outputs without calls, reasoning that was changed or has lost what followed it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NoReturn

import msgspec

from dragoman.mocks.answer import Refused, openai_error
from dragoman.mocks.chat_request import (
    AllowedTools,
    ChatRequest,
    ContentPart,
    Custom,
    Function,
    JsonSchema,
    Message,
    ResponseFormat,
    Schema,
    Tool,
    ToolChoice,
)
from dragoman.mocks.form import Check
from dragoman.mocks.openai_wording import worded
from dragoman.mocks.request import BadJson, Json, Request
from dragoman.mocks.responses_form import MOVED
from dragoman.mocks.seal import opened
from dragoman.mocks.strict_schema import open_object, optional_property

SEAL: Final = "gAAAA"
"""How OpenAI's encrypted reasoning begins."""
_GUIDE: Final = "https://platform.openai.com/docs/api-reference/responses/create"
_ID_STARTS: Final = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fc",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctc",
    "reasoning": "rs",
}
_PAIRS: Final = {
    "function_call_output": ("function_call", "function call"),
    "custom_tool_call_output": ("custom_tool_call", "custom tool call"),
}
_NAMES: Final = dict(_PAIRS.values())
_AFTER_REASONING: Final = ("function_call", "custom_tool_call", "reasoning")
JsonObject = Mapping[str, Json]


class Part(msgspec.Struct):
    type: str
    text: str = ""
    refusal: str = ""
    image_url: str | None = None
    file_id: str | None = None


class Item(msgspec.Struct):
    """An item of the input, whatever its type."""

    type: str = "message"
    id: str | None = None
    role: str = ""
    content: str | list[Part] | None = None
    call_id: str = ""
    output: str | list[Part] | None = None
    encrypted_content: str | None = None

    @property
    def texts(self) -> list[Part]:
        said = self.output if self.content is None else self.content
        return [Part("input_text", said)] if isinstance(said, str) else said or []


class Named(msgspec.Struct):
    """A tool, a choice of one, or a format: what these have in common is flat."""

    type: str
    name: str = ""
    parameters: Schema | None = None
    schema: Schema | None = None
    strict: bool | None = None
    mode: str = "auto"
    tools: list["Named"] = []


class Text(msgspec.Struct):
    format: Named | None = None


class Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None

    @property
    def asked(self) -> bool:
        return self.effort != "none" and bool(self.effort or self.wants_summary)

    @property
    def wants_summary(self) -> bool:
        return bool(self.summary or self.generate_summary)


class StreamOptions(msgspec.Struct):
    include_obfuscation: bool = True


class ResponsesRequest(msgspec.Struct):
    """The members that change the answer; the others are echoed from the body."""

    model: str | None = None
    instructions: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: Json = None
    include: list[str] | None = None
    max_output_tokens: int | None = None
    tools: list[Named] | None = None
    tool_choice: str | Named | None = None
    parallel_tool_calls: bool | None = None
    text: Text | None = None
    reasoning: Reasoning | None = None

    @property
    def stored(self) -> bool:
        return self.store is not False

    @property
    def format(self) -> Named | None:
        return self.text.format if self.text else None


def read_body(request: Request, form: Check) -> JsonObject:
    """The body as an object of the given form; raises `Refused` in OpenAI's words."""
    body = request.json(object)
    if not isinstance(body, dict):
        raise BadJson("the body is not a JSON object")
    for name, place in MOVED.items():
        if name in body:
            moved = f"In the Responses API, this parameter has moved to '{place}'. Try again with the new parameter."
            message = (
                f"Unsupported parameter: '{name}'. {moved} See the API documentation for more information: {_GUIDE}."
            )
            raise Refused(openai_error(400, message, name, "unsupported_parameter"))
    if problem := form(body, ()):
        raise Refused(worded(problem))
    return body


def read_request(body: JsonObject) -> ResponsesRequest:
    """The checked body as a structure; raises `Refused` for what its members say together."""
    asked = msgspec.convert({**body, **_flat(body)}, ResponsesRequest)
    if asked.stream_options is not None and not asked.stream:
        _refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if asked.conversation is not None and asked.previous_response_id is not None:
        both = (
            "Mutually exclusive parameters: ['previous_response_id', 'conversation']. Ensure you are only providing one"
        )
        _refuse(f"{both} of these.", "previous_response_id", "mutually_exclusive_parameters")
    for index, tool in enumerate(asked.tools or []):
        _check_tool(tool, index)
    _check_choice(asked)
    if asked.format is not None and asked.format.strict:
        what = f"Invalid schema for response_format '{asked.format.name}': "
        _check_strict(asked.format.schema or {}, what, "text.format.schema", "invalid_json_schema")
    return asked


def read_items(given: Json, known: Callable[[str], JsonObject | None]) -> tuple[JsonObject, ...]:
    """The input as a list of items, references replaced by what they name; raises `Refused`."""
    if isinstance(given, str):
        return ({"type": "message", "role": "user", "content": given},)
    items: list[JsonObject] = []
    for index, item in enumerate(given if isinstance(given, list) else ()):
        items.append(_read_item(item, index, known))
    return tuple(items)


def _read_item(item: JsonObject, index: int, known: Callable[[str], JsonObject | None]) -> JsonObject:
    kind, own = item.get("type", "message"), item.get("id")
    start = _ID_STARTS.get(str(kind), "")
    if isinstance(own, str) and not own.startswith(start):
        message = f"Invalid 'input[{index}].id': '{own}'. Expected an ID that begins with '{start}'."
        _refuse(message, f"input[{index}].id", "invalid_value")
    if kind == "item_reference":
        return known(str(own)) or _not_found(own)
    if kind == "reasoning":
        _check_reasoning(item, known)
    return item


def check_items(items: Sequence[JsonObject]) -> None:
    """Raises `Refused` unless each call has its output, each output its call, and reasoning what it led to."""
    read = _structures(items)
    calls = {(item.type, item.call_id) for item in read if item.type in _NAMES}
    outputs = {(_PAIRS[item.type][0], item.call_id) for item in read if item.type in _PAIRS}
    for kind, call_id in sorted(outputs - calls):
        _refuse(f"No tool call found for {_NAMES[kind]} output with call_id {call_id}.", "input")
    for kind, call_id in sorted(calls - outputs):
        _refuse(f"No tool output found for {_NAMES[kind]} {call_id}.", "input")
    for item, following in zip(read, [*read, Item()][1:], strict=True):
        if item.type == "reasoning" and following.type not in _AFTER_REASONING and following.role != "assistant":
            message = f"Item '{item.id}' of type 'reasoning' was provided without its required following item."
            _refuse(message, "input")


def chat_request(asked: ResponsesRequest, items: Sequence[JsonObject]) -> ChatRequest:
    """What the brain is asked."""
    messages = [Message("system", asked.instructions)] if asked.instructions else []
    messages += (message for item in _structures(items) for message in _messages(item))
    return ChatRequest(
        model=asked.model or "",
        messages=messages or [Message("user", "")],
        stream=asked.stream,
        max_completion_tokens=asked.max_output_tokens,
        tools=[tool for tool in map(_tool, asked.tools or []) if tool is not None],
        tool_choice=_choice(asked.tool_choice),
        parallel_tool_calls=asked.parallel_tool_calls,
        response_format=_format(asked.format),
        reasoning_effort="medium" if asked.reasoning is not None and asked.reasoning.asked else None,
    )


def _structures(items: Sequence[JsonObject]) -> list[Item]:
    """The items as structures; of a hosted kind, which no table has checked, the type alone."""
    read = (item if item.get("type", "message") in _ID_STARTS else {"type": item["type"]} for item in items)
    return msgspec.convert(list(read), list[Item])


def _flat(body: JsonObject) -> JsonObject:
    """The tools and the choice of one; hosted ones, which no table has checked, by their types alone."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    return {
        "tools": [_own(tool) for tool in tools] if isinstance(tools, list) else None,
        "tool_choice": _own(choice) if isinstance(choice, dict) else choice,
    }


def _own(tool: JsonObject) -> JsonObject:
    if tool["type"] == "allowed_tools":
        given = tool["tools"]
        return {**tool, "tools": [_own(each) for each in given] if isinstance(given, list) else []}
    return tool if tool["type"] in ("function", "custom") else {"type": tool["type"]}


def _messages(item: Item) -> Iterator[Message]:
    parts = [ContentPart("image_url" if part.type == "input_image" else "text", part.text) for part in item.texts]
    if item.type == "message":
        yield Message(item.role, parts)
    elif item.type in _PAIRS:
        yield Message("tool", parts, tool_call_id=item.call_id)


def _tool(tool: Named) -> Tool | None:
    """The tool as Chat Completions has it; `None` for a hosted one."""
    if tool.type == "function":
        return Tool("function", Function(tool.name, parameters=tool.parameters))
    return Tool("custom", custom=Custom(tool.name)) if tool.type == "custom" else None


def _choice(choice: str | Named | None) -> str | ToolChoice | None:
    if not isinstance(choice, Named):
        return choice
    if choice.type == "allowed_tools":
        allowed = [tool for tool in map(_tool, choice.tools) if tool is not None]
        return ToolChoice("allowed_tools", allowed_tools=AllowedTools(choice.mode, allowed))
    named = _tool(choice)
    # A choice of a hosted tool leaves none of the others to call.
    return "none" if named is None else ToolChoice(named.type, named.function, named.custom)


def _format(form: Named | None) -> ResponseFormat | None:
    if form is None:
        return None
    return ResponseFormat(form.type, JsonSchema(form.name, form.schema) if form.type == "json_schema" else None)


def _check_tool(tool: Named, index: int) -> None:
    if tool.type != "function" or tool.parameters is None:
        return
    what, param = f"Invalid schema for function '{tool.name}': ", f"tools[{index}].parameters"
    if tool.parameters.get("type", "object") != "object":
        kind = tool.parameters.get("type")
        message = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        _refuse(what + message, param, "invalid_function_parameters")
    if "type" in tool.parameters and "properties" not in tool.parameters:
        message = "In context=(), object schema missing properties."
        _refuse(what + message, param, "invalid_function_parameters")
    if tool.strict:
        _check_strict(tool.parameters, what, param, "invalid_function_parameters")


def _check_strict(schema: Json, what: str, param: str, code: str) -> None:
    if (context := open_object(schema)) is not None:
        message = f"In context={context}, 'additionalProperties' is required to be supplied and to be false."
        _refuse(what + message, param, code)
    if (found := optional_property(schema)) is not None:
        context, name = found
        supplied = "'required' is required to be supplied and to be an array including every key in properties."
        _refuse(f"{what}In context={context}, {supplied} Missing '{name}'.", param, code)


def _check_choice(asked: ResponsesRequest) -> None:
    choice, tools = asked.tool_choice, asked.tools or []
    if choice in (None, "auto", "none"):
        return
    if not tools:
        _refuse("Tool choice is only allowed when 'tools' are specified.", "tool_choice", "invalid_value")
    wanted = choice.tools if isinstance(choice, Named) and choice.type == "allowed_tools" else [choice]
    for named in wanted:
        if isinstance(named, Named) and not any(_fits(tool, named) for tool in tools):
            message = f"Tool choice '{named.name or named.type}' not found in 'tools' parameter."
            _refuse(message, "tool_choice", "invalid_value")


def _fits(tool: Named, named: Named) -> bool:
    return tool.type == named.type and (not named.name or tool.name == named.name)


def _check_reasoning(item: JsonObject, known: Callable[[str], JsonObject | None]) -> None:
    sealed, own = item.get("encrypted_content"), item.get("id")
    if isinstance(sealed, str) and opened(sealed, SEAL) is None:
        short = sealed if len(sealed) < 10 else f"{sealed[:4]}...{sealed[-4:]}"
        _refuse(f"The encrypted content {short} could not be verified.", None, "invalid_encrypted_content")
    if not isinstance(sealed, str) and known(str(own)) is None:
        _not_found(str(own))


def _not_found(item_id: Json) -> NoReturn:
    hint = "Try again with `store` set to true, or remove this item from your input."
    message = f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false. {hint}"
    raise Refused(openai_error(404, message, "input"))


def _refuse(message: str, param: str | None, code: str | None = None) -> NoReturn:
    raise Refused(openai_error(400, message, param, code))
