"""What an upstream says, counted in case it does not count itself.

It reads the bytes that go by and never stands in their way: what it cannot read it leaves uncounted.
"""

from typing import Final

from dragoman.dialects.base import Codec
from dragoman.dialects.estimate import Count, texts_of
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError, WireError
from dragoman.turn import CallClosed, CallOpened, Event, ReasoningDelta, RefusalDelta, TextDelta

HELD: Final = 16 * 1024
"""Characters of a stream that are counted together: tokens go across its events."""


class Tally:
    """One answer of an upstream that speaks the dialect of `codec`."""

    __slots__ = ("_body", "_codec", "_count", "_counted", "_held", "_reader", "_texts")

    def __init__(self, codec: Codec, profile: Profile, count: Count, *, stream: bool, max_event: int) -> None:
        self._codec = codec
        self._count = count
        self._reader = codec.reader(max_event=max_event, profile=profile) if stream else None
        self._body: list[bytes] = []
        self._texts: list[str] = []
        self._held = 0
        self._counted = 0.0

    def receive(self, data: bytes) -> None:
        if self._reader is None:
            self._body.append(data)
            return
        try:
            events = self._reader.receive(data)
        except WireError:
            return  # whoever carries the stream to its caller finds the same, and ends it
        for event in events:
            self._hold(_said(event))
        if self._held > HELD:
            self._settle()

    def tokens(self) -> int:
        """How many have been said so far."""
        if self._body:
            self._hold(self._whole())
            self._body.clear()
        self._settle()
        return round(self._counted)

    def _hold(self, texts: list[str]) -> None:
        self._texts += texts
        self._held += sum(map(len, texts))

    def _settle(self) -> None:
        self._counted += self._count(self._texts)
        self._texts.clear()
        self._held = 0

    def _whole(self) -> list[str]:
        try:
            answer = self._codec.parse_answer(b"".join(self._body))
        except GatewayError:
            return []
        return [text for item in answer.items for text in texts_of(item)]


def _said(event: Event) -> list[str]:
    match event:
        case TextDelta() | RefusalDelta() | ReasoningDelta():
            return [event.text]
        case CallOpened():
            return [event.name]
        case CallClosed():
            return [event.arguments]
        case _:
            return []
