"""One stream through the reader, held to what is true of every stream there is."""

from typing import Final

from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.profile import Profile
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Opened,
    ReasoningDelta,
    RefusalDelta,
    Stopped,
    TextDelta,
    Used,
)
from tests.dialects.chat.streams import HELLO, Json, choice, chunk, event, stream
from tests.wire.cuts import Parts

SAYS: Final = (TextDelta, RefusalDelta, ReasoningDelta, Annotated)


class Reading:
    """What became of one stream."""

    def __init__(self, parts: Parts, max_event: int = 1 << 20) -> None:
        self.reader = CHAT_CODEC.reader(max_event=max_event, profile=Profile())
        self.events: list[Event] = []
        self.error: str | None = None
        try:
            for part in parts:
                self.events += self.reader.receive(part)
            self.events += self.reader.eof()
        except WireError as error:
            self.error = str(error)
        self.check()

    def check(self) -> None:
        """The rules of the neutral vocabulary, and that nothing comes after the end."""
        events = self.events
        assert not any(isinstance(event, Opened) for event in events[1:])
        assert not events or isinstance(events[0], Opened)
        assert not any(isinstance(event, Stopped | Failed) for event in events[:-1])
        whole = bool(events) and isinstance(events[-1], Stopped)
        failed = bool(events) and isinstance(events[-1], Failed)
        assert self.reader.done is (whole or failed)
        assert not (self.reader.done and self.error)
        used = [number for number, event in enumerate(events) if isinstance(event, Used)]
        assert used in ([], [len(events) - 2])
        self.check_items(whole)
        if self.reader.done:
            assert self.reader.receive(event(HELLO) + b"data: rubbish\n\n") == self.reader.eof() == []

    def check_items(self, whole: bool) -> None:
        said: list[str] | None = None
        for given in self.events:
            match given:
                case CallOpened():
                    assert said is None
                    assert given.name
                    assert given.call_id
                    said = []
                case CallDelta():
                    assert said is not None
                    assert given.text
                    said.append(given.text)
                case CallClosed():
                    assert said is not None
                    assert given.arguments == ("".join(said) or given.arguments)
                    said = None
                case TextDelta() | RefusalDelta() | ReasoningDelta():
                    assert said is None
                    assert given.text
                case Annotated() | Used() | Stopped():
                    assert said is None
                case _:
                    continue
        assert said is None or not whole

    @property
    def outcome(self) -> tuple[object, ...]:
        return self.events, self.error, self.reader.done


def read(*chunks: Json, end: bytes | None = None) -> list[Event]:
    """The events of a stream that came whole."""
    reading = Reading((stream(*chunks) if end is None else stream(*chunks, end=end),))
    assert reading.error is None, reading.error
    return reading.events


def said(events: list[Event]) -> list[Event]:
    """Without the frame that every answer has."""
    return [event for event in events if not isinstance(event, Opened | Used | Stopped)]


def delta(**members: object) -> Json:
    return chunk(choice(members))


def piece(
    index: int | None = 0, identity: str | None = None, name: str | None = None, arguments: object = None
) -> Json:
    """A piece of a call; None leaves a member out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    known = {"index": index, "id": identity, "function": function or None}
    return {key: value for key, value in known.items() if value is not None}


def pieces(*given: Json) -> Json:
    return delta(tool_calls=list(given))


FINISHED: Final = chunk(choice(finish="tool_calls"))
