"""The shell as a command-line agent: a prompt is a script, and what it prints is said in lines of a word and a rest."""

import sys

from dragoman import errors
from dragoman.dialects.commands.base import Facts, Invocation, Output, Run, Settings, TempFile
from dragoman.dialects.commands.failures import exit_message
from dragoman.errors import GatewayError
from dragoman.turn import Event, Failed, Message, Opened, Stop, Stopped, Streaming, Text, TextDelta, Turn, Usage, Used

CALL = """
import json, sys, urllib.request
name, url = sys.argv[1:]
call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {"a": 1}}}
asked = urllib.request.Request(url, json.dumps(call).encode(), {"Content-Type": "application/json"})
said = urllib.request.urlopen(asked).read().decode().partition("data: ")[2]
result = json.loads(said)["result"]
print("text", "failed" if result["isError"] else "gave", result["content"][0]["text"], flush=True)
"""
"""Calls a tool of an MCP server and says what it gave."""


def calls(*names: str) -> str:
    """A script that calls tools of its caller's, all at once."""
    each = [f"{sys.executable} -IS -c '{CALL}' {name} \"$5\" &" for name in names]
    return "\n".join([*each, "wait"])


class ShellAdapter:
    """`$1` is the session to go on with, `$2` what it has cost, `$3` whether it is kept, `$4` a file, `$5` tools,
    `$6` what it may cost."""

    name = "text"
    outputs: tuple[Output, ...] = ("stream-json", "text")
    takes_tools: bool = True

    def streaming(self, output: Output) -> Streaming:
        return "tokens" if output == "stream-json" else "none"

    def prepare(self, turn: Turn, model: str, settings: Settings, run: Run) -> Invocation:
        script = "".join(
            part.text
            for item in turn.items
            if isinstance(item, Message)
            for part in item.parts
            if isinstance(part, Text)
        )
        if not script:
            raise GatewayError(errors.INVALID_REQUEST, "There is no prompt.", param="messages")
        facts = (run.session, f"{run.spent.cost_usd or 0:g}", "kept" if run.keeps else "once")
        return Invocation(
            ("-s", "--", *facts, TempFile("note", b"noted"), run.tools_url, f"{settings.max_budget_usd}"),
            script.encode(),
        )

    def reader(self, turn: Turn, settings: Settings, run: Run, opened: Opened) -> "ShellReader":
        return ShellReader(run, opened)


class ShellReader:
    """`text`, `session`, `cost`, `fail` and `done`; no line of another kind means anything."""

    def __init__(self, run: Run, opened: Opened) -> None:
        self._run = run
        self._opened: list[Event] = [opened]
        self._line = b""
        self.done = False
        self.facts = Facts()
        self.failure: GatewayError | None = None

    def receive(self, data: bytes) -> list[Event]:
        *lines, self._line = (self._line + data).split(b"\n")
        events: list[Event] = []
        for line in lines:
            word, _, rest = line.decode("utf-8", "replace").partition(" ")
            if not self.done:
                events += self._read(word, rest)
        return self._with_opened(events)

    def eof(self) -> list[Event]:
        return []

    def exited(self, code: int, stderr: bytes) -> list[Event]:
        return self._with_opened(self._fail(GatewayError(errors.EXECUTION_FAILED, exit_message(code, stderr))))

    def _read(self, word: str, rest: str) -> list[Event]:
        match word:
            case "text":
                return [TextDelta(rest)]
            case "session":
                self.facts.session = rest
                return self._with_opened([], anyway=True)
            case "cost":
                self.facts.spent = Usage(cost_usd=float(rest))
            case "fail":
                return self._used() + self._fail(GatewayError(errors.RATE_LIMIT_EXCEEDED, rest))
            case "done":
                self.done = True
                return [*(self._used() or [Used(Usage(1, 1, cost_usd=0.0))]), Stopped(Stop.END)]
        return []

    def _used(self) -> list[Event]:
        """Since its session was gone on with, if it has said what that has cost."""
        cost = self.facts.spent.cost_usd
        return [] if cost is None else [Used(Usage(1, 1, cost_usd=cost - (self._run.spent.cost_usd or 0.0)))]

    def _fail(self, error: GatewayError) -> list[Event]:
        self.done = True
        self.failure = error
        return [Failed(error.message)]

    def _with_opened(self, events: list[Event], *, anyway: bool = False) -> list[Event]:
        if events or anyway:
            events, self._opened = [*self._opened, *events], []
        return events
