"""Requests of the tests, and what an answer to them is rendered for."""

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.base import Rendered, Setting
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.profile import Profile
from dragoman.errors import ErrorKind, GatewayError
from dragoman.turn import Item, Turn

Json = dict[str, Any]

NOW: Final = 1_700_000_000
HI: Final[Json] = {"role": "user", "content": "Hi"}
UNSUPPORTED: Final = errors.UNSUPPORTED_PARAMETER
INVALID: Final = errors.INVALID_REQUEST


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def body(**members: object) -> bytes:
    return json.dumps({"model": "fast", "messages": [HI]} | members).encode()


def parsed(**members: object) -> Turn:
    """The turn of a request with these members beside a model and a message."""
    return CHAT_CODEC.parse(body(**members))


def items(*messages: object) -> tuple[Item, ...]:
    """The items that the messages of a request become."""
    return parsed(messages=list(messages)).items


def rendered(turn: Turn, profile: Profile | None = None) -> Json:
    """The body for an upstream that knows the model as `m`."""
    sent: Json = json.loads(render(turn, profile).body)
    return sent


def render(turn: Turn, profile: Profile | None = None) -> Rendered:
    return CHAT_CODEC.render(turn, "m", profile or Profile())


def messages(*given: Item, profile: Profile | None = None) -> list[Json]:
    """The messages that items become."""
    sent: list[Json] = rendered(Turn("fast", items=given), profile)["messages"]
    return sent


def losses(turn: Turn, profile: Profile | None = None) -> list[tuple[str, str]]:
    return [(loss.param, loss.kind) for loss in render(turn, profile).losses]


def refused(what: Callable[[], object], param: str, kind: ErrorKind = UNSUPPORTED) -> str:
    """Demands that `what` is refused with an error that names `param`; gives its message."""
    with pytest.raises(GatewayError) as caught:
        what()
    assert (caught.value.kind, caught.value.param) == (kind, param), caught.value.message
    return caught.value.message


def numbered() -> Callable[[str], str]:
    """Ids that count up."""
    given: list[str] = []

    def new_id(prefix: str) -> str:
        given.append(prefix)
        return f"{prefix}{len(given)}"

    return new_id


def setting(turn: Turn | None = None, *, include_usage: bool = False) -> Setting:
    return Setting(turn or Turn("fast"), numbered(), NOW, include_usage)
