"""How `codex exec` is called for a turn. Measured with versions 0.169.0 and 0.171.0.

The prompt is the standard input, named by `-`: whatever else comes there would be appended to a prompt among the
arguments. The sandbox and approvals are as the operator has configured them; as the program comes, it reads only.
"""

from typing import Final

from dragoman.dialects.commands.asking import Able, Asked, ask, named
from dragoman.dialects.commands.base import Argument, Invocation, Output, Reader, Run, Settings, TempFile
from dragoman.dialects.commands.codex_reader import CALLERS_SERVER, CodexReader
from dragoman.dialects.commands.prompt import Prompt, compose, is_argument
from dragoman.dialects.mapping import Losses
from dragoman.turn import Opened, Streaming, Turn

_EFFORTS: Final = ("minimal", "low", "medium", "high", "xhigh")
_LEAN: Final = (
    "sandbox_mode=read-only", "web_search=disabled", "features.shell_tool=false", "features.view_image=false",
    "features.multi_agent=false", "features.apps=false", "features.plugins=false", "features.goals=false",
)  # fmt: skip
"""A model and no more: without a shell and other tools that reach outside. What a version does not know it ignores."""
_SERVER: Final = f"mcp_servers.{CALLERS_SERVER}"


class CodexCli:
    name: str = "codex-cli"
    outputs: tuple[Output, ...] = ("json",)
    takes_tools: bool = True

    def streaming(self, output: Output) -> Streaming:
        return "items"

    def prepare(self, turn: Turn, model: str, settings: Settings, run: Run) -> Invocation:
        losses = Losses(turn)
        asked = ask(turn, Able(schema=True, tools=settings.tools, efforts=_EFFORTS, verbosity=True), losses)
        prompt = compose(turn, losses, goes_on=bool(run.session), images=True)
        argv: list[Argument] = ["exec", *(["resume"] if run.session else []), "--json", "--skip-git-repo-check"]
        argv += ["--model", named(model)] if model else []
        argv += [] if run.session or run.keeps else ["--ephemeral"]
        for setting in _configuration(prompt, asked, settings, run):
            argv += ["-c", setting]
        argv += [TempFile("schema.json", asked.schema, "--output-schema=")] if asked.schema else []
        for number, picture in enumerate(prompt.pictures, 1):
            argv.append(TempFile(f"image-{number}.{picture.suffix}", picture.content, "--image="))
        text = prompt.text if settings.system_prompt == "replace" else prompt.whole()
        session = (run.session,) if run.session else ()
        if is_argument(text, settings):
            return Invocation((*argv, "--", *session, text), None, losses=losses.told())
        return Invocation((*argv, *session, "-"), text.encode(), losses=losses.told())

    def reader(self, turn: Turn, settings: Settings, run: Run, opened: Opened) -> Reader:
        structured = turn.format is not None and turn.format.kind == "json_schema"
        return CodexReader(settings, run, opened, whole=structured)


def _configuration(prompt: Prompt, asked: Asked, settings: Settings, run: Run) -> list[Argument]:
    """What is given as `-c`: nothing of it is a caller's but what lies in a file."""
    given: list[Argument] = [] if settings.own_tools else [*_LEAN]
    if asked.effort:
        given.append(f"model_reasoning_effort={asked.effort}")
    if asked.verbosity in ("low", "high"):
        given.append(f"model_verbosity={asked.verbosity}")
    if prompt.system and settings.system_prompt == "replace":
        given.append(TempFile("instructions.md", prompt.system.encode(), "model_instructions_file="))
    if run.tools_url:
        given.append(f'{_SERVER}.url="{run.tools_url}"')
        given.append(f"{_SERVER}.tool_timeout_sec=86400")
        given.append(f"{_SERVER}.default_tools_approval_mode=approve")
    return given
