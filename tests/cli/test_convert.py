import json
import os
import subprocess

import pytest

from dragoman.cli.convert import CHUNK
from tests.cli.program import COMMAND, DEADLINE, Home, on_terminal
from tests.dialects.chat.streams import BROKEN, DONE, HELLO, ROLE, STOP, event, stream

REQUEST = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
WHOLE = stream(ROLE, HELLO, STOP).decode()
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    }
)  # fmt: skip


def test_a_request_from_a_pipe_or_a_file(home: Home) -> None:
    piped = home.run("convert", stdin=REQUEST)
    assert (piped.returncode, piped.stderr) == (0, "")
    assert json.loads(piped.stdout)["input"][0]["role"] == "user"
    (home.path / "request.json").write_text(REQUEST)
    assert home.run("convert", "request.json").stdout == piped.stdout


def test_what_is_read_is_seen_by_its_beginning(home: Home) -> None:
    for given, what, mark in ((REQUEST, "request", '"input"'), (ANSWER, "response", '"output"')):
        seen = home.run("convert", stdin=f" \n{given}").stdout
        assert mark in seen
        named = home.run("convert", "--what", what, stdin=given).stdout
        assert json.loads(named).keys() == json.loads(seen).keys()
    for given in (WHOLE, f": a comment\n\n{WHOLE}", f"\n\n{WHOLE}", "event: x\n" + WHOLE):
        assert home.run("convert", stdin=given).stdout.startswith("event: response.created")


def test_losses_stand_beside_the_result(home: Home) -> None:
    done = home.run("convert", "--to", "messages", stdin=REQUEST)
    header, row = done.stderr.splitlines()
    assert header.split() == ["parameter", "was", "because"] and row.startswith("max_completion_tokens  defaulted  ")
    assert json.loads(done.stdout)["max_tokens"] == 4096
    report = home.run("convert", "--to", "messages", "--json", stdin=REQUEST)
    assert report.stderr == ""
    whole = json.loads(report.stdout)
    assert whole["body"] == json.loads(done.stdout)
    assert [(loss["param"], loss["kind"]) for loss in whole["losses"]] == [("max_completion_tokens", "defaulted")]


def test_a_terminal_gets_the_losses_drawn(home: Home) -> None:
    (home.path / "request.json").write_text(REQUEST)
    with on_terminal(home, "convert", "--to", "messages", "request.json") as terminal:
        assert terminal.wait() == 0
        assert "─" in terminal.text and "max_completion_tokens" in terminal.text


def test_the_profile_decides_how_a_request_is_put(home: Home) -> None:
    given = json.dumps({"model": "m", "input": "hi", "instructions": "be brief", "max_output_tokens": 20})
    for profile, name in (("openai", "max_completion_tokens"), ("vllm", "max_tokens")):
        done = home.run("convert", "--from", "responses", "--to", "chat", "--profile", profile, stdin=given)
        assert json.loads(done.stdout)[name] == 20


def test_a_stream_is_converted_event_by_event(home: Home) -> None:
    """Each event comes out before the next one is put in."""
    command = [*COMMAND, "convert", "--to", "messages"]
    pipes = subprocess.PIPE
    with subprocess.Popen(command, env=home.environ(), stdin=pipes, stdout=pipes) as process:
        assert process.stdin is not None and process.stdout is not None
        for given, wanted in ((event(ROLE) + event(HELLO), b"text_delta"), (stream(STOP), b"message_stop")):
            os.write(process.stdin.fileno(), given)
            while wanted not in process.stdout.readline():
                assert process.poll() is None
        process.stdin.close()
        assert process.wait(DEADLINE) == 0


def test_a_long_body_is_read_whole(home: Home) -> None:
    text = "\u20ac" * CHUNK
    done = home.run("convert", stdin=REQUEST.replace("hi", text))
    assert text in done.stdout


def test_a_stream_as_json_is_one_text(home: Home) -> None:
    done = json.loads(home.run("convert", "--json", stdin=WHOLE).stdout)
    assert done["body"].startswith("event: response.created") and done["losses"] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (REQUEST[:-1] + ', "seed": 1}', "'seed'"),
        (REQUEST[:-1] + ', "temperature": "hot"}', "temperature"),
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        (stream(ROLE, end=DONE).decode(), "before any finish reason"),
        (BROKEN["an error at once"].decode(), "The model crashed"),
        (stream(HELLO, end=b"").decode(), "ended before it was complete"),
    ],
)
def test_what_cannot_be_converted_fails_and_is_named(home: Home, given: str, said: str) -> None:
    done = home.run("convert", stdin=given)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and said in done.stderr


def test_a_wrong_command_line_is_a_usage_error(home: Home) -> None:
    for arguments in (["--to", "klingon"], ["--what", "x"], ["--profile", "x"], ["no-such-file"]):
        assert home.run("convert", *arguments, stdin=REQUEST).returncode == 2
