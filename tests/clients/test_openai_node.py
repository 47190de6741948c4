"""The tests of `openai.test.mjs`, each in a Node of its own; without a Node they fail."""

import re

import pytest

from tests.clients.node import HERE, Node
from tests.e2e.conftest import faulty
from tests.support.live import Live

__all__ = ["faulty"]

SCRIPT = "openai.test.mjs"
NAMES = re.findall(r'^test\("([^"]+)"', (HERE / SCRIPT).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_the_official_client_for_node(node: Node, faulty: Live, name: str) -> None:
    done = node.run(
        "--test-reporter=spec", f"--test-name-pattern=^{re.escape(name)}$", SCRIPT,
        BASE_URL=f"{faulty.url}/v1", API_KEY=faulty.key, SCOPED_KEY=faulty.issue(models=("gpt-4",)),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\bpass 1\b", done.stdout), done.stdout


def test_the_script_has_tests() -> None:
    assert len(NAMES) > 15
