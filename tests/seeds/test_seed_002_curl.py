"""Every command line of seed 002, word for word, against `dragoman serve --demo` in a process of its own.

Only the port may differ, where another program holds the seed's.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

TOKEN = "test-integration-token"
PORT = 8765
DEADLINE = 30.0

SEED = r"""
### Health Check
```bash
curl http://localhost:8765/health
```

### Gateway Status
```bash
curl -H "Authorization: Bearer test-integration-token" \
  http://localhost:8765/api/oagw/v1/status
```

### OpenAI Chat Completion
```bash
curl -X POST \
  -H "Authorization: Bearer test-integration-token" \
  -H "Content-Type: application/json" \
  -d '{"model":"gpt-4","messages":[{"role":"user","content":"hello"}]}' \
  http://localhost:8765/api/oagw/v1/proxy/openai/v1/chat/completions
```

### GitHub User Info
```bash
curl -H "Authorization: Bearer test-integration-token" \
  http://localhost:8765/api/oagw/v1/proxy/github/users/octocat
```

### Weather Data
```bash
curl -H "Authorization: Bearer test-integration-token" \
  "http://localhost:8765/api/oagw/v1/proxy/weather/current?city=Seattle"
```

### Calculator
```bash
curl -X POST \
  -H "Authorization: Bearer test-integration-token" \
  -H "Content-Type: application/json" \
  -d '{"operation":"add","a":5,"b":3}' \
  http://localhost:8765/api/oagw/v1/proxy/calculator/calculate
```

### SSE Streaming
```bash
curl -H "Authorization: Bearer test-integration-token" \
  http://localhost:8765/api/oagw/v1/proxy/stream-test/events
```
"""
COMMANDS = dict(re.findall(r"### ([^\n]*)\n```bash\n(.*?)\n```", SEED, re.DOTALL))

# title: who speaks, and a part of what is said
EXPECTED = {
    "Health Check": ("gateway", '"status":"healthy"'),
    "Gateway Status": ("gateway", '"registered_aliases":["openai","github","weather","calculator","stream-test"]'),
    "OpenAI Chat Completion": ("upstream", '"content":"Hello! How can I assist you today?"'),
    "GitHub User Info": ("upstream", '"login":"octocat"'),
    "Weather Data": ("upstream", '"location":"Seattle"'),
    "Calculator": ("upstream", '"result":8'),
    "SSE Streaming": ("upstream", "id: 4\nevent: complete\ndata: Final event\n\n"),
}


@dataclass(frozen=True)
class Served:
    """A running demo, and a home directory whose `.curlrc` makes curl print status and source last."""

    port: int
    home: Path

    def curl(self, command: str) -> tuple[str, str, str]:
        """Runs a command line; gives the body, the status and who spoke."""
        done = subprocess.run(
            ["bash", "-c", command.replace(f":{PORT}/", f":{self.port}/")],
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=DEADLINE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        body, _, last = done.stdout.rpartition("\n")
        status, _, source = last.partition(" ")
        return body, status, source


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    (home / ".curlrc").write_text(
        'silent\nshow-error\nnoproxy = "*"\nwrite-out = "\\n%{http_code} %header{x-oagw-error-source}"\n'
    )
    port = _port()
    command = [str(Path(sys.executable).with_name("dragoman")), "serve", "--demo", "--port", str(port)]
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "DRAGOMAN_ADMIN_KEY": TOKEN}
    with (home / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environ, cwd=home, stdout=output, stderr=subprocess.STDOUT)
        try:
            _await_health(process, port, home / "output")
            yield Served(port, home)
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()
            process.wait()


def _port() -> int:
    """The seed's port if nobody holds it, else a free one."""
    for port in (PORT, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as probe:
            return int(probe.getsockname()[1])
    raise AssertionError("no free port")


def _await_health(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    until = time.monotonic() + DEADLINE
    with httpx2.Client(trust_env=False) as client:
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                    return
            time.sleep(0.02)
    raise AssertionError(f"the demo did not start:\n{output.read_text()}")


def test_the_seed_has_a_line_for_everything_expected() -> None:
    assert list(COMMANDS) == list(EXPECTED)


@pytest.mark.parametrize("title", EXPECTED)
def test_a_command_line_of_the_seed_works_as_written(served: Served, title: str) -> None:
    body, status, source = served.curl(COMMANDS[title])
    expected_source, expected_text = EXPECTED[title]
    assert status == "200"
    assert source == expected_source
    assert expected_text in body


def test_the_event_stream_is_whole(served: Served) -> None:
    body, _, _ = served.curl(COMMANDS["SSE Streaming"])
    assert body == (
        "id: 1\nevent: message\ndata: First event\n\n"
        "id: 2\nevent: update\ndata: Second event\n\n"
        "id: 3\nevent: message\ndata: Third event with\ndata: multiple lines\n\n"
        "id: 4\nevent: complete\ndata: Final event\n\n"
    )


# The seed's table of endpoints: method, path, part of the answer.
ENDPOINTS = [
    ("GET", "/health", '"healthy"'),
    ("GET", "/api/oagw/v1/status", '"operational"'),
    ("GET", "/api/oagw/v1/proxy/openai/v1/models", '"gpt-3.5-turbo"'),
    ("GET", "/api/oagw/v1/proxy/github/users/octocat", '"The Octocat"'),
    ("GET", "/api/oagw/v1/proxy/github/repos/octocat/hello-world", '"octocat/hello-world"'),
    ("GET", "/api/oagw/v1/proxy/weather/current?city=Paris", '"Paris"'),
    ("GET", "/api/oagw/v1/proxy/stream-test/events", "Final event"),
]


@pytest.mark.parametrize(("method", "path", "text"), ENDPOINTS)
def test_an_endpoint_of_the_seeds_table_answers(served: Served, method: str, path: str, text: str) -> None:
    line = f"curl -X {method} -H 'Authorization: Bearer {TOKEN}' 'http://localhost:{PORT}{path}'"
    body, status, source = served.curl(line)
    assert status == "200"
    assert source in ("gateway", "upstream")
    assert text in body


def test_another_token_is_refused_as_the_seed_says(served: Served) -> None:
    url = f"http://localhost:{PORT}/api/oagw/v1/proxy/github/users/octocat"
    assert served.curl(f'curl -H "Authorization: Bearer another-token" {url}')[1:] == ("403", "gateway")
    assert served.curl(f"curl {url}")[1:] == ("401", "gateway")
