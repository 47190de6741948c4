"""What a request head must be before the application may see it.

The parser (llhttp) already refuses bare LF, obs-fold, control characters, doubled or malformed
Content-Length, and Content-Length beside Transfer-Encoding. Here is what it lets through and what
servers in a chain are known to read differently: Host, the form of the target, Transfer-Encoding,
Expect, and header names whose underscores some hop turns into hyphens. Pure: no clock, no socket.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from dragoman.errors import BAD_HTTP, METHOD_NOT_ALLOWED, GatewayError

Field = tuple[bytes, bytes]

METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

# A subset of RFC 3986 reg-name: the percent-encodings and sub-delimiters it also allows name no host.
_HOST: Final = re.compile(rb"([A-Za-z0-9._~-]{1,255}|\[([0-9A-Fa-f:.]{2,45})\])(?::([0-9]{1,5}))?")
# Of the forms of a target (RFC 9112 section 3.2) the one that is served, in printable ASCII without a fragment.
ORIGIN_FORM: Final = re.compile(rb"/[!\"$-~]*")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)

_GUARDED: Final = frozenset(
    {
        b"authorization",
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"proxy-authorization",
        b"transfer-encoding",
        b"upgrade",
        b"x-api-key",
        b"x-real-ip",
        b"x-request-id",
    }
)
_GUARDED_PREFIXES: Final = (b"forwarded-", b"x-forwarded-", b"x-oagw-", b"x-dragoman-")


def check_fields(version: str, fields: list[Field]) -> bool:
    """Judges the fields of one head, names in small letters; returns whether the client awaits `100 Continue`."""
    if version not in ("1.1", "1.0"):
        raise GatewayError(BAD_HTTP, f"HTTP/{version} is not spoken here; use HTTP/1.1.")
    for name, _ in fields:
        if b"_" in name and _is_twin(name):
            raise GatewayError(BAD_HTTP, f"The header {name.decode('ascii')!r} must be written with hyphens.")
    hosts = _values(b"host", fields)
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise GatewayError(BAD_HTTP, f"A request needs exactly one Host header, not {len(hosts)}.")
    if hosts:
        _check_host(hosts[0])
    _check_coding(version, _values(b"transfer-encoding", fields))
    return _check_expect(version, _values(b"expect", fields))


def _values(wanted: bytes, fields: list[Field]) -> list[bytes]:
    return [value.strip(b" \t") for name, value in fields if name == wanted]


def _is_twin(name: bytes) -> bool:
    """Whether a name with underscores reads as a trusted one once a hop writes hyphens for them, as CGI does."""
    plain = name.replace(b"_", b"-")
    return plain in _GUARDED or plain.startswith(_GUARDED_PREFIXES)


def _check_host(value: bytes) -> None:
    match = _HOST.fullmatch(value)
    if match is None or int(match[3] or 0) > 65535:
        raise GatewayError(BAD_HTTP, f"Host {value.decode('latin-1')!r} is not a host name with an optional port.")
    if match[2] is not None:
        try:
            IPv6Address(match[2].decode("ascii"))
        except AddressValueError as exc:
            raise GatewayError(BAD_HTTP, f"Host {value.decode('latin-1')!r} is not an IPv6 address.") from exc


def _check_coding(version: str, codings: list[bytes]) -> None:
    if not codings:
        return
    # RFC 9112 section 6.1: a server that sees it in HTTP/1.0 must take the framing for faulty.
    if version != "1.1" or len(codings) > 1 or codings[0].lower() != b"chunked":
        raise GatewayError(BAD_HTTP, "Transfer-Encoding can only be `chunked`, once, and on HTTP/1.1.")


def _check_expect(version: str, expectations: list[bytes]) -> bool:
    if not expectations or version == "1.0":  # RFC 9110 section 10.1.1: ignored on HTTP/1.0
        return False
    if any(value.lower() != b"100-continue" for value in expectations):
        raise GatewayError(BAD_HTTP, "The only expectation met here is `100-continue`.")
    return True


def origin_form(method: str, target: bytes, host: bytes | None) -> bytes:
    """The target in `ORIGIN_FORM`, or a refusal of what cannot be brought there."""
    if method == "CONNECT":
        raise GatewayError(METHOD_NOT_ALLOWED, "This is not a CONNECT proxy.", headers={"Allow": METHODS})
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise GatewayError(BAD_HTTP, "The request target must begin with a slash.")
        if host is None or absolute[1].lower() != host.strip(b" \t").lower():
            raise GatewayError(BAD_HTTP, "The host of an absolute request target must be the one of the Host header.")
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    if not ORIGIN_FORM.fullmatch(target):
        raise GatewayError(BAD_HTTP, "The request target must be printable ASCII without a fragment.")
    return target


def path_of(target: bytes) -> str:
    """The path of a target that need not be complete or valid, to choose how an error is written."""
    absolute = _ABSOLUTE.fullmatch(target)
    return (absolute[2] if absolute else target).partition(b"?")[0].decode("latin-1")


def size_of(method: str, target: bytes, fields: list[Field]) -> int:
    """The bytes of a head as it travelled, but for optional whitespace."""
    return len(method) + len(target) + 14 + sum(len(name) + len(value) + 4 for name, value in fields)
