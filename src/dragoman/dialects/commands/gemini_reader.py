"""The output of `gemini`, `stream-json` or `json`, as events.

An error is only told once the program has ended, because its exit code has the status of the provider's answer,
modulo 256, which its words leave out at times.
"""

from typing import Final

import msgspec

from dragoman.dialects.commands.base import Settings
from dragoman.dialects.commands.failures import exit_message, failed, understood
from dragoman.dialects.commands.reading import LineReader
from dragoman.errors import GatewayError
from dragoman.turn import Opened, Stop, Usage
from dragoman.wire import gemini_cli as wire

_AUTH: Final = 41
_INPUT: Final = 42
_TURNS: Final = 53
_CLIENT_ERROR: Final = 400 % 256


class GeminiReader(LineReader):
    """Of `stream-json`."""

    def __init__(self, settings: Settings, opened: Opened) -> None:
        super().__init__(settings, opened)
        self._error = ""
        self._in_message = False
        """Whether the latest line was a delta, so that the next one goes on with it."""

    def _understand(self, line: str) -> bool:
        try:
            said = wire.parse_line(line)
        except (msgspec.DecodeError, RecursionError):
            return False
        match said.type:
            case "init":
                self.facts.session, self.facts.model = said.session_id, said.model
            case "message" if said.role == "assistant":
                self._message(said)
            case "tool_use" | "tool_result":
                self._tool(said)
            case "error":
                self.facts.warn(said.message)
            case "result" if said.status == "success":
                self._stop(Stop.END, _usage(said.stats))
            case "result":
                self._error = (said.error.message if said.error else "") or "The program failed and did not say why."
        return True

    def _message(self, said: wire.Line) -> None:
        if not (said.delta and self._in_message):
            self._say.pause()
        self._in_message = said.delta
        self._say.text(said.content)

    def _tool(self, said: wire.Line) -> None:
        self._in_message = False
        if not self._settings.show_tools:
            return
        if said.type == "tool_use":
            self._say.thought(f"[{said.tool_name} {bytes(said.parameters).decode()}]\n")
        elif isinstance(said.output, str):
            self._say.thought(f"[{said.output}]\n")

    def _finish(self, code: int, stderr: bytes) -> None:
        if code == _TURNS and self._say.spoken:
            self._stop(Stop.LENGTH)
        elif self._error and code == 0:
            self._fail(understood(self._error))
        else:
            super()._finish(code, stderr)

    def _broken(self, code: int, stderr: bytes) -> GatewayError:
        return broken(code, stderr, self._error)


class GeminiDocumentReader(LineReader):
    """Of `json`, which is one document over many lines."""

    def _understand(self, line: str) -> bool:
        return False

    def _finish(self, code: int, stderr: bytes) -> None:
        document = self._document()
        if document is None or code != 0:
            return super()._finish(code, stderr)
        self._plain.clear()
        self.facts.session = document.session_id
        if document.error is not None:
            return self._fail(understood(document.error.message))
        self._say.text(document.response or "")
        counted = [model.tokens for model in document.stats.models.values()]
        thoughts = sum(one.thoughts for one in counted)
        usage = Usage(
            sum(one.prompt for one in counted),
            sum(one.candidates for one in counted) + thoughts,
            sum(one.cached for one in counted),
            reasoning_tokens=thoughts,
        )
        self._stop(Stop.END, usage if counted else None)

    def _document(self) -> wire.Document | None:
        """What is written, but for lines before it that are none of it."""
        for start, line in enumerate(self._plain):
            if line.startswith("{"):
                return _document("\n".join(self._plain[start:]))
        return None

    def _broken(self, code: int, stderr: bytes) -> GatewayError:
        # Its document is then the end of what it writes beside the output.
        document = _document(stderr[stderr.rfind(b"\n{\n") + 1 :].decode("utf-8", "replace"))
        said = document.error.message if document is not None and document.error is not None else ""
        return broken(code, stderr, said)


def _document(text: str) -> wire.Document | None:
    try:
        return wire.parse_document(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def broken(code: int, stderr: bytes, said: str) -> GatewayError:
    """What an exit code of the program's own, or of its provider modulo 256, amounts to."""
    message = said or exit_message(code, stderr)
    error = understood(message)
    if code == _AUTH:
        return failed(error.message, 401)
    if code == _INPUT:
        return failed(error.message, 400)
    if _CLIENT_ERROR <= code <= 255:
        return failed(error.message, code + 256)
    return error


def _usage(said: wire.Stats) -> Usage | None:
    if not said.total_tokens:
        return None
    thoughts = max(said.total_tokens - said.input_tokens - said.output_tokens, 0)
    return Usage(said.input_tokens, said.output_tokens + thoughts, said.cached, reasoning_tokens=thoughts)
