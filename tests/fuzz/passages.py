"""Calls of every dialect to upstreams of every dialect, without a network, held to what is true of every call."""

import json
from collections.abc import Iterable
from itertools import count
from typing import Any, Final

from dragoman import errors
from dragoman.bridge import FRONT_DOORS, Bridge, Ids, Passage
from dragoman.dialects.base import StreamRelay
from dragoman.dialects.estimate import by_chars
from dragoman.dialects.profile import Profile
from dragoman.dialects.sealing import Envelopes
from dragoman.errors import GatewayError
from dragoman.wire import sse
from tests.fuzz import grammar

Json = dict[str, Any]

NAMES: Final = ("chat", "responses", "messages")
PAIRS: Final = [(front, back) for front in NAMES for back in NAMES]
CROSSINGS: Final = [(front, back) for front, back in PAIRS if front != back]
MODEL: Final = "fast"
NOW: Final = 1_800_000_000
ENOUGH: Final = 1 << 20
_SILENCE: Final = GatewayError(errors.IDLE_TIMEOUT, "silence")
_BROKEN: Final = (errors.PROTOCOL_ERROR, errors.STREAM_ABORTED, errors.IDLE_TIMEOUT)
_DOORS: Final = {door.name: door for door in FRONT_DOORS}
_PROFILE: Final = Profile(custom_tools="wrap")
_TOOL: Final[Json] = {"name": "look", "parameters": {"type": "object"}}
_CALLERS: Final[dict[str, Json]] = {
    "chat": {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [
            {"type": "function", "function": _TOOL},
            {"type": "custom", "custom": {"name": "apply_patch"}},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "responses": {
        "model": MODEL,
        "input": "Hi",
        "tools": [{"type": "function", **_TOOL}, {"type": "custom", "name": "apply_patch"}],
        "stream": True,
    },
    "messages": {
        "model": MODEL,
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
        "stream": True,
    },
}
# Members that make other callers of these. A function call of `apply_patch` is the custom tool's, where there is one.
_OTHERS: Final[dict[str, Json]] = {
    "chat, allowed": {
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "look"}}]},
        }
    },
    "chat, functions": {"tools": None, "functions": [_TOOL]},
    "responses, sealed": {"include": ["reasoning.encrypted_content"]},
    "messages, sealed": {},
    "messages, hidden": {"thinking": {"type": "adaptive", "display": "omitted"}},
}
ASKED: Final[dict[str, Json]] = {
    **_CALLERS,
    **{name: _CALLERS[name.partition(",")[0]] | more for name, more in _OTHERS.items()},
}
"""What each caller asks; its name begins with its dialect."""


IDS: Final = Ids(lambda prefix: f"{prefix}1", lambda: NOW)


class _Legible:
    """Seals nothing, so that what is sealed can be compared."""

    def seal(self, data: bytes, bound: bytes) -> str:
        return data.hex()

    def open(self, sealed: str, bound: bytes) -> bytes | None:
        return bytes.fromhex(sealed)


def dialect_of(caller: str) -> str:
    return caller.partition(",")[0]


def passage(caller: str, back: str, max_event: int = ENOUGH) -> Passage:
    numbers = count()
    ids = Ids(lambda prefix: f"{prefix}{next(numbers)}", lambda: NOW)
    bridge = Bridge(_DOORS[dialect_of(caller)], json.dumps(ASKED[caller]).encode(), ids, max_event=max_event)
    envelopes = Envelopes(_Legible(), b"") if caller.endswith("sealed") else None
    return bridge.toward((back,), "up", _PROFILE, envelopes=envelopes)


class Streamed:
    """What became of one stream."""

    def __init__(
        self, caller: str, back: str, parts: Iterable[bytes], max_event: int = ENOUGH, *, given_up: bool = False
    ) -> None:
        """`given_up`: the gateway ends it, not the upstream."""
        self.front = dialect_of(caller)
        self.translated = self.front != back
        way = passage(caller, back, max_event)
        self.relay: StreamRelay = way.stream()
        tally = way.tally(by_chars)
        assert tally is not None
        self.sent: list[bytes] = []
        self.raised: GatewayError | None = None
        try:
            for part in parts:
                tally.receive(part)
                self.sent += self.relay.receive(part)
            self.sent += self.relay.fail(_SILENCE) if given_up else self.relay.eof()
        except GatewayError as error:
            self.raised = error
        self.bodies = [body_of(event, self.translated) for event in self.sent if event != sse.render(sse.DONE)]
        assert tally.tokens() >= 0
        self._check()

    def _check(self) -> None:
        """What holds of every stream there is: nothing and an error, or events and one end."""
        relay = self.relay
        if self.raised is not None:
            assert (self.sent, relay.started, relay.finished) == ([], False, False)
            assert relay.failure is self.raised
            assert self.raised.kind in _BROKEN
        else:
            assert relay.started
            assert relay.finished is (relay.failure is None)
            assert relay.failure is None or relay.failure.kind in _BROKEN
            _ENDS[self.front](self)
            if self.translated:
                grammar.check(self.front, self.bodies)
        assert relay.receive(b"data: {}\n\ndata: rubbish\n\n") == relay.eof() == []
        assert relay.fail(_SILENCE) == []

    @property
    def outcome(self) -> tuple[object, ...]:
        relay = self.relay
        raised, failure = (
            None if error is None else (error.kind, error.message) for error in (self.raised, relay.failure)
        )
        return self.sent, raised, failure, relay.usage, relay.started, relay.finished


def body_of(event: bytes, translated: bool) -> Json:
    """The data of one whole event."""
    assert event.endswith(b"\n\n")
    assert b"\r" not in event
    *head, data = event[:-2].split(b"\n")
    assert data.startswith(b"data: ")
    body: Json = json.loads(data[6:].decode())
    if head and translated:
        assert head == [b"event: " + body["type"].encode()]
    return body


def _ends_chat(streamed: Streamed) -> None:
    assert streamed.sent[-1] == sse.render(sse.DONE)
    assert streamed.sent.count(sse.render(sse.DONE)) == 1
    failed = ["error" in body and body["error"] is not None for body in streamed.bodies]
    assert failed.count(True) == (not streamed.relay.finished)
    assert streamed.relay.finished or failed[-1]
    if streamed.translated:
        finishes = [choice["finish_reason"] for body in streamed.bodies for choice in body.get("choices", [])]
        assert len([reason for reason in finishes if reason]) == streamed.relay.finished


def _ends_responses(streamed: Streamed) -> None:
    kinds = [body["type"] for body in streamed.bodies]
    whole = [kind for kind in kinds if kind in ("response.completed", "response.incomplete")]
    assert len(whole) == streamed.relay.finished
    if streamed.relay.finished:
        assert kinds[-1] == whole[0]
        assert not {"error", "response.failed"} & set(kinds)
    else:
        assert kinds[-1] in ("response.failed", "error")
        assert kinds.count(kinds[-1]) == 1
    if streamed.translated:
        assert streamed.sent[-1] == sse.render(sse.DONE)
        assert kinds[-1] != "error"


def _ends_messages(streamed: Streamed) -> None:
    kinds = [body["type"] for body in streamed.bodies]
    assert kinds.count("message_stop") == streamed.relay.finished
    assert kinds.count("error") == (not streamed.relay.finished)
    assert kinds[-1] in ("message_stop", "error")


_ENDS: Final = {"chat": _ends_chat, "responses": _ends_responses, "messages": _ends_messages}
