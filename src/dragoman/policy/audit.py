"""What the audit log and the metrics say of a call by alias: names of a bounded number, never what a caller made up."""

import re
from typing import Final, Literal

from dragoman import errors

Level = Literal["info", "warning", "error"]

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
MAX_PATH: Final = 1024
"""Characters of a path that are logged."""
_KINDS: Final = {kind.code: kind for kind in errors.TABLE}
_LIMITS: Final = ("rate_limit.", "concurrency_limit.", "queue.", "circuit_breaker.")
_FAULTS: Final = (
    "auth.", "forbidden", "secret.", "downstream.", "protocol.", "stream.", "link.", "egress.", "timeout.", "internal.",
    "store.", "loop.",
)  # fmt: skip
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
MAX_MESSAGE: Final = 256
"""Characters of a message that are logged."""


def level(error: str) -> Level:
    """How loud a call is logged, by its stable code: faults are errors, limits and what callers did wrong warnings."""
    if not error:
        return "info"
    slug = error_type(error)
    if slug.startswith(_LIMITS):
        return "warning"
    return "error" if slug.startswith(_FAULTS) or error.startswith("upstream_5") else "warning"


def error_type(error: str) -> str:
    """The variable part of a problem's `type`; what is no error of ours is named by its code alone."""
    kind = _KINDS.get(error)
    return error if kind is None else kind.slug


def is_ours(error: str) -> bool:
    return error in _KINDS


def method(name: str) -> str:
    """A method as a label: callers may make others up."""
    return name if name in METHODS else "OTHER"


def status_class(status: int) -> str:
    """`2xx` and so on; a call that got no answer at all is a failure of ours."""
    return f"{status // 100}xx" if 100 <= status < 600 else "5xx"


def message(error: str, told: str) -> str:
    """What a caller was told of the error with this code; what it may have quoted of the call itself is left out."""
    kind = _KINDS.get(error)
    if kind is None:
        return ""
    return (told if kind.status >= 500 else _QUOTED.sub("'...'", told))[:MAX_MESSAGE]
