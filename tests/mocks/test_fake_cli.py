"""`dragoman.mocks.fake_cli`, run as the program that it is."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from dragoman.mocks import fake_cli

SAID = 'You said: "good day". This is a fake agent, no model was asked.'


class Fake:
    """The program as one of the three, with a home of its own."""

    def __init__(self, directory: Path, kind: str) -> None:
        self.program = fake_cli.install(directory, kind)
        self.home = directory

    def run(
        self, *arguments: str, stdin: str | None = None, script: object = None, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        env = {"HOME": str(self.home), "PATH": os.environ["PATH"], **environ}
        if script is not None:
            env[fake_cli.SCRIPT] = json.dumps(script)
        return subprocess.run(
            [self.program, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            env=env,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=30,
        )


@pytest.fixture
def claude(tmp_path: Path) -> Fake:
    return Fake(tmp_path, "claude")


def lines(done: "subprocess.CompletedProcess[str]") -> list[Mapping[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_claude_answers_in_one_line_of_json(claude: Fake) -> None:
    (result,) = lines(claude.run("-p", "--output-format", "json", "--model", "haiku", "--", "good day"))

    assert (result["type"], result["is_error"], result["result"]) == ("result", False, SAID)
    assert result["total_cost_usd"] == fake_cli.COST


def test_claude_streams_deltas_that_add_up(claude: Fake) -> None:
    arguments = ("-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages")
    told = lines(claude.run(*arguments, stdin="good day"))
    deltas = [
        one["event"]["delta"]["text"] for one in told if one.get("event", {}).get("type") == "content_block_delta"
    ]

    assert told[0]["subtype"] == "init"
    assert "".join(deltas) == SAID == told[-1]["result"]
    assert len({one["session_id"] for one in told}) == 1


def test_claude_reads_messages_from_its_input(claude: Fake) -> None:
    message = {"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": "good day"}]}}
    done = claude.run(
        "-p", "--input-format", "stream-json", "--output-format", "json", stdin=json.dumps(message) + "\n"
    )

    assert lines(done)[0]["result"] == SAID


def test_a_session_goes_on_and_costs_more_with_each_turn(claude: Fake) -> None:
    (first,) = lines(claude.run("-p", "--output-format", "json", "--", "my name is Ada"))
    (second,) = lines(claude.run("-p", "--output-format", "json", "--resume", first["session_id"], "--", "recall"))

    assert second["result"] == "my name is Ada"
    assert second["session_id"] == first["session_id"]
    assert second["total_cost_usd"] == 2 * fake_cli.COST
    unknown = claude.run("-p", "--resume", "none", "--", "hi")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "No conversation found" in unknown.stderr


def test_a_providers_error_is_told_as_each_program_tells_it(tmp_path: Path) -> None:
    claude = Fake(tmp_path, "claude").run("-p", "--output-format", "json", "--", "an error please")
    result = json.loads(claude.stdout)
    assert (claude.returncode, result["subtype"], result["is_error"], result["api_error_status"]) == (
        1, "success", True, 429,
    )  # fmt: skip
    streamed = Fake(tmp_path, "claude").run("-p", "--output-format", "stream-json", stdin="an error please")
    told = [json.loads(line) for line in streamed.stdout.splitlines()]
    assert [line["type"] for line in told] == ["system", "assistant", "result"]
    assert told[1]["error"] == "rate_limit"
    codex = Fake(tmp_path, "codex").run("exec", "--json", "-", stdin="an error please")
    assert (codex.returncode, json.loads(codex.stdout.splitlines()[-1])["type"]) == (1, "turn.failed")
    gemini = Fake(tmp_path, "gemini").run("--output-format", "json", stdin="an error please")
    assert (gemini.returncode, gemini.stdout) == (429 % 256, "")


def test_codex_and_gemini_answer_in_their_own_formats(tmp_path: Path) -> None:
    codex = lines(Fake(tmp_path, "codex").run("exec", "--json", "-m", "gpt-5", "-", stdin="good day"))
    gemini = lines(Fake(tmp_path, "gemini").run("--output-format", "stream-json", stdin="good day"))

    assert [one["type"] for one in codex] == ["thread.started", "turn.started", "item.completed", "turn.completed"]
    assert codex[2]["item"]["text"] == SAID
    assert "".join(one["content"] for one in gemini if one.get("delta")) == SAID
    assert gemini[-1]["status"] == "success"
    again = lines(Fake(tmp_path, "codex").run("exec", "--json", "resume", codex[0]["thread_id"], "-", stdin="recall"))
    assert again[2]["item"]["text"] == "good day"


def test_it_writes_down_how_it_was_run(claude: Fake) -> None:
    log = claude.home / "log.jsonl"
    claude.run("-p", "--model", "haiku", stdin="good day", FAKE_CLI_LOG=str(log), SECRET="x")
    (ran,) = [json.loads(line) for line in log.read_text().splitlines()]

    assert ran["argv"] == ["-p", "--model", "haiku"]
    assert (ran["stdin"], ran["cwd"], ran["environ"]["SECRET"]) == ("good day", str(claude.home), "x")


def test_it_plays_a_script(claude: Fake) -> None:
    steps = [{"out": "a", "times": 3}, {"line": {"n": 1}}, {"err": "boom"}, {"sleep": 0.01}, {"exit": 42}]
    done = claude.run("-p", stdin="", script=steps)

    assert (done.returncode, done.stdout, done.stderr) == (42, 'aaa{"n": 1}\n', "boom")


def test_a_script_may_be_a_file_and_hold_the_usual_answer(claude: Fake) -> None:
    (claude.home / "script.json").write_text('[{"answer": true}, {"kill": "KILL"}]')
    done = claude.run("-p", stdin="good day", FAKE_CLI_SCRIPT=str(claude.home / "script.json"))

    assert (done.returncode, done.stdout) == (-signal.SIGKILL, SAID + "\n")


def test_it_calls_a_tool_of_the_server_it_is_given(claude: Fake) -> None:
    class Tools(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = json.dumps(asked["params"])
            result = {"jsonrpc": "2.0", "id": asked["id"], "result": {"content": [{"type": "text", "text": text}]}}
            body = b"event: message\ndata: " + json.dumps(result).encode() + b"\n\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Tools) as server:
        threading.Thread(target=server.handle_request).start()
        config = {"mcpServers": {"caller": {"type": "http", "url": f"http://127.0.0.1:{server.server_port}/"}}}
        done = claude.run("-p", "--mcp-config", json.dumps(config), stdin='call clock {"zone": "UTC"}')

    assert done.stdout == 'The tool returned: {"name": "clock", "arguments": {"zone": "UTC"}}\n'


def test_without_a_prompt_it_complains_and_it_tells_its_version(claude: Fake) -> None:
    assert claude.run("-p").returncode == 1
    assert claude.run("--version").stdout == "0.0.0 (fake)\n"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Hello!", fake_cli.GREETING),
        ("What is 12 * -3?", "12 * -3 = -36"),
        ("7/2", "7 / 2 = 3.5"),
        ("1 / 0", "Nobody can divide by zero."),
        ("How is the weather in Paris?", "It is sunny in Paris, 72 degrees Fahrenheit."),
        ("<user>\nhello\n</user>\n\n<user>\n2 + 2\n</user>\n\nGo on.", "2 + 2 = 4"),
    ],
)
def test_it_knows_a_little(claude: Fake, said: str, told: str) -> None:
    assert lines(claude.run("-p", "--output-format", "json", stdin=said))[0]["result"] == told


def test_it_falls_into_the_traps_of_the_real_ones(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the key of the house")

    def told(kind: str, said: str, **environ: str) -> str:
        return Fake(tmp_path, kind).run("--output-format", "text", stdin=said, **environ).stdout

    for kind in ("claude", "gemini"):
        assert "the house" in told(kind, "see @secret")
        assert "of the program's own" in told(kind, "/config")
        assert "of the program's own" not in told(kind, "\n/config")
    assert "the house" not in told("claude", "see @secret", CLAUDE_CODE_DISABLE_FILE_MENTIONS="1")
    assert "the house" not in told("gemini", "see \\@secret")
    assert "the house" not in told("codex", "see @secret")


@pytest.mark.parametrize(("kind", "code"), [("claude", 0), ("codex", 130)])
def test_an_interrupt_is_taken_as_the_real_ones_take_it(tmp_path: Path, kind: str, code: int) -> None:
    fake = Fake(tmp_path, kind)
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], fake_cli.SCRIPT: '[{"out": "on\\n"}, {"sleep": 30}]'}
    with subprocess.Popen([fake.program, "-p"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)

    assert process.returncode == code
    assert (b"error_during_execution" in rest) is (kind == "claude")
