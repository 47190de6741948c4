"""Which source of the configuration wins: of two layers the higher, key by key.

It knows nothing of what the keys mean.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

Tree = dict[str, Any]
"""A nested mapping as TOML gives it: `Any` is what TOML values are before they are typed."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says; `origin` is shown by `config show --origin`."""

    origin: str
    values: Mapping[str, Any]
    lax: bool = False
    """Whether values are text to be read as what it spells, as from the environment."""


def merge(into: Tree, values: Mapping[str, Any], origins: dict[str, str], origin: str, at: str, *, lax: bool) -> None:
    """Lays `values` over what is in `into`, and notes in `origins` who said what; `at` is the key of both."""
    for name, value in values.items():
        key = f"{at}.{name}" if at else name
        if isinstance(value, Mapping):
            below = into.setdefault(name, {})
            if not isinstance(below, dict):
                below = into[name] = {}
                del origins[key]
            merge(below, value, origins, origin, key, lax=lax)
        else:
            if isinstance(into.get(name), dict):
                for replaced in [known for known in origins if known.startswith(f"{key}.")]:
                    del origins[replaced]
            into[name] = _literal(value) if lax and isinstance(value, str) else value
            origins[key] = origin


_LITERALS: Final = msgspec.json.Decoder()


def _literal(text: str) -> Any:
    """Text of the environment as the value it spells: `true`, `8088`, `["a"]`; anything else is text."""
    if re.fullmatch(r"true|false|-?\d+(\.\d+)?|\[.*\]", text):
        try:
            return _LITERALS.decode(text)
        except msgspec.DecodeError:
            return text
    return text
