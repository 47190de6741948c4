"""Which headers cross the gateway, in either direction.

Hop-by-hop fields end at every hop (RFC 9110, 7.6.1). A caller's credentials and cookies never go to an
upstream, what an upstream says of itself under our own prefixes never reaches a caller, and nobody's
claim about the client's address is passed on.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from dragoman.policy.resources import HeaderRules, Preset, invalid
from dragoman.policy.resources import Headers as HeaderSettings

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
    b"traceparent",
    b"date",
    b"server",
    b"alt-svc",
    b"strict-transport-security",
}
_NEVER_BACK_PREFIXES: Final = (b"x-oagw-", b"x-dragoman-", b"x-ratelimit-", b"sec-websocket-")

_REST: Final = (
    "accept", "accept-encoding", "accept-language", "cache-control", "content-*", "if-*", "range", "prefer",
    "user-agent", "last-event-id", "idempotency-key",
)  # fmt: skip
PRESETS: Final[dict[Preset, tuple[str, ...]]] = {
    "rest": (*_REST, "openai-beta", "anthropic-*", "x-github-*", "x-stainless-*"),
    "openai": (*_REST, "openai-*", "x-client-request-id", "x-stainless-*"),
    "anthropic": (*_REST, "anthropic-*", "x-stainless-*"),
    "github": (*_REST, "x-github-*"),
}
"""What passes to an alias unless its rules say otherwise."""
_BODY: Final = ("content-type", "content-encoding")
"""What passes even where nothing does: a body means nothing without."""
_TRACE: Final = ("traceparent", "tracestate")
_OUR_OWN: Final = (
    HOP_BY_HOP | {b"host", b"content-length", b"expect", b"via", b"x-request-id", b"date", b"server"}
)  # fmt: skip
"""What no rule may set or remove: the gateway writes it, or HTTP ends it at every hop."""

_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110 5.6.2, in lower case
_VALUE: Final = re.compile(rb"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")  # RFC 9110 5.5

MODEL_PASS: Final = frozenset((b"openai-beta", b"anthropic-beta", b"anthropic-version", b"idempotency-key"))
MODEL_BACK: Final = frozenset((b"openai-processing-ms", b"openai-version", b"retry-after", b"retry-after-ms"))


class RequestRule:
    """What becomes of a caller's headers on their way to one alias.

    Those pass that match a pattern and are not always stripped; then `rules` removes, sets and adds.
    """

    __slots__ = ("_credentials", "_edit", "_known", "_patterns")

    def __init__(self, rules: HeaderRules, preset: Preset = "rest", *, credentials: bool = False) -> None:
        self._patterns = (*_patterns(rules, PRESETS[preset]), *_TRACE)
        self._credentials = credentials
        self._edit = _Edit.of(rules)
        self._known: dict[bytes, bool] = {}

    def apply(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """`headers` have lower-case names. Fields that `Connection` names are dropped with it."""
        headers = list(headers)
        named = _connection_options(headers)
        passed = [(name, value) for name, value in headers if name not in named and self._passes(name)]
        return passed if self._edit is None else self._edit.apply(passed)

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
        return _matches(name, self._patterns)


class ResponseRule:
    """What becomes of an upstream's headers on their way back; all pass that may, unless `rules` says otherwise."""

    __slots__ = ("_edit", "_patterns")

    def __init__(self, rules: HeaderRules) -> None:
        self._patterns = None if rules.passthrough in ("preset", "all") else _patterns(rules, ())
        self._edit = _Edit.of(rules)

    def apply(self, headers: Headers) -> Headers:
        passed = response(headers)
        if self._patterns is not None:
            framing = b"content-length"
            passed = [item for item in passed if item[0] == framing or _matches(item[0], self._patterns)]
        return passed if self._edit is None else self._edit.apply(passed)


@dataclass(frozen=True, slots=True)
class _Edit:
    """Remove, set and add, in this order."""

    removed: frozenset[bytes]
    """Those that are set included."""
    added: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, rules: HeaderRules) -> "_Edit | None":
        if not (rules.remove or rules.set or rules.add):
            return None
        added = [(name.lower().encode(), value.encode()) for name, value in (*rules.set.items(), *rules.add.items())]
        return cls(frozenset(name.lower().encode() for name in (*rules.remove, *rules.set)), tuple(added))

    def apply(self, headers: Headers) -> Headers:
        return [*(item for item in headers if item[0] not in self.removed), *self.added]


def check_rules(headers: HeaderSettings) -> None:
    """Refuses rules about what is the gateway's own. Raises `GatewayError` INVALID_REQUEST naming the member."""
    for way, rules in (("request", headers.request), ("response", headers.response)):
        for member in ("set", "add", "remove"):
            for name in getattr(rules, member):
                _check_name(f"headers.{way}.{member}", name.lower().encode(), writes=member != "remove")


def _check_name(param: str, name: bytes, *, writes: bool) -> None:
    if name in _OUR_OWN or name.startswith(_NEVER_OUT_PREFIXES):
        raise invalid(param, f"{name.decode()!r} is the gateway's own: no rule can change it.")
    if writes and name in CALLER_CREDENTIALS and param.startswith("headers.request"):
        raise invalid(param, f"{name.decode()!r} carries a credential: give the upstream one instead.")


def check_written(headers: Headers, given: Headers, *, back: bool = False, credentials: bool = False) -> None:
    """Refuses what a plugin may not write; what was `given` to it may stay. Raises `ValueError` naming the header."""
    present = set(given)
    for name, value in headers:
        if (name, value) in present:
            continue
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"writes a header that is not valid HTTP: {name.decode('latin-1')!r}")
        ours = name in _NEVER_BACK or name.startswith(_NEVER_BACK_PREFIXES) if back else _is_ours(name, credentials)
        if ours:
            raise ValueError(f"writes the header {name.decode()!r}, which is not its to write")


def _is_ours(name: bytes, credentials: bool) -> bool:
    if name in _OUR_OWN or name.startswith(_NEVER_OUT_PREFIXES):
        return True
    return name in CALLER_CREDENTIALS and not credentials


def _patterns(rules: HeaderRules, preset: tuple[str, ...]) -> tuple[str, ...]:
    allowed = tuple(pattern.lower() for pattern in rules.passthrough_allowlist)
    match rules.passthrough:
        case "none":
            return _BODY
        case "allowlist":
            return (*_BODY, *allowed)
        case "preset":
            return (*preset, *allowed)
        case "all":
            return ("*",)


def _matches(name: bytes, patterns: tuple[str, ...]) -> bool:
    text = name.decode("latin-1")
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def response(headers: Headers) -> Headers:
    """An upstream's headers as any caller may see them."""
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
