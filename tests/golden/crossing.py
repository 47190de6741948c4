"""One call across two dialects, in the words of a test: what a caller sends, what an upstream answers."""

import json
from typing import Any, Final, Literal

import pytest

from dragoman.bridge import Passage
from dragoman.dialects.profile import PROFILES, Profile, adapt
from dragoman.errors import GatewayError
from tests.golden.matrix import ASKED, STREAMED, UPSTREAM_MODEL, Json, bridge

Dialect = Literal["chat", "responses", "messages"]
DONE: Final = "[DONE]"
OPEN: Final = adapt(PROFILES["vllm"], {"custom_tools": "wrap"})
"""A server of open models: one system message, no custom tools, its own field for reasoning."""


def passage(front: Dialect, back: Dialect, profile: Profile | None = None, **asked: object) -> Passage:
    """A call from `front` to `back`; `asked` are members of the request beside, or in place of, the least ones."""
    body = {name: value for name, value in (ASKED[front] | asked).items() if value is not None}
    return bridge(front, json.dumps(body).encode()).toward((back,), UPSTREAM_MODEL, profile or Profile())


def sent(front: Dialect, back: Dialect, profile: Profile | None = None, **asked: object) -> Json:
    """The request as the upstream has it."""
    body: Json = json.loads(passage(front, back, profile, **asked).body)
    return body


def refused(front: Dialect, back: Dialect, profile: Profile | None = None, **asked: object) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        passage(front, back, profile, **asked)
    return caught.value


def answered(front: Dialect, back: Dialect, answer: Json, profile: Profile | None = None, **asked: object) -> Json:
    """An upstream's finished answer as the caller has it."""
    body, _ = passage(front, back, profile, **asked).answer(json.dumps(answer).encode())
    parsed: Json = json.loads(body)
    return parsed


def streamed(front: Dialect, back: Dialect, *events: Json | str, **asked: Any) -> list[Any]:
    """The data of the events that a caller has of an upstream's stream: objects, and `DONE`."""
    relay = passage(front, back, asked.pop("profile", None), **STREAMED[front] | asked).stream()
    out = [event for one in events for event in relay.receive(wire(one))] + relay.eof()
    return [_data(event) for event in out]


def wire(event: Json | str) -> bytes:
    """An event as it travels, with its name if it has a type."""
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _data(event: bytes) -> Any:
    data = event.decode().partition("data: ")[2].rstrip("\n")
    return data if data == DONE else json.loads(data)
