"""The log: our own events, the standard library's records and one line per call, all to one place.

For programs each is a JSON object on a line, with an ISO 8601 timestamp; for people on a terminal a short
line. Everything but the call lines passes through `policy.redact` here; those were redacted when rendered.
"""

import logging
import os
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dragoman.policy import redact
from dragoman.turn import Usage

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_FIRST: Final = ("timestamp", "level", "logger", "event")
_RED, _YELLOW, _GREEN, _DIM = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m"
_RESET: Final = "\x1b[0m"


class Sink:
    """A file descriptor that lines are written to, unbuffered.

    A reader that has gone or a disk that is full costs lines, which are counted, and never a call.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.lost = 0
        """Writes that failed."""

    def write(self, lines: bytes) -> None:
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self.lost += 1


def configure(sink: Sink, *, level: str, console: bool = False, color: bool = False) -> Callable[[bytes], None]:
    """Sends the log of this process to `sink`; gives the writer of call lines, which `Observer` takes."""
    least = LEVELS[level]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _add_logger,
            _stamp(console),
            structlog.processors.format_exc_info,
            _redact,
            *_rendering(console, color),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *args: _Writer(sink, *args),
        # The loggers are module-level; a cached one would keep the sink of its first event.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.addHandler(_Relay())
    # What libraries tell of their daily work is of use to those who debug.
    root.setLevel(least if least < LEVELS["info"] else max(least, LEVELS["warning"]))
    logging.captureWarnings(True)
    if not console and least <= LEVELS["info"]:
        return sink.write
    return CallLines(sink.write, least=least, console=console, color=color)


class _Writer:
    """What structlog calls with a rendered line, by the name of its level."""

    def __init__(self, sink: Sink, name: str = "dragoman") -> None:
        self._sink = sink
        self.name = name

    def msg(self, line: bytes) -> None:
        self._sink.write(line + b"\n")

    debug = info = warning = error = critical = msg


class _Relay(logging.Handler):
    """Hands records of the standard library's `logging` to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit: somebody's bug, but not ours to raise
            message = str(record.msg)
        level = min(max(record.levelno // 10 * 10, LEVELS["debug"]), logging.CRITICAL)
        structlog.get_logger(record.name).log(level, message, exc_info=record.exc_info)


def _add_logger(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event["logger"] = getattr(logger, "name", "")
    return event


def _stamp(console: bool) -> Processor:
    if console:
        return structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    return structlog.processors.TimeStamper(fmt="iso", utc=True)


def _redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return redact.fields(event)


def _rendering(console: bool, color: bool) -> list[Processor]:
    if not console:
        return [_render_json]
    draw = structlog.dev.ConsoleRenderer(
        colors=color, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )
    return [draw, _encode]


def _render_json(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return msgspec.json.encode({**first, **event}, enc_hook=_foreign)


def _foreign(value: object) -> str:
    return redact.text(repr(value))


def _encode(logger: WrappedLogger, method: str, line: EventDict) -> bytes:
    # The renderer before this one gives text, which the type of a processor does not say.
    return str(line).encode("utf-8", "backslashreplace")


class _Call(msgspec.Struct):
    """What a call line shows of a call: the members of `observe.CallRecord` that tell a person something."""

    event: str
    level: str
    timestamp: datetime | None = None
    request_id: str = ""
    family: str = ""
    status: int = 0
    duration_ms: float = 0.0
    name: str = ""
    upstream: str = ""
    first_token_ms: float | None = None
    usage: Usage | None = None
    error: str = ""
    losses: tuple[str, ...] = ()
    count: int = 0


class CallLines:
    """Writes call lines, given as JSON, for people, or only those of a level."""

    def __init__(
        self, write: Callable[[bytes], object], *, least: int = 20, console: bool = True, color: bool = False
    ) -> None:
        self._write = write
        self._least = least
        self._console = console
        self._color = color
        self._decode = msgspec.json.Decoder(_Call).decode

    def __call__(self, lines: bytes) -> None:
        kept = []
        for line in lines.splitlines():
            call = self._decode(line)
            if LEVELS.get(call.level, 50) >= self._least:
                kept.append(self.render(call).encode() if self._console else line)
        if kept:
            self._write(b"\n".join(kept) + b"\n")

    def render(self, call: _Call) -> str:
        """One call in one line."""
        if call.event != "call":
            return self._paint(f"{call.event} {call.count or ''}", _YELLOW).rstrip()
        at = call.timestamp.astimezone().strftime("%H:%M:%S") if call.timestamp is not None else ""
        status = self._paint(str(call.status), _RED if call.status >= 500 else _YELLOW if call.error else _GREEN)
        goes = f"{call.name} -> {call.upstream}" if call.upstream else call.name
        facts = [f"{call.duration_ms:.0f} ms"]
        if call.first_token_ms is not None:
            facts.append(f"first {call.first_token_ms:.0f} ms")
        if call.usage is not None:
            about = "~" if call.usage.estimated else ""
            facts.append(f"{about}{call.usage.input_tokens} in {about}{call.usage.output_tokens} out")
        if call.losses:
            facts.append(f"{len(call.losses)} lost")
        if call.error:
            facts += [call.error, call.request_id]
        return f"{self._paint(at, _DIM)}  {status}  {call.family:<11}  {_printable(goes):<32}  {'  '.join(facts)}"

    def _paint(self, text: str, color: str) -> str:
        return f"{color}{text}{_RESET}" if self._color else text


def _printable(text: str) -> str:
    """Callers choose the names, and a terminal obeys what it is sent."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
