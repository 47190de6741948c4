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
# W3C Trace Context 2.2.2: version, trace id, parent id, flags; later versions may go on.
_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


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


def trace_id(traceparent: bytes | None) -> str:
    """The trace that a call belongs to, or none."""
    found = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    return "" if found is None else found[1].decode()
