"""`dragoman.dialects.commands.claude`."""

import json

import msgspec
import pytest

from dragoman.dialects.commands.base import MAX_ARGUMENT, Run, Settings, TempFile
from dragoman.dialects.commands.claude import ClaudeCli
from dragoman.errors import GatewayError
from dragoman.turn import Format, Sampling, Thinking, Tool, Turn
from tests.dialects.commands.asked import (
    IMAGE,
    NAME,
    PIXEL,
    assistant,
    line,
    refused,
    settings,
    system,
    turn,
    user,
    variables,
)

CLAUDE = ClaudeCli()
STREAM = ["-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages"]
JSON = ["-p", "--output-format", "json"]
LEAN = ["--tools", "", "--strict-mcp-config", "--setting-sources", "user", "--disable-slash-commands"]
ONCE = ["--no-session-persistence"]
HELLO = turn(user("hello"))


def test_streaming_follows_from_the_output() -> None:
    assert [CLAUDE.streaming(output) for output in CLAUDE.outputs] == ["tokens", "none"]


@pytest.mark.parametrize(
    ("asked", "model", "given", "run", "argv"),
    [
        (HELLO, "", settings(), Run(), [*STREAM, *ONCE, *LEAN]),
        (HELLO, "opus", settings("json"), Run(), [*JSON, "--model", "opus", *ONCE, *LEAN]),
        (HELLO, "", settings(), Run(keeps=True), [*STREAM, *LEAN]),
        (HELLO, "", settings(), Run(session="0-1"), [*STREAM, "--resume=0-1", *LEAN]),
        (
            HELLO, "", settings(own_tools=True, max_turns=3, max_budget_usd=0.5), Run(),
            [*STREAM, *ONCE, "--max-turns", "3", "--max-budget-usd", "0.5"],
        ),
        (
            HELLO, "", settings(tools=True), Run(tools_url="http://127.0.0.1:1/t"),
            [*STREAM, *ONCE, *LEAN, "--mcp-config",
             '<mcp.json: {"mcpServers":{"dragoman":{"type":"http","url":"http://127.0.0.1:1/t"}}}>',
             "--allowedTools", "mcp__dragoman"],
        ),
        (
            turn(system("be brief"), user("hello")), "", settings(), Run(),
            [*STREAM, *ONCE, *LEAN, "--append-system-prompt-file", "<system.md: be brief>"],
        ),
        (
            turn(system("be brief"), user("hello")), "", settings(system_prompt="replace"), Run(),
            [*STREAM, *ONCE, *LEAN, "--system-prompt-file", "<system.md: be brief>"],
        ),
        (
            turn(user("hello"), format=NAME, thinking=Thinking(effort="high")), "", settings(), Run(),
            [*STREAM, *ONCE, *LEAN, "--effort", "high", "--json-schema",
             '{"type":"object","properties":{"name":{"type":"string"}}}'],
        ),
    ],
)  # fmt: skip
def test_what_it_is_called_with(asked: Turn, model: str, given: Settings, run: Run, argv: list[str]) -> None:
    invocation = CLAUDE.prepare(asked, model, given, run)

    assert line(invocation) == argv
    assert invocation.stdin == b"hello"
    assert invocation.losses == ()


def test_a_prompt_is_an_argument_only_where_it_is_wanted_and_small() -> None:
    given = settings("json", prompt_via="argv", system_prompt="prompt")
    asked = turn(system("SYSTEM-MARKER"), user("-x USER-MARKER"))
    *_, dashes, prompt = line(CLAUDE.prepare(asked, "haiku", given, Run()))
    assert dashes == "--"
    assert prompt == "System instructions:\nSYSTEM-MARKER\n\nRequest:\n-x USER-MARKER"
    assert CLAUDE.prepare(asked, "haiku", given, Run()).stdin is None
    large = CLAUDE.prepare(turn(user("é" * (MAX_ARGUMENT // 2))), "haiku", given, Run())
    assert large.stdin == ("é" * (MAX_ARGUMENT // 2)).encode() and "--" not in large.argv


@pytest.mark.parametrize("given", [settings(), settings("json", prompt_via="argv"), settings(own_tools=True)])
def test_what_is_said_runs_no_command_and_reads_no_file(given: Settings) -> None:
    invocation = CLAUDE.prepare(turn(user("/config model=opus @/etc/passwd")), "", given, Run())

    prompt = line(invocation)[-1] if invocation.stdin is None else invocation.stdin.decode()
    assert prompt == "\n/config model=opus @/etc/passwd"
    assert variables(invocation)["CLAUDE_CODE_DISABLE_FILE_MENTIONS"] == "1"


def test_nothing_that_is_said_is_a_flag_of_its_own() -> None:
    evil = "--dangerously-skip-permissions"
    asked = turn(system(evil), user(evil), user=evil, format=msgspec.structs.replace(NAME, name=evil))
    invocation = CLAUDE.prepare(asked, "opus", settings(), Run())

    assert evil not in invocation.argv
    assert invocation.stdin == evil.encode()
    with pytest.raises(GatewayError, match="cannot be the name of a model"):
        CLAUDE.prepare(HELLO, evil, settings(), Run())


def test_pictures_go_in_as_a_line_of_json() -> None:
    invocation = CLAUDE.prepare(turn(user("what is this?", IMAGE)), "", settings("json"), Run())

    assert line(invocation) == [*STREAM, *ONCE, *LEAN, "--input-format", "stream-json"]
    assert invocation.stdin is not None and invocation.stdin.endswith(b"\n")
    assert json.loads(invocation.stdin) == {
        "type": "user",
        "message": {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this?\n\n[Image 1]"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
    }


def test_a_session_that_goes_on_is_told_what_is_new() -> None:
    asked = turn(system("be brief"), user("one"), assistant("1"), user("two"))
    anew, further = (CLAUDE.prepare(asked, "", settings(), run) for run in (Run(), Run(session="0-1")))

    assert further.stdin == b"two" and further.losses == ()
    assert further.argv[-1] == anew.argv[-1] == TempFile("system.md", b"be brief")
    assert anew.stdin is not None and b"<assistant>\n1\n</assistant>" in anew.stdin
    assert [loss.param for loss in anew.losses] == ["messages"]


def test_what_it_cannot_be_asked_is_refused_or_told() -> None:
    dropped = turn(user("hello"), sampling=Sampling(temperature=0.2, max_output_tokens=5))
    tools = turn(user("hello"), tools=(Tool("f"),))
    large = Format("json_schema", schema=msgspec.Raw(json.dumps({"title": "x" * MAX_ARGUMENT}).encode()))

    assert [loss.param for loss in CLAUDE.prepare(dropped, "", settings(), Run()).losses] == [
        "max_completion_tokens",
        "temperature",
    ]
    assert refused(CLAUDE, tools, settings()) == ("unsupported_parameter", "tools")
    assert refused(CLAUDE, turn(user("hello"), format=large), settings()) == (
        "unsupported_parameter",
        "response_format",
    )
