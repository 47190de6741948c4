import json
import socket

import pytest

from tests.cli.program import Home, Program, on_terminal

ECHO = "Streaming response to: "


@pytest.fixture
def door(running_demo: Program, demo_key: str) -> dict[str, str]:
    return {"DRAGOMAN_URL": running_demo.url, "DRAGOMAN_KEY": demo_key}


def test_a_message_is_answered_by_the_first_model_of_the_list(home: Home, door: dict[str, str]) -> None:
    done = home.run("chat", "good morning", **door)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ECHO}good morning \n", "")


def test_a_message_comes_from_a_pipe(home: Home, door: dict[str, str]) -> None:
    done = home.run("chat", "--model", "gpt-4", stdin="from a pipe", **door)
    assert done.stdout == f"{ECHO}from a pipe \n"


def test_json_tells_what_was_used(home: Home, door: dict[str, str]) -> None:
    answer = json.loads(home.run("chat", "one two", "--model", "gpt-4", "--json", **door).stdout)
    assert answer["model"] == "gpt-4" and answer["text"] == f"{ECHO}one two "
    assert answer["finish_reason"] == "stop" and answer["request_id"].startswith("req_")
    assert answer["usage"]["prompt_tokens"] > 0 and answer["usage"]["completion_tokens"] > 0


def test_an_error_is_shown_with_its_code_and_request(home: Home, door: dict[str, str]) -> None:
    done = home.run("chat", "hi", "--model", "gpt-5", **door)
    assert done.returncode == 1
    assert "'gpt-5'" in done.stderr and "model_not_found" in done.stderr and "HTTP 404, request req_" in done.stderr
    assert "hint:" in done.stderr


def test_a_wrong_key_is_told_how_to_get_one(home: Home, door: dict[str, str]) -> None:
    done = home.run("chat", "hi", "--key", "drg_nonsense", **door)
    assert done.returncode == 1
    assert "invalid_api_key" in done.stderr and "dragoman keys create" in done.stderr
    assert "drg_nonsense" not in done.stderr


def test_without_a_gateway_it_says_how_to_start_one(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = home.run("chat", "hi", "--url", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "no gateway at" in done.stderr and "dragoman serve --demo" in done.stderr


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://[", "http://127.0.0.1:x"])
def test_a_url_that_is_none_is_said_to_be_none(url: str, home: Home) -> None:
    done = home.run("chat", "hi", "--url", url)
    assert done.returncode == 1
    assert "URL" in done.stderr


def test_what_steers_a_terminal_is_shown_and_not_sent(home: Home, door: dict[str, str]) -> None:
    done = home.run("chat", "red \x1b[31m alert", "--model", "gpt-4", **door)
    assert "\x1b" not in done.stdout and "\\x1b[31m" in done.stdout


def test_no_message_is_a_usage_error(home: Home, door: dict[str, str]) -> None:
    assert home.run("chat", stdin="  \n", **door).returncode == 2
    assert home.run("chat", "", **door).returncode == 2


def test_on_a_terminal_it_is_a_conversation(home: Home, door: dict[str, str]) -> None:
    with on_terminal(home, "chat", "--model", "gpt-4", **door) as terminal:
        terminal.wait_for("Talking to gpt-4[^>]*> ")
        terminal.type("first\n")
        terminal.wait_for(f"{ECHO}first \\s*> ")
        terminal.type("provoke an error\n")
        terminal.wait_for(r"error: .*rate_limit_exceeded, HTTP 429, request req_[^>]*> ")
        terminal.type("second\n")
        terminal.wait_for(f"{ECHO}second \\s*> ")
        assert terminal.end_by("\x04") == 0


def test_ctrl_c_at_the_prompt_ends_it_quietly(home: Home, door: dict[str, str]) -> None:
    with on_terminal(home, "chat", "--model", "gpt-4", **door) as terminal:
        terminal.wait_for("> ")
        assert terminal.end_by("\x03") == 130
        assert "error" not in terminal.text and "Abort" not in terminal.text


def test_ctrl_c_breaks_off_an_answer_and_not_the_conversation(home: Home, door: dict[str, str]) -> None:
    with on_terminal(home, "chat", "--model", "gpt-4", **door) as terminal:
        terminal.wait_for("> ")
        terminal.type("word " * 200 + "\n")
        terminal.wait_for(ECHO)
        terminal.type("\x03")
        terminal.wait_for(r"\(broken off\)\s*> ")
        terminal.type("again\n")
        terminal.wait_for(rf"{ECHO}again \s*> ")
        assert terminal.end_by("\x04") == 0
