"""The legacy completions endpoint: a prompt, and text back; several prompts make several choices."""

from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec

from dragoman.mocks.answer import Answer, Frame, Streamed, json_answer, openai_error
from dragoman.mocks.brain import Decision, cut
from dragoman.mocks.chat import FINGERPRINT, PACE, unknown_model
from dragoman.mocks.chat_request import MAX_CHOICES, Positive, Stop, StreamOptions, Text
from dragoman.mocks.request import Request
from dragoman.mocks.stamps import Stamps
from dragoman.mocks.words import usage, words

INSTRUCT_MODEL = "gpt-3.5-turbo-instruct"


class _Order(msgspec.Struct):
    model: Text
    prompt: str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=MAX_CHOICES)] = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Positive | None = None
    stop: Stop | None = None

    @property
    def prompts(self) -> list[str]:
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []


class Completions:
    """The `/completions` endpoint."""

    def __init__(self, stamps: Stamps, known: Callable[[str], bool]) -> None:
        self._stamps = stamps
        self._known = known

    def answer(self, request: Request) -> Answer:
        """The completion, whole or as events; raises `BadJson`."""
        order = request.json(_Order)
        if not self._known(order.model):
            return unknown_model(order.model)
        if any("error" in prompt.lower() and "hello" not in prompt.lower() for prompt in order.prompts):
            return openai_error(429, "Rate limit exceeded")
        head = {
            "id": self._stamps.next("cmpl-"),
            "object": "text_completion",
            "created": self._stamps.created(),
            "model": order.model,
            "system_fingerprint": FINGERPRINT,
        }
        choices = [cut(f"Completion of: {prompt}", order.stops, order.max_tokens) for prompt in order.prompts]
        tokens = sum(choice.tokens for choice in choices)
        used = usage(sum(len(words(prompt)) for prompt in order.prompts), tokens)
        if order.stream:
            include = order.stream_options is not None and bool(order.stream_options.include_usage)
            frames = tuple(_frames(head, choices, used if include else None))
            return Streamed(frames, PACE, lambda text: _frame(head, 0, text))
        whole = [_choice(index, choice.text, choice.finish) for index, choice in enumerate(choices)]
        return json_answer({**head, "choices": whole, "usage": used}, tokens=tokens)


def _choice(index: int, text: str, finish: str | None) -> dict[str, object]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _frame(head: dict[str, object], index: int, text: str) -> Frame:
    return Frame(msgspec.json.encode({**head, "choices": [_choice(index, text, None)]}).decode())


def _frames(head: dict[str, object], choices: list[Decision], used: dict[str, object] | None) -> Iterator[Frame]:
    for index, choice in enumerate(choices):
        for word in words(choice.text):
            yield _frame(head, index, word)
        ending = {**head, "choices": [_choice(index, "", choice.finish)]}
        yield Frame(msgspec.json.encode(ending).decode(), part="finish")
    if used is not None:
        yield Frame(msgspec.json.encode({**head, "choices": [], "usage": used}).decode(), part="usage")
    yield Frame("[DONE]", part="done")
