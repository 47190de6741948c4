"""What a model call that is kept looks like to the call: `continuity.Memory` and `chat_continuity.ChatMemory`."""

from collections.abc import Sequence
from typing import Protocol

from dragoman.dialects.base import D, Relay
from dragoman.dialects.mapping import Earlier
from dragoman.errors import GatewayError
from dragoman.gateway.render import Headers


class Kept(Protocol):
    """One call that is kept, or follows on something kept."""

    @property
    def body(self) -> bytes:
        """The whole question."""
        ...

    @property
    def earlier(self) -> Earlier:
        """What of it the caller has not said with this call."""
        ...

    @property
    def headers(self) -> Headers: ...

    @property
    def thread(self) -> tuple[str, str]:
        """What the call goes on from, and what the next will name to go on from it; empty for nothing."""
        ...

    def answer(self, body: bytes) -> bytes: ...

    def stream(self, relay: Relay[D]) -> Relay[D]: ...

    def adopt(self, events: Sequence[bytes]) -> list[bytes]:
        """The events of a whole stream that no upstream made."""
        ...

    def unkept(self, events: Sequence[bytes], error: GatewayError) -> list[bytes]:
        """The last events of a stream, as they are if `keep` failed with `error`."""
        ...

    async def keep(self) -> None:
        """Returns once the next call can read what was answered."""
        ...
