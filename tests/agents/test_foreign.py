"""Functions and objects of others behind a gateway, asked by the official client."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from dragoman.agents.errors import AgentError
from dragoman.agents.foreign import from_callable, text_of
from dragoman.ports import Asked
from tests.support.live import Live, running


async def echo(messages: list[Any]) -> str:
    """Says it again."""
    return f"{len(messages)}: {messages[-1]['content']}"


async def words(text: str) -> AsyncIterator[str]:
    for word in text.split():
        yield f"{word} "


def blocking(text: str) -> str:
    time.sleep(0.01)
    return text.upper()


def steps(text: str) -> Iterator[str]:
    yield "one "
    yield text


def who(text: str, asked: Asked) -> str:
    return f"{text} for {asked.request_id[:4]}"


def silent(text: str) -> str:
    return ""


@dataclass
class Output:
    text: str


class Runner:
    name = "runner"

    async def run(self, messages: list[Any], loud: bool = False) -> Output:
        return Output(f"ran {messages[-1]['content']}")


class Streamer(Runner):
    name = "streamer"

    def stream(self, text: str) -> AsyncIterator[str]:
        return words(text)


AGENTS = [from_callable(one) for one in (echo, words, blocking, steps, who, silent, Runner(), Streamer())]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("foreign"), timing="instant", agents=AGENTS) as gateway:
        yield gateway


def ask(sdk: openai.OpenAI, name: str, **how: Any) -> Any:
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello you"}]
    return sdk.chat.completions.create(model=f"agent/{name}", messages=messages, **how)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("echo", "2: hello you"),
        ("words", "hello you "),
        ("blocking", "HELLO YOU"),
        ("steps", "one hello you"),
        ("who", "hello you for req_"),
        ("runner", "ran hello you"),
        ("streamer", "hello you "),
    ],
)
def test_whatever_answers_is_a_model(sdk: openai.OpenAI, name: str, said: str) -> None:
    assert ask(sdk, name).choices[0].message.content == said
    chunks = list(ask(sdk, name, stream=True))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == said
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_what_it_cannot_be_told_is_refused_or_lost_by_name(sdk: openai.OpenAI) -> None:
    for param, value in (
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("response_format", {"type": "json_object"}),
        ("n", 2),
        ("stop", ["x"]),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(sdk, "echo", **{param: value})
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", param)
    raw = sdk.chat.completions.with_raw_response.create(
        model="agent/echo", messages=[{"role": "user", "content": "hi"}], temperature=0.5, max_tokens=9,
        reasoning_effort="low", logit_bias={"1": 1},
    )  # fmt: skip
    for name in ("temperature", "max_completion_tokens", "reasoning_effort", "logit_bias"):
        assert name in raw.headers["x-dragoman-loss"]


def test_one_that_says_nothing_has_failed(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="said nothing"):
        ask(sdk, "silent")


def test_it_has_a_name_and_a_description() -> None:
    assert (AGENTS[0].name, AGENTS[0].card.description) == ("echo", "Says it again.")
    named = from_callable(lambda text: text, name="mine", description="Mine.")
    assert (named.name, named.card.description) == ("mine", "Mine.")


@pytest.mark.parametrize(
    ("target", "words"),
    [(lambda text: text, "no name"), (object(), "is no agent"), (lambda: "", "takes no conversation")],
)
def test_what_is_none_is_refused(target: Any, words: str) -> None:
    with pytest.raises(AgentError, match=words):
        from_callable(target)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (Output("b"), "b"),
        ({"role": "assistant", "content": "c"}, "c"),
        ({"d": 1}, '{"d":1}'),
        ([1, 2], "[1,2]"),
    ],
)
def test_the_text_of_what_it_gives(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_what_is_no_text_is_named() -> None:
    with pytest.raises(AgentError, match="gave a object"):
        text_of(object())
