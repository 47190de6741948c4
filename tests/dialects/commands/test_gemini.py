"""`dragoman.dialects.commands.gemini`."""

import pytest

from dragoman.dialects.commands.base import Run, Settings
from dragoman.dialects.commands.gemini import GeminiCli
from dragoman.turn import Tool, Turn
from tests.dialects.commands.asked import IMAGE, NAME, line, refused, settings, system, turn, user, variables

GEMINI = GeminiCli()
HELLO = turn(user("hello"))
STREAM = "--output-format=stream-json"
POLICY = '--policy=<policy.toml: [[rule]]\ntoolName = "*"\ndecision = "deny"\npriority = 999\n>'
LEAN = ["--extensions=none", "--skip-trust", POLICY]
OWN = settings(own_tools=True)


def test_streaming_follows_from_the_output() -> None:
    assert [GEMINI.streaming(output) for output in GEMINI.outputs] == ["tokens", "none"]


@pytest.mark.parametrize(
    ("asked", "model", "given", "run", "argv"),
    [
        (HELLO, "", settings(), Run(), [STREAM, *LEAN]),
        (HELLO, "gemini-2.5-pro", settings("json"), Run(),
         ["--output-format=json", "--model=gemini-2.5-pro", *LEAN]),
        (HELLO, "", OWN, Run(session="0-1"), [STREAM, "--resume=0-1"]),
    ],
)  # fmt: skip
def test_what_it_is_called_with(asked: Turn, model: str, given: Settings, run: Run, argv: list[str]) -> None:
    invocation = GEMINI.prepare(asked, model, given, run)

    assert line(invocation) == argv
    assert invocation.stdin == b"hello" and invocation.losses == () and invocation.environment == {}


def test_system_text_stands_before_the_prompt_or_replaces_the_programs() -> None:
    asked = turn(system("be brief"), user("hello"))
    replaced = GEMINI.prepare(asked, "", settings(system_prompt="replace"), Run())

    assert GEMINI.prepare(asked, "", OWN, Run()).stdin == b"System instructions:\nbe brief\n\nRequest:\nhello"
    assert replaced.stdin == b"hello"
    assert variables(replaced) == {"GEMINI_SYSTEM_MD": "<system.md: be brief>"}


def test_what_is_said_runs_no_command_and_reads_no_file() -> None:
    invocation = GEMINI.prepare(turn(user("/boo @x.txt a@b.com \\@y @ 1")), "", OWN, Run())

    assert invocation.stdin == b"\n/boo \\@x.txt a\\@b.com \\@y @ 1"
    assert [(loss.param, loss.kind) for loss in invocation.losses] == [("messages", "mapped")]


def test_a_prompt_among_the_arguments_is_no_option() -> None:
    invocation = GEMINI.prepare(turn(user("--yolo")), "", settings(own_tools=True, prompt_via="argv"), Run())

    assert line(invocation) == [STREAM, "--prompt=--yolo"] and invocation.stdin is None


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (turn(user("x"), tools=(Tool("f"),)), "tools"),
        (turn(user("x"), format=NAME), "response_format"),
        (turn(user(IMAGE)), "messages[0].content[0].image_url.url"),
    ],
)
def test_what_it_has_no_place_for_is_refused(asked: Turn, param: str) -> None:
    assert refused(GEMINI, asked, settings(tools=True)) == ("unsupported_parameter", param)
