"""The response object of a call that is answered later, and how it ends where its own stream does not say so.

Pure: objects and the events of a stream in, objects and events out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

from dragoman.dialects.base import Setting
from dragoman.dialects.responses import echo, errors
from dragoman.wire import sse
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody
from dragoman.wire.responses import NULL

LAST: Final = frozenset(("response.completed", "response.incomplete", "response.failed"))
"""Events after which nothing comes."""


class _Head(msgspec.Struct, frozen=True):
    type: str = ""
    sequence_number: int = -1
    item: Raw = NULL


_head: Final = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a stream that was kept."""

    kind: str
    number: int
    data: bytes

    def render(self) -> bytes:
        """The event as it stands in a stream."""
        return sse.render(self.data, self.kind.encode())


def parse_event(data: bytes) -> Told:
    """An event by its JSON."""
    head = _head.decode(data)
    return Told(head.type, head.sequence_number, data)


def number_event(data: bytes, number: int) -> Told:
    """An event under its number in the stream that is kept, however its upstream counts."""
    head = _head.decode(data)
    if head.sequence_number != number:
        data = render_fields({**parse_fields(data), "sequence_number": raw(number)})
    return Told(head.type, number, data)


def queued(setting: Setting, members: Fields) -> Fields:
    """The object before anything was done for it; `members` are those that only who keeps it can say."""
    begun = msgspec.json.encode(echo.begin(setting, "", setting.now))
    return {**parse_fields(begun), "status": raw("queued"), **members}


def failed(response: Fields, error: ErrorBody) -> Fields:
    return {**response, "status": raw("failed"), "error": raw(errors.of_response(error))}


def cancelled(response: Fields) -> Fields:
    return {**response, "status": raw("cancelled")}


def created(response: Fields) -> bytes:
    """The first event of a stream that has no other."""
    begun = {**response, "status": raw("in_progress"), "output": raw([])}
    return _render("response.created", 0, begun)


def last(response: Fields, number: int) -> bytes:
    """The event that ends a stream after one that stopped before event `number`.

    There is none for a cancelled response, which is no less incomplete.
    """
    kind = "response.failed" if bytes(response["status"]) == b'"failed"' else "response.incomplete"
    return _render(kind, number, response)


def partial(events: Iterable[bytes]) -> tuple[Raw, ...]:
    """The items that were whole when a stream stopped."""
    done = (_head.decode(data) for data in events if b'"response.output_item.done"' in data)
    return tuple(head.item for head in done if head.type == "response.output_item.done")


def _render(kind: str, number: int, response: Fields) -> bytes:
    return msgspec.json.encode({"type": kind, "sequence_number": number, "response": Raw(render_fields(response))})
