"""The tests of seed 000 that concern Chat Completions, through the official SDK.

The seed's others ask for the Responses API and conversations, which are a capability of their own and
not part of this one: `basic_responses_endpoint`, `responses_with_metadata`, `conversation_id_handling`.
"""

import time

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

MODEL = "gpt-4o-mini"
PROMPT: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi"}]


# Chat completions


def test_basic_chat_completion(sdk: openai.OpenAI) -> None:
    response = sdk.chat.completions.create(model=MODEL, messages=PROMPT)
    assert response.id
    assert response.object == "chat.completion"
    assert response.model
    assert response.choices
    assert response.choices[0].message.role == "assistant"
    assert response.choices[0].message.content
    assert response.usage is not None
    assert min(response.usage.prompt_tokens, response.usage.completion_tokens, response.usage.total_tokens) > 0


def test_streaming_chat_completion(sdk: openai.OpenAI) -> None:
    chunks = list(sdk.chat.completions.create(model=MODEL, messages=PROMPT, stream=True))
    assert chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_chat_completion_with_system_message(sdk: openai.OpenAI) -> None:
    response = sdk.chat.completions.create(
        model=MODEL, messages=[{"role": "system", "content": "You are a helpful assistant."}, *PROMPT]
    )
    assert response.choices[0].message.content


def test_chat_completion_with_max_tokens(sdk: openai.OpenAI) -> None:
    response = sdk.chat.completions.create(model=MODEL, messages=PROMPT, max_tokens=10)
    assert response.usage is not None
    assert response.usage.completion_tokens <= 15


def test_chat_completion_with_temperature(sdk: openai.OpenAI) -> None:
    response = sdk.chat.completions.create(model=MODEL, messages=PROMPT, temperature=0.7)
    assert response.choices[0].message.content is not None


# Proxy behaviour


def test_error_handling_invalid_model(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError):
        sdk.chat.completions.create(model="invalid-model-name", messages=PROMPT)


def test_empty_message_handling(sdk: openai.OpenAI) -> None:
    response = sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    assert response.choices[0].message.content is not None


# Performance


def test_response_latency(sdk: openai.OpenAI) -> None:
    start = time.monotonic()
    assert sdk.chat.completions.create(model=MODEL, messages=PROMPT).choices
    assert time.monotonic() - start < 30


def test_streaming_latency(sdk: openai.OpenAI) -> None:
    start = time.monotonic()
    first = None
    for chunk in sdk.chat.completions.create(model=MODEL, messages=PROMPT, stream=True):
        if first is None and chunk.choices[0].delta.content:
            first = time.monotonic() - start
    assert first is not None
    assert first < 30
