"""An answer that the gateway keeps, on its way to the caller: under the gateway's id, and with what it knows of it.

The response object in an answer, and in the few events of a stream that carry one, gets the members that only
who keeps it can say: its id, what it follows on, that it is stored. The last such object is what is kept.
"""

from collections.abc import Sequence
from typing import Final, Generic

import msgspec
from msgspec import Raw

from dragoman.dialects.base import D, Relay
from dragoman.dialects.responses.continuation import is_item
from dragoman.dialects.responses.dialect import failure
from dragoman.errors import GatewayError
from dragoman.turn import Usage
from dragoman.wire import sse
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody
from dragoman.wire.responses import NULL

_CARRIERS: Final = tuple(
    b"event: response." + name for name in
    (b"created", b"queued", b"in_progress", b"completed", b"incomplete", b"failed")
)  # fmt: skip
_GOOD_ENDS: Final = (b"event: response.completed", b"event: response.incomplete")
_ITEMS: Final = (b"event: response.output_item.added", b"event: response.output_item.done")
_SEAL: Final = b'"encrypted_content"'
_ENDED: Final = ("completed", "incomplete", "failed", "cancelled")


_string: Final = msgspec.json.Decoder(str)
_number: Final = msgspec.json.Decoder(int | None)
_output: Final = msgspec.json.Decoder(list[Raw])


class KeptAnswer:
    """One response that is kept: its members so far, and its status once it has ended."""

    __slots__ = ("_members", "_seals", "fields", "status")

    def __init__(self, members: Fields, *, seals: bool = True) -> None:
        """`members` replace those of the response object; `seals` says whether the caller sees sealed reasoning."""
        self._members = members
        self._seals = seals
        self.fields: Fields = {}
        self.status = ""

    def answer(self, body: bytes) -> bytes:
        """A whole answer."""
        return render_fields(self._shown(self._take(body, "completed")))

    def event(self, event: bytes) -> bytes:
        """One event of a stream, as it stands in the stream."""
        if event.startswith(_CARRIERS):
            head, fields = _split(event)
            body = fields.get("response", NULL)
            if not bytes(body).startswith(b"{"):
                return event
            kind = head.removeprefix(b"response.").decode("ascii", "replace")
            taken = self._take(bytes(body), kind if kind in _ENDED else "in_progress")
            fields["response"] = Raw(render_fields(self._shown(taken)))
        elif not self._seals and event.startswith(_ITEMS) and _SEAL in event:
            head, fields = _split(event)
            fields |= {name: without_seal(item) for name, item in fields.items() if name == "item"}
        else:
            return event
        return sse.render(render_fields(fields), head)

    def unkept(self, events: Sequence[bytes], error: ErrorBody) -> list[bytes]:
        """The last events of a stream whose answer could not be kept: it has failed."""
        for place, event in enumerate(events):
            if event.startswith(_GOOD_ENDS):
                number = _number.decode(_split(event)[1].get("sequence_number", NULL)) or 0
                fields = {name: value for name, value in self._shown(self.fields).items() if name != "completed_at"}
                return [*events[:place], *failure(error, number, {**fields, "completed_at": NULL})]
        return list(events)

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    @property
    def id(self) -> str:
        return _text(self.fields.get("id", NULL))

    @property
    def output(self) -> tuple[Raw, ...]:
        """The items of the answer; what an upstream puts there that is none cannot be kept."""
        return tuple(filter(is_item, _listed(self.fields.get("output", NULL))))

    @property
    def body(self) -> bytes:
        """The response object without its output, which is kept item by item."""
        return render_fields({name: value for name, value in self.fields.items() if name != "output"})

    def _shown(self, fields: Fields) -> Fields:
        output = fields.get("output")
        if self._seals or output is None or _SEAL not in bytes(output):
            return fields
        return {**fields, "output": raw(list(map(without_seal, _listed(output))))} if _listed(output) else fields

    def _take(self, body: bytes, otherwise: str) -> Fields:
        """The members of a response object; `otherwise` is its status if it says none."""
        fields = parse_fields(body)
        self.status = _text(fields.get("status", NULL)) or otherwise
        self.fields = {**fields, **self._members}
        return self.fields


def _text(value: Raw) -> str:
    """A string, empty where there is none."""
    try:
        return _string.decode(value)
    except msgspec.DecodeError:
        return ""


def _listed(value: Raw) -> list[Raw]:
    """A list, empty where there is none."""
    try:
        return _output.decode(value)
    except msgspec.DecodeError:
        return []


def without_seal(item: Raw) -> Raw:
    """An item as those see it who did not ask for sealed reasoning."""
    if _SEAL not in bytes(item) or not bytes(item).startswith(b"{"):
        return item
    members = parse_fields(bytes(item))
    if bytes(members.get("type", NULL)) != b'"reasoning"':
        return item
    return Raw(render_fields({name: value for name, value in members.items() if name != "encrypted_content"}))


def _split(event: bytes) -> tuple[bytes, Fields]:
    head, data = event.split(b"\n", 2)[:2]
    return head.removeprefix(b"event: "), parse_fields(data.removeprefix(b"data: "))


class KeptStream(Generic[D]):
    """A relay whose events pass through a `KeptAnswer`."""

    __slots__ = ("_kept", "_relay")

    def __init__(self, relay: Relay[D], kept: KeptAnswer) -> None:
        self._relay = relay
        self._kept = kept

    @property
    def started(self) -> bool:
        return self._relay.started

    @property
    def finished(self) -> bool:
        return self._relay.finished

    @property
    def usage(self) -> Usage | None:
        return self._relay.usage

    @property
    def failure(self) -> GatewayError | None:
        return self._relay.failure

    def receive(self, data: D) -> list[bytes]:
        return [self._kept.event(event) for event in self._relay.receive(data)]

    def eof(self) -> list[bytes]:
        return [self._kept.event(event) for event in self._relay.eof()]

    def fail(self, error: GatewayError) -> list[bytes]:
        return [self._kept.event(event) for event in self._relay.fail(error)]
