"""Our credential at an upstream: how a setting names it, and how it goes into a request.

`CredentialRule` is what the configuration says and holds references only; `Credential` is what
becomes of it once a vault has revealed them. No secret is ever in a repr or an error message.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, quote_plus, unquote_plus

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.headers import CALLER_CREDENTIALS

CredentialKind = Literal["bearer", "header", "query", "basic", "caller", "plugin", "none"]

FORMS: Final = '"bearer REF", "header NAME REF", "query NAME REF", "basic REF REF", "caller" or "none"'
_WORDS: Final[dict[str, tuple[CredentialKind, bool, int]]] = {  # kind, has a name, number of references
    "bearer": ("bearer", False, 1),
    "header": ("header", True, 1),
    "query": ("query", True, 1),
    "basic": ("basic", False, 2),
    "caller": ("caller", False, 0),
    "none": ("none", False, 0),
}
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_REFERENCE: Final = re.compile(r"(?:env|file):\S+")
_HEADER_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")  # RFC 9110 5.5 without obs-text
_QUERY_NAME: Final = re.compile(r"[0-9A-Za-z._~-]+")  # RFC 3986 2.3: needs no escaping

# Headers that say whose a message is or how it is framed; a credential in one of them breaks the call.
_NOT_A_CREDENTIAL: Final = frozenset(
    (
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    )
)
REDACTED: Final = b"[redacted]"


class CredentialRule(msgspec.Struct, frozen=True):
    """How a setting says to authenticate: a kind, and where its secrets are."""

    kind: CredentialKind = "none"
    name: str = ""
    """Of the header or query parameter."""
    references: tuple[str, ...] = ()
    prefix: str = ""
    """What stands before the secret in its header."""

    def __repr__(self) -> str:
        schemes = (reference.partition(":")[0] + ":***" for reference in self.references)
        return f"CredentialRule({' '.join((self.kind, *filter(None, (self.name,)), *schemes))})"


def parse(text: str) -> CredentialRule:
    """The rule that a `credential` setting states; raises `ValueError`, which never quotes it.

    The text may be a secret that was pasted where its reference belongs.
    """
    word, *rest = text.split() or [""]
    if word not in _WORDS:
        raise ValueError(f"is not one of {FORMS}")
    kind, named, count = _WORDS[word]
    if len(rest) != named + count:
        raise ValueError(f"takes {named + count} words after {kind!r}: the forms are {FORMS}")
    name = rest.pop(0) if named else ""
    if named and not _TOKEN.fullmatch(name):
        raise ValueError(f"has a name after {kind!r} that is no {kind} name")
    check_name(kind, name)
    for reference in rest:
        check_reference(reference)
    return CredentialRule(kind, name, tuple(rest))


def check_name(kind: CredentialKind, name: str) -> None:
    """Whether a header or query parameter can carry a credential; raises `ValueError`."""
    if kind == "header" and name.lower() in _NOT_A_CREDENTIAL:
        raise ValueError(f"names the header {name!r}, which cannot carry a credential")
    if kind == "query" and not _QUERY_NAME.fullmatch(name):
        raise ValueError("names a query parameter with other characters than letters, digits and ._~-")


def check_reference(reference: str) -> None:
    """Whether `reference` leads into a vault; raises `ValueError`, which never quotes it."""
    if not _REFERENCE.fullmatch(reference):
        raise ValueError("takes a reference such as env:OPENAI_API_KEY or file:/run/secrets/key, not the secret")


def render(rule: CredentialRule) -> str:
    """The setting that states `rule`; the inverse of `parse`."""
    return " ".join((rule.kind, *filter(None, (rule.name,)), *rule.references))


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """A rule with its secrets: what goes into each request, and what must never come back out."""

    kind: CredentialKind = "none"
    header: tuple[str, str] | None = None
    query: tuple[str, str] | None = None
    """Name and value, the value percent-encoded."""
    secrets: tuple[bytes, ...] = ()
    """Every form in which a secret may be echoed, longest first."""
    dropped: frozenset[bytes] = field(default=CALLER_CREDENTIALS)
    """Caller's headers, in lower case, that must not travel beside this credential."""

    def __repr__(self) -> str:
        return f"Credential({self.kind} ***)"

    def sign(self, target: str) -> str:
        """`target` with the query credential appended, in place of any parameter of its name."""
        if self.query is None:
            return target
        name, value = self.query
        path, _, query = target.partition("?")
        kept = [pair for pair in query.split("&") if pair and unquote_plus(pair.partition("=")[0]) != name]
        return f"{path}?{'&'.join((*kept, f'{name}={value}'))}"

    def redact(self, text: bytes) -> bytes:
        """`text` with every occurrence of a secret blanked out; `text` must be whole."""
        for secret in self.secrets:
            text = text.replace(secret, REDACTED)
        return text

    @property
    def reach(self) -> int:
        """Bytes of the longest form that `redact` looks for."""
        return len(self.secrets[0]) if self.secrets else 0


def reveal(rule: CredentialRule, look_up: Callable[[str], str]) -> Credential:
    """The credential of `rule`; `look_up` is the vault's.

    Raises `GatewayError` SECRET_NOT_FOUND for a secret that is missing or cannot be sent.
    """
    values = [look_up(reference) for reference in rule.references]
    match rule.kind:
        case "bearer" | "header":
            return _in_header(rule, values[0])
        case "basic":
            return _basic(rule, values[0], values[1])
        case "query":
            escaped = quote(values[0], safe="")
            forms = echoes(values[0], escaped, quote_plus(values[0]))
            return Credential("query", query=(rule.name, escaped), secrets=forms)
        case "caller" | "plugin":  # the request brings it along
            return Credential(rule.kind, dropped=frozenset())
        case "none":
            return Credential()


def _in_header(rule: CredentialRule, value: str) -> Credential:
    if not sendable(value):
        raise _unsendable(rule.references[0])
    if rule.kind == "bearer":
        return Credential("bearer", header=("Authorization", f"Bearer {value}"), secrets=echoes(value))
    dropped = CALLER_CREDENTIALS | {rule.name.lower().encode()}
    return Credential("header", header=(rule.name, rule.prefix + value), secrets=echoes(value), dropped=dropped)


def _basic(rule: CredentialRule, user: str, password: str) -> Credential:
    if ":" in user:  # RFC 7617 2: the first colon ends the user name
        raise _unsendable(rule.references[0])
    pair = f"{user}:{password}"
    encoded = b64encode(pair.encode()).decode()
    secrets = echoes(pair, encoded, password, b64encode(password.encode()).decode())
    return Credential("basic", header=("Authorization", f"Basic {encoded}"), secrets=secrets)


def sendable(value: str) -> bool:
    """Whether a header may carry `value`."""
    return _HEADER_VALUE.fullmatch(value) is not None


def echoes(*values: str) -> tuple[bytes, ...]:
    """The values as sent and as JSON writes them, the longest first so that none is cut by another."""
    forms = {value.encode() for value in values} | {msgspec.json.encode(value)[1:-1] for value in values}
    return tuple(sorted(filter(None, forms), key=len, reverse=True))


def _unsendable(reference: str) -> GatewayError:
    return GatewayError(errors.SECRET_NOT_FOUND, f"The secret {reference!r} holds characters that cannot be sent.")
