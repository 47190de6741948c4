"""Any other program: the prompt as its standard input, plain text as its output, complete when it has ended.

Its flags are the operator's alone; of sessions, tools, schemas and a model's name it is told nothing.
"""

from dragoman import errors
from dragoman.dialects.commands.asking import Able, ask
from dragoman.dialects.commands.base import Facts, Invocation, Output, Reader, Run, Settings
from dragoman.dialects.commands.failures import exit_message, failed
from dragoman.dialects.commands.prompt import compose, is_argument
from dragoman.dialects.commands.reading import Narrator
from dragoman.dialects.mapping import Losses
from dragoman.errors import GatewayError
from dragoman.turn import Event, Failed, Opened, Stop, Stopped, Streaming, Turn


class TextCli:
    name: str = "text"
    outputs: tuple[Output, ...] = ("text",)
    takes_tools: bool = False

    def streaming(self, output: Output) -> Streaming:
        return "none"

    def prepare(self, turn: Turn, model: str, settings: Settings, run: Run) -> Invocation:
        losses = Losses(turn)
        ask(turn, Able(), losses)
        prompt = compose(turn, losses, goes_on=False, images=False)
        text = prompt.whole()
        if is_argument(text, settings):
            return Invocation(("--", text), None, losses=losses.told())
        return Invocation((), text.encode(), losses=losses.told())

    def reader(self, turn: Turn, settings: Settings, run: Run, opened: Opened) -> Reader:
        return TextReader(settings, opened)


class TextReader:
    """All that the program has written, once it has ended well."""

    def __init__(self, settings: Settings, opened: Opened) -> None:
        self.facts = Facts()
        self.failure: GatewayError | None = None
        self._say = Narrator(opened)
        self._written = bytearray()
        self._most = settings.max_line

    @property
    def done(self) -> bool:
        return self._say.ended

    def receive(self, data: bytes) -> list[Event]:
        if self.done:
            return []
        if len(self._written) + len(data) <= self._most:
            self._written += data
            return []
        self._written.clear()
        return self._fail(GatewayError(errors.PROTOCOL_ERROR, f"The program wrote more than {self._most} bytes."))

    def eof(self) -> list[Event]:
        return []

    def exited(self, code: int, stderr: bytes) -> list[Event]:
        if self.done:
            return []
        text = self._written.decode("utf-8", "replace").rstrip()
        if code != 0:
            return self._fail(failed(exit_message(code, stderr)))
        if not text:
            return self._fail(failed("The program ended without an answer."))
        self._say.text(text)
        self._say.end(Stopped(Stop.END))
        return self._say.take()

    def _fail(self, error: GatewayError) -> list[Event]:
        self.failure = error
        self._say.end(Failed(error.message, error.kind.code, error.kind.type))
        return self._say.take()
