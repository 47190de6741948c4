from collections.abc import AsyncIterator

import pytest

from dragoman.client.errors import BuildError
from dragoman.client.upload import async_body, body


async def later() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def test_a_synchronous_client_reads_no_asynchronous_body() -> None:
    assert (body(None), body(b"x")) == (None, b"x")
    parts = iter([b"x"])
    assert body(parts) is parts
    with pytest.raises(BuildError, match="AsyncClient can"):
        body(later())


async def test_an_asynchronous_client_reads_both() -> None:
    assert (async_body(None), async_body(b"x")) == (None, b"x")
    for content in (later(), iter([b"a", b"b"])):
        given = async_body(content)
        assert given is not None
        assert not isinstance(given, bytes)
        assert [part async for part in given] == [b"a", b"b"]
