"""The twelve tests of seed 000, by their names, through the official SDK, against any server.

`make test` runs them against the demo, `make test-integration` against a server of its own or one that is named.
"""

import time

import openai
import pytest

from tests.integration.figures import Figures
from tests.integration.target import Target

LIMIT = 30.0
"""Seconds that the seed gives an answer."""


# Chat completions


def test_basic_chat_completion(chat2response_client: openai.OpenAI, test_model: str, test_prompt: str) -> None:
    response = chat2response_client.chat.completions.create(
        model=test_model, messages=[{"role": "user", "content": test_prompt}]
    )
    assert response.id
    assert response.object == "chat.completion"
    assert response.model
    assert response.choices
    assert response.choices[0].message.role == "assistant"
    assert response.choices[0].message.content
    assert response.usage is not None
    assert min(response.usage.prompt_tokens, response.usage.completion_tokens, response.usage.total_tokens) > 0


def test_streaming_chat_completion(chat2response_client: openai.OpenAI, test_model: str, test_prompt: str) -> None:
    chunks = list(
        chat2response_client.chat.completions.create(
            model=test_model, messages=[{"role": "user", "content": test_prompt}], stream=True
        )
    )
    assert chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_chat_completion_with_system_message(
    chat2response_client: openai.OpenAI, test_model: str, test_prompt: str
) -> None:
    response = chat2response_client.chat.completions.create(
        model=test_model,
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": test_prompt},
        ],
    )
    assert response.choices[0].message.content


def test_chat_completion_with_max_tokens(
    chat2response_client: openai.OpenAI, test_model: str, test_prompt: str
) -> None:
    response = chat2response_client.chat.completions.create(
        model=test_model, messages=[{"role": "user", "content": test_prompt}], max_tokens=10
    )
    assert response.usage is not None
    assert response.usage.completion_tokens <= 15


def test_chat_completion_with_temperature(
    chat2response_client: openai.OpenAI, test_model: str, test_prompt: str
) -> None:
    response = chat2response_client.chat.completions.create(
        model=test_model, messages=[{"role": "user", "content": test_prompt}], temperature=0.7
    )
    assert response.choices[0].message.content is not None


# Responses


def test_basic_responses_endpoint(chat2response_client: openai.OpenAI, test_model: str, test_prompt: str) -> None:
    response = chat2response_client.responses.create(model=test_model, input=test_prompt)
    assert response.id
    assert response.output
    assert response.output_text
    assert response.usage is not None
    assert min(response.usage.input_tokens, response.usage.output_tokens) > 0


def test_responses_with_metadata(chat2response_client: openai.OpenAI, test_model: str, test_prompt: str) -> None:
    metadata = {"session": "one", "purpose": "integration test"}
    response = chat2response_client.responses.create(model=test_model, input=test_prompt, metadata=metadata)
    assert response.id
    assert response.model
    assert response.usage is not None
    assert response.metadata == metadata


# Proxy behaviour


def test_conversation_id_handling(chat2response_client: openai.OpenAI, test_model: str, test_prompt: str) -> None:
    messages = [openai.types.chat.ChatCompletionUserMessageParam(role="user", content=test_prompt)]
    chats = [chat2response_client.chat.completions.create(model=test_model, messages=messages) for _ in range(3)]
    responses = [chat2response_client.responses.create(model=test_model, input=test_prompt) for _ in range(3)]
    assert len({answer.id for answer in chats}) == len({answer.id for answer in responses}) == 3


def test_error_handling_invalid_model(chat2response_client: openai.OpenAI, test_prompt: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        chat2response_client.chat.completions.create(
            model="invalid-model-name", messages=[{"role": "user", "content": test_prompt}]
        )
    assert 400 <= caught.value.status_code < 500


def test_empty_message_handling(chat2response_client: openai.OpenAI, test_model: str) -> None:
    response = chat2response_client.chat.completions.create(
        model=test_model, messages=[{"role": "user", "content": "Hi"}]
    )
    assert response.choices[0].message.content is not None


# Performance


def test_response_latency(chat2response_client: openai.OpenAI, test_model: str, test_prompt: str) -> None:
    assert answered(chat2response_client, test_model, test_prompt) < LIMIT


def test_streaming_latency(chat2response_client: openai.OpenAI, test_model: str, test_prompt: str) -> None:
    assert streamed(chat2response_client, test_model, test_prompt)[0] < LIMIT


# In a harder form: many in turn with those of the provider itself, so that what the gateway adds can be told.


def test_response_latency_over_many_calls(
    chat2response_client: openai.OpenAI, beside: openai.OpenAI | None, target: Target, figures: Figures
) -> None:
    for _ in range(target.samples):
        direct = None if beside is None else answered(beside, target.model, target.prompt)
        through = answered(chat2response_client, target.model, target.prompt)
        figures.add("whole answer", through, direct)
        assert through < LIMIT


def test_streaming_latency_over_many_calls(
    chat2response_client: openai.OpenAI, beside: openai.OpenAI | None, target: Target, figures: Figures
) -> None:
    for _ in range(target.samples):
        direct, pace = (None, None) if beside is None else streamed(beside, target.model, target.prompt)
        through, gap = streamed(chat2response_client, target.model, target.prompt)
        figures.add("first token", through, direct)
        figures.add("between tokens", gap, pace)
        assert through < LIMIT


def test_streaming_latency_of_responses(chat2response_client: openai.OpenAI, target: Target, figures: Figures) -> None:
    for _ in range(target.samples):
        start = time.perf_counter()
        with chat2response_client.responses.create(model=target.model, input=target.prompt, stream=True) as stream:
            took = [time.perf_counter() - start for event in stream if event.type == "response.output_text.delta"]
        figures.add("first token of a response", took[0], None)
        assert took[0] < LIMIT


def answered(client: openai.OpenAI, model: str, prompt: str) -> float:
    """Seconds until a whole answer is there."""
    start = time.perf_counter()
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}])
    assert answer.choices
    return time.perf_counter() - start


def streamed(client: openai.OpenAI, model: str, prompt: str) -> tuple[float, float]:
    """Seconds until the first token that is not empty, and from one to the next."""
    start = time.perf_counter()
    stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], stream=True)
    times = [time.perf_counter() - start for chunk in stream if chunk.choices and chunk.choices[0].delta.content]
    return times[0], (times[-1] - times[0]) / max(1, len(times) - 1)
