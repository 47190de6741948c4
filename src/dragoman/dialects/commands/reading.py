"""What the readers of all programs have in common: lines in, events out, and an end that always comes.

A reader of one program says what a line of JSON means. What is no JSON is kept: a program that writes nothing else
and ends well has answered in plain text.
"""

from dragoman import errors
from dragoman.dialects.commands.base import Facts, Settings
from dragoman.dialects.commands.failures import exit_message, failed
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Event, Failed, Opened, ReasoningDelta, Stop, Stopped, TextDelta, Usage, Used
from dragoman.wire.jsonl import Decoder


class Narrator:
    """Puts what a program says into events by the rules of `turn.py`."""

    def __init__(self, opened: Opened) -> None:
        self._events: list[Event] = []
        self._opened: Opened | None = opened
        self._apart = ""
        self.spoken = False
        """Whether there is any text."""
        self.ended = False

    def text(self, text: str) -> None:
        if text:
            self._give(TextDelta(self._apart + text))
            self.spoken = True
            self._apart = ""

    def thought(self, text: str) -> None:
        if text:
            self._give(ReasoningDelta(text))

    def pause(self) -> None:
        """What is said next is a message of its own, and stands apart from what was said before."""
        if self.spoken:
            self._apart = "\n\n"

    def end(self, event: Stopped | Failed, usage: Usage | None = None) -> None:
        if usage is not None:
            self._give(Used(usage))
        self._give(event)
        self.ended = True

    def take(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _give(self, event: Event) -> None:
        if self.ended:
            return
        if self._opened is not None:
            self._events.append(self._opened)
            self._opened = None
        self._events.append(event)


class LineReader:
    """A reader of lines; see `base.Reader` for what it promises."""

    def __init__(self, settings: Settings, opened: Opened) -> None:
        self.facts = Facts()
        self.failure: GatewayError | None = None
        self._settings = settings
        self._say = Narrator(opened)
        self._lines = Decoder(settings.max_line)
        self._plain: list[str] = []
        self._room = settings.max_line

    @property
    def done(self) -> bool:
        return self._say.ended

    def receive(self, data: bytes) -> list[Event]:
        if self.done:
            return []
        try:
            for line in self._lines.receive(data):
                self._read(line)
        except WireError as error:
            self._fail(GatewayError(errors.PROTOCOL_ERROR, f"The program wrote {error}."))
        return self._say.take()

    def eof(self) -> list[Event]:
        for line in self._lines.eof():
            self._read(line)
        return self._say.take()

    def exited(self, code: int, stderr: bytes) -> list[Event]:
        events = self.eof()
        if not self.done:
            self._finish(code, stderr)
        return events + self._say.take()

    def _read(self, line: str) -> None:
        if not self.done and not self._understand(line):
            self._room -= len(line)
            if self._room >= 0:
                self._plain.append(line)

    def _understand(self, line: str) -> bool:
        """Acts by a line; false if it is none of the program's JSON."""
        raise NotImplementedError

    def _finish(self, code: int, stderr: bytes) -> None:
        """The program has ended, and its output did not say how."""
        if code != 0:
            self._fail(self._broken(code, stderr))
        elif self._plain and not self._say.spoken:
            self._say.text("\n".join(self._plain))
            self._stop(Stop.END)
        else:
            self._fail(failed("The program ended before its answer was complete."))

    def _broken(self, code: int, stderr: bytes) -> GatewayError:
        """What an exit with such a code amounts to."""
        return failed(exit_message(code, stderr))

    def _stop(self, stop: Stop, usage: Usage | None = None) -> None:
        if self._say.spoken:
            self._say.end(Stopped(stop), usage)
        else:
            self._fail(failed("The program ended without an answer."), usage)

    def _fail(self, error: GatewayError, usage: Usage | None = None) -> None:
        if self.done:
            return  # a line too long may come behind the end
        self.failure = error
        self._say.end(Failed(error.message, error.kind.code, error.kind.type), usage)
