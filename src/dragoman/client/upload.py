"""A request's body for either kind of client."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable

from dragoman.client.errors import BuildError
from dragoman.client.request import Content


def async_body(content: Content) -> bytes | AsyncIterable[bytes] | None:
    """For an asynchronous client, which takes any; an iterable is drawn from in the event loop."""
    if content is None or isinstance(content, bytes | AsyncIterable):
        return content
    return _drawn(content)


def body(content: Content) -> bytes | Iterable[bytes] | None:
    """For a synchronous client. Raises `BuildError` for what only an event loop can read."""
    if isinstance(content, AsyncIterable):
        raise BuildError("the body is an asynchronous iterable; a synchronous client cannot read it, AsyncClient can")
    return content


async def _drawn(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in content:
        yield part
