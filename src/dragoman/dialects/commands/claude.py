"""How `claude -p` is called for a turn. Measured with versions 2.1.329 and 2.1.332.

What a caller says goes to the standard input, or into a file. Three traps of the program's are closed here: a prompt
that begins with a slash would run one of its commands (`/config` changes the operator's settings), an `@path` in it
would read any file, whatever tools there are, and options with many values swallow a prompt that follows them.
"""

from typing import Final

import msgspec

from dragoman.dialects.commands import rows
from dragoman.dialects.commands.asking import Able, Asked, ask, named
from dragoman.dialects.commands.base import (
    MAX_ARGUMENT,
    Argument,
    Invocation,
    Output,
    Reader,
    Run,
    Settings,
    TempFile,
)
from dragoman.dialects.commands.claude_reader import CALLERS_TOOLS, ClaudeReader
from dragoman.dialects.commands.prompt import Prompt, compose, is_argument, no_command
from dragoman.dialects.mapping import Losses
from dragoman.turn import Opened, Streaming, Turn
from dragoman.wire import claude_cli as wire
from dragoman.wire import jsonl

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_STREAM: Final = ("--output-format", "stream-json", "--verbose", "--include-partial-messages")
_LEAN: Final = ("--tools", "", "--strict-mcp-config", "--setting-sources", "user", "--disable-slash-commands")
"""A model and no more: without tools, others' MCP servers, settings of a project and skills, which cost thousands
of tokens a call."""


class ClaudeCli:
    name: str = "claude-cli"
    outputs: tuple[Output, ...] = ("stream-json", "json")
    takes_tools: bool = True

    def streaming(self, output: Output) -> Streaming:
        return "tokens" if output == "stream-json" else "none"

    def prepare(self, turn: Turn, model: str, settings: Settings, run: Run) -> Invocation:
        losses = Losses(turn)
        asked = ask(turn, Able(schema=True, tools=settings.tools, efforts=_EFFORTS), losses)
        prompt = compose(turn, losses, goes_on=bool(run.session), images=True)
        # Pictures go in as JSON, and then the output is a stream as well.
        streams = settings.output == "stream-json" or bool(prompt.pictures)
        argv: list[Argument] = ["-p", *(_STREAM if streams else ("--output-format", "json"))]
        argv += ["--model", named(model)] if model else []
        argv += _session(run)
        argv += _policy(settings, run)
        argv += _parameters(asked, losses)
        argv += _system(prompt, settings)
        variables = {"CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1"}
        if not settings.own_tools:
            variables["CLAUDE_CODE_DISABLE_ATTACHMENTS"] = "1"  # the same, for versions that do not know the other
        text = no_command(prompt.whole() if settings.system_prompt == "prompt" else prompt.text)
        if prompt.pictures:
            argv += ["--input-format", "stream-json"]
            return Invocation(tuple(argv), _line(text, prompt), variables, losses.told())
        if is_argument(text, settings):
            return Invocation((*argv, "--", text), None, variables, losses.told())
        return Invocation(tuple(argv), text.encode(), variables, losses.told())

    def reader(self, turn: Turn, settings: Settings, run: Run, opened: Opened) -> Reader:
        structured = turn.format is not None and turn.format.kind == "json_schema"
        return ClaudeReader(settings, run, opened, whole=structured)


def _session(run: Run) -> list[Argument]:
    if run.session:
        return [f"--resume={run.session}"]
    return [] if run.keeps else ["--no-session-persistence"]


def _policy(settings: Settings, run: Run) -> list[Argument]:
    """What the operator has settled."""
    argv: list[Argument] = [] if settings.own_tools else [*_LEAN]
    if settings.max_turns is not None:
        argv += ["--max-turns", str(settings.max_turns)]
    if settings.max_budget_usd is not None:
        argv += ["--max-budget-usd", f"{settings.max_budget_usd:g}"]
    if run.tools_url:
        servers = {"mcpServers": {"dragoman": {"type": "http", "url": run.tools_url}}}
        argv += ["--mcp-config", TempFile("mcp.json", msgspec.json.encode(servers))]
        argv += ["--allowedTools", CALLERS_TOOLS.removesuffix("__")]
    return argv


def _parameters(asked: Asked, losses: Losses) -> list[Argument]:
    argv: list[Argument] = ["--effort", asked.effort] if asked.effort else []
    if len(asked.schema) >= MAX_ARGUMENT:
        raise losses.refuse(rows.SCHEMA_TOO_LARGE, most=MAX_ARGUMENT)
    return [*argv, "--json-schema", asked.schema.decode()] if asked.schema else argv


def _system(prompt: Prompt, settings: Settings) -> list[Argument]:
    if not prompt.system or settings.system_prompt == "prompt":
        return []
    flag = "--system-prompt-file" if settings.system_prompt == "replace" else "--append-system-prompt-file"
    return [flag, TempFile("system.md", prompt.system.encode())]


def _line(text: str, prompt: Prompt) -> bytes:
    blocks: list[wire.TextBlock | wire.ImageBlock] = [wire.TextBlock(text)]
    for picture in prompt.pictures:
        blocks.append(wire.ImageBlock(wire.Source(picture.media_type, picture.data)))
    return jsonl.render(wire.UserLine(wire.UserMessage(tuple(blocks))))
