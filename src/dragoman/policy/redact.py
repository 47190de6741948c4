"""What may be logged: credentials are recognised by the type of a value, its name and its shape."""

import re
from collections.abc import Mapping
from typing import Final

REDACTED: Final = "[redacted]"
_NAMES: Final = frozenset(
    ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-dragoman-key",
     "token", "secret", "password", "credential", "api_key", "key")
)  # fmt: skip
_SHAPES: Final = re.compile(
    r"\b(?:sk|drg|pk|rk|ghp|gho|ghs|github_pat|xox[abp])[-_][A-Za-z0-9_\-]{8,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/=\-]{8,}"
    r"|(?i:\bbasic\s+)[A-Za-z0-9+/=]{12,}"
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
    return {name: REDACTED if name.lower() in _NAMES else _value(value) for name, value in event.items()}


def _value(value: object) -> object:
    match value:
        case str():
            return text(value)
        case bytes():
            return text(value.decode("utf-8", "replace"))
        case Secret():
            return REDACTED
        case Mapping():
            return fields({str(name): item for name, item in value.items()})
        case list() | tuple():
            return [_value(item) for item in value]
        case _:
            return value
