"""A body whose beginning has been looked at, of a call or of an answer: read on as if it had not been."""

from collections.abc import AsyncIterator, Sequence

from dragoman.gateway.render import Headers
from dragoman.policy.headers import value_of
from dragoman.ports import Body, Reply


class Begun:
    """`ports.Reply`: `first`, and then what `reply` still has unless that has `ended`."""

    __slots__ = ("_ended", "_first", "_reply", "headers", "status")

    def __init__(self, reply: Reply, status: int, headers: Headers, first: bytes, *, ended: bool) -> None:
        self._reply = reply
        self._first = first
        self._ended = ended
        self.status = status
        self.headers = headers

    async def read(self) -> bytes:
        if self._first:
            out, self._first = self._first, b""
            return out
        return b"" if self._ended else await self._reply.read()

    def close(self) -> None:
        self._reply.close()


async def begin_upload(body: Body, most: int) -> tuple[Body, bytes | None]:
    """The body as it goes on, and the whole of it unless it is longer than `most` bytes."""
    if body is None or isinstance(body, bytes):
        whole = body or b""
        return body, whole if len(whole) <= most else None
    parts: list[bytes] = []
    size = 0
    async for part in body:
        parts.append(part)
        size += len(part)
        if size > most:
            return _resumed(parts, body), None
    whole = b"".join(parts)
    return whole or None, whole


async def begin_answer(reply: Reply, most: int) -> tuple[bytes, bool]:
    """The beginning of an answer's body, and whether that is all of it; it is unless there is more than `most`."""
    first = b""
    while len(first) <= most:
        part = await reply.read()
        if not part:
            return first, True
        first += part
    return first, False


async def _resumed(parts: Sequence[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    async for part in rest:
        yield part


def announced(headers: Headers) -> int | None:
    """How long a body is by its own word; `headers` have lower-case names."""
    value = value_of(headers, b"content-length")
    return int(value) if value is not None and value.isdigit() else None


def encoded(headers: Headers) -> bool:
    """Whether what travels is not the body itself."""
    return (value_of(headers, b"content-encoding") or b"identity").strip().lower() not in (b"", b"identity")


def is_events(headers: Headers) -> bool:
    return (value_of(headers, b"content-type") or b"").lower().startswith(b"text/event-stream")
