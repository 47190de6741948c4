"""One caller of each dialect, on the official SDK, so that one test can be put to all of them.

A caller asks in its own dialect and tells what was said in words that all share. Whether it streams is its own
affair: what a stream adds up to has to be the same.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import anthropic
import openai
import pydantic

Stop = Literal["end", "tools", "length", "refusal"]
History = list[Any]
_CHAT_STOPS: Final[Mapping[str, Stop]] = {"stop": "end", "tool_calls": "tools", "length": "length"}
_MESSAGES_STOPS: Final[Mapping[str, Stop]] = {
    "end_turn": "end", "tool_use": "tools", "max_tokens": "length", "refusal": "refusal",
}  # fmt: skip
PLENTY: Final = 4000
"""The limit of a Messages call, which must name one."""


@dataclass(frozen=True)
class Tool:
    """A function without anything optional."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """What is asked for beside the conversation."""

    tools: Sequence[Tool] = ()
    limit: int | None = None
    effort: Literal["low", "high"] | None = None
    form: type[pydantic.BaseModel] | None = None


@dataclass(frozen=True)
class Said:
    """An answer; `native` is the SDK's object, `parsed` what the SDK made of its text."""

    text: str
    stop: Stop
    calls: tuple[tuple[str, Any], ...]
    tokens: tuple[int, int]
    reasoning: str
    refusal: str
    parsed: Any
    native: Any


class Caller(Protocol):
    def opening(self, text: str, image: str = "") -> History:
        """A conversation in which the user has said this and shown that."""
        ...

    def ask(self, history: History, wish: Wish = ...) -> Said: ...

    def further(self, history: History, said: Said, results: Sequence[str]) -> History:
        """The conversation with the answer as the SDK gave it, and a result for each of its calls."""
        ...

    def pieces(self, history: History) -> Iterator[str]:
        """The texts of a raw stream as they come."""
        ...


class ChatCaller:
    def __init__(self, client: openai.OpenAI, model: str, *, streams: bool) -> None:
        self._completions = client.chat.completions
        self._model = model
        self._streams = streams

    def opening(self, text: str, image: str = "") -> History:
        shown = {"type": "image_url", "image_url": {"url": image, "detail": "low"}}
        return [{"role": "user", "content": [{"type": "text", "text": text}, shown] if image else text}]

    def ask(self, history: History, wish: Wish = Wish()) -> Said:
        asked: dict[str, Any] = {"model": self._model, "messages": history}
        if wish.tools:
            asked["tools"] = [
                {"type": "function", "function": {"name": tool.name, "parameters": tool.parameters, "strict": True}}
                for tool in wish.tools
            ]
        if wish.limit:
            asked["max_completion_tokens"] = wish.limit
        if wish.effort:
            asked["reasoning_effort"] = wish.effort
        completion = self._complete(asked, wish)
        (choice,) = completion.choices
        message = choice.message
        return Said(
            text=message.content or "",
            stop="refusal" if message.refusal else _CHAT_STOPS[choice.finish_reason],
            calls=tuple((c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or ()),
            tokens=(completion.usage.prompt_tokens, completion.usage.completion_tokens),
            reasoning=(message.model_extra or {}).get("reasoning_content") or "",
            refusal=message.refusal or "",
            parsed=getattr(message, "parsed", None),
            native=message,
        )

    def _complete(self, asked: dict[str, Any], wish: Wish) -> Any:
        if wish.form:
            asked["response_format"] = wish.form
        if not self._streams:
            return (self._completions.parse if wish.form else self._completions.create)(**asked)
        with self._completions.stream(**asked, stream_options={"include_usage": True}) as stream:
            try:
                return stream.get_final_completion()
            except openai.LengthFinishReasonError as cut:
                return cut.completion

    def further(self, history: History, said: Said, results: Sequence[str]) -> History:
        calls = zip(said.native.tool_calls or (), results, strict=True)
        outputs = [{"role": "tool", "tool_call_id": call.id, "content": result} for call, result in calls]
        return [*history, said.native, *outputs]

    def pieces(self, history: History) -> Iterator[str]:
        for chunk in self._completions.create(model=self._model, messages=history, stream=True):
            for choice in chunk.choices:
                if choice.delta.content:
                    yield choice.delta.content


class ResponsesCaller:
    def __init__(self, client: openai.OpenAI, model: str, *, streams: bool) -> None:
        self._responses = client.responses
        self._model = model
        self._streams = streams

    def opening(self, text: str, image: str = "") -> History:
        shown = {"type": "input_image", "image_url": image, "detail": "low"}
        return [{"role": "user", "content": [{"type": "input_text", "text": text}, shown] if image else text}]

    def ask(self, history: History, wish: Wish = Wish()) -> Said:
        asked: dict[str, Any] = {"model": self._model, "input": history, "store": False}
        if wish.tools:
            asked["tools"] = [
                {"type": "function", "name": tool.name, "parameters": tool.parameters, "strict": True}
                for tool in wish.tools
            ]
        if wish.limit:
            asked["max_output_tokens"] = wish.limit
        if wish.effort:
            asked["reasoning"] = {"effort": wish.effort, "summary": "auto"}
            asked["include"] = ["reasoning.encrypted_content"]
        response = self._respond(asked, wish)
        parts = [part for item in response.output if item.type == "message" for part in item.content]
        calls = [item for item in response.output if item.type == "function_call"]
        refusal = "".join(part.refusal for part in parts if part.type == "refusal")
        if response.status == "incomplete":
            assert response.incomplete_details.reason == "max_output_tokens"
        stop: Stop = "length" if response.status == "incomplete" else "tools" if calls else "end"
        return Said(
            text=response.output_text,
            stop="refusal" if refusal else stop,
            calls=tuple((call.name, json.loads(call.arguments)) for call in calls),
            tokens=(response.usage.input_tokens, response.usage.output_tokens),
            reasoning="".join(_thoughts(response)),
            refusal=refusal,
            parsed=getattr(response, "output_parsed", None),
            native=response,
        )

    def _respond(self, asked: dict[str, Any], wish: Wish) -> Any:
        if wish.form:
            asked["text_format"] = wish.form
        if not self._streams:
            return (self._responses.parse if wish.form else self._responses.create)(**asked)
        with self._responses.stream(**asked) as stream:
            events: list[Any] = list(stream)
        assert [event.sequence_number for event in events] == list(range(len(events)))
        return events[-1].response

    def further(self, history: History, said: Said, results: Sequence[str]) -> History:
        calls = [item for item in said.native.output if item.type == "function_call"]
        outputs = [
            {"type": "function_call_output", "call_id": call.call_id, "output": result}
            for call, result in zip(calls, results, strict=True)
        ]
        return [*history, *said.native.output, *outputs]

    def pieces(self, history: History) -> Iterator[str]:
        for event in self._responses.create(model=self._model, input=history, stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta


def _thoughts(response: Any) -> list[str]:
    items = [item for item in response.output if item.type == "reasoning"]
    return [part.text for item in items for part in [*item.summary, *(item.content or ())]]


class MessagesCaller:
    def __init__(self, client: anthropic.Anthropic, model: str, *, streams: bool) -> None:
        self._messages = client.messages
        self._model = model
        self._streams = streams

    def opening(self, text: str, image: str = "") -> History:
        head, _, data = image.partition(";base64,")
        source = {"type": "base64", "media_type": head.removeprefix("data:"), "data": data}
        shown = {"type": "image", "source": source}
        return [{"role": "user", "content": [{"type": "text", "text": text}, shown] if image else text}]

    def ask(self, history: History, wish: Wish = Wish()) -> Said:
        asked: dict[str, Any] = {"model": self._model, "messages": history, "max_tokens": wish.limit or PLENTY}
        if wish.tools:
            asked["tools"] = [{"name": tool.name, "input_schema": tool.parameters} for tool in wish.tools]
        if wish.effort:
            asked["thinking"] = {"type": "enabled", "budget_tokens": 1024, "display": "summarized"}
        message = self._message(asked, wish)
        blocks = message.content
        text = "".join(block.text for block in blocks if block.type == "text")
        refused = message.stop_reason == "refusal"
        return Said(
            text="" if refused else text,
            stop=_MESSAGES_STOPS[message.stop_reason],
            calls=tuple((block.name, block.input) for block in blocks if block.type == "tool_use"),
            tokens=(message.usage.input_tokens, message.usage.output_tokens),
            reasoning="".join(block.thinking for block in blocks if block.type == "thinking"),
            refusal=text if refused else "",
            parsed=getattr(message, "parsed_output", None),
            native=message,
        )

    def _message(self, asked: dict[str, Any], wish: Wish) -> Any:
        if wish.form:
            asked["output_format"] = wish.form
        if not self._streams:
            return (self._messages.parse if wish.form else self._messages.create)(**asked)
        with self._messages.stream(**asked) as stream:
            return stream.get_final_message()

    def further(self, history: History, said: Said, results: Sequence[str]) -> History:
        calls = [block for block in said.native.content if block.type == "tool_use"]
        outputs = [
            {"type": "tool_result", "tool_use_id": call.id, "content": result}
            for call, result in zip(calls, results, strict=True)
        ]
        return [*history, {"role": "assistant", "content": said.native.content}, {"role": "user", "content": outputs}]

    def pieces(self, history: History) -> Iterator[str]:
        for event in self._messages.create(model=self._model, messages=history, max_tokens=PLENTY, stream=True):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text


class Callers:
    """Callers of one gateway, over one client of each SDK; nothing is ever tried again."""

    def __init__(self, url: str, key: str) -> None:
        self.openai = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
        self.anthropic = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def caller(self, dialect: str, model: str, *, streams: bool) -> Caller:
        if dialect == "messages":
            return MessagesCaller(self.anthropic, model, streams=streams)
        kind = ChatCaller if dialect == "chat" else ResponsesCaller
        return kind(self.openai, model, streams=streams)

    def close(self) -> None:
        self.openai.close()
        self.anthropic.close()
