"""The real `claude`, `codex` and `gemini` as models of a gateway, over mock providers: no key, and no network.

They are installed by `make test-clients` in the versions that `package.json` names, so that a newer one that speaks
otherwise is found out when it is put there.
"""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import openai
import pytest

from tests.clients.command import NOWHERE
from tests.clients.conftest import upstreams
from tests.clients.node import HERE, Node
from tests.support.live import Live, running

SCRIPTS: Final = {
    "claude": "@anthropic-ai/claude-code/cli-wrapper.cjs",
    "codex": "@openai/codex/bin/codex.js",
    "gemini": "@google/gemini-cli/bundle/gemini.js",
}
MODELS: Final = {"claude": "claude-haiku-4-5", "codex": "gpt-4", "gemini": "gemini-2.5-flash"}
CODEX: Final = """
model_provider = "mock"
[model_providers.mock]
name = "mock"
base_url = "{url}/v1"
env_key = "KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""
PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
EACH: Final = pytest.mark.parametrize("program", SCRIPTS)


def install(node: Node, directory: Path, program: str, url: str) -> Path:
    """The program under its own name, with a home of its own, asking the provider at `url`."""
    home = directory / "home"
    (home / ".codex").mkdir(parents=True)
    (home / ".codex" / "config.toml").write_text(CODEX.format(url=url))
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text(
        '{"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"maxAttempts": 1}}'
    )
    environ = {
        "HOME": home, "PATH": f"{node.program.parent}:/usr/bin:/bin", "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1", "KEY": "x", "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "x",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CODE_MAX_RETRIES": "0", "GEMINI_API_KEY": "x",
        "GOOGLE_GEMINI_BASE_URL": url,
    }  # fmt: skip
    exports = "".join(f"export {name}='{value}'\n" for name, value in environ.items())
    path = directory / program
    path.write_text(f"#!/bin/sh\n{exports}exec '{node.program}' '{HERE / 'node_modules' / SCRIPTS[program]}' \"$@\"\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def gateway(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    directory = tmp_path_factory.mktemp("programs")

    def programs(values: dict[str, Any], mock_url: str) -> None:
        for program in SCRIPTS:
            faults = {"401": "status:401", "429": "status:429", "529": "status:529", "slow": "stall"}
            for name, fault in {"": "", **faults}.items():
                url = f"{mock_url}/scenario/{fault}" if fault else mock_url
                place = directory / f"{program}{name}"
                place.mkdir()
                values["upstreams"][place.name] = {"command": str(install(node, place, program, url))}
        upstreams(values, mock_url)
        own = directory / "own"
        own.mkdir()
        values["upstreams"]["claude-tooled"] = {**values["upstreams"]["claude"], "tools": True}
        values["upstreams"]["codex-tooled"] = {"command": str(install(node, own, "codex", mock_url)), "tools": True}

    with running(directory, programs, timing="instant", environ={"PATH": os.environ["PATH"]}) as live:
        ask_the_gateway(directory / "own", live)
        yield live


def ask_the_gateway(directory: Path, live: Live) -> None:
    """Has a codex ask the gateway that runs it: the mock of its provider calls no tool that stands in a group."""
    (directory / "home" / ".codex" / "config.toml").write_text(CODEX.format(url=live.url))
    program = directory / "codex"
    program.write_text(program.read_text().replace("KEY='x'", f"KEY='{live.key}'", 1))


@pytest.fixture(scope="module")
def client(gateway: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=60) as client:
        yield client


def ask(client: openai.OpenAI, program: str, *content: Any, upstream: str = "", **more: Any) -> Any:
    said = content[0] if len(content) == 1 else list(content)
    name = f"{upstream or program}/{MODELS[program]}"
    return client.chat.completions.create(model=name, messages=[{"role": "user", "content": said}], **more)


@EACH
def test_it_answers_whole_and_streamed(client: openai.OpenAI, gateway: Live, program: str) -> None:
    before = gateway.received
    whole = ask(client, program, "one two three")
    chunks = list(ask(client, program, "one two three", stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]

    # The mock answers codex by a tool that it always has, and the others by what was said.
    expected = "The tool returned: " if program == "codex" else "one two three"
    assert expected in whole.choices[0].message.content and expected in "".join(pieces)
    assert whole.choices[0].finish_reason == "stop"
    assert sum("one two three" in entry.body for entry in gateway.entries(before)) >= 2
    assert whole.usage.prompt_tokens > 0 and whole.usage.completion_tokens > 0
    assert chunks[-1].usage.completion_tokens > 0
    assert (len(pieces) > 1) is (program != "codex")


@EACH
def test_its_provider_refuses_as_the_caller_must_know(client: openai.OpenAI, program: str) -> None:
    for status, answered in (("401", 502), ("429", 429), ("529", 503)):
        with pytest.raises(openai.APIStatusError) as raised:
            ask(client, program, "one", upstream=f"{program}{status}")
        assert raised.value.status_code == answered, raised.value.message


@EACH
def test_a_response_goes_on_with_its_session(client: openai.OpenAI, gateway: Live, program: str) -> None:
    model = f"{program}/{MODELS[program]}"
    first = client.responses.create(model=model, input="my name is Ada")
    before = gateway.received
    second = client.responses.create(model=model, input="my age is 36", previous_response_id=first.id)

    assert first.usage is not None and second.usage is not None
    sent = [entry.body for entry in gateway.entries(before) if "my age is 36" in entry.body]
    assert sent and all("my name is Ada" in body and "Above is a conversation" not in body for body in sent)
    # It counts what the turn has used and not what its session has: the answers are as long as each other.
    assert second.usage.output_tokens < 1.5 * first.usage.output_tokens + 20


@EACH
def test_what_a_caller_says_runs_no_command_and_reads_no_file(
    client: openai.OpenAI, gateway: Live, tmp_path: Path, program: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the key of the house")
    before = gateway.received
    ask(client, program, f"see @{secret}")
    ask(client, program, "/config model=opus")

    bodies = [entry.body for entry in gateway.entries(before)]
    assert any(str(secret) in body for body in bodies) and any("/config model=opus" in body for body in bodies)
    assert not any("the key of the house" in body for body in bodies)


@pytest.mark.parametrize("program", ["claude", "codex"])
def test_it_is_given_pictures_and_schemas(client: openai.OpenAI, gateway: Live, program: str) -> None:
    before = gateway.received
    ask(
        client,
        program,
        {"type": "text", "text": "what?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    )
    assert any(PNG in entry.body for entry in gateway.entries(before))
    properties = {"name": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    answer = ask(client, program, "one", response_format=form)
    assert list(json.loads(answer.choices[0].message.content)) == ["name"]


@EACH
def test_it_has_no_tools_of_its_own_unless_they_are_wanted(client: openai.OpenAI, gateway: Live, program: str) -> None:
    before = gateway.received
    ask(client, program, "one")
    names = {name for entry in gateway.entries(before) for name in offered(json.loads(entry.body))}

    assert not names & {
        "Bash",
        "Read",
        "Write",
        "shell",
        "exec_command",
        "view_image",
        "run_shell_command",
        "read_file",
    }


def offered(body: dict[str, Any]) -> Iterator[str]:
    for tool in body.get("tools", []):
        for one in tool.get("functionDeclarations") or tool.get("tools") or [tool]:
            yield one.get("name", "")


@pytest.mark.parametrize("model", [f"claude-tooled/{MODELS['claude']}", "codex-tooled/qwen"])
def test_it_calls_the_callers_tools(client: openai.OpenAI, model: str) -> None:
    weather: Any = {"type": "function", "name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}  # fmt: skip
    said = 'call mcp__dragoman__weather {"city": "Rome"}'
    first = client.responses.create(model=model, input=said, tools=[weather])
    (call,) = [item for item in first.output if item.type == "function_call"]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    second = client.responses.create(model=model, input=[result], tools=[weather], previous_response_id=first.id)

    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Rome"})
    assert "sunny" in second.output_text


@EACH
def test_a_caller_that_leaves_ends_it(gateway: Live, program: str) -> None:
    def leave() -> None:
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=3) as client:
            with pytest.raises(openai.APITimeoutError):
                ask(client, program, "one", upstream=f"{program}slow", stream=True)

    caller = threading.Thread(target=leave)
    caller.start()
    gateway.until(lambda: bool(running_now(program)), "the program runs")
    caller.join()
    gateway.until(lambda: not running_now(program), "the program is gone")


def running_now(program: str) -> list[int]:
    """The processes of the program that is installed here."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if str(HERE / "node_modules" / SCRIPTS[program].partition("/")[0]).encode() in line:
            found.append(int(directory.name))
    return found
