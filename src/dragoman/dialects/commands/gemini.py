"""How `gemini` is called for a turn. Measured with version 0.61.0.

Two traps of the program's are closed here: a prompt that begins with a slash would run a command of its operator's,
and an `@path` in it would put that file into the prompt, or a directory.
"""

import re
from typing import Final

from dragoman.dialects.commands import rows
from dragoman.dialects.commands.asking import Able, ask, named
from dragoman.dialects.commands.base import Argument, Invocation, Output, Reader, Run, Settings, TempFile
from dragoman.dialects.commands.gemini_reader import GeminiDocumentReader, GeminiReader
from dragoman.dialects.commands.prompt import compose, is_argument, no_command
from dragoman.dialects.mapping import Losses
from dragoman.turn import Opened, Streaming, Turn

_AT: Final = re.compile(r"(?<!\\)@(?=\S)")
_DENY: Final = b'[[rule]]\ntoolName = "*"\ndecision = "deny"\npriority = 999\n'
"""A policy under which it has no tools, and its model is offered none."""


class GeminiCli:
    name: str = "gemini-cli"
    outputs: tuple[Output, ...] = ("stream-json", "json")
    takes_tools: bool = False

    def streaming(self, output: Output) -> Streaming:
        return "tokens" if output == "stream-json" else "none"

    def prepare(self, turn: Turn, model: str, settings: Settings, run: Run) -> Invocation:
        losses = Losses(turn)
        # Tools would be offered in its settings, which are files of its operator's and of the workspace.
        ask(turn, Able(), losses)
        prompt = compose(turn, losses, goes_on=bool(run.session), images=False)
        argv: list[Argument] = [f"--output-format={settings.output}"]
        argv += [f"--model={named(model)}"] if model else []
        argv += [f"--resume={run.session}"] if run.session else []
        if not settings.own_tools:
            argv += ["--extensions=none", "--skip-trust", TempFile("policy.toml", _DENY, "--policy=")]
        variables: dict[str, Argument] = {}
        replaces = settings.system_prompt == "replace" and prompt.system
        if replaces:
            variables["GEMINI_SYSTEM_MD"] = TempFile("system.md", prompt.system.encode())
        text = _harmless(prompt.text if replaces else prompt.whole(), losses)
        if is_argument(text, settings):
            return Invocation((*argv, f"--prompt={text}"), None, variables, losses.told())
        return Invocation(tuple(argv), text.encode(), variables, losses.told())

    def reader(self, turn: Turn, settings: Settings, run: Run, opened: Opened) -> Reader:
        return (
            GeminiReader(settings, opened)
            if settings.output == "stream-json"
            else GeminiDocumentReader(settings, opened)
        )


def _harmless(text: str, losses: Losses) -> str:
    escaped = _AT.sub(r"\\@", text)
    if escaped != text:
        losses.note(rows.AT_ESCAPED)
    return no_command(escaped)
