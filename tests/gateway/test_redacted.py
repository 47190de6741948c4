import gzip
import zlib

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway import redacted as module
from dragoman.gateway.redacted import Redacted, redacted
from dragoman.policy.credentials import Credential, parse, reveal
from dragoman.ports import Headers
from dragoman.upstreams.http import HttpUpstream

SECRET = "canary-s3cret"
BODY = b"you sent " + SECRET.encode() + b", and again " + SECRET.encode()
CLEAN = b"you sent [redacted], and again [redacted]"


class Pieces:
    """An answer in pieces."""

    def __init__(self, pieces: list[bytes], headers: Headers, status: int = 400) -> None:
        self._pieces = list(pieces)
        self.headers = headers
        self.status = status
        self.closed = False

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        self.closed = True


def upstream(credential: Credential | None = None) -> HttpUpstream:
    known = reveal(parse("bearer env:K"), lambda _: SECRET) if credential is None else credential
    return HttpUpstream("u", "http://127.0.0.1:1", via="gw", credential=known)


async def whole(pieces: list[bytes], headers: Headers | None = None) -> tuple[Headers, bytes]:
    reply = Redacted(Pieces(pieces, headers or []), upstream())
    body = b""
    while part := await reply.read():
        body += part
    assert await reply.read() == b""
    return reply.headers, body


@pytest.mark.parametrize("size", range(1, len(BODY) + 1))
async def test_a_credential_is_found_however_the_body_is_cut(size: int) -> None:
    pieces = [BODY[at : at + size] for at in range(0, len(BODY), size)]
    assert (await whole(pieces))[1] == CLEAN


async def test_no_more_is_held_than_a_credential_is_long() -> None:
    source = Pieces([b"x" * 1000, b"y" * 1000], [])
    reply = Redacted(source, upstream())
    assert len(await reply.read()) == 1000 - len(SECRET) + 1


async def test_headers_are_looked_at_too_and_a_large_length_is_dropped() -> None:
    headers = [(b"x-you-sent", SECRET.encode()), (b"content-length", b"20000")]
    assert (await whole([b""], headers))[0] == [(b"x-you-sent", b"[redacted]")]
    small: Headers = [(b"content-length", b"200")]
    assert (await whole([b""], small))[0] == small


@pytest.mark.parametrize(("encoding", "packed"), [(b"gzip", gzip.compress(BODY)), (b"deflate", zlib.compress(BODY))])
async def test_a_compressed_error_is_opened(encoding: bytes, packed: bytes) -> None:
    headers = [(b"content-encoding", encoding), (b"content-length", b"%d" % len(packed)), (b"x-a", b"b")]
    assert await whole([packed[:7], packed[7:]], headers) == ([(b"x-a", b"b")], CLEAN)


@pytest.mark.parametrize("packed", [b"no gzip at all", gzip.compress(b"0" * (module.MAX_OPENED + 1))])
async def test_a_compressed_error_that_is_none_or_too_large_is_not_passed_on(packed: bytes) -> None:
    with pytest.raises(GatewayError) as failed:
        await whole([packed], [(b"content-encoding", b"gzip")])
    assert failed.value.kind is errors.PROTOCOL_ERROR


def test_successes_and_upstreams_without_a_credential_are_left_alone() -> None:
    success, error = Pieces([], [], 200), Pieces([], [], 500)
    assert redacted(success, upstream()) is success
    assert redacted(error, upstream(Credential())) is error
    reply = redacted(error, upstream())
    assert isinstance(reply, Redacted)
    reply.close()
    assert error.closed
