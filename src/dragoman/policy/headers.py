"""Which headers cross the gateway, in either direction.

Hop-by-hop fields end at every hop (RFC 9110, 7.6.1). A caller's credentials and cookies never go to an
upstream, what an upstream says of itself under our own prefixes never reaches a caller, and nobody's
claim about the client's address is passed on.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

Headers = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
     b"proxy-authenticate", b"proxy-authorization")
)  # fmt: skip

CALLER_CREDENTIALS: Final = frozenset((b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"))

_NEVER_OUT: Final = (
    HOP_BY_HOP
    | CALLER_CREDENTIALS
    | {
        b"host",
        b"content-length",
        b"expect",
        b"cookie",
        b"set-cookie",
        b"forwarded",
        b"x-real-ip",
        b"client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-original-forwarded-for",
        b"true-client-ip",
        b"cf-connecting-ip",
        b"fastly-client-ip",
        b"via",
        b"x-request-id",
    }
)
# The gateway agrees on a WebSocket with each side by itself.
_NEVER_OUT_PREFIXES: Final = (b"x-oagw-", b"x-dragoman-", b"x-forwarded-", b"sec-websocket-")

# Alt-Svc and HSTS speak of a whole origin (RFC 7838, RFC 6797), and the origin is ours.
_NEVER_BACK: Final = HOP_BY_HOP | {
    b"set-cookie",
    b"x-request-id",
    b"date",
    b"server",
    b"alt-svc",
    b"strict-transport-security",
}
_NEVER_BACK_PREFIXES: Final = (b"x-oagw-", b"x-dragoman-", b"x-ratelimit-", b"sec-websocket-")

GENERIC_PASS: Final = (
    "accept", "accept-encoding", "accept-language", "cache-control", "content-*", "if-*", "range", "prefer",
    "user-agent", "last-event-id", "idempotency-key", "traceparent", "tracestate", "openai-beta", "anthropic-*",
    "x-github-*", "x-stainless-*",
)  # fmt: skip
"""What passes to an alias unless its configuration says otherwise: enough for REST and for the model SDKs."""

MODEL_PASS: Final = frozenset((b"openai-beta", b"anthropic-beta", b"anthropic-version", b"idempotency-key"))
MODEL_BACK: Final = frozenset((b"openai-processing-ms", b"openai-version", b"retry-after", b"retry-after-ms"))


class RequestRule:
    """The request headers one alias lets through: those that match a pattern and are not always stripped."""

    __slots__ = ("_credentials", "_known", "_patterns")

    def __init__(self, patterns: Sequence[str], *, credentials: bool = False) -> None:
        self._patterns = tuple(pattern.lower() for pattern in patterns)
        self._credentials = credentials
        self._known: dict[bytes, bool] = {}

    def apply(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """`headers` have lower-case names. Fields that `Connection` names are dropped with it."""
        headers = list(headers)
        named = _connection_options(headers)
        return [(name, value) for name, value in headers if name not in named and self._passes(name)]

    def _passes(self, name: bytes) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._judge(name)
            if len(self._known) < 256:  # callers choose the names, so the memory is bounded
                self._known[name] = known
        return known

    def _judge(self, name: bytes) -> bool:
        if self._credentials and name in CALLER_CREDENTIALS:
            return True
        if name in _NEVER_OUT or name.startswith(_NEVER_OUT_PREFIXES):
            return False
        text = name.decode("latin-1")
        return any(fnmatchcase(text, pattern) for pattern in self._patterns)


def response(headers: Headers) -> Headers:
    """An upstream's headers as an alias's caller may see them."""
    named = _connection_options(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in _NEVER_BACK and name not in named and not name.startswith(_NEVER_BACK_PREFIXES)
    ]


def _connection_options(headers: Headers) -> frozenset[bytes]:
    for name, _ in headers:
        if name == b"connection":
            break
    else:
        return frozenset()
    return frozenset(
        option.strip().lower() for name, value in headers if name == b"connection" for option in value.split(b",")
    )


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of a header; `name` in lower case."""
    for key, value in headers:
        if key == name:
            return value
    return None
