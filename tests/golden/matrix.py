"""The matrix: each case in one dialect, carried to every other one as a call would carry it.

A case is one file below `cases/`, in its directory by what it is and named `NAME.DIALECT.json` or `.sse`:

    request   what a caller sends                to an upstream of each dialect, and of one profile more
    answer    what an upstream answers           to a caller of each dialect
    stream    the same, streamed                 to a caller of each dialect
    error     a body that is no success, named   to a caller of each dialect
              `NAME-STATUS`

What comes of it, losses and refusals included, is a snapshot of the same name with the target behind it. Where
both sides speak the same dialect nothing may change but the model's name; only what does not pass as it is has a
snapshot then. Ids are counted and the clock stands still, so snapshots hold byte for byte.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.bridge import FRONT_DOORS, Bridge, Ids, Passage
from dragoman.dialects.profile import PROFILES, Profile, adapt
from dragoman.errors import GatewayError
from dragoman.turn import Loss, Usage
from tests.wire.cuts import Parts, bytewise

HERE: Final = Path(__file__).parent
CASES: Final = HERE / "cases"
SNAPSHOTS: Final = HERE / "snapshots"
KINDS: Final = ("request", "answer", "stream", "error")
UPSTREAM_MODEL: Final = "upstream-model"
NOW: Final = 1_754_000_000.0

Json = dict[str, Any]

# What a caller asked for, to whom an answer goes; a stream's caller wants all that there is to be told.
ASKED: Final[dict[str, Json]] = {
    "chat": {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"model": "fast", "input": "Hi"},
    "messages": {"model": "fast", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]},
}
STREAMED: Final[dict[str, Json]] = {
    "chat": {"stream": True, "stream_options": {"include_usage": True}},
    "responses": {"stream": True},
    "messages": {"stream": True},
}


@dataclass(frozen=True)
class Target:
    """The other side of a call; callers have no profile."""

    name: str
    dialect: str
    profile: Profile


TARGETS: Final = (
    Target("chat", "chat", Profile()),
    Target("responses", "responses", Profile()),
    Target("messages", "messages", PROFILES["anthropic"]),
)
OPEN_MODELS: Final = Target("vllm", "chat", adapt(PROFILES["vllm"], {"custom_tools": "wrap"}))
"""A server of open models: one system message, custom tools wrapped, its own field for reasoning."""


@dataclass(frozen=True)
class Case:
    kind: str
    name: str
    dialect: str
    data: bytes

    @property
    def targets(self) -> tuple[Target, ...]:
        return (*TARGETS, OPEN_MODELS) if self.kind == "request" and self.dialect != "chat" else TARGETS

    @property
    def file(self) -> str:
        suffix = "sse" if self.kind == "stream" else "json"
        return f"{self.kind}/{self.name}.{self.dialect}.{suffix}"

    def snapshot(self, target: Target) -> Path:
        stem, _, suffix = self.file.rpartition(".")
        return SNAPSHOTS / f"{stem}.to-{target.name}.{suffix}"

    def run(self, target: Target) -> bytes | None:
        """What comes of the case, as a snapshot; None where it passes as it is."""
        return _RUN[self.kind](self, target)


def cases() -> list[Case]:
    found = []
    for kind in KINDS:
        for path in sorted((CASES / kind).iterdir()):
            name, dialect, _ = path.name.rsplit(".", 2)
            case = Case(kind, name, dialect, path.read_bytes())
            assert case.file == f"{kind}/{path.name}", f"{path} is not named after what it is"
            found.append(case)
    return found


def bridge(dialect: str, body: bytes) -> Bridge:
    front = next(front for front in FRONT_DOORS if front.name == dialect)
    return Bridge(front, body, Ids(_counted(), lambda: NOW))


def _counted() -> Callable[[str], str]:
    given: list[str] = []

    def new_id(prefix: str) -> str:
        given.append(prefix)
        return f"{prefix}{len(given)}"

    return new_id


def _answering(case: Case, caller: Target, **more: object) -> tuple[Bridge, Passage]:
    """The way back from an upstream of the case's dialect to a caller of another one."""
    asked = bridge(caller.dialect, json.dumps(ASKED[caller.dialect] | more).encode())
    source = next(target for target in TARGETS if target.dialect == case.dialect)
    return asked, asked.toward((case.dialect,), UPSTREAM_MODEL, source.profile)


def _request(case: Case, target: Target) -> bytes | None:
    try:
        passage = bridge(case.dialect, case.data).toward((target.dialect,), UPSTREAM_MODEL, target.profile)
    except GatewayError as error:
        return _refused(error)
    if target.dialect == case.dialect and target is not OPEN_MODELS and _same(passage.body, case.data):
        return None
    return _pretty(path=passage.path, losses=_losses(passage.losses), body=msgspec.Raw(passage.body))


def _answer(case: Case, target: Target) -> bytes | None:
    _, passage = _answering(case, target)
    try:
        body, usage = passage.answer(case.data)
    except GatewayError as error:
        return _refused(error)
    if target.dialect == case.dialect and _same(body, case.data):
        return None
    return _pretty(usage=usage, body=msgspec.Raw(body))


def _error(case: Case, target: Target) -> bytes | None:
    asked, passage = _answering(case, target)
    status = int(case.name.rpartition("-")[2])
    body = passage.error(case.data, status, f"The upstream 'up' answered {status}.")
    if target.dialect == case.dialect and body == case.data:
        return None
    in_stream = [event.decode() for event in asked.error_events(body)]
    return _pretty(status=status, body=msgspec.Raw(body), in_stream=in_stream)


def _stream(case: Case, target: Target) -> bytes | None:
    """The stream as the caller has it, and how it ended as comments; cut in any way it must come out the same."""
    whole = _streamed(case, target, (case.data,))
    lines = tuple(case.data.splitlines(keepends=True))
    assert _streamed(case, target, lines) == whole, "cut at its lines, the stream comes out differently"
    assert _streamed(case, target, bytewise(case.data)) == whole, "cut into bytes, the stream comes out differently"
    passed = target.dialect == case.dialect and _events(whole) == _renamed(_events(case.data))
    return None if passed else whole


def _streamed(case: Case, target: Target, parts: Parts) -> bytes:
    _, passage = _answering(case, target, **STREAMED[target.dialect])
    relay = passage.stream()
    out: list[bytes] = []
    try:
        for part in parts:
            out += relay.receive(part)
        out += relay.eof()
    except GatewayError as error:
        assert not out, "an error must not be raised once something was sent"
        return f": refused {error.kind.status} {error.kind.code}: {error.message}\n".encode()
    assert relay.finished is (relay.failure is None)
    end = "finished" if relay.failure is None else f"failed {relay.failure.kind.code}: {relay.failure.message}"
    return b"".join(out) + f": {end}\n: usage {_used(relay.usage)}\n".encode()


def _events(data: bytes) -> list[bytes]:
    """What the events say; the end marker is sent also where an upstream leaves it out."""
    return [line for line in data.splitlines() if line.startswith(b"data:") and line != b"data: [DONE]"]


def _renamed(events: Iterable[bytes]) -> list[bytes]:
    return [event.replace(UPSTREAM_MODEL.encode(), b"fast") for event in events]


def _same(one: bytes, other: bytes) -> bool:
    """Whether two bodies say the same but for the model."""
    first, second = json.loads(one), json.loads(other)
    return bool(first | {"model": None} == second | {"model": None})


def _used(usage: Usage | None) -> str:
    return "none" if usage is None else msgspec.json.encode(usage).decode()


def _losses(losses: tuple[Loss, ...]) -> list[str]:
    return [f"{loss.param} {loss.kind}: {loss.note}" for loss in losses]


def _refused(error: GatewayError) -> bytes:
    kind = error.kind
    refusal = {"status": kind.status, "code": kind.code, "param": error.param, "message": error.message}
    return _pretty(refused=refusal)


def _pretty(**members: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(members), indent=2) + b"\n"


_RUN: Final[dict[str, Callable[[Case, Target], bytes | None]]] = {
    "request": _request,
    "answer": _answer,
    "stream": _stream,
    "error": _error,
}
