"""Chat Completions: from a decision to the objects and events that OpenAI's API reference describes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from dragoman.mocks.answer import Answer, Frame, Part, Streamed, json_answer, openai_error
from dragoman.mocks.brain import Decision, ToolCall, decide, prompt_tokens, rate_limited
from dragoman.mocks.chat_history import history_fault, parameter_fault
from dragoman.mocks.chat_request import ChatRequest, fault
from dragoman.mocks.request import Request
from dragoman.mocks.stamps import Stamps
from dragoman.mocks.words import usage, words

PACE: Final = 0.05
"""Seconds between two events of a stream."""
FINGERPRINT: Final = "fp_mock"
_PAYLOAD_PIECES: Final = 3
Known = Callable[[str], bool]


class Chat:
    """The `/chat/completions` endpoint."""

    def __init__(self, stamps: Stamps, known: Known) -> None:
        self._stamps = stamps
        self._known = known

    def answer(self, request: Request) -> Answer:
        """The completion, whole or as events; raises `BadJson`."""
        chat = request.json(ChatRequest)
        names = request.json(dict[str, msgspec.Raw])
        if problem := parameter_fault(names) or fault(chat) or history_fault(chat.messages):
            message, param = problem
            return openai_error(400, f"{message}.", param, "invalid_value")
        if not self._known(chat.model):
            return unknown_model(chat.model)
        if rate_limited(chat):
            return openai_error(429, "Rate limit exceeded")
        choices = [decide(chat)] * (chat.n or 1)
        completion = _Completion(chat, choices, self._stamps)
        if chat.stream:
            return Streamed(tuple(completion.frames()), PACE, completion.sample)
        return json_answer(completion.whole(), tokens=completion.tokens)


def unknown_model(model: str) -> Answer:
    """The 404 of a model that there is not."""
    message = f"The model {model!r} does not exist or you do not have access to it."
    return openai_error(404, message, "model", "model_not_found")


class _Completion:
    """One completion, its id and time drawn once."""

    def __init__(self, request: ChatRequest, choices: Sequence[Decision], stamps: Stamps) -> None:
        self._request = request
        self._choices = choices
        self._id = stamps.next("chatcmpl-")
        self._created = stamps.created()
        self._call_ids = [[stamps.next("call_") for _ in choice.calls] for choice in choices]
        self.tokens = sum(choice.tokens for choice in choices)
        self._thought = sum(choice.reasoning_tokens for choice in choices)

    def whole(self) -> dict[str, object]:
        choices = [
            {
                "index": index,
                "message": self._message(index, choice),
                "logprobs": None,
                "finish_reason": choice.finish,
            }
            for index, choice in enumerate(self._choices)
        ]
        return {**self._head("chat.completion"), "choices": choices, "usage": self._usage()}

    def frames(self) -> Iterator[Frame]:
        for index in range(len(self._choices)):
            yield self._chunk(index, {"role": "assistant", "content": "", "refusal": None}, "opening")
        for index, choice in enumerate(self._choices):
            for word in words(self._reasoning(choice)):
                yield self._chunk(index, {"reasoning_content": word})
            for word in words(choice.text):
                yield self._chunk(index, {"content": word})
            for word in words(choice.refusal):
                yield self._chunk(index, {"refusal": word})
            for position, call in enumerate(choice.calls):
                yield from self._call_chunks(index, position, call)
        for index, choice in enumerate(self._choices):
            yield self._chunk(index, {}, "finish", choice.finish)
        if self._request.include_usage:
            yield self._frame({"choices": [], "usage": self._usage()}, "usage")
        yield Frame("[DONE]", part="done")

    def sample(self, text: str) -> Frame:
        return self._chunk(0, {"content": text})

    def _head(self, kind: str) -> dict[str, object]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._request.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }

    def _usage(self) -> dict[str, object]:
        return usage(prompt_tokens(self._request), self.tokens, self._thought)

    def _reasoning(self, choice: Decision) -> str:
        return choice.reasoning if self._request.shows_reasoning else ""

    def _message(self, index: int, choice: Decision) -> dict[str, object]:
        message: dict[str, object] = {"role": "assistant", "content": choice.text, "refusal": None, "annotations": []}
        if choice.refusal:
            message |= {"content": None, "refusal": choice.refusal}
        if reasoning := self._reasoning(choice):
            message["reasoning_content"] = reasoning
        if choice.calls:
            calls = zip(self._call_ids[index], choice.calls, strict=True)
            message |= {"content": None, "tool_calls": [_call_object(call_id, call) for call_id, call in calls]}
        return message

    def _call_chunks(self, index: int, position: int, call: ToolCall) -> Iterator[Frame]:
        """The name first and its payload empty, then the payload in pieces; each with the call's own index."""
        opened = _call_object(self._call_ids[index][position], ToolCall(call.name, "", call.custom))
        yield self._chunk(index, {"tool_calls": [{"index": position, **opened}]})
        member, field = ("custom", "input") if call.custom else ("function", "arguments")
        size = max(1, -(-len(call.payload) // _PAYLOAD_PIECES))
        for start in range(0, len(call.payload), size):
            piece = {member: {field: call.payload[start : start + size]}}
            yield self._chunk(index, {"tool_calls": [{"index": position, **piece}]})

    def _chunk(self, index: int, delta: object, part: Part = "content", finish: str | None = None) -> Frame:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        # With include_usage every other chunk says "usage": null.
        ending = {"usage": None} if self._request.include_usage else {}
        return self._frame({"choices": [choice], **ending}, part)

    def _frame(self, members: dict[str, object], part: Part) -> Frame:
        return Frame(msgspec.json.encode({**self._head("chat.completion.chunk"), **members}).decode(), part=part)


def _call_object(call_id: str, call: ToolCall) -> dict[str, object]:
    if call.custom:
        return {"id": call_id, "type": "custom", "custom": {"name": call.name, "input": call.payload}}
    return {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": call.payload}}
