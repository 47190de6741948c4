"""An upstream's error answer with our own credential blanked out, as it passes: no more is held than one could be long.

Only errors are looked at. They are where echoes are found, and a body that succeeds is the caller's, byte for byte. One
that is compressed is opened, within a bound; other encodings than those of zlib pass as they are.
"""

import zlib
from typing import Final, Protocol

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.headers import value_of
from dragoman.ports import Headers, Reply

MAX_OPENED: Final = 4 * 1024 * 1024
"""Bytes that a compressed error may become."""
_SMALL: Final = 16 * 1024
"""Bytes of a body that is still sent whole: blanking out can lengthen it."""
_ENCODINGS: Final = (b"gzip", b"x-gzip", b"deflate")
_OPEN: Final = zlib.MAX_WBITS | 32
"""Either of the two forms, as zlib's manual says (inflateInit2)."""


class Secretive(Protocol):
    """What has a credential, as an upstream does, and can blank it out."""

    def redact(self, text: bytes) -> bytes: ...

    @property
    def reach(self) -> int: ...


def redacted(reply: Reply, upstream: Secretive) -> Reply:
    """`reply`, if it is no error or `upstream` has no credential of its own."""
    return reply if reply.status < 400 or not upstream.reach else Redacted(reply, upstream)


class Redacted:
    """`ports.Reply`."""

    __slots__ = ("_ended", "_held", "_inflate", "_keep", "_opened", "_reply", "_upstream", "headers", "status")

    def __init__(self, reply: Reply, upstream: Secretive) -> None:
        self._reply = reply
        self._upstream = upstream
        self._keep = upstream.reach - 1
        self._held = b""
        self._ended = False
        self._opened = 0
        self.status = reply.status
        encoding = (value_of(reply.headers, b"content-encoding") or b"").lower()
        self._inflate = zlib.decompressobj(_OPEN) if encoding in _ENCODINGS else None
        length = value_of(reply.headers, b"content-length")
        dropped = set()
        if self._inflate is not None:
            dropped = {b"content-encoding", b"content-length"}
        elif length is not None and int(length) > _SMALL:
            dropped = {b"content-length"}
        kept = [item for item in reply.headers if item[0] not in dropped]
        self.headers: Headers = [(name, upstream.redact(value)) for name, value in kept]

    async def read(self) -> bytes:
        while not self._ended:
            data = await self._reply.read()
            self._ended = not data
            self._held = self._upstream.redact(self._held + self._open(data))
            if self._ended:
                break
            # A credential that begins before what is kept would have been here whole.
            out, kept = self._held[: -self._keep or None], self._held[-self._keep :] if self._keep else b""
            if out:
                self._held = kept
                return out
        out, self._held = self._held, b""
        return out

    def close(self) -> None:
        self._reply.close()

    def _open(self, data: bytes) -> bytes:
        if self._inflate is None or not data:
            return data
        try:
            opened = self._inflate.decompress(data, MAX_OPENED - self._opened + 1)
        except zlib.error:
            raise GatewayError(errors.PROTOCOL_ERROR, "The upstream's error is not encoded as it says.") from None
        self._opened += len(opened)
        if self._opened > MAX_OPENED:
            raise GatewayError(errors.PROTOCOL_ERROR, f"The upstream's error is larger than {MAX_OPENED} bytes.")
        return opened
