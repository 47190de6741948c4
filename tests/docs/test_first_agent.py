"""The tutorial docs/start/first-agent.md, step by step: its module, its configuration and its command lines."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.live import Live, running

PAGE = (Path(__file__).parents[2] / "docs/start/first-agent.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MODULE = next(text for kind, text in BLOCKS if kind == "python" and "__main__" in text)
COMMANDS = [
    line
    for kind, text in BLOCKS
    if kind == "console"
    for line in re.sub(r"\\\n", "", text).splitlines()
    if line.startswith("$ curl")
]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    directory = tmp_path_factory.mktemp("first-agent")
    (directory / "my_agents.py").write_text(MODULE)
    settings = tomllib.loads(next(text for kind, text in BLOCKS if kind == "toml"))
    path = list(sys.path)
    sys.path.insert(0, str(directory))

    def change(values: dict[str, Any], mock_url: str) -> None:
        values["agents"] = settings["agents"]

    with running(directory, change, timing="instant") as gateway:
        yield gateway
    sys.path[:] = path
    del sys.modules["my_agents"]


def test_the_first_answer_takes_less_than_ten_lines() -> None:
    first = next(text for kind, text in BLOCKS if kind == "python")
    assert len(first.splitlines()) < 10


@pytest.mark.parametrize(
    ("command", "said"),
    [(0, "The tool returned: 19.0"), (1, "The tool returned: 42.0"), (2, "Knows sums and the weather.")],
)
def test_its_command_lines_are_answered(live: Live, command: int, said: str) -> None:
    line = COMMANDS[command].removeprefix("$ ").replace("http://127.0.0.1:8088", live.url)
    done = subprocess.run(
        ["sh", "-c", line + " --silent --fail"],
        env={"KEY": live.key, "PATH": "/usr/local/bin:/usr/bin:/bin"}, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert said == (answer["description"] if command == 2 else answer["choices"][0]["message"]["content"])


def test_every_command_line_is_tried() -> None:
    assert len(COMMANDS) == 3
