"""One stream through the relay, held to what is true of every stream there is."""

import json

from dragoman import errors
from dragoman.dialects.chat.stream import ChatRelay
from dragoman.errors import GatewayError
from tests.dialects.chat.streams import ASKED_MODEL, DONE, HELLO, Json, event
from tests.wire.cuts import Parts


class Relayed:
    """What became of one stream."""

    def __init__(self, parts: Parts, *, pass_usage: bool = False, **limits: int) -> None:
        self.relay = ChatRelay(ASKED_MODEL, pass_usage=pass_usage, **limits)
        self.events: list[bytes] = []
        self.raised: GatewayError | None = None
        try:
            for part in parts:
                self.events += self.relay.receive(part)
            self.events += self.relay.eof()
        except GatewayError as error:
            self.raised = error
        self.check()

    def check(self) -> None:
        """What holds of every stream there is."""
        relay = self.relay
        assert all(item.startswith(b"data: ") and item.endswith(b"\n\n") for item in self.events)
        assert not any(b"\n" in item[:-2] or b"\r" in item for item in self.events)
        if self.raised is not None:
            assert (self.events, relay.started, relay.finished) == ([], False, False)
            assert relay.failure is self.raised
        else:
            assert relay.started
            assert relay.finished is (relay.failure is None)
            assert self.events[-1] == DONE
            assert DONE not in self.events[:-1]
            assert is_error(self.events[-2]) is not relay.finished
            assert not any(map(is_error, self.events[:-2]))
        assert relay.receive(event(HELLO)) == []
        assert relay.receive(b"\n\n" * 10 + b"data: rubbish\n\n") == []
        assert relay.eof() == []
        assert relay.fail(GatewayError(errors.IDLE_TIMEOUT, "silence")) == []

    @property
    def outcome(self) -> tuple[object, ...]:
        raised = None if self.raised is None else (self.raised.kind, self.raised.message)
        failure = None if self.relay.failure is None else (self.relay.failure.kind, self.relay.failure.message)
        return self.events, raised, failure, self.relay.usage, self.relay.started, self.relay.finished

    @property
    def chunks(self) -> list[Json]:
        return [json.loads(item[6:]) for item in self.events if item != DONE]


def is_error(item: bytes) -> bool:
    return item.startswith(b'data: {"error":{"message":')
