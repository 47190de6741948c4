"""An alias and a caller's path: where below the upstream's base URL the call goes.

The alias fixes scheme, host and base path; the caller contributes only what comes after the alias, and
it can never leave the base path. Nothing here reads Host.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.headers import RequestRule

PREFIX: Final = b"/api/oagw/v1/proxy/"
# RFC 3986, 3.3: pchar and "/", which leaves out control characters, blanks, quotes and raw non-ASCII.
_PATH: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/|]|%[0-9A-Fa-f]{2})*")
_QUERY: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?|\[\]{}^`]|%[0-9A-Fa-f]{2})*")
_ROUNDS: Final = 3
"""How often a path is decoded in search of dots: what is harmless after three rounds stays as it is."""
# A decoded slash or backslash may hide further segments from us but not from the upstream; a semicolon begins a
# segment's parameters.
_SEPARATOR: Final = re.compile(rb"[/\\;]")
# Overlong forms of '.', '/' and '\' are not UTF-8 (RFC 3629, 3), but some decoders take them for it.
_OVERLONG: Final = ((b"\xc0\xae", b"."), (b"\xe0\x80\xae", b"."), (b"\xc0\xaf", b"/"), (b"\xe0\x80\xaf", b"/"),
                    (b"\xc1\x9c", b"\\"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias as configured; `base_path` is the path of its upstream's base URL, without a final slash."""

    name: str
    upstream: str
    base_path: bytes
    request_headers: RequestRule
    caller_credential: bool = False


def split(raw_path: bytes) -> tuple[str, bytes]:
    """Alias name and the rest of the path after it, of a raw path that starts with `PREFIX`.

    The rest is empty or starts with a slash and is still percent-encoded. Aliases are case-insensitive as hosts
    are, and like them may end in a dot.
    """
    name, slash, rest = raw_path[len(PREFIX) :].partition(b"/")
    return unquote_to_bytes(name).decode("utf-8", "replace").lower().removesuffix("."), slash + rest


def target(alias: Alias, path: bytes, query: bytes) -> str:
    """The raw target below the upstream's base URL; percent-encoding is kept as received.

    A path that already begins with the base path does not get it twice, so that `/v1/models` under an
    upstream at `https://host/v1` means what it says. Raises `GatewayError` INVALID_REQUEST.
    """
    check(path, query)
    base = alias.base_path
    if base and (path == base or path.startswith(base + b"/")):
        path = path[len(base) :]
    return (path + b"?" + query if query else path).decode("ascii")


def check(path: bytes, query: bytes) -> None:
    """Refuses what an upstream might read differently. Raises `GatewayError` INVALID_REQUEST."""
    if not _PATH.fullmatch(path):
        raise GatewayError(errors.INVALID_REQUEST, "The path holds a character that must be percent-encoded.")
    if not _QUERY.fullmatch(query):
        raise GatewayError(errors.INVALID_REQUEST, "The query holds a character that must be percent-encoded.")
    if b"." in path or b"%" in path:
        _refuse_traversal(path)


def _refuse_traversal(path: bytes) -> None:
    plain = path
    for _ in range(_ROUNDS + 1):
        if any(segment.strip() in (b".", b"..") for segment in _SEPARATOR.split(plain)):
            raise GatewayError(errors.INVALID_REQUEST, "The path must not contain '.' or '..' segments.")
        if b"\0" in plain or b"\r" in plain or b"\n" in plain:
            raise GatewayError(errors.INVALID_REQUEST, "The path must not contain control characters.")
        decoded = unquote_to_bytes(plain)
        if decoded == plain:
            return
        for overlong, character in _OVERLONG:
            decoded = decoded.replace(overlong, character)
        plain = decoded
