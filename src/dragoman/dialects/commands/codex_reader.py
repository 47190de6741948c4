"""The output of `codex exec --json` as events: each message of the model's is one piece."""

import msgspec

from dragoman.dialects.commands.base import Run, Settings
from dragoman.dialects.commands.failures import understood
from dragoman.dialects.commands.reading import LineReader
from dragoman.errors import GatewayError
from dragoman.turn import Opened, Stop, Usage
from dragoman.wire import codex_cli as wire

CALLERS_SERVER = "dragoman"
"""What the server of callers' tools is called."""


class CodexReader(LineReader):
    """With `whole`, the text of the answer is its last message and nothing before it."""

    def __init__(self, settings: Settings, run: Run, opened: Opened, *, whole: bool) -> None:
        super().__init__(settings, opened)
        self._run = run
        self._whole = whole
        self._last = ""
        self._error = ""
        """The latest of the errors that the program may still get over."""

    def _understand(self, line: str) -> bool:
        try:
            said = wire.parse_line(line)
        except (msgspec.DecodeError, RecursionError):
            return False
        match said.type:
            case "thread.started":
                self.facts.session = said.thread_id
            case "item.completed":
                self._item(said.item)
            case "error":
                self._error = said.message
            case "turn.completed":
                self._say.text(self._last)
                self._stop(Stop.END, self._usage(said.usage))
            case "turn.failed":
                self._fail(understood(said.error.message or self._error))
        return True

    def _item(self, value: msgspec.Raw) -> None:
        try:
            item = wire.parse_item(value)
        except msgspec.DecodeError as error:
            return self.facts.warn(f"An item is not as it was expected: {error}")
        match item.type:
            case "agent_message" if self._whole:
                self._last = item.text
            case "agent_message":
                self._say.pause()
                self._say.text(item.text)
            case "reasoning":
                self._say.thought(item.text + "\n")
            case "error":
                self.facts.warn(item.message)
            case "command_execution" if self._settings.show_tools:
                self._say.thought(f"[{item.command}]\n{item.aggregated_output}\n")
            case "mcp_tool_call" if self._settings.show_tools and item.server != CALLERS_SERVER:
                self._say.thought(f"[{item.server} {item.tool}]\n")
            case "web_search" if self._settings.show_tools:
                self._say.thought(f"[search: {item.query}]\n")

    def _usage(self, said: wire.Usage) -> Usage:
        """Of this run; the program counts what its whole thread has used."""
        before = self._run.spent
        self.facts.spent = Usage(
            said.input_tokens, said.output_tokens, said.cached_input_tokens, said.cache_write_input_tokens,
            said.reasoning_output_tokens,
        )  # fmt: skip
        if said.input_tokens < before.input_tokens:
            return self.facts.spent  # it has begun to count anew
        return Usage(
            said.input_tokens - before.input_tokens,
            max(said.output_tokens - before.output_tokens, 0),
            max(said.cached_input_tokens - before.cached_tokens, 0),
            max(said.cache_write_input_tokens - before.cache_write_tokens, 0),
            max(said.reasoning_output_tokens - before.reasoning_tokens, 0),
        )

    def _broken(self, code: int, stderr: bytes) -> GatewayError:
        """What it said last before it exited explains more than the noise beside its output."""
        return understood(self._error) if self._error else super()._broken(code, stderr)
