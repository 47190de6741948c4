"""What the mock reads of a Chat Completions request; unknown members are allowed and ignored.

Types after OpenAI's API reference (`CreateChatCompletionRequest`). A wrong type is a 400 that names the
member, because that is what an application must be able to see in its tests.
"""

from typing import Annotated, Final

import msgspec

from dragoman.mocks.request import Json

MAX_CHOICES: Final = 16
_MAX_STOPS: Final = 4

Positive = Annotated[int, msgspec.Meta(ge=1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Stop = Text | Annotated[list[Text], msgspec.Meta(max_length=_MAX_STOPS)]
Schema = dict[str, Json]


class ImageUrl(msgspec.Struct):
    url: Text


class ContentPart(msgspec.Struct):
    """Text, or something that is acknowledged but not looked at."""

    type: str
    text: str = ""
    refusal: str = ""
    image_url: ImageUrl | None = None


class Function(msgspec.Struct):
    name: Text
    arguments: str = ""
    parameters: Schema | None = None


class Custom(msgspec.Struct):
    name: Text
    input: str = ""


class Call(msgspec.Struct):
    """A tool call of an earlier answer."""

    id: str
    type: str = "function"
    function: Function | None = None
    custom: Custom | None = None


class Message(msgspec.Struct):
    role: Text
    content: str | list[ContentPart] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """Its text parts, joined by a space."""
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content if part.text)
        return self.content or ""

    @property
    def said(self) -> str:
        """Its last text part: what a user says, behind the context that an agent puts before it."""
        if isinstance(self.content, list):
            return next((part.text for part in reversed(self.content) if part.text), "")
        return self.content or ""

    @property
    def images(self) -> int:
        parts = self.content if isinstance(self.content, list) else []
        return sum(part.type == "image_url" for part in parts)


class Tool(msgspec.Struct):
    """A function with a JSON Schema, or a custom tool that takes text."""

    type: str
    function: Function | None = None
    custom: Custom | None = None

    @property
    def name(self) -> str:
        named = self.function or self.custom
        return named.name if named else ""


class AllowedTools(msgspec.Struct):
    mode: str = "auto"
    tools: list[Tool] = []


class ToolChoice(msgspec.Struct):
    """A tool named, or a list of those allowed."""

    type: str
    function: Function | None = None
    custom: Custom | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(msgspec.Struct):
    name: Text
    schema: Schema | None = None


class ResponseFormat(msgspec.Struct):
    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class ChatRequest(msgspec.Struct):
    """The members that change the answer."""

    model: Text
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=MAX_CHOICES)] | None = None
    stop: Stop | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None

    @property
    def limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def shows_reasoning(self) -> bool:
        """Whether the model is one of those that hand out what they thought, as DeepSeek's do and OpenAI's do not."""
        return self.model.startswith("deepseek-")

    @property
    def reasons(self) -> bool:
        return self.shows_reasoning or self.reasoning_effort not in (None, "none")

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)


def fault(request: ChatRequest) -> tuple[str, str] | None:
    """What the types above cannot say: a sentence and the member it is about, or `None`."""
    if request.stream_options is not None and not request.stream:
        return "stream_options is only allowed when stream is true", "stream_options"
    for index, tool in enumerate(request.tools or []):
        if not tool.name:
            return f"tools[{index}] needs a function or a custom tool with a name", f"tools[{index}]"
    form = request.response_format
    if form is not None and form.type not in ("text", "json_object", "json_schema"):
        return f"response_format cannot be {form.type!r}", "response_format.type"
    if form is not None and form.type == "json_schema" and form.json_schema is None:
        return "response_format of type json_schema needs a json_schema", "response_format.json_schema"
    return _choice_fault(request)


def _choice_fault(request: ChatRequest) -> tuple[str, str] | None:
    choice, names = request.tool_choice, {tool.name for tool in request.tools or []}
    if choice is None:
        return None
    if not names:
        return "tool_choice is only allowed when tools are specified", "tool_choice"
    if isinstance(choice, str):
        known = choice in ("none", "auto", "required")
        return None if known else (f"tool_choice cannot be {choice!r}", "tool_choice")
    named = choice.function or choice.custom
    if named is not None and named.name not in names:
        return f"tool_choice names {named.name!r}, which is not among the tools", "tool_choice"
    return None
