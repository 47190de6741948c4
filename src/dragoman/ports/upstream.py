"""Who answers calls over HTTP."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from dragoman.policy.routing import Timeouts
from dragoman.ports.pipe import Pipe, Receiver

Headers = list[tuple[bytes, bytes]]


Body = bytes | AsyncIterator[bytes] | None


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One request to an upstream; `target` is raw path and query, sent as it stands."""

    method: str
    target: str
    headers: Headers
    body: Body = None
    host: str | None = None
    """The endpoint it is for, of an upstream that has several."""
    chosen: Callable[[str], None] | None = None
    """Told the host of the endpoint each time that one is chosen."""


class Reply(Protocol):
    """An upstream's answer: its head, then its body chunk by chunk.

    `read` returns the next bytes as they came (still content-encoded), `b""` at a clean end, and
    raises `GatewayError` (STREAM_ABORTED, PROTOCOL_ERROR) when the answer breaks off. `read` may be
    cancelled and called again without loss. `close` is synchronous, idempotent, returns the
    connection to the pool after a clean end and drops it otherwise.
    """

    status: int
    headers: Headers

    async def read(self) -> bytes: ...

    def close(self) -> None: ...


class Upgraded(Reply, Protocol):
    """A 101 that was asked for."""

    def switch(self, receiver: "Receiver") -> "Pipe":
        """The connection itself, once; bytes that came with the answer are given to `receiver` at once."""
        ...


class Upstream(Protocol):
    """Something of kind `http` that answers requests.

    `open` sends the request and returns once the head of the answer is there. It enforces the
    `connect` deadline only; the other deadlines are the caller's. It raises `GatewayError`
    (DOWNSTREAM_ERROR, CONNECTION_TIMEOUT, EGRESS_DENIED, PROTOCOL_ERROR, STREAM_ABORTED, OVERLOADED,
    LINK_UNAVAILABLE, INVALID_REQUEST), makes exactly one attempt, follows no redirect and adds no header
    but Host, framing, Via and its credential.
    """

    name: str
    timeouts: Timeouts

    async def open(self, request: UpstreamRequest) -> Reply: ...

    async def upgrade(self, request: UpstreamRequest, protocol: str) -> Upgraded:
        """The same for a request to go on in another protocol. Raises PROTOCOL_ERROR too when that is refused."""
        ...

    def redact(self, text: bytes) -> bytes:
        """`text` with the upstream's own credential blanked out, in case it echoed it."""
        ...

    @property
    def reach(self) -> int:
        """Bytes of the longest thing that `redact` blanks out; 0 if there is none."""
        ...

    async def close(self) -> None: ...
