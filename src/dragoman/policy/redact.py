"""What may be logged: credentials are recognised by the type of a value, its name and its shape."""

import re
from collections.abc import Mapping
from typing import Final

REDACTED: Final = "[redacted]"
_NAMES: Final = frozenset(
    ("authorization", "cookie", "credential", "credentials", "key", "apikey", "passphrase", "passwd", "password",
     "secret", "token")
)  # fmt: skip
"""The last word of a name whose value is never shown: `key` stands for `x-api-key` and `OPENAI_API_KEY` too."""
_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|drg|pk|rk|gh[oprsu]|github_pat|glpat|gsk|hf|xai|pplx|xox[a-z])[-_][A-Za-z0-9_\-]{8,}"
    r"|AKIA[0-9A-Z]{16}|AIza[A-Za-z0-9_\-]{30,}|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"
    r"|(?i:bearer\s+)[A-Za-z0-9._~+/=\-]{8,}"
    r"|(?i:basic\s+)[A-Za-z0-9+/=]{12,})"
    r"|(?<=://)[^\s/@]+(?=@)"
    r"|(?i:[?&](?:[a-z]+[_-])*(?:key|apikey|token|secret|password)=)[^&\s\"']+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*-----|\Z)"
)


class Secret:
    """A value that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def text(value: str) -> str:
    """`value` with everything that has the shape of a credential blanked out."""
    return _SHAPES.sub(REDACTED, value)


def fields(event: Mapping[str, object]) -> dict[str, object]:
    """The fields of a log event as they may be written, nested ones included."""
    return {name: _named(name, value) for name, value in event.items()}


def _named(name: str, value: object) -> object:
    return REDACTED if name.lower().replace("_", "-").rpartition("-")[2] in _NAMES else _value(value)


def _value(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case bytes() | bytearray():
            return text(value.decode("utf-8", "replace"))
        case Mapping():
            return fields({_text(name): item for name, item in value.items()})
        case [str() | bytes() as name, item]:  # a header, as lists of them hold it
            return [_value(name), _named(_text(name), item)]
        case list() | tuple() | set() | frozenset():
            return [_value(item) for item in value]
        case _:
            return text(str(value))


def _text(name: object) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)
