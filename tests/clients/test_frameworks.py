"""The recipes of docs/howto/agent-frameworks.md, each with the framework's own package, over every kind of upstream.

The packages are in a virtual environment of their own, `.venv-frameworks`, for they pin what the gateway's own tests
use too. `make test-clients` makes it.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import Agent
from tests.support.live import Live, running

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-frameworks/bin/python"
PAGE = ROOT / "docs/howto/agent-frameworks.md"
RECIPES = dict(re.findall(r"^## (.+?)\n.*?^```py\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
UPSTREAMS = {
    "over-chat": "mock-chat/gpt-4", "over-responses": "mock-responses/gpt-4",
    "over-messages": "mock-messages/claude-sonnet-4-5", "over-agent": "agent/helper",
}  # fmt: skip
HELPER = Agent("helper", "Help.", model="gpt-4")
"""An agent of ours, asked by one of theirs: it has no tools, and passes the calls of theirs."""


def plain_names(values: dict[str, Any], mock_url: str) -> None:
    """OpenAI Agents reads what stands before a slash as a provider of its own."""
    values["models"] |= UPSTREAMS
    values["agents"] = {"helper": {"object": "tests.clients.test_frameworks:HELPER"}}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("frameworks"), plain_names, timing="instant") as live:
        yield live


def test_each_framework_has_its_recipe() -> None:
    assert sorted(RECIPES) == ["LangChain", "OpenAI Agents", "pydantic-ai", "smolagents"]


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_calls_its_tool_and_answers(live: Live, tmp_path: Path, name: str, model: str) -> None:
    assert PYTHON.exists(), "the frameworks are not installed: run `make test-clients`"
    program = tmp_path / "recipe.py"
    program.write_text(RECIPES[name].replace('"gpt-4"', f'"{model}"'))
    environ = {
        "OPENAI_BASE_URL": f"{live.url}/v1", "OPENAI_API_KEY": live.key, "PATH": "/usr/bin:/bin",
        "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    done = subprocess.run(
        [PYTHON, program],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip

    if (name, model) == ("smolagents", "over-responses"):
        # It always sends `stop`, which Responses has no word for.
        assert "The parameter 'stop' cannot be sent to this upstream." in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert "Rain in Oslo" in done.stdout
