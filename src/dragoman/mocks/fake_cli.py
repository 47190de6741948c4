"""A command-line agent that asks no model: `claude`, `codex` or `gemini` as its gateway sees it.

It is one program of the standard library alone, so that it starts as fast as Python does and can be put anywhere:

    python -m dragoman.mocks.fake_cli claude -p --output-format json -- "good day"
    install(directory, "claude")      makes DIRECTORY/claude, to be put on PATH by tests

It answers in the format that its arguments ask for, sessions included, as the real programs were seen to. What its
user says last decides the answer: `error` is a rate limit of its provider, `recall` repeats what its session was
told, a line `call NAME JSON` calls that tool of the MCP server it is given, `hello` greets, `12 * 3` is calculated,
`weather in Rome` is told, and anything else is echoed. It falls into the traps of the real ones, too: a prompt that
begins with a slash is a command of `claude` and `gemini`, and an `@path` in it puts that file into the prompt.

Two variables of its environment make it do otherwise. `FAKE_CLI_LOG` names a file that gets a line of JSON for each
run: `argv`, `stdin`, `cwd`, `environ`, `pid`. `FAKE_CLI_SCRIPT` is a list of steps in JSON, or names a file that holds
one; they are played instead of an answer:

    {"out": "text"}   {"line": {...}}   {"err": "text"}    written; with "times": N, so often
    {"sleep": 0.5}    {"wait": "path"}                      waits so long, or until there is such a file
    {"child": 60}                                           starts a process that holds its output for so many seconds
    {"ignore": "TERM"}                                      a signal that it does not heed from now on
    {"answer": true}                                        what it would have said without a script
    {"exit": 3}       {"kill": "KILL"}                      the end; without one it exits with 0
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID

LOG: Final = "FAKE_CLI_LOG"
SCRIPT: Final = "FAKE_CLI_SCRIPT"
KINDS: Final = ("claude", "codex", "gemini")
COST: Final = 0.001
"""US dollars that a turn is said to cost."""
LIMITED: Final = "Rate limit exceeded"
GREETING: Final = "Hello! How can I assist you today?"
_USER: Final = re.compile(r"<user>\n(.*?)\n</user>", re.DOTALL)
_SUM: Final = re.compile(r"(?:what is |what's |calculate )?(-?\d{1,9})\s*([-+*/])\s*(-?\d{1,9})\s*[?.]?", re.IGNORECASE)
_WEATHER: Final = re.compile(r"\bweather\b.*?\bin ([A-Z][\w -]*)", re.IGNORECASE)
Json = dict[str, Any]


def install(directory: Path, kind: str, name: str = "") -> Path:
    """Makes an executable `name` (default `kind`) that behaves as this program does, and gives its path."""
    path = directory / (name or kind)
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {Path(__file__).resolve()} {kind} "$@"\n')
    path.chmod(0o755)
    return path


@dataclass
class Asked:
    """What the arguments and the standard input say."""

    kind: str
    prompt: str = ""
    output: str = "text"
    model: str = ""
    resume: str = ""
    session: str = ""
    system: str = ""
    partial: bool = False
    input: str = "text"
    schema: str = ""
    mcp: str = ""
    unknown: list[str] = field(default_factory=list)


_VALUES: Final = {
    "--output-format": "output", "--model": "model", "-m": "model", "--resume": "resume", "-r": "resume",
    "--session-id": "session", "--append-system-prompt": "system", "--system-prompt": "system",
    "--append-system-prompt-file": "system", "--system-prompt-file": "system",
    "--input-format": "input", "--json-schema": "schema", "--mcp-config": "mcp",
}  # fmt: skip
_IGNORED: Final = {
    "--agent", "--allowedTools", "--allowed-tools", "--approval-mode", "--disallowedTools", "--effort",
    "--fallback-model", "--max-budget-usd", "--max-turns", "--mcp-config", "--output-schema", "--permission-mode",
    "--sandbox", "--setting-sources", "--settings", "--tools", "-C", "-c", "-i", "-s",
}  # fmt: skip
"""Options with a value that changes nothing here."""


def read(kind: str, arguments: Sequence[str]) -> Asked:
    """The arguments as the program of that kind takes them; what nobody knows is in `unknown`."""
    asked = Asked(kind, output="jsonl" if kind == "codex" else "text")
    rest = list(arguments)
    words: list[str] = []
    while rest:
        one = rest.pop(0)
        name, has_value, value = one.partition("=")
        if one == "--":
            words += rest
            break
        if name in _VALUES or name in _IGNORED:
            taken = value if has_value else rest.pop(0) if rest else ""
            if name in _VALUES:
                setattr(asked, _VALUES[name], taken)
        elif one == "--include-partial-messages":
            asked.partial = True
        elif one.startswith("-") and one != "-":
            asked.unknown.append(one)
        else:
            words.append(one)
    if kind == "codex":
        words = [word for word in words if word not in ("exec", "-")]
        if words[:1] == ["resume"]:
            asked.resume, words = words[1] if len(words) > 1 else "", words[2:]
    asked.prompt = " ".join(words)
    return asked


def said(asked: Asked, stdin: str) -> str:
    """The last thing that its user says, out of whatever format it came in."""
    if asked.input == "stream-json":
        texts = [_text(json.loads(line)) for line in stdin.splitlines() if line.strip()]
        return texts[-1] if texts else ""
    return asked.prompt or stdin


def _text(message: Json) -> str:
    content = message.get("message", {}).get("content", "")
    if isinstance(content, str):
        return content
    return " ".join(str(part["text"]) for part in content if part.get("type") == "text")


def fresh_id() -> str:
    """A UUID of version 4 (RFC 9562)."""
    return str(UUID(bytes=os.urandom(16), version=4))


class Session:
    """What was said under one id, kept in the program's home as the real ones do."""

    def __init__(self, asked: Asked) -> None:
        home = Path(os.environ.get("HOME", "/tmp")) / f".{asked.kind}"
        self.id = asked.resume or asked.session or fresh_id()
        slug = "".join(c if c.isalnum() else "-" for c in str(Path.cwd()))
        found = list((home / "projects").glob(f"*/{self.id}.jsonl"))
        self.path = found[0] if found else home / "projects" / slug / f"{self.id}.jsonl"
        self.known = bool(found)
        self.earlier = [json.loads(line)["said"] for line in self.path.read_text().splitlines()] if found else []

    def add(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps({"said": text}) + "\n")

    @property
    def cost(self) -> float:
        """Of the whole session, as claude reports it."""
        return COST * (len(self.earlier) + 1)


def answer(asked: Asked, prompt: str, session: Session) -> str:
    """What is said to `prompt`; raises `RuntimeError` where a provider would refuse."""
    spoken = _USER.findall(prompt)
    heard = spoken[-1] if spoken else prompt
    last = heard.strip().splitlines()[-1] if heard.strip() else ""
    if "error" in last.lower():
        raise RuntimeError(LIMITED)
    if asked.mcp and last.startswith("call "):
        _, name, arguments = last.split(" ", 2)
        return f"The tool returned: {call_tool(asked.mcp, name, json.loads(arguments))}"
    if asked.schema:
        return json.dumps({"said": prompt})
    if "recall" in last:
        return " | ".join(session.earlier) or "Nothing was said before."
    return known(last) or f'You said: "{heard}". This is a fake agent, no model was asked.'


def known(asked: str) -> str:
    """The little that it knows; empty for anything else."""
    if asked.lower().strip(" .!") in ("hello", "hello there"):
        return GREETING
    if found := _SUM.fullmatch(asked.strip()):
        a, operator, b = int(found[1]), found[2], int(found[3])
        if operator == "/" and b == 0:
            return "Nobody can divide by zero."
        result = {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else 0}[operator]
        return f"{a} {operator} {b} = {result:g}" if operator == "/" else f"{a} {operator} {b} = {result}"
    if found := _WEATHER.search(asked):
        return f"It is sunny in {found[1].strip()}, 72 degrees Fahrenheit."
    return ""


def trapped(kind: str, prompt: str) -> str:
    """What the real program makes of a prompt that its user was not meant to write: a command, or with files in it."""
    if kind == "codex":
        return prompt
    if prompt.startswith("/"):
        return f"{prompt}\n(a command of the program's own)"
    if kind == "claude" and {"CLAUDE_CODE_DISABLE_FILE_MENTIONS", "CLAUDE_CODE_DISABLE_ATTACHMENTS"} & {*os.environ}:
        return prompt
    for path in re.findall(r"(?<!\\)@([^\s,;!?()]+)", prompt):
        if Path(path).is_file():
            prompt += f"\nContent of {path}:\n{Path(path).read_text(errors='replace')}"
    return prompt


def call_tool(config: str, name: str, arguments: Json) -> str:
    """Calls a tool of the first MCP server of a configuration, in JSON or a file of it."""
    import urllib.request  # takes twice as long as all the rest of this program

    servers = json.loads(config if config.startswith("{") else Path(config).read_text())["mcpServers"]
    server = next(iter(servers.values()))
    params = {"name": name, "arguments": arguments}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = urllib.request.Request(server["url"], body, {**headers, **server.get("headers", {})})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=600) as response:
        text = response.read().decode()
    if text.startswith("{"):
        told = json.loads(text)
    else:
        told = json.loads(next(line[6:] for line in text.splitlines() if line.startswith("data: ")))
    if "error" in told:
        return str(told["error"]["message"])
    return " ".join(part["text"] for part in told["result"]["content"])


def claude(asked: Asked, prompt: str, session: Session) -> Iterator[str | int]:
    """Lines of output, then the exit code; shapes as of claude 2.1."""
    model = asked.model or "claude-sonnet-4-5"
    try:
        text, failed = answer(asked, prompt, session), False
    except RuntimeError as error:
        text, failed = f"API Error: 429 {error}", True
    used = {
        "input_tokens": len(prompt.split()), "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": len(text.split()),
    }  # fmt: skip
    if asked.output == "text":
        yield text
        yield int(failed)
        return
    if asked.output == "stream-json":
        yield from _claude_turn(asked, text, model, used, session, failed=failed)
    yield json.dumps({
        "type": "result", "subtype": "success", "is_error": failed, "duration_ms": 5, "duration_api_ms": 3,
        "num_turns": 1, "result": text, "stop_reason": "end_turn", "session_id": session.id,
        "total_cost_usd": session.cost, "usage": used, "api_error_status": 429 if failed else None,
        "terminal_reason": "api_error" if failed else "completed", "permission_denials": [],
        "modelUsage": {model: {"inputTokens": used["input_tokens"], "outputTokens": used["output_tokens"]}},
        **({"structured_output": json.loads(text)} if asked.schema and not failed else {}),
    })  # fmt: skip
    yield int(failed)


def _claude_turn(asked: Asked, text: str, model: str, used: Json, session: Session, *, failed: bool) -> Iterator[str]:
    common = {"session_id": session.id, "uuid": fresh_id()}
    yield json.dumps({
        "type": "system", "subtype": "init", "cwd": str(Path.cwd()), "tools": [], "mcp_servers": [], "model": model,
        "permissionMode": "default", "apiKeySource": "none", "claude_code_version": "0.0.0-fake", **common,
    })  # fmt: skip
    message = {"id": "msg_fake", "type": "message", "role": "assistant", "model": model}
    whole = {**message, "content": [{"type": "text", "text": text}], "usage": used}
    spoken = {"type": "assistant", "message": whole, "parent_tool_use_id": None, **common}
    if failed:  # what its provider has refused is no stream, and a message of the program's own
        yield json.dumps({**spoken, "error": "rate_limit"})
        return
    events: list[Json] = [
        {"type": "message_start", "message": {**message, "content": [], "usage": used}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    for piece in pieces(text):
        delta = {"type": "text_delta", "text": piece}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    for event in events if asked.partial else ():
        yield json.dumps({"type": "stream_event", "event": event, "parent_tool_use_id": None, **common})
    yield json.dumps(spoken)
    ends: list[Json] = [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": used},
        {"type": "message_stop"},
    ]
    for event in ends if asked.partial else ():
        yield json.dumps({"type": "stream_event", "event": event, "parent_tool_use_id": None, **common})


def codex(asked: Asked, prompt: str, session: Session) -> Iterator[str | int]:
    """As of codex 0.171 with `--json`."""
    yield json.dumps({"type": "thread.started", "thread_id": session.id})
    yield json.dumps({"type": "turn.started"})
    try:
        text = answer(asked, prompt, session)
    except RuntimeError as error:
        message = f"unexpected status 429 Too Many Requests: {error}"
        yield json.dumps({"type": "error", "message": message})
        yield json.dumps({"type": "turn.failed", "error": {"message": message}})
        yield 1
        return
    item = {"id": "item_0", "type": "agent_message", "text": text}
    yield json.dumps({"type": "item.completed", "item": item})
    used = {  # of the whole thread, as the real one counts
        "input_tokens": sum(len(words.split()) for words in (*session.earlier, prompt)), "cached_input_tokens": 0,
        "cache_write_input_tokens": 0, "output_tokens": len(text.split()) * (len(session.earlier) + 1),
        "reasoning_output_tokens": 0,
    }  # fmt: skip
    yield json.dumps({"type": "turn.completed", "usage": used})
    yield 0


def gemini(asked: Asked, prompt: str, session: Session) -> Iterator[str | int]:
    """As of gemini 0.61; it exits with its provider's status modulo 256."""
    model, stamp = asked.model or "gemini-2.5-flash", "2026-01-01T00:00:00.000Z"
    try:
        text = answer(asked, prompt, session)
    except RuntimeError as error:
        if asked.output == "stream-json":
            yield json.dumps({"type": "init", "timestamp": stamp, "session_id": session.id, "model": model})
            told = {"type": "ApiError", "message": f"429 {error}"}
            yield json.dumps({"type": "result", "timestamp": stamp, "status": "error", "error": told})
        yield 429 % 256
        return
    tokens = {"input": len(prompt.split()), "output": len(text.split())}
    if asked.output == "json":
        counts = {"prompt": tokens["input"], "candidates": tokens["output"], "total": sum(tokens.values()), "cached": 0,
                  "thoughts": 0, "tool": 0}  # fmt: skip
        stats: Json = {"models": {model: {"tokens": counts}}, "tools": {}, "files": {}}
        yield json.dumps({"session_id": session.id, "response": text, "stats": stats}, indent=2)
    elif asked.output == "stream-json":
        yield json.dumps({"type": "init", "timestamp": stamp, "session_id": session.id, "model": model})
        yield json.dumps({"type": "message", "timestamp": stamp, "role": "user", "content": prompt})
        for piece in pieces(text):
            yield json.dumps({"type": "message", "timestamp": stamp, "role": "assistant", "content": piece,
                              "delta": True})  # fmt: skip
        stats = {"total_tokens": sum(tokens.values()), "input_tokens": tokens["input"],
                 "output_tokens": tokens["output"], "cached": 0, "duration_ms": 5, "tool_calls": 0}  # fmt: skip
        yield json.dumps({"type": "result", "timestamp": stamp, "status": "success", "stats": stats})
    else:
        yield text
    yield 0


def pieces(text: str) -> Iterable[str]:
    """A text in the tokens that it streams as: words with the space before them."""
    words = text.split(" ")
    return [word if number == 0 else f" {word}" for number, word in enumerate(words)]


def respond(asked: Asked, stdin: str) -> int:
    """Answers as the program would; gives its exit code."""
    session = Session(asked)
    if asked.resume and not session.known:
        print(f"No conversation found with session ID: {asked.resume}", file=sys.stderr)
        return 1
    prompt = trapped(asked.kind, said(asked, stdin)).strip()
    if not prompt:
        print("Error: Input must be provided either through stdin or as a prompt argument", file=sys.stderr)
        return 1
    speak = {"claude": claude, "codex": codex, "gemini": gemini}[asked.kind]
    code = 0
    for line in speak(asked, prompt, session):
        if isinstance(line, int):
            code = line
        else:
            print(line, flush=True)
    if code == 0:
        session.add(prompt)
    return code


def play(steps: Iterable[Json], asked: Asked, stdin: str) -> int:
    """Does what a script says; gives the exit code."""
    for step in steps:
        if "exit" in step:
            return int(step["exit"])
        if "answer" in step:
            respond(asked, stdin)
        for name, act in _ACTS.items():
            if name in step:
                act(step)
    return 0


def _write(stream: BinaryIO, name: str, step: Json) -> None:
    for _ in range(step.get("times", 1)):
        stream.write(str(step[name]).encode("utf-8", "surrogateescape"))
    stream.flush()


def _wait(step: Json) -> None:
    while not Path(step["wait"]).exists():
        time.sleep(0.01)


_ACTS: Final[dict[str, Callable[[Json], object]]] = {
    "out": lambda step: _write(sys.stdout.buffer, "out", step),
    "err": lambda step: _write(sys.stderr.buffer, "err", step),
    "line": lambda step: print(json.dumps(step["line"]), flush=True),
    "sleep": lambda step: time.sleep(step["sleep"]),
    "wait": _wait,
    "child": lambda step: subprocess.Popen(["sleep", str(step["child"])]),
    "ignore": lambda step: signal.signal(getattr(signal, f"SIG{step['ignore']}"), signal.SIG_IGN),
    "kill": lambda step: os.kill(os.getpid(), getattr(signal, f"SIG{step['kill']}")),
}


def main(arguments: Sequence[str]) -> int:
    """The program: its kind, then the arguments of the real one."""
    environ = dict(os.environ)
    kind, rest = (arguments[0], arguments[1:]) if arguments and arguments[0] in KINDS else ("claude", arguments)
    if rest[:1] == ["--version"]:
        print("0.0.0 (fake)")
        return 0
    stdin = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace")
    if LOG in environ:
        ran = {"argv": list(rest), "stdin": stdin, "cwd": str(Path.cwd()), "environ": environ, "pid": os.getpid()}
        with open(environ[LOG], "a") as log:
            log.write(json.dumps(ran) + "\n")
    asked = read(kind, rest)
    try:
        if SCRIPT not in environ:
            return respond(asked, stdin)
        script = environ[SCRIPT]
        steps = json.loads(script if script.lstrip().startswith("[") else Path(script).read_text())
        return play(steps, asked, stdin)
    except KeyboardInterrupt:
        return interrupted(kind)


def interrupted(kind: str) -> int:
    """After SIGINT; claude calls its result an error, but exits with 0."""
    if kind != "claude":
        return 128 + signal.SIGINT
    result = {"type": "result", "subtype": "error_during_execution", "is_error": True, "session_id": "", "errors": []}
    print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
