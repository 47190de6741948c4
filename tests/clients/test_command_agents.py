"""The real claude, codex and gemini as upstreams of a gateway, over mocks of their providers."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.clients.command import NOWHERE
from tests.clients.node import HERE, Node
from tests.support.live import Live, running

SCRIPTS = {
    "claude": "@anthropic-ai/claude-code/cli-wrapper.cjs",
    "codex": "@openai/codex/bin/codex.js",
    "gemini": "@google/gemini-cli/bundle/gemini.js",
}
MODELS = {"claude": "claude-sonnet-4-5", "codex": "gpt-4", "gemini": "gemini-2.5-flash"}
FAULTS = {401: 502, 429: 429, 529: 503}
"""What a provider answers the program, and what that is for the program's caller."""


def wrapper(directory: Path, node: Node, kind: str, name: str, base: str) -> Path:
    """A program of that kind whose provider is at `base`, and whose home is `directory`."""
    home = directory / f"home-{name}"
    settings = home / ".gemini"
    settings.mkdir(parents=True)
    auth = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    (settings / "settings.json").write_text(
        json.dumps({**auth, "telemetry": {"enabled": False}, "general": {"maxAttempts": 1}})
    )
    (home / ".codex").mkdir()
    (home / ".codex/config.toml").write_text(
        f'model_provider = "mock"\n[model_providers.mock]\nname = "mock"\nbase_url = "{base}/v1"\n'
        'env_key = "OPENAI_API_KEY"\nwire_api = "responses"\nrequest_max_retries = 0\nstream_max_retries = 0\n'
    )
    environ = {
        "HOME": home, "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1",
        "ANTHROPIC_BASE_URL": base, "ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": base,
    }  # fmt: skip
    program = directory / name
    exports = "".join(f"export {key}='{value}'\n" for key, value in environ.items())
    program.write_text(f'#!/bin/sh\n{exports}exec {node.program} {HERE / "node_modules" / SCRIPTS[kind]} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def live(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    directory = tmp_path_factory.mktemp("agents")

    def programs(values: dict[str, Any], mock_url: str) -> None:
        for kind in SCRIPTS:
            places = {kind: mock_url, f"{kind}-slow": f"{mock_url}/scenario/ttft:60000"}
            places |= {f"{kind}-{status}": f"{mock_url}/scenario/status:{status}" for status in FAULTS}
            for name, base in places.items():
                command = str(wrapper(directory, node, kind, name, base))
                values["upstreams"][name] = {"command": command, "adapter": f"{kind}-cli", "max_concurrency": 2}
        values["upstreams"]["claude-tools"] = {**values["upstreams"]["claude"], "tools": True}

    with running(directory, programs, environ={"PATH": "/usr/bin:/bin"}) as live:
        yield live


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0, timeout=90) as client:
        yield client


def spoken(kind: str, text: str) -> bool:
    """Whether an answer is the mock's. Codex always offers tools of its own, and the mock then calls one."""
    begins = "The tool returned:" if kind == "codex" else "Streaming response to:"
    return text.strip().startswith(begins) and (kind == "codex" or "good day" in text)


@pytest.mark.parametrize("kind", SCRIPTS)
def test_chat_whole_and_streamed(client: openai.OpenAI, kind: str) -> None:
    model = f"{kind}/{MODELS[kind]}"
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "good day"}]
    whole = client.chat.completions.create(model=model, messages=messages)
    chunks = list(client.chat.completions.create(model=model, messages=messages, stream=True))
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert spoken(kind, whole.choices[0].message.content or "")
    assert spoken(kind, streamed)
    assert whole.usage is not None and whole.usage.prompt_tokens > 0 and whole.usage.completion_tokens > 0


@pytest.mark.parametrize("kind", SCRIPTS)
def test_messages(live: Live, kind: str) -> None:
    with anthropic.Anthropic(base_url=live.url, api_key=live.key, max_retries=0, timeout=90) as claude:
        answer = claude.messages.create(
            model=f"{kind}/{MODELS[kind]}", max_tokens=99, messages=[{"role": "user", "content": "good day"}]
        )

    assert spoken(kind, "".join(block.text for block in answer.content if block.type == "text"))


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_response_resumes_the_programs_session(client: openai.OpenAI, live: Live, kind: str) -> None:
    model = f"{kind}/{MODELS[kind]}"
    first = client.responses.create(model=model, input="my name is Ada")
    before = live.received
    second = client.responses.create(model=model, input="good day", previous_response_id=first.id)
    asked = [entry.body for entry in live.entries(before) if "good day" in entry.body]

    assert spoken(kind, second.output_text)
    assert any("my name is Ada" in body for body in asked), "the program knows what was said before"


@pytest.mark.parametrize("status", FAULTS)
@pytest.mark.parametrize("kind", SCRIPTS)
def test_an_error_of_its_provider_is_told_with_its_status(client: openai.OpenAI, kind: str, status: int) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(
            model=f"{kind}-{status}/{MODELS[kind]}", messages=[{"role": "user", "content": "good day"}]
        )

    assert caught.value.status_code == FAULTS[status], caught.value.message


def running_for(directory: str) -> list[str]:
    """The processes whose environment names a home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if directory.encode() in (entry / "environ").read_bytes():
                    found.append(entry.name)
    return found


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_caller_that_leaves_ends_its_process_group(live: Live, kind: str) -> None:
    body = {"model": f"{kind}-slow/{MODELS[kind]}", "messages": [{"role": "user", "content": "good day"}]}
    with contextlib.suppress(httpx2.ReadTimeout):
        httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(), timeout=3)

    live.until(lambda: not running_for(f"home-{kind}-slow"), "no process of it is left")


def test_the_callers_own_tools_reach_claude_over_mcp(client: openai.OpenAI) -> None:
    clock: Any = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}
    model = f"claude-tools/{MODELS['claude']}"
    first = client.responses.create(model=model, tools=[clock], input="call mcp__dragoman__clock {}")
    (call,) = [item for item in first.output if item.type == "function_call"]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "12:00 in Oslo"}
    second = client.responses.create(model=model, tools=[clock], input=[result], previous_response_id=first.id)

    assert call.name == "clock"
    assert "12:00 in Oslo" in second.output_text
