"""Text as every database can hold it."""

from typing import Final

MAX_CHARS: Final = 512
"""Of one text column; far more than any name needs, and callers choose some of them."""


def storable(text: str) -> str:
    """`text` without what PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates), and not too long."""
    if text.isascii() and len(text) <= MAX_CHARS and "\0" not in text:
        return text
    return text[:MAX_CHARS].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
