"""The output of `claude -p`, `json` or `stream-json`, as events.

Text comes as deltas, and once more in whole messages, and the last of it a third time in the result: the first of
these that there is counts. What subagents say is the program's own business.
"""

from typing import Final

import msgspec

from dragoman.dialects.commands.base import Run, Settings
from dragoman.dialects.commands.failures import failed
from dragoman.dialects.commands.reading import LineReader
from dragoman.turn import Opened, Stop, Usage
from dragoman.wire import claude_cli as wire

CALLERS_TOOLS: Final = "mcp__dragoman__"
"""What the names of callers' tools begin with, as the program knows them."""
_STOPS: Final = {
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "stop_sequence": Stop.STOP_SEQUENCE,
    "refusal": Stop.REFUSAL,
}
_WELL: Final = ("success", "")
"""Seed 004 has results that say no more than that they are no error."""
_CAPS: Final = ("error_max_turns", "error_max_budget_usd")


class ClaudeReader(LineReader):
    """With `whole`, the text of the answer is that of its result and nothing before it."""

    def __init__(self, settings: Settings, run: Run, opened: Opened, *, whole: bool) -> None:
        super().__init__(settings, opened)
        self._run = run
        self._whole = whole
        self._streamed = ""
        """The id of the message that comes in deltas."""

    def _understand(self, line: str) -> bool:
        try:
            head = wire.parse_line(line)
        except (msgspec.DecodeError, RecursionError):
            return False
        try:
            self._act(head, line)
        except msgspec.ValidationError as error:
            self.facts.warn(f"A line of type {head.type!r} is not as it was expected: {error}")
        return True

    def _act(self, head: wire.Line, line: str) -> None:
        match head.type:
            case "result":
                self._end(wire.parse_result(line))
            case "system" if head.subtype == "init":
                init = wire.parse_init(line)
                self.facts.session, self.facts.model = init.session_id, init.model
            case "stream_event" if head.parent_tool_use_id is None:
                self._delta(wire.parse_streamed(line).event)
            case "assistant" if head.parent_tool_use_id is None:
                self._spoken(wire.parse_spoken(line))
            case "user" if head.parent_tool_use_id is None and self._settings.show_tools:
                self._results(wire.parse_spoken(line).message)

    def _delta(self, event: wire.StreamEvent) -> None:
        if event.type == "message_start":
            self._streamed = event.message.id
        elif event.type == "content_block_delta":
            self._write(event.delta.text if event.delta.type == "text_delta" else "")
            self._say.thought(event.delta.thinking if event.delta.type == "thinking_delta" else "")

    def _spoken(self, spoken: wire.Spoken) -> None:
        message = spoken.message
        if spoken.error is not None or isinstance(message.content, str):
            return  # an error in a model's clothes: the result tells it
        for block in message.content:
            if block.type == "tool_use":
                # A message without one goes on with the last, which was cut off: its text follows at once.
                self._say.pause()
                self._tool(f"[{block.name} {bytes(block.input).decode()}]", block.name)
            elif not message.id or message.id != self._streamed:
                self._write(block.text if block.type == "text" else "")
                self._say.thought(block.thinking if block.type == "thinking" else "")

    def _write(self, text: str) -> None:
        if not self._whole:
            self._say.text(text)

    def _results(self, message: wire.Message) -> None:
        for block in message.content if isinstance(message.content, list) else ():
            if block.type == "tool_result":
                self._tool(f"[{'failed: ' if block.is_error else ''}{_shown(block.content)}]")

    def _tool(self, text: str, name: str = "") -> None:
        if self._settings.show_tools and not name.startswith(CALLERS_TOOLS):
            self._say.thought(text + "\n")

    def _end(self, result: wire.Result) -> None:
        self.facts.session = result.session_id or self.facts.session
        for denial in result.permission_denials:
            self.facts.warn(f"The tool {denial.tool_name} was not permitted.")
        usage = self._usage(result)
        if result.subtype in _CAPS:
            return self._capped(result, usage)
        if result.is_error or result.subtype not in _WELL:
            said = result.result or "; ".join(result.errors) or f"The program ended with {result.subtype!r}."
            return self._fail(failed(said, result.api_error_status), usage)
        if self._whole and result.structured_output:
            self._say.text(bytes(result.structured_output).decode())
        elif not self._say.spoken:
            self._say.text(result.result or "")
        self._stop(_STOPS.get(result.stop_reason or "", Stop.END), usage)

    def _capped(self, result: wire.Result, usage: Usage) -> None:
        """A cap of the operator's has ended the run: what there is of an answer is one."""
        if self._say.spoken:
            return self._stop(Stop.LENGTH, usage)
        cap = "turns" if result.subtype == "error_max_turns" else "budget"
        self._fail(failed(f"The program came to the end of its {cap} without an answer."), usage)

    def _usage(self, result: wire.Result) -> Usage:
        """Of this run; its cost is what the session has cost more than before."""
        said = result.usage
        details = said.output_tokens_details or wire.OutputDetails()
        usage = _usage(said, details.thinking_tokens)
        if usage.total_tokens == 0 and not self._run.session:
            # A run that a cap has ended counts by model alone.
            for model in result.model_usage.values():
                usage = _sum(usage, _usage(model, model.thinking_tokens))
        if result.total_cost_usd is None:
            return usage
        before = self._run.spent.cost_usd or 0.0
        self.facts.spent = Usage(cost_usd=result.total_cost_usd)
        return msgspec.structs.replace(usage, cost_usd=max(result.total_cost_usd - before, 0.0))


def _usage(said: wire.Usage | wire.ModelUsage, thinking: int) -> Usage:
    read, written = said.cache_read_input_tokens, said.cache_creation_input_tokens
    return Usage(said.input_tokens + read + written, said.output_tokens, read, written, thinking)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
    )


def _shown(content: object) -> str:
    """What a tool gave back, as text."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else ()
    return "\n".join(str(block.get("text", "")) for block in blocks if isinstance(block, dict))
