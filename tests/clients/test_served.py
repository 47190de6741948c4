"""Agents of three frameworks served by a gateway, each with the framework's own package; see `served.py`."""

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_frameworks import PYTHON, ROOT

SCRIPT = Path(__file__).with_name("served.py")


@pytest.fixture(scope="module")
def answers() -> Any:
    assert PYTHON.exists(), "the frameworks are not installed: run `make test-clients`"
    environ = {
        "PATH": "/usr/bin:/bin", "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    done = subprocess.run(
        [PYTHON, "-W", "error::DeprecationWarning", SCRIPT, sysconfig.get_path("purelib"), ROOT],
        env=environ, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "said", "streams"),
    [
        ("pydantic", "The tool returned: Rain in Oslo", True),
        ("typed", "[1]", False),
        ("openai", "The tool returned: Rain in Oslo", True),
        ("langchain", 'Streaming response to: call weather {"city": "Oslo"} ', True),
        ("runnable", "4 messages", False),
    ],
)
def test_an_agent_of_a_framework_is_a_model(answers: Any, name: str, said: str, streams: bool) -> None:
    answer = answers[name]
    assert (answer["whole"], answer["streamed"]) == (said, said)
    assert (answer["pieces"] > 1) is streams
    assert name == "runnable" or answer["tokens"] > 0
