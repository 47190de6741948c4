"""The runner itself: what it reads, what it starts, and that nothing of it is left."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dragoman.errors import ConfigError
from tests.cli.conftest import make_home
from tests.cli.program import started
from tests.integration import wishes
from tests.integration.__main__ import ROOT
from tests.integration.child import Child, SetupError
from tests.integration.figures import Figures

DEADLINE = 60.0
PROCESS = re.compile(r"process (\d+)")


def start(
    folder: Path, arguments: tuple[str, ...], environ: Mapping[str, str], stdout: int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "TERM": "xterm", **environ}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration", "-p", "no:cacheprovider", *arguments], cwd=folder, env=environ,
        stdout=stdout, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run(folder: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    """Exit code and output; no process of it may be left."""
    with start(folder, arguments, environ) as process:
        text, _ = process.communicate(timeout=DEADLINE)
    assert not left(text)
    assert "Traceback" not in text, text
    return process.returncode, text


def left(text: str) -> list[int]:
    """The processes that were told of and still are."""
    return [pid for pid in map(int, PROCESS.findall(text)) if Path(f"/proc/{pid}").exists()]


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def test_one_command_sets_up_runs_reports_and_takes_down(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "OPENAI_API_KEY=sk-proj-...   # a placeholder\nPROMPT='Say \"hi\" to # all'\nMODEL=\n"
    )
    code, text = run(tmp_path, "-k", "latency or test_basic", "--metrics", "m.json", "--junitxml", "j.xml")
    assert code == 0, text
    assert len(PROCESS.findall(text)) == 2
    assert text.startswith("INFO    a mock provider at ") and text.endswith("SUCCESS all tests passed\n")
    assert "\x1b" not in text and re.search(r"overhead +20 ", text)
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert metrics["tests"]["failed"] == 0 and metrics["tests"]["passed"] >= 7
    sides = metrics["ms"]["whole answer"]
    assert 0 < sides["direct"]["p50"] <= sides["direct"]["p95"] and sides["overhead"]["n"] == 20
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()[0]
    assert suite.attrib["tests"] == str(metrics["tests"]["passed"])


@pytest.mark.parametrize(
    ("number", "moment"), [(signal.SIGINT, "the gateway answers"), (signal.SIGTERM, "test session starts")]
)
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    with start(tmp_path, (), {}) as process:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if re.search(moment, line):
                process.send_signal(number)
        assert process.wait(DEADLINE) == 130, text
    assert len(PROCESS.findall(text)) == 2 and not left(text)
    assert text.endswith("WARNING interrupted\n")


def test_a_port_that_is_taken_is_said_and_its_owner_left_alone(tmp_path: Path) -> None:
    with silent() as port:
        code, text = run(tmp_path, BIND_ADDR=f"127.0.0.1:{port}")
        assert code == 2 and "the port is in use" in text and "ERROR   the gateway ended" in text
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_named_server_that_never_answers_is_a_failed_set_up(tmp_path: Path) -> None:
    with silent() as port:
        begin = time.monotonic()
        code, text = run(tmp_path, CHAT2RESPONSE_BASE=f"http://127.0.0.1:{port}/", START_TIMEOUT="0.2")
    assert (code, time.monotonic() - begin < 10) == (2, True)
    assert text == f"ERROR   http://127.0.0.1:{port}/status did not answer in time: timed out\n"


def test_a_named_server_is_all_that_is_called_and_its_failures_are_failed_tests(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with started(home, "mock", "--port", "0", "--token", "right") as mock:
        environ = {"CHAT2RESPONSE_BASE": f"{mock.url}/v1", "CHAT2RESPONSE_KEY": "wrong"}
        code, text = run(tmp_path, "-k", "test_basic or without", **environ)
        nothing = run(tmp_path, "--no-such-option", **environ)
        assert mock.stop() == 0
    assert nothing[0] == 2 and nothing[1].endswith("ERROR   pytest ran no tests: usage error\n")
    assert code == 1 and text.endswith("ERROR   some tests failed\n")
    assert f"INFO    the server at {mock.url}\n" in text and "harder" not in text
    assert "WARNING no OPENAI_API_KEY" in text and "tests were left out" in text


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY\n")
    assert run(tmp_path) == (2, "ERROR   .env:1: is no NAME=value line\n")


def test_levels_are_coloured_on_a_terminal_that_wants_it(tmp_path: Path) -> None:
    for environ, begins in (({}, "\x1b[31mERROR\x1b[0m   "), ({"NO_COLOR": "1"}, "ERROR   ")):
        controller, terminal = pty.openpty()
        with start(tmp_path, (), {"START_TIMEOUT": "never", **environ}, terminal) as process:
            os.close(terminal)
            assert os.read(controller, 4096).decode().startswith(begins)
            assert process.wait(DEADLINE) == 2
        os.close(controller)


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(f"process {other.pid} ready", flush=True)
time.sleep(60)
"""


def test_a_child_is_ended_with_all_it_has_started(tmp_path: Path) -> None:
    child = Child("child", [sys.executable, "-c", STUBBORN], os.environ, tmp_path)
    grandchild = int(child.wait_for(re.compile(r"process (\d+) ready"), time.monotonic() + DEADLINE))
    child.stop(grace=0.1)
    child.stop()
    for pid in (child.pid, grandchild):
        assert gone(pid)


def gone(pid: int) -> bool:
    """Whether a process has ended; a grandchild may have to be reaped by the system first."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
    return False


def test_a_child_that_ends_instead_of_starting_says_why(tmp_path: Path) -> None:
    child = Child("child", [sys.executable, "-c", "import sys; sys.exit('no luck')"], os.environ, tmp_path)
    with pytest.raises(SetupError) as caught:
        child.wait_for(re.compile("(never)"), time.monotonic() + DEADLINE)
    child.stop()
    assert caught.value.more == ("no luck",) and "ended instead of starting" in caught.value.message
    idle = Child("idle", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path)
    with pytest.raises(SetupError, match="in time"):
        idle.wait_for(re.compile("(never)"), time.monotonic())
    idle.stop()


def test_the_environment_comes_before_the_file_and_quotes_are_read(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        '# of the seed\nexport OPENAI_API_KEY="sk-file"\nPROMPT="Say \'hi\' # all"\nMODEL=two words # and a comment\n'
        "OPENAI_BASE_URL=http://127.0.0.1:9/v1/\nBIND_ADDR=0.0.0.0:8099\n"
    )
    found = wishes.read(dotenv, {"MODEL": "of the environment"})
    assert (found.provider_key, found.prompt, found.model) == ("sk-file", "Say 'hi' # all", "of the environment")
    assert (found.provider, found.bind, found.base) == ("http://127.0.0.1:9/v1", "0.0.0.0:8099", None)
    assert found.dialects == ["chat"]
    assert wishes.read(dotenv, {"OPENAI_API_KEY": ""}).provider_key is None
    assert wishes.read(dotenv, {"OPENAI_API_KEY": "sk-proj-..."}).provider_key is None
    nothing = wishes.read(tmp_path / "none", {})
    assert (nothing.provider, nothing.model, nothing.prompt) == (wishes.OPENAI, "gpt-4o-mini", "Say hi")
    assert (nothing.bind, nothing.timeout, nothing.dialects) == ("127.0.0.1:0", 30.0, ["chat", "responses"])
    assert wishes.read(dotenv, {"CHAT2RESPONSE_BASE": "http://h:1/"}).base_key == "sk-file"
    for wrong in ({"CHAT2RESPONSE_BASE": "h:1"}, {"OPENAI_BASE_URL": "ftp://h"}, {"START_TIMEOUT": "0"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            wishes.read(dotenv, wrong)


def test_figures_are_of_pairs() -> None:
    figures = Figures()
    assert figures.lines() == []
    for number in range(101):
        figures.add("a", number / 1000 + 0.001, number / 1000)
    figures.add("b", 0.5, None)
    values = figures.values()
    assert values["a"]["direct"] == {"n": 101, "mean": 50.0, "p50": 50.0, "p95": 95.0, "max": 100.0}
    assert values["a"]["overhead"]["p50"] == values["a"]["overhead"]["p95"] == 1.0
    assert values["b"] == {"gateway": {"n": 1, "mean": 500.0, "p50": 500.0, "p95": 500.0, "max": 500.0}}
    assert figures.lines()[1].split() == ["a", "gateway", "101", "51.0", "96.0", "101.0"]
