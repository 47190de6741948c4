"""The Codex CLI, unmodified and configured as the docs say, over upstreams that speak one dialect each."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.mocks.brain import REASONING
from tests.clients.command import Agent, Finished
from tests.clients.node import Node
from tests.support.live import Live

PAGE = Path(__file__).parents[2] / "docs/howto/coding-agents.md"
CHAT = "only/chat/v1/chat/completions"
ONCE = "request_max_retries = 0\nstream_max_retries = 0\n"
SHELL = 'call exec_command {"cmd": "echo dragoman-$((40+2))"}'


def configuration(model: str, url: str) -> str:
    """The file from the docs, for another model and place."""
    found = re.search(r"config\.toml\n(.*?)\$ export", PAGE.read_text(), re.DOTALL)
    assert found is not None
    text = found[1].replace("http://127.0.0.1:8088", url)
    return text.replace('model = "qwen"', f'model = "{model}"') + ONCE


@pytest.fixture
def codex(node: Node, tmp_path: Path) -> Agent:
    return Agent(node, "@openai/codex/bin/codex.js", tmp_path)


def ask(codex: Agent, gateway: Live, model: str, text: str, *, without: str = "", more: str = "") -> Finished:
    """A turn; `without` is taken out of the configuration, and `more` added to its provider."""
    home = codex.home / "codex"
    home.mkdir()
    (home / "config.toml").write_text(configuration(model, gateway.url).replace(without, "") + more)
    arguments = ["exec", "--json", "--skip-git-repo-check", text]
    return codex.run(arguments, CODEX_HOME=str(home), DRAGOMAN_KEY=gateway.key)


def items(done: Finished, kind: str) -> list[Mapping[str, Any]]:
    events = [json.loads(line) for line in done.output.splitlines()]
    completed = [event["item"] for event in events if event["type"] == "item.completed"]
    return [item for item in completed if item["type"] == kind]


@pytest.mark.parametrize("model", ["qwen", "plain"])
def test_a_turn_runs_a_command_and_answers_with_its_output(codex: Agent, gateway: Live, model: str) -> None:
    before = gateway.received
    done = ask(codex, gateway, model, SHELL)
    assert done.status == 0, done.output + done.complaints
    (ran,) = items(done, "command_execution")
    assert (ran["aggregated_output"], ran["exit_code"]) == ("dragoman-42\n", 0)
    (said,) = items(done, "agent_message")
    assert said["text"].startswith("The tool returned: ") and "dragoman-42" in said["text"]
    first, second = gateway.entries(before)
    assert {first.path, second.path} == {f"/{CHAT}"}
    call, result = json.loads(second.body)["messages"][-2:]
    assert call["tool_calls"][0]["function"]["name"] == "exec_command"
    assert call.get("reasoning_content", "") == (REASONING if model == "qwen" else "")
    assert result["tool_call_id"] == call["tool_calls"][0]["id"] and "dragoman-42" in result["content"]
    assert [row.state for row in gateway.rows(2)] == ["settled", "settled"]


@pytest.mark.parametrize("model", ["responses", "messages"])
def test_another_dialect_does_as_well(codex: Agent, gateway: Live, model: str) -> None:
    done = ask(codex, gateway, model, SHELL)
    assert done.status == 0, done.output + done.complaints
    (said,) = items(done, "agent_message")
    assert "dragoman-42" in said["text"]


def test_a_websocket_carries_the_turn_as_well(codex: Agent, gateway: Live) -> None:
    before, logged = gateway.received, len(gateway.log)
    done = ask(codex, gateway, "qwen", SHELL, more="supports_websockets = true\n")
    assert done.status == 0, done.output + done.complaints
    (said,) = items(done, "agent_message")
    assert "dragoman-42" in said["text"]
    assert [entry.path for entry in gateway.entries(before)] == [f"/{CHAT}"] * 2
    gateway.until(lambda: b'"family":"websocket"' in b"".join(gateway.log[logged:]), "a WebSocket was closed")


def test_a_search_that_only_openai_runs_is_refused_or_left_out(codex: Agent, gateway: Live, tmp_path: Path) -> None:
    searching = 'web_search = "disabled"'
    assert searching in configuration("plain", gateway.url)
    done = ask(codex, gateway, "plain", SHELL, without=searching)
    assert done.status == 1 and "leave it out" in done.output
    other = Agent(codex.node, codex.script, tmp_path / "other")
    other.home.mkdir()
    assert ask(other, gateway, "lenient", SHELL, without=searching).status == 0


def test_a_tool_of_a_group_comes_back_to_its_group(codex: Agent, gateway: Live) -> None:
    done = ask(codex, gateway, "qwen", 'call multi_agent_v1__close_agent {"target": "nobody"}')
    assert done.status == 0, done.output + done.complaints
    (said,) = items(done, "agent_message")
    assert "invalid agent id nobody" in said["text"]  # the tool's own answer: Codex has found it


@pytest.mark.parametrize(("model", "says"), [("busy", "429"), ("breaks", "before its answer was complete")])
def test_a_failure_is_one_and_says_why(codex: Agent, gateway: Live, model: str, says: str) -> None:
    done = ask(codex, gateway, model, "one two three four five")
    assert done.status == 1
    failed = json.loads(done.output.splitlines()[-1])
    assert failed["type"] == "turn.failed" and says in failed["error"]["message"]
