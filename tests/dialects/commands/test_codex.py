"""`dragoman.dialects.commands.codex`."""

import pytest

from dragoman.dialects.commands.base import Run, Settings
from dragoman.dialects.commands.codex import CodexCli
from dragoman.turn import Thinking, Tool, Turn
from tests.dialects.commands.asked import IMAGE, NAME, assistant, line, refused, settings, system, turn, user

CODEX = CodexCli()
HELLO = turn(user("hello"))
EXEC = ["exec", "--json", "--skip-git-repo-check"]
OWN = settings("json", own_tools=True)
LEAN = [
    word
    for setting in (
        "sandbox_mode=read-only", "web_search=disabled", "features.shell_tool=false", "features.view_image=false",
        "features.multi_agent=false", "features.apps=false", "features.plugins=false", "features.goals=false",
    )
    for word in ("-c", setting)
]  # fmt: skip


def test_its_answers_come_by_items() -> None:
    assert [CODEX.streaming(output) for output in CODEX.outputs] == ["items"]


@pytest.mark.parametrize(
    ("asked", "model", "given", "run", "argv"),
    [
        (HELLO, "", settings("json"), Run(), [*EXEC, "--ephemeral", *LEAN, "-"]),
        (HELLO, "gpt-5", OWN, Run(keeps=True), [*EXEC, "--model", "gpt-5", "-"]),
        (
            HELLO, "", OWN, Run(session="0-1", keeps=True),
            ["exec", "resume", "--json", "--skip-git-repo-check", "0-1", "-"],
        ),
        (
            turn(user("hello"), thinking=Thinking(effort="low"), verbosity="high"), "", OWN, Run(keeps=True),
            [*EXEC, "-c", "model_reasoning_effort=low", "-c", "model_verbosity=high", "-"],
        ),
        (
            turn(user("hello"), format=NAME), "", OWN, Run(keeps=True),
            [*EXEC, '--output-schema=<schema.json: {"type":"object","properties":{"name":{"type":"string"}}}>', "-"],
        ),
        (
            turn(system("be brief"), user("hello")), "", settings("json", own_tools=True, system_prompt="replace"),
            Run(keeps=True), [*EXEC, "-c", "model_instructions_file=<instructions.md: be brief>", "-"],
        ),
        (
            turn(user("hello"), tools=(Tool("f"),)), "", settings("json", own_tools=True, tools=True),
            Run(keeps=True, tools_url="http://127.0.0.1:1/t"),
            [*EXEC, "-c", 'mcp_servers.dragoman.url="http://127.0.0.1:1/t"', "-c",
             "mcp_servers.dragoman.tool_timeout_sec=86400", "-c",
             "mcp_servers.dragoman.default_tools_approval_mode=approve", "-"],
        ),
    ],
)  # fmt: skip
def test_what_it_is_called_with(asked: Turn, model: str, given: Settings, run: Run, argv: list[str]) -> None:
    invocation = CODEX.prepare(asked, model, given, run)

    assert line(invocation) == argv
    assert invocation.stdin == b"hello" and invocation.losses == () and invocation.environment == {}


def test_system_text_stands_before_the_prompt_and_pictures_in_files() -> None:
    invocation = CODEX.prepare(turn(system("be brief"), user("what?", IMAGE)), "", OWN, Run(keeps=True))

    assert invocation.stdin == b"System instructions:\nbe brief\n\nRequest:\nwhat?\n\n[Image 1]"
    assert line(invocation)[-2].startswith("--image=<image-1.png: \ufffdPNG")


def test_a_prompt_among_the_arguments_is_no_option() -> None:
    given = settings("json", own_tools=True, prompt_via="argv")
    asked = turn(user("--yolo"), assistant("1"), user("resume"))

    assert line(CODEX.prepare(turn(user("--yolo")), "", given, Run(keeps=True)))[-2:] == ["--", "--yolo"]
    invocation = CODEX.prepare(asked, "", given, Run(session="0-1"))
    assert line(invocation)[-3:] == ["--", "0-1", "resume"] and invocation.stdin is None


def test_tools_are_refused_unless_they_can_be_offered() -> None:
    assert refused(CODEX, turn(user("x"), tools=(Tool("f"),)), OWN) == ("unsupported_parameter", "tools")
