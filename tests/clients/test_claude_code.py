"""Claude Code, unmodified and configured as the docs say, over upstreams that speak one dialect each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.mocks.brain import REASONING
from tests.clients.command import Agent
from tests.clients.node import Node
from tests.support.live import Live

CHAT = "only/chat/v1/chat/completions"
SHELL = 'call Bash {"command": "echo dragoman-$((40+2))", "description": "Say it"}'


@pytest.fixture
def claude(node: Node, tmp_path: Path) -> Agent:
    return Agent(node, "@anthropic-ai/claude-code/cli-wrapper.cjs", tmp_path)


def ask(claude: Agent, gateway: Live, model: str, text: str) -> Mapping[str, Any]:
    done = claude.run(
        ["-p", "--output-format", "json", "--allowedTools", "Bash,Read,ToolSearch", "--", text],
        ANTHROPIC_BASE_URL=gateway.url,
        ANTHROPIC_AUTH_TOKEN=gateway.key,
        ANTHROPIC_MODEL=model,
        ANTHROPIC_DEFAULT_HAIKU_MODEL=model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        CLAUDE_CODE_MAX_RETRIES="0",
    )
    assert done.output, done.complaints
    result: Mapping[str, Any] = json.loads(done.output)
    assert done.status == (1 if result["is_error"] else 0), done.complaints
    return result


def offered(body: str) -> set[str]:
    return {tool["function"]["name"] for tool in json.loads(body)["tools"]}


@pytest.mark.parametrize("model", ["qwen", "plain"])
def test_a_turn_runs_a_command_and_answers_with_its_output(claude: Agent, gateway: Live, model: str) -> None:
    before = gateway.received
    result = ask(claude, gateway, model, SHELL)
    assert (result["subtype"], result["num_turns"]) == ("success", 2)
    assert result["result"] == "The tool returned: dragoman-42"
    first, second = gateway.entries(before)
    assert {first.path, second.path} == {f"/{CHAT}"}
    call, answered = [message for message in json.loads(second.body)["messages"] if message["role"] != "system"][-2:]
    assert call["tool_calls"][0]["function"]["name"] == "Bash"
    assert call.get("reasoning_content", "") == (REASONING if model == "qwen" else "")
    assert answered == {
        "role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": "dragoman-42",
    }  # fmt: skip
    assert result["usage"]["input_tokens"] > 0 and result["usage"]["output_tokens"] > 0
    assert [row.state for row in gateway.rows(2)] == ["settled", "settled"]


@pytest.mark.parametrize("model", ["responses", "messages", "claude-sonnet-4-5"])
def test_other_dialects_and_names_do_as_well(claude: Agent, gateway: Live, model: str) -> None:
    assert "The tool returned: dragoman-42" in ask(claude, gateway, model, SHELL)["result"]


def test_a_turn_reads_a_file(claude: Agent, gateway: Live) -> None:
    claude.work.mkdir()
    path = claude.work / "note.txt"
    path.write_text("written before\n")
    result = ask(claude, gateway, "qwen", f"call Read {json.dumps({'file_path': str(path)})}")
    assert "written before" in result["result"]


def test_a_deferred_tool_is_offered_once_it_was_searched_for(claude: Agent, gateway: Live) -> None:
    before = gateway.received
    result = ask(claude, gateway, "qwen", 'call ToolSearch {"query": "select:WebFetch", "max_results": 5}')
    assert result["result"] == "The tool returned: The tool WebFetch can be called now."
    first, second = gateway.entries(before)
    assert "WebFetch" not in offered(first.body)
    assert "WebFetch" in offered(second.body)


@pytest.mark.parametrize(("model", "status"), [("busy", 429), ("breaks", 502)])
def test_a_failure_is_one_and_says_why(claude: Agent, gateway: Live, model: str, status: int) -> None:
    result = ask(claude, gateway, model, "one two three four five")
    assert result["is_error"] and result["api_error_status"] == status
