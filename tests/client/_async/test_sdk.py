"""The official SDKs over a client's connections, to models and to upstreams behind an alias, in every mode."""

import sys

import anthropic
import openai
import pytest

from dragoman.client import AsyncClient, Request
from dragoman.client.errors import BuildError

ASK: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("alias", [None, "openai"])
async def test_the_openai_sdk_is_pointed_at_models_or_at_an_alias(client: AsyncClient, alias: str | None) -> None:
    sdk = client.openai(alias, max_retries=0)
    answer = await sdk.chat.completions.create(model="gpt-4", messages=ASK)
    assert "Hello" in (answer.choices[0].message.content or "")
    stream = await sdk.chat.completions.create(model="gpt-4", messages=ASK, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert "hello" in text
    assert "gpt-4" in [model.id for model in (await sdk.models.list()).data]


async def test_the_anthropic_sdk_is_pointed_at_models_or_at_an_alias(client: AsyncClient) -> None:
    for alias in (None, "anthropic"):
        if alias is not None and alias not in await client.aliases():
            continue  # the demo has no such alias, the mock has
        sdk = client.anthropic(alias, max_retries=0)
        model = "gpt-4" if alias is None and "anthropic" not in await client.aliases() else "claude-haiku-4-5"
        message = await sdk.messages.create(model=model, max_tokens=64, messages=[{"role": "user", "content": "hello"}])
        assert message.content[0].type == "text"
        async with sdk.messages.stream(
            model=model, max_tokens=64, messages=[{"role": "user", "content": "hello"}]
        ) as stream:
            assert "hello" in "".join([text async for text in stream.text_stream]).lower()


async def test_an_error_of_the_gateway_is_the_sdks_own(gateway: AsyncClient) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        await gateway.openai(max_retries=0).chat.completions.create(model="no-such-model", messages=ASK)
    with pytest.raises(anthropic.NotFoundError, match="no-such-model"):
        await gateway.anthropic(max_retries=0).messages.create(
            model="no-such-model", max_tokens=1, messages=[{"role": "user", "content": "hello"}]
        )


async def test_closing_an_sdk_leaves_the_connections_open(client: AsyncClient) -> None:
    async with client.openai() as sdk:
        await sdk.models.list()
    assert (await client.execute("github", Request.get("/users/octocat"))).status == 200


async def test_options_are_the_sdks_and_win(client: AsyncClient) -> None:
    sdk = client.openai(max_retries=7, timeout=3.0)
    assert (sdk.max_retries, sdk.timeout) == (7, 3.0)
    assert sdk.api_key == client.config.key
    assert client.anthropic(timeout=3.0).timeout == 3.0


async def test_an_sdk_that_is_not_installed_is_named(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("openai", "anthropic"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(BuildError, match=f"pip install {name}"):
            getattr(client, name)()
