"""The trace that a call belongs to, as W3C Trace Context has it in `traceparent`; `tracestate` is nobody's here."""

import re
from typing import Final

HEADERS: Final = frozenset((b"traceparent", b"tracestate"))
_BYTES: Final = 24
# 2.2.2: version, trace id, parent id, flags; later versions may go on.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def parse(traceparent: bytes | None) -> str:
    """The id of the trace; empty if there is none, or none that can be read, which a new one takes the place of."""
    found = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    return "" if found is None else found[1].decode()


def render(entropy: bytes) -> bytes:
    """The `traceparent` that 24 random bytes make; it says that the call is on record, as the audit log has it."""
    if len(entropy) != _BYTES:
        raise ValueError(f"a traceparent takes exactly {_BYTES} random bytes")
    text = entropy.hex()
    return f"00-{text[:32]}-{text[32:]}-01".encode("ascii")
